"""Cycles: the closed forms beside an array clocked register by register, beside SCALE-Sim, and beside RTL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import add, mul

from hwsim.array import Action, ActionCount, Component, Machine, Workload, layer_cycles, parse_machine
from hwsim.array.stepper import StepResult, step_layer
from hwsim.array.traffic import edge_traffic
from hwsim.validation.findings import Finding, errors_of
from hwsim.validation.page import Section, Table
from hwsim.validation.records import Record, load_record

STEPPED = (
    "3x5-ws", "5x3-ws,outreg", "4x4-ws,shadow", "3x5-is", "2x7-is,shadow,outreg", "5x3-os", "3x5-os,outreg",
    "4x6-os,overlap", "3x5-os,direct",
)  # fmt: skip
SHAPES = ((1, 1, 1), (2, 7, 5), (9, 4, 13), (11, 12, 3), (6, 11, 10))
_ROLE = {"act": "act_bits", "weight": "weight_bits", "acc": "acc_bits", "output": "output_bits"}


def stepper_section(machines: Iterable[str] = STEPPED) -> Section:
    """Compare cycles, accesses and outputs with the stepper, over every machine and shape."""
    rows: list[tuple[str | int, ...]] = []
    cycles: list[float] = []
    accesses: list[float] = []
    for text in machines:
        machine = parse_machine(text)
        pairs = [stepped(machine, *shape) for shape in SHAPES]
        predicted = [layer_cycles(machine, load).total for load, _ in pairs]
        measured = [result.cycles for _, result in pairs]
        counted = [_words(machine, load, result) for load, result in pairs]
        cycles += errors_of(predicted, measured)
        accesses += [error for ours, theirs in counted for error in errors_of(ours, theirs)]
        same = sum(p == m for p, m in zip(predicted, measured, strict=True))
        words = sum(ours == theirs for ours, theirs in counted)
        rows.append(
            (text, len(pairs), sum(measured), sum(predicted), f"{same} of {len(pairs)}", f"{words} of {len(pairs)}")
        )
    header = ("machine", "layers", "cycles clocked", "closed form", "cycles equal", "accesses equal")
    text = (
        "`hwsim.array.stepper` clocks every register of the array and knows no formula. Each machine runs layers of "
        f"M, N, K = {', '.join('x'.join(map(str, shape)) for shape in SHAPES)}; the tests run thousands more, with "
        "every M, N, K up to 12. Accesses are the words read and written in each kind of register and scratchpad."
    )
    remark = "closed forms of cycles and accesses equal an array clocked register by register"
    findings = (
        Finding("cycles", "stepper", tuple(cycles), 0, remark),
        Finding("register and scratchpad accesses", "stepper", tuple(accesses), 0, remark),
    )
    return Section(
        "Cycles and accesses, against an array clocked register by register",
        (text, Table(header, tuple(rows))),
        findings,
    )


def stepped(machine: Machine, m: int, n: int, k: int) -> tuple[Workload, StepResult]:
    """Run a layer of counting numbers on the stepper."""
    a = [[1 + (row * k + column) % 7 for column in range(k)] for row in range(m)]
    w = [[1 + (row * n + column) % 5 for column in range(n)] for row in range(k)]
    load = Workload.gemm(m, n, k, bits=(8, 8, 32, 32))
    return load, step_layer(machine, a, w, list(range(n)), multiply=mul, add=add)


def _words(machine: Machine, load: Workload, result: StepResult) -> tuple[list[float], list[float]]:
    """Return the bits of each (unit, action): counted in closed form, and as the stepper saw them."""
    kinds = (Component.REGISTER, Component.SRAM)
    ours: dict[tuple[str, Action], float] = {}
    for count in edge_traffic(machine, load):
        if count.component in kinds and count.count:
            ours[_key(count)] = ours.get(_key(count), 0.0) + float(count.total_bits)
    theirs: dict[tuple[str, Action], float] = {}
    for (unit, action, role), words in result.accesses.items():
        theirs[unit, action] = theirs.get((unit, action), 0.0) + words * getattr(load, _ROLE[role])
    keys = sorted(ours.keys() | theirs.keys(), key=lambda key: (key[0], key[1].value))
    return [ours.get(key, 0.0) for key in keys], [theirs.get(key, 0.0) for key in keys]


def _key(count: ActionCount) -> tuple[str, Action]:
    return count.unit, count.action


def rtl_section() -> Section:
    """Compare cycles with stored runs of the RTL, and state how many of its outputs differ from the kernels'."""
    record = load_record("rtl")
    rows: list[tuple[str | int, ...]] = []
    cycles: list[float] = []
    for text in dict.fromkeys(row["machine"] for row in record.rows):
        runs = [row for row in record.rows if row["machine"] == text]
        machine = parse_machine(text)
        predicted = [layer_cycles(machine, _rtl_load(row)).total for row in runs]
        measured = [int(row["cycles"]) for row in runs]
        cycles += errors_of(predicted, measured)
        outputs, wrong = (sum(int(row[name]) for row in runs) for name in ("outputs", "mismatches"))
        rows.append((text, len(runs), f"{sum(measured):,}", _equal(predicted, measured), f"{outputs:,}", wrong))
    header = ("machine", "layers", "cycles of the RTL", "cycles equal", "outputs compared", "bits that differ")
    differ = tuple(float(int(row["mismatches"]) > 0) for row in record.rows)
    findings = (
        Finding("cycles", "RTL", tuple(cycles), 0, "closed forms of cycles equal the RTL's, machine by machine"),
        Finding(
            "outputs", "RTL", differ, 0, "the kernels' sums are the RTL's, bit by bit, in integers, shifts and floats"
        ),
    )
    blocks = (_rtl_text(record), Table(header, tuple(rows)))
    return Section(
        "Cycles and outputs, against RTL", blocks, findings, ((f"record {record.name}.csv", record.sha256[:12]),)
    )


