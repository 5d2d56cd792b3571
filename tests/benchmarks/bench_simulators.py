"""SCALE-Sim and ZigZag beside hwsim, on the same layers and the same arrays: cycles, traffic, CPU time per evaluation.

    python tests/benchmarks/bench_simulators.py --scalesim PYTHON --zigzag PYTHON

PYTHON is the interpreter of the environment that a simulator is installed in (peer_simulators.py says how; the options
stand for HWSIM_SCALESIM_PYTHON and HWSIM_ZIGZAG_PYTHON). What is not installed is left out with its reason. Prints
tables and judges nothing. Cycles are compared where the models mean the same: SCALE-Sim's compute cycles are ours less
one a layer (it prints the index of the last cycle), with ports of their own for the sums of an output-stationary array;
ZigZag's ideal temporal cycles are the cycles in which our stream passes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import process  # noqa: F401  isort: skip  before numpy

from layer_tables import TABLES, TableLayer
from peer_simulators import SCALESIM, ZIGZAG, PeerMissingError, PeerRun, interpreter, scale_sim, zigzag
from rates import heading

from hwsim.array import Action, Component, Cycles, Machine, Workload, layer_cycles, layer_traffic, parse_machine
from hwsim.cost import load_table, price_counts
from hwsim.formats import parse
from hwsim.formats.pe_kinds import pe_for
from hwsim.text import text_table
from hwsim.validation.records import record_text

GOALS = {"SCALE-Sim": 1000, "ZigZag": 100}
TABLE = load_table("published45")
PE = pe_for(parse("int8"), parse("int8"), parse("int32@2^0"))
NOTES = """
what equals what
  SCALE-Sim   compute cycles = ours - layers; machine ROWSxCOLUMNS-FLOW, os with ",direct": there sums leave without a
              drain. Scratchpad reads are equal. It has no biases, a word is a byte, padded maps are given as such.
  ZigZag      ideal temporal cycles = our steady cycles: folds x the streamed dimension. It gets the matrix products,
              the same spatial mapping, 64 KiB a scratchpad, a DRAM of 32 B a cycle, systolic dimensions; it searches
              the loop order.
what does not mean the same
  fill, drain SCALE-Sim and hwsim fill and drain the array at each fold. ZigZag adds rows + columns - 2 (used) a layer
              and overlaps everything else: a held operand is exchanged in no time.
  sums        where K is cut (ws, is) SCALE-Sim writes each partial sum to DRAM and reads none back, M N ceil(K/R)
              writes. hwsim writes and reads them in the ofmap scratchpad at 32 bits, and in DRAM only if a column
              tile of them does not fit there; then it reads them back too.
  refetch     SCALE-Sim replays a buffer of half the scratchpad that is emptied whole; hwsim's is least recently used,
              all or nothing, the upper end; ZigZag chooses loops so that little is fetched twice.
  waiting     SCALE-Sim (CALC) has no stalls. ZigZag adds stalls, loading and unloading at 32 B a cycle.
  evaluation  ours: cycles, all counts of registers, scratchpads and DRAM, and their prices. SCALE-Sim: cycles,
              scratchpad and DRAM counts. ZigZag: the search for a loop order, latency and energy. Importing is in
              none of the times, reading the tables and writing reports in theirs.
"""


@dataclass(frozen=True)
class Ours:
    """hwsim's view of a table: cycles by part, and bytes moved."""

    cycles: tuple[Cycles, ...]
    moved: dict[tuple[str, str], int]

    def total(self, part: str) -> int:
        """Return one part of the cycles over all layers."""
        return sum(getattr(layer, part) for layer in self.cycles)


@dataclass(frozen=True)
class Point:
    """One network on one array, by everyone who is here."""

    network: str
    machine: Machine
    layers: tuple[TableLayer, ...]
    ours: Ours
    cpu_s: float
    peers: dict[str, PeerRun]

    @property
    def label(self) -> list[object]:
        """Network and machine."""
        return [self.network, str(self.machine)]


def workload(layer: TableLayer) -> Workload:
    """Return a layer in 8 bits, 32-bit sums, without a bias."""
    m, n, k = layer.gemm
    held = layer.channels * layer.side**2
    return Workload(layer.name, m, n, k, 1, 8, 8, 32, 8, held, n * k, m * n, has_bias=False)


