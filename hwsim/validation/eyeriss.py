"""A published chip: the five convolutional layers of AlexNet on Eyeriss, beside what the preset predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from hwsim.array import Action, ActionCount, Component, Workload, layer_traffic, parse_machine
from hwsim.array.timing import layer_time
from hwsim.cost import load_table, price_counts
from hwsim.cost.scaling import scaling_factors
from hwsim.formats import parse
from hwsim.formats.pe_kinds import pe_for
from hwsim.tile_choice import choose_tiling
from hwsim.validation.findings import Finding, errors_of, percent
from hwsim.validation.page import Section, Table
from hwsim.validation.records import load_record

BATCH = 4
PRESET = "eyeriss-12x14"
WORD = "fixed<16,8>"
TABLES = ("published45", "aladdin45")
TO_CHIP = scaling_factors(45.0, 0.9, 65.0, 1.0).energy  #: from the tables' node and voltage to the chip's


@dataclass(frozen=True)
class LayerOnChip:
    """One layer: what the chip took and what is predicted for it.

    Attributes:
        measured: the row of the record.
        work: the layer as the array sees it, 4 images.
        tiling: loop order and blocks.
        busy_ms: predicted time on the array, waits for memories left out.
        total_ms: with them.
        dram_mb: predicted bytes across the chip's edge, 10^6.
        buffer_mb: predicted bytes in and out of the scratchpads of activations and sums.
        energy_pj: predicted, by table, of everything on the chip.
    """

    measured: Mapping[str, str]
    work: Workload
    tiling: str
    busy_ms: float
    total_ms: float
    dram_mb: float
    buffer_mb: float
    energy_pj: Mapping[str, float]

    def told(self, column: str) -> float:
        """Return a measured number."""
        return float(self.measured[column])

    @property
    def chip_pj(self) -> float:
        """Energy that the chip took: power times total latency, pJ."""
        return self.told("power_mw") * self.told("latency_ms") * 1e6


def layer_workload(row: Mapping[str, str]) -> Workload:
    """Return a layer of the record as the array sees it; zeros are those that were measured.

    >>> layer_workload(load_record("eyeriss_alexnet").rows[1]).macs
    895795200
    """
    size = {name: int(row[name]) for name in ("channels", "filters", "side", "kernel", "outputs", "groups")}
    groups = size["groups"]
    m, n, k = size["outputs"] ** 2 * BATCH, size["filters"] // groups, size["channels"] // groups * size["kernel"] ** 2
    effectual = Fraction(m * n * k * groups) * (1 - Fraction(row["zeros_percent"]) / 100)
    stored = size["channels"] * size["side"] ** 2 * BATCH
    return Workload(
        row["layer"], m, n, k, groups, 16, 16, 16, 16, stored, n * k * groups, m * n * groups,
        effectual_macs=effectual, has_bias=False,
    )  # fmt: skip


def predict(row: Mapping[str, str]) -> LayerOnChip:
    """Return what the preset predicts for a layer of the record, in the loop order that takes least energy."""
    machine, work = parse_machine(f"{PRESET},tiling=energy"), layer_workload(row)
    word = parse(WORD)
    pe = pe_for(word, word, word)
    tiling = choose_tiling(machine, work, pe, load_table(TABLES[0]))
    cycles, counts = layer_time(machine, work, tiling), layer_traffic(machine, work, tiling)
    energy = {}
    for name in TABLES:
        priced = price_counts(counts, pe, machine.memories, load_table(name))
        energy[name] = sum(value for component, value in priced.items() if component is not Component.DRAM)
    per_ms = machine.clock_mhz * 1e3
    return LayerOnChip(
        row, work, str(tiling), (cycles.total - cycles.stall) / per_ms, cycles.total / per_ms,
        _megabytes(counts, Component.DRAM, ""), _megabytes(counts, Component.SRAM, "map"), energy,
    )  # fmt: skip


def _megabytes(counts: tuple[ActionCount, ...], component: Component, unit: str) -> float:
    moved = [
        c for c in counts if c.component is component and unit in c.unit and c.action in (Action.READ, Action.WRITE)
    ]
    return sum(float(count.total_bits) for count in moved) / 8e6


def eyeriss_section() -> Section:
    """Compare latency, traffic and energy with the chip, and say what the comparison can show."""
    record = load_record("eyeriss_alexnet")
    layers = [predict(row) for row in record.rows]
    blocks = (_INTRODUCTION, _latency_table(layers), _TRAFFIC, _traffic_table(layers), _ENERGY, _energy_table(layers))
    findings = (
        _finding("latency on the array", layers, [x.busy_ms for x in layers], "processing_ms", _LATENCY_REMARK),
        _finding("latency with waits for DRAM", layers, [x.total_ms for x in layers], "latency_ms", _TOTAL_REMARK),
        _finding("DRAM traffic", layers, [x.dram_mb for x in layers], "dram_mb", _DRAM_REMARK),
        _finding("global buffer traffic", layers, [x.buffer_mb for x in layers], "buffer_mb", _BUFFER_REMARK),
        *(_energy_finding(layers, table) for table in TABLES),
    )
    return Section(
        "A published chip: AlexNet on Eyeriss", blocks, findings, (("record eyeriss_alexnet.csv", record.sha256[:12]),)
    )


def _finding(what: str, layers: list[LayerOnChip], predicted: list[float], column: str, remark: str) -> Finding:
    return Finding(what, "Eyeriss, 65 nm chip", errors_of(predicted, [x.told(column) for x in layers]), None, remark)


def _energy_finding(layers: list[LayerOnChip], table: str) -> Finding:
    predicted = [x.energy_pj[table] * TO_CHIP for x in layers]
    errors = errors_of(predicted, [x.chip_pj for x in layers])
    return Finding(
        f"energy on the chip ({table}, scaled to 65 nm)", "Eyeriss, 65 nm chip", errors, None, _ENERGY_REMARK
    )


def _latency_table(layers: list[LayerOnChip]) -> Table:
    header = (
        "layer", "MACs, chip", "MACs, ours", "processing ms, chip", "array ms, ours", "error", "total ms, chip",
        "with waits, ours", "error",
    )  # fmt: skip
    rows = [_latency_row(x.work.layer, [x]) for x in layers]
    return Table(header, (*rows, _latency_row("all", layers)))


def _latency_row(name: str, layers: list[LayerOnChip]) -> tuple[str, ...]:
    cells = [f"{sum(x.told('gmacs') for x in layers):.2f} G", f"{sum(x.work.macs for x in layers) / 1e9:.2f} G"]
    for column, ours in (("processing_ms", [x.busy_ms for x in layers]), ("latency_ms", [x.total_ms for x in layers])):
        chip = sum(x.told(column) for x in layers)
        cells += [f"{chip:.1f}", f"{sum(ours):.1f}", percent(errors_of([sum(ours)], [chip])[0], True)]
    return (name, *cells)


def _traffic_table(layers: list[LayerOnChip]) -> Table:
    header = ("layer", "DRAM MB, chip", "ours", "x", "least possible", "buffer MB, chip", "ours", "x")
    return Table(header, tuple(_traffic_row(x) for x in layers))


def _traffic_row(x: LayerOnChip) -> tuple[str, ...]:
    least = 2 * (x.work.ifmap_elements + x.work.weight_elements + x.work.ofmap_elements) / 1e6
    dram, buffer = x.told("dram_mb"), x.told("buffer_mb")
    numbers = (dram, x.dram_mb, x.dram_mb / dram, least, buffer, x.buffer_mb, x.buffer_mb / buffer)
    return (x.work.layer, *(f"{value:.1f}" for value in numbers))


def _energy_table(layers: list[LayerOnChip]) -> Table:
    names = [f"{table}, {node}" for table in TABLES for node in ("45 nm", "65 nm")]
    shares = [f"{table} of the chip's" for table in TABLES]
    header = ("layer", "mW, chip", "pJ a MAC, chip", *names, *shares)
    return Table(header, tuple(_energy_row(x) for x in layers))


def _energy_row(x: LayerOnChip) -> tuple[str, ...]:
    ours = [x.energy_pj[table] * factor / x.work.macs for table in TABLES for factor in (1.0, TO_CHIP)]
    shares = [x.energy_pj[table] * TO_CHIP / x.chip_pj for table in TABLES]
    numbers = (f"{x.told('power_mw'):.0f}", *(f"{value:.1f}" for value in (x.chip_pj / x.work.macs, *ours)))
    return (x.work.layer, *numbers, *map(percent, shares))


_INTRODUCTION = (
    "Chen, Krishna, Emer and Sze, JSSC 2017, Table V: measured at 1.0 V, 200 MHz, batch of 4, TSMC 65 nm, 16-bit "
    f"fixed point. Ours is the preset `{PRESET}` with loop orders that take least energy; the share of zero "
    "activations is that of Table V, nothing else is taken from it and nothing is fitted. **The dataflow is not the "
    "chip's.** Eyeriss is row stationary: each of its elements keeps a row of a filter, a row of activations and a "
    "row of sums in 0.5 KB of its own. Our elements hold one weight. So the comparison can show whether time and the "
    "traffic at the chip's edge are of the right size, and what the missing reuse costs; it cannot confirm the "
    "energy of the elements."
)
_TRAFFIC = (
    "Eyeriss compresses feature maps in DRAM (run-length code), which is why it can be below the least that "
    "uncompressed tensors need, each crossing once; Table V does not say by how much. The buffer is that of "
    "activations and sums: its elements reuse both from their own files, ours read activations again for each tile "
    "of filters, and sums for each fold of K."
)
_ENERGY = (
    "The chip's energy is its power times its total latency, DRAM not included. Ours is elements, array registers "
    f"and scratchpads: as the tables have it (45 nm, 0.9 V), and times {TO_CHIP:.2f}, the published scaling to 65 nm "
    "and 1.0 V (Stillmaker and Baas 2017). Not in ours: the 168 register files of 0.5 KB, which the chip reads and "
    "writes several times a MAC, the network on the chip, the clock tree, control and pads; too much in ours: the "
    "buffer traffic that the files save."
)
_LATENCY_REMARK = (
    "an array that is kept full, where the chip maps row-stationary sets on 80 to 93 % of its elements and refills them"
)
_TOTAL_REMARK = (
    "what the link to DRAM costs: right where few sums and activations have to come back, too long where our split of "
    "the buffer makes them (conv3)"
)
_DRAM_REMARK = "no run-length coding, and a fixed half of the buffer each for activations and sums"
_BUFFER_REMARK = "no reuse inside the element: the row-stationary register files are not modelled"
_ENERGY_REMARK = (
    "two errors of opposite sign: register files, clock tree and network are missing, buffer traffic is too high"
)
