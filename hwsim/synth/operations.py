"""Single operations for the ordinary price table: adders, multipliers, shifters, registers, on uniform operands.

They price what is not a processing element: the vector unit, registers between elements, elements outside the grid.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.cost.rows import COLUMNS, Operation
from hwsim.cost.tables import parse_table
from hwsim.formats.base import PeKind
from hwsim.gates import Netlist, cell_area, cell_leakage_w, read_netlist
from hwsim.synth.bench import Bench, Session
from hwsim.synth.energy import Energies, run_session
from hwsim.synth.laboratory import Laboratory, open_laboratory
from hwsim.synth.operands import (
    add_bench,
    compare_bench,
    float_bench,
    lut_bench,
    mul_bench,
    register_bench,
    shift_bench,
)
from hwsim.synth.settings import RunSettings
from hwsim.synth.sources import rtl_sources, sources_sha256

SOURCE = Path(__file__).parent / "sv" / "operations.sv"


@dataclass(frozen=True)
class OperationUnit:
    """One row to be made.

    Attributes:
        operation: what.
        bits: width, as the table means it.
        top: module of operations.sv.
        parameters: of the module.
        bench: makes the operands of so many cycles from a generator, with what must come out.
        positions: shift distances or table entries.
        exponent_bits: of floating-point units.
        growth: exponent of width where this is the only row of its operation.
        note: what else one must know.
    """

    operation: Operation
    bits: int
    top: str
    parameters: Mapping[str, int]
    bench: Callable[[int, np.random.Generator], Bench] = field(compare=False)
    positions: int | None = None
    exponent_bits: int | None = None
    growth: float | None = None
    note: str = ""

    @property
    def sources(self) -> tuple[Path, ...]:
        """The RTL that it consists of; the multiplier and the floating-point units are those of the elements."""
        kinds = {Operation.INT_MUL: PeKind.INT_MAC, Operation.FLOAT_ADD: PeKind.FLOAT_MAC}
        kinds[Operation.FLOAT_MUL] = PeKind.FLOAT_MAC
        core = rtl_sources(kinds[self.operation], "mac_core") if self.operation in kinds else ()
        return (*core, SOURCE)


def operation_units() -> Iterator[OperationUnit]:
    """Yield the operations of a table."""
    for bits in (8, 16, 24, 32):
        yield OperationUnit(Operation.INT_ADD, bits, "op_add", {"BITS": bits}, add_bench(bits))
    for bits in (4, 8, 16, 32):
        note = "Baugh-Wooley rows, the whole product; factors from -2^(b-1)"
        yield OperationUnit(Operation.INT_MUL, bits, "op_mul", {"BITS": bits}, mul_bench(bits), note=note)
    for bits, positions in ((8, 8), (16, 16), (32, 32)):
        parameters = {"BITS": bits, "POSITIONS": positions}
        note = "left shift, any distance every cycle; a word as wide as it came"
        bench = shift_bench(bits, positions)
        yield OperationUnit(Operation.SHIFT, bits, "op_shift", parameters, bench, positions=positions, note=note)
    for bits in (8, 16, 32):
        yield OperationUnit(Operation.COMPARE, bits, "op_compare", {"BITS": bits}, compare_bench(bits))
    for bits in (8, 16):
        parameters, note = {"BITS": bits, "ENTRIES": 16}, "flip-flops that hold the table, with their clock off"
        yield OperationUnit(
            Operation.LUT, bits, "op_lut", parameters, lut_bench(bits, 16), positions=16, growth=1, note=note
        )
    for exponent, mantissa in ((5, 10), (8, 23)):
        for name, top in (("float_add", "op_float_add"), ("float_mul", "op_float_mul")):
            parameters = {"EXPONENT": exponent, "MANTISSA": mantissa}
            bench = float_bench(exponent, mantissa, top == "op_float_mul")
            note = "one cycle, not pipelined; IEEE specials and subnormals; without glitches {still}"
            yield OperationUnit(
                Operation(name), mantissa + 1, top, parameters, bench, exponent_bits=exponent, note=note
            )


def write_operations(path: Path, settings: RunSettings) -> int:
    """Write the operations of one library into the table in ``path``; lines of other operations there are kept.

    Returns:
        How many rows were written.

    Raises:
        NetlistMismatchError: a netlist computes something else; nothing is written then.
        SynthError: no yosys, an unknown library.
    """
    with open_laboratory(settings) as laboratory:
        rows = [*(_row(unit, laboratory) for unit in operation_units()), *_register_rows(laboratory)]
    made = {row[0] for row in rows}
    kept = [row for row in _lines(path) if row[0] not in made]
    text = _csv([list(COLUMNS), *rows, *kept])
    parse_table(path.stem, text)
    path.write_text(text, encoding="utf-8")
    return len(rows)


def _row(unit: OperationUnit, laboratory: Laboratory) -> list[str]:
    netlist, live, still = _measured(unit, laboratory)
    note = unit.note.format(still=f"{_short(still.core_pj)} pJ") or "uniform operands, with glitches"
    area, leakage = cell_area(netlist).total_um2, cell_leakage_w(netlist)
    return _cells(unit, laboratory, live.core_pj, area, leakage, note)


def _register_rows(laboratory: Laboratory) -> Iterator[list[str]]:
    """Per bit of a register: captured with its clock edge, clocked in vain, and read for nothing."""
    bits = 8
    unit = OperationUnit(Operation.REGISTER_WRITE, 1, "op_register", {"BITS": bits}, register_bench(bits), growth=0)
    netlist, live, _ = _measured(unit, laboratory)
    clock, data = live.clock_pj / bits, live.register_pj / bits
    area, leakage = cell_area(netlist).total_um2 / bits, cell_leakage_w(netlist) / bits
    written = f"uniform data {_short(data)} pJ and its clock edge {_short(clock)} pJ; no clock tree"
    yield _cells(unit, laboratory, data + clock, area, leakage, written)
    idle = OperationUnit(Operation.REGISTER_CLOCK, 1, "op_register", {}, unit.bench, growth=0)
    yield _cells(idle, laboratory, clock, None, None, "clock pin of one flip-flop; no clock tree")
    read = OperationUnit(Operation.REGISTER_READ, 1, "op_register", {}, unit.bench, growth=0)
    note = "charged at the write: a flip-flop drives its wires once"
    yield _cells(read, laboratory, 0.0, None, None, note, kind="assumed")


def _measured(unit: OperationUnit, laboratory: Laboratory) -> tuple[Netlist, Energies, Energies]:
    settings = laboratory.settings
    path = laboratory.workshop.build(unit.top, unit.parameters, unit.sources, ["relaxed"])["relaxed"]
    netlist = read_netlist(path, laboratory.library, unit.top)
    rng = np.random.default_rng([settings.seed, *unit.operation.value.encode(), unit.bits])
    session = Session({"uniform": unit.bench(settings.vectors, rng)})
    name = f"{unit.operation.value} of {unit.bits} bits"
    still, live = (
        run_session(name, netlist, laboratory.library, laboratory.tech, session, glitches)["uniform"]
        for glitches in (False, True)
    )
    return netlist, live, still


def _cells(
    unit: OperationUnit,
    laboratory: Laboratory,
    energy_pj: float,
    area_um2: float | None,
    leakage_w: float | None,
    note: str,
    kind: str = "synthesised",
) -> list[str]:
    made, tech = laboratory.made_with, laboratory.tech
    rtl = sources_sha256(unit.sources)
    source = (
        f"hwsim synth on {laboratory.library.name} (liberty {made.liberty_sha256[:12]}), {made.tools}, recipe "
        f"{made.recipe}, RTL {rtl[:12]}, wires: {made.wire_model}, {made.vectors} uniform vectors, seed {made.seed}"
    )
    values: dict[str, Any] = {
        "operation": unit.operation.value,
        "bits": unit.bits,
        "positions": unit.positions,
        "exponent_bits": unit.exponent_bits,
        "energy_pj": _short(energy_pj),
        "area_um2": None if area_um2 is None else _short(area_um2),
        "leakage_w": None if leakage_w is None else _short(leakage_w),
        "growth": unit.growth,
        "node_nm": f"{tech.node_nm:g}",
        "voltage_v": f"{laboratory.library.voltage_v:g}",
        "kind": kind,
        "source": source,
        "note": note,
    }
    return ["" if values[column] is None else str(values[column]) for column in COLUMNS]


def _short(value: float) -> str:
    return f"{value:.5g}"


def _lines(path: Path) -> list[list[str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def _csv(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