def evaluate(machine: Machine, loads: Sequence[Workload]) -> float:
    """Count and price every layer; return pJ."""
    energy_pj = 0.0
    for load in loads:
        layer_cycles(machine, load)
        energy_pj += sum(price_counts(layer_traffic(machine, load), PE, machine.capacities, TABLE).values())
    return energy_pj


def ours(machine: Machine, loads: Sequence[Workload]) -> Ours:
    """Return cycles, and bytes by (memory, direction)."""
    moved: dict[tuple[str, str], int] = {}
    for load in loads:
        for count in layer_traffic(machine, load):
            if count.component in (Component.SRAM, Component.DRAM):
                key = (count.unit, "read" if count.action is Action.READ else "write")
                moved[key] = moved.get(key, 0) + int(count.total_bits) // 8
    return Ours(tuple(layer_cycles(machine, load) for load in loads), moved)


def cpu_time(call: Callable[[], object], repeats: int) -> float:
    """Return the mean CPU time of a call, first call included."""
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats


def point(network: str, machine: str, runners: dict[str, Callable[[Sequence[TableLayer], int, str], PeerRun]]) -> Point:
    """Let everyone evaluate one network on one array."""
    layers, parsed = tuple(TABLES[network]()), parse_machine(machine)
    loads = [workload(layer) for layer in layers]
    spent = cpu_time(lambda: evaluate(parsed, loads), 20)
    side, flow = parsed.array.rows, parsed.array.dataflow.value
    peers = {name: run(layers, side, flow) for name, run in runners.items()}
    return Point(network, parsed, layers, ours(parsed, loads), spent, peers)


def cycle_rows(points: Sequence[Point]) -> list[list[object]]:
    """Return the counts that must be equal."""
    rows = []
    for at in points:
        row = at.label
        for name, theirs, mine in (
            ("SCALE-Sim", "Total Cycles", at.ours.total("total") - len(at.layers)),
            ("ZigZag", "ideal_temporal_cycle", at.ours.total("steady")),
        ):
            run = at.peers.get(name)
            told = run.total(theirs) if run else None
            row += ["-" if told is None else f"{told:,}", f"{mine:,}"]
            row += ["-" if told is None else "yes" if _each_equal(name, theirs, at) else "NO"]
        rows.append(row)
    return rows


def _each_equal(name: str, theirs: str, at: Point) -> bool:
    """Compare layer by layer, not only the sums."""
    told = [round(layer[theirs]) for layer in at.peers[name].layers]
    mine = [layer.total - 1 if name == "SCALE-Sim" else layer.steady for layer in at.ours.cycles]
    return told == mine


def speed_rows(points: Sequence[Point]) -> list[list[object]]:
    """Return CPU time per evaluation, and how many of ours fit into one of theirs."""
    rows = []
    for at in points:
        for name, run in at.peers.items():
            gain = run.cpu_s / at.cpu_s
            verdict = "met" if gain >= GOALS[name] else "BELOW"
            times = [f"{run.cpu_s:.2f}", f"{run.peak_mib:.0f}", f"{at.cpu_s * 1e3:.2f}"]
            rows.append([*at.label, name, *times, f"{gain:,.0f}", GOALS[name], verdict])
    return rows


def difference_rows(points: Sequence[Point]) -> list[list[object]]:
    """Return what the simulators count differently, beside ours."""
    rows = []
    for at in points:
        moved, scale, zig = at.ours.moved, at.peers.get("SCALE-Sim"), at.peers.get("ZigZag")
        row = [*at.label, _same_reads(scale, moved)]
        row += [_told(scale, "DRAM OFMAP Writes"), f"{moved['dram', 'write']:,}"]
        row += [_told(scale, "DRAM IFMAP Reads", "DRAM Filter Reads"), f"{moved['dram', 'read']:,}"]
        row += [_told(zig, "latency_total2"), _told(zig, *_ZIGZAG_WAITS), f"{at.ours.total('total'):,}"]
        rows.append(row)
    return rows


def _told(run: PeerRun | None, *names: str) -> str:
    """Return the sum of what a simulator reports under these names; "-" where it is not here."""
    return "-" if run is None else f"{sum(map(run.total, names)):,}"


def _same_reads(run: PeerRun | None, moved: dict[tuple[str, str], int]) -> str:
    """Compare the words that the array reads from its scratchpads."""
    if run is None:
        return "-"
    pairs = (("SRAM IFMAP Reads", "ifmap_sram"), ("SRAM Filter Reads", "filter_sram"))
    return "yes" if all(run.total(name) == moved[unit, "read"] for name, unit in pairs) else "NO"


