"""What SCALE-Sim 3.0.0 prints for a layer, from what this simulator counts: every known difference is in this file.

The rows in ``tests/array/data/scalesim.csv`` are its own output without bandwidth limits (CALC) and with them (USER)
for layers of LeNet-5, AlexNet, ResNet-18 and ResNet-50; word size one byte, no biases.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from hwsim.array import Action, Machine, Workload, layer_cycles, map_layer, parse_machine
from hwsim.array.traffic import sram_traffic

RECORD = Path(__file__).parent.parent / "array" / "data" / "scalesim.csv"


@dataclass(frozen=True)
class Row:
    """One layer on one array, as the tool printed it."""

    name: str
    machine: Machine
    workload: Workload
    mode: str
    printed: dict[str, float]


def rows(mode: str) -> list[Row]:
    """Read the rows of one mode."""
    with RECORD.open(newline="") as file:
        return [_row(line) for line in csv.DictReader(file) if line["mode"] == mode]


def _row(line: dict[str, str]) -> Row:
    # Output-stationary sums leave the tool's array through ports of their own: there is no drain in its cycles.
    option = ",direct" if line["dataflow"] == "os" else ""
    machine = parse_machine(f"{line['rows']}x{line['columns']}-{line['dataflow']}{option}")
    workload = replace(Workload.gemm(int(line["m"]), int(line["n"]), int(line["k"])), has_bias=False)
    numbers = ("cycles", "stalls", "ifmap_reads", "filter_reads", "ofmap_writes", "dram_filter_reads")
    printed: dict[str, float] = {name: int(line[name]) for name in numbers}
    printed |= {name: float(line[name]) for name in ("mapping_pct", "overall_pct", "compute_pct")}
    return Row(
        f"{line['network']} {line['layer']} {machine} {line['bandwidth']}", machine, workload, line["mode"], printed
    )


def expected(machine: Machine, workload: Workload) -> dict[str, Fraction | int]:
    """Return what the tool prints without bandwidth limits."""
    cycles, mapping = layer_cycles(machine, workload), map_layer(machine.array, workload)
    occupied = Fraction(workload.macs, mapping.stream)
    pes = cycles.folds * machine.array.pes
    reported = cycles.total - 1  # the index of the last cycle in place of their number
    words = _words(machine, workload)
    ofmap_writes = words["ofmap_sram", Action.WRITE]
    if machine.direct_outputs:
        # A column and a row of the array are written in each fold that no layer needs.
        ofmap_writes += cycles.folds * (machine.array.rows + machine.array.columns)
    return {
        "cycles": reported,
        "mapping_pct": 100 * occupied / pes,
        "overall_pct": 100 * Fraction(workload.macs, reported * machine.array.pes),
        "compute_pct": 100 * occupied * mapping.stream / (pes * _compute_cycles(machine, mapping.stream)),
        "ifmap_reads": words["ifmap_sram", Action.READ],
        "filter_reads": words["filter_sram", Action.READ],
        "ofmap_writes": ofmap_writes,
    }


def _compute_cycles(machine: Machine, stream: int) -> int:
    """Cycles of a fold in the tool's "compute utilisation": in ws and is C - 1 more than it counts elsewhere."""
    rows_, columns = machine.array.rows, machine.array.columns
    return stream + rows_ + columns - 2 if machine.direct_outputs else stream + 2 * rows_ + 2 * columns - 3


def _words(machine: Machine, workload: Workload) -> dict[tuple[str, Action], int]:
    """Accesses between array and scratchpads; both write every partial sum, and the tool counts no read of one."""
    found: dict[tuple[str, Action], int] = {}
    for count in sram_traffic(machine, workload):
        key = count.unit, count.action
        found[key] = found.get(key, 0) + int(count.count)
    return found