def _rtl_text(record: Record) -> str:
    layers = list(dict.fromkeys(f"{row['network']} {row['layer']}" for row in record.rows))
    formats = list(dict.fromkeys(f"`{row['formats']}`" for row in record.rows))
    return (
        f"Layers of trained networks ({', '.join(layers)}) were driven through the SystemVerilog arrays "
        f"({record.provenance['tool']}) in {', '.join(formats)} (weights, activations, sums); `hwsim verify` does so "
        "on any network. Every bit of every sum was compared with the kernels, cycles are those from the first word "
        "in to the last sum at the array's edge."
    )


def _rtl_load(row: Mapping[str, str]) -> Workload:
    m, n, k, groups = (int(row[name]) for name in ("m", "n", "k", "groups"))
    return Workload.gemm(m, n, k, groups=groups)


def scalesim_section() -> Section:
    """Compare cycles and scratchpad reads with stored runs of SCALE-Sim 3.0.0."""
    record = load_record("scalesim")
    rows: list[tuple[str | int, ...]] = []
    cycles: list[float] = []
    reads: list[float] = []
    for network, text in _runs(record):
        layers = [row for row in record.rows if (row["network"], row["machine"]) == (network, text)]
        machine = parse_machine(text)
        loads = [_scalesim_load(row) for row in layers]
        predicted = [layer_cycles(machine, load).total - 1 for load in loads]
        measured = [int(row["cycles"]) for row in layers]
        cycles += errors_of(predicted, measured)
        mine = [_read(machine, load, unit) for load in loads for unit in ("ifmap_sram", "filter_sram")]
        told = [int(row[name]) for row in layers for name in ("ifmap_reads", "filter_reads")]
        reads += errors_of(mine, told)
        rows.append(
            (
                network,
                text,
                len(layers),
                f"{sum(measured):,}",
                f"{sum(predicted):,}",
                _equal(predicted, measured),
                _equal(mine, told),
            )
        )
    header = ("network", "machine", "layers", "SCALE-Sim", "ours - 1 a layer", "cycles equal", "reads equal")
    text = (
        "SCALE-Sim 3.0.0 was run on the same matrix products; it prints the index of the last cycle, one less than "
        "their number, once a layer, and its output-stationary array gives its sums away without a drain (`direct`). "
        "What it counts otherwise, and why, stands in `results/benchmarks/simulators.txt`: it writes every partial "
        "sum to DRAM and reads none back."
    )
    remark = "compute cycles and scratchpad reads equal SCALE-Sim's, but for its known 1 a layer"
    findings = (
        Finding("cycles", "SCALE-Sim 3.0.0", tuple(cycles), 0, remark),
        Finding("scratchpad reads", "SCALE-Sim 3.0.0", tuple(reads), 0, remark),
    )
    title = "Cycles and scratchpad reads, against SCALE-Sim"
    return Section(title, (text, Table(header, tuple(rows))), findings, (("record scalesim.csv", record.sha256[:12]),))


def _runs(record: Record) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row["network"], row["machine"]) for row in record.rows))


def _scalesim_load(row: Mapping[str, str]) -> Workload:
    m, n, k = (int(row[name]) for name in "mnk")
    return Workload(row["layer"], m, n, k, 1, 8, 8, 32, 8, int(row["ifmap_elements"]), n * k, m * n, has_bias=False)


def _read(machine: Machine, load: Workload, unit: str) -> float:
    counts = [c for c in edge_traffic(machine, load) if c.unit == unit and c.action is Action.READ]
    return sum(float(count.total_bits) for count in counts) / 8


def _equal(ours: Sequence[float], theirs: Sequence[float]) -> str:
    return f"{sum(a == b for a, b in zip(ours, theirs, strict=True))} of {len(theirs)}"