_ZIGZAG_WAITS = ("stall_slack_comb", "data_onloading_cycle", "data_offloading_cycle")


def choose() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="LeNet-5 on one array, without peers: shows that it runs")
    parser.add_argument("--scalesim", metavar="PYTHON", help=f"interpreter with SCALE-Sim (default: ${SCALESIM})")
    parser.add_argument("--zigzag", metavar="PYTHON", help=f"interpreter with ZigZag (default: ${ZIGZAG})")
    parser.add_argument("--record", metavar="FILE", type=Path, help="write what SCALE-Sim said of each layer")
    return parser.parse_args()


def scalesim_record(points: Sequence[Point]) -> str:
    """Return what SCALE-Sim reports, layer by layer, as a record of measurements."""
    provenance = {
        "source": "SCALE-Sim 3.0.0 (PyPI), run without stalls (CALC), 64 kB a scratchpad, one byte a word, no biases",
        "command": "python tests/benchmarks/bench_simulators.py --record FILE",
        "columns": "cycles are the compute cycles; accesses in words; m, n, k of the matrix product that it was given",
    }
    rows = []
    for at in points:
        told = at.peers["SCALE-Sim"].layers if "SCALE-Sim" in at.peers else ()
        for layer, numbers in zip(at.layers, told, strict=False):
            shape = dict(zip("mnk", layer.gemm, strict=True))
            place = {"network": at.network, "layer": layer.name, "machine": str(at.machine)}
            counted = {name: round(numbers[title]) for name, title in _RECORDED.items()}
            rows.append({**place, **shape, "ifmap_elements": layer.channels * layer.side**2, **counted})
    return record_text(provenance, rows)


_RECORDED = {
    "cycles": "Total Cycles",
    "ifmap_reads": "SRAM IFMAP Reads",
    "filter_reads": "SRAM Filter Reads",
    "ofmap_writes": "SRAM OFMAP Writes",
    "dram_ifmap_reads": "DRAM IFMAP Reads",
    "dram_filter_reads": "DRAM Filter Reads",
    "dram_ofmap_writes": "DRAM OFMAP Writes",
}


def runners(chosen: argparse.Namespace) -> tuple[dict[str, Callable[..., PeerRun]], list[str]]:
    """Return the simulators that are here, and why the others are not."""
    found: dict[str, Callable[..., PeerRun]] = {}
    skipped = []
    for name, variable, option, run in (
        ("SCALE-Sim", SCALESIM, chosen.scalesim, scale_sim),
        ("ZigZag", ZIGZAG, chosen.zigzag, zigzag),
    ):
        try:
            python = interpreter(variable, option)
        except PeerMissingError as error:
            skipped.append(f"{name}: {error}")
            continue
        found[name] = lambda layers, side, flow, run=run, python=python: run(Path(python), layers, side, flow)
    return found, skipped


def main() -> None:
    """Print the tables."""
    chosen = choose()
    found, skipped = runners(chosen)
    flows = ("os,direct", "ws", "is")
    plan = [("lenet5", side, flow) for side in (16, 32, 128) for flow in flows]
    plan += [("resnet18", 128, flow) for flow in flows]
    if chosen.quick:
        found, skipped, plan = {}, ["every peer: --quick"], plan[:1]
    told = heading()  # the commit that runs, not one that is made meanwhile
    points = [point(network, f"{side}x{side}-{flow}", found) for network, side, flow in plan]
    if chosen.record:
        chosen.record.write_text(scalesim_record(points), encoding="utf-8")
    print(told)
    header = ["network", "machine", "SCALE-Sim cycles", "hwsim - layers", "equal"]
    print(text_table([*header, "ZigZag ideal temporal", "hwsim steady", "equal"], cycle_rows(points)))
    header = ["network", "machine", "simulator", "CPU s", "MiB", "hwsim ms", "x", "goal", "verdict"]
    print("\n" + text_table(header, speed_rows(points)))
    header = ["network", "machine", "SRAM reads equal", "bytes to DRAM, SCALE-Sim", "hwsim"]
    header += ["from DRAM, SCALE-Sim", "hwsim", "ZigZag latency", "of it waiting", "hwsim cycles"]
    print("\n" + text_table(header, difference_rows(points)))
    print(NOTES)
    print("\n".join(f"left out: {line}" for line in skipped or ["nothing"]))


if __name__ == "__main__":
    main()
