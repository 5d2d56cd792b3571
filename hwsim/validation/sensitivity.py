"""How far a result depends on the price table: the same elements and the same layer, by every table."""

from __future__ import annotations

from collections.abc import Sequence

from hwsim.array import Dataflow
from hwsim.cost import find_table, price_pe
from hwsim.cost.usage import Usage
from hwsim.errors import CostError
from hwsim.formats import parse
from hwsim.formats.pe import PeSpec
from hwsim.formats.pe_kinds import pe_for
from hwsim.validation.page import Section, Table

ELEMENTS = {
    "shift-add, 4-bit weight": ("shiftcnn<1,4>", "int8", "int24@2^0"),
    "int8 x int4": ("int4", "int8", "int24@2^0"),
    "int8 x int8": ("int8", "int8", "int24@2^0"),
    "int16 x int16": ("int16", "int16", "int40@2^0"),
    "e4m3 into fp16": ("e4m3", "e4m3", "fp16"),
    "fp16": ("fp16", "fp16", "fp16"),
    "bf16 into fp32": ("bf16", "bf16", "fp32"),
}


def element(name: str) -> PeSpec:
    """Return one of ELEMENTS."""
    weights, acts, acc = (parse(text) for text in ELEMENTS[name])
    return pe_for(weights, acts, acc)


def sensitivity_section(tables: Sequence[str]) -> Section:
    """Show energy and area of each element over those of shift-add, by every table and dataflow."""
    blocks: list[str | Table] = [_TEXT]
    for flow in (Dataflow.WEIGHT_STATIONARY, Dataflow.OUTPUT_STATIONARY):
        blocks += [f"Energy of one multiply-accumulate over shift-add's, `{flow.value}`:", _ratios(tables, flow)]
    blocks += ["Area over shift-add's:", _areas(tables)]
    return Section("The same question, other tables", tuple(blocks))


def _ratios(tables: Sequence[str], flow: Dataflow) -> Table:
    rows = []
    for name in ELEMENTS:
        ratios = [_energy(table, name, flow) for table in tables]
        rows.append((name, *map(_spread, ratios)))
    return Table(("element", *tables), tuple(rows))


def _energy(table: str, name: str, flow: Dataflow) -> tuple[float, float] | None:
    """Return the ratio to shift-add without and with glitches in this element (shift-add's with)."""
    prices, usage = find_table(table), Usage(flow)
    try:
        base, own = (price_pe(element(each), prices, usage) for each in (next(iter(ELEMENTS)), name))
    except CostError:
        return None
    low = own.energy_mac_low_pj if own.energy_mac_low_pj is not None else own.energy_mac_pj
    registers = [(p.register_pj or 0.0) + (p.clock_pj or 0.0) for p in (base, own)]
    total = base.energy_mac_pj + registers[0]
    return (low + registers[1]) / total, (own.energy_mac_pj + registers[1]) / total


def _spread(ends: tuple[float, float] | None) -> str:
    if ends is None:
        return "unknown"
    low, high = (f"{end:.2f}" for end in ends)
    return low if low == high else f"{low} - {high}"


def _areas(tables: Sequence[str]) -> Table:
    rows = []
    for name in ELEMENTS:
        cells = []
        for table in tables:
            base, own = (price_pe(element(each), find_table(table)).area_um2 for each in (next(iter(ELEMENTS)), name))
            cells.append("unknown" if base is None or own is None else f"{own / base:.2f}")
        rows.append((name, *cells))
    return Table(("element", *tables), tuple(rows))


_TEXT = (
    "Nothing measures a table against another: they are other technologies, other circuits, other operands. Where "
    "they agree on a ratio, it is a property of the arithmetic; where they do not, a conclusion that rests on it "
    "is a statement about a table. Synthesised tables give a range: without glitches in the element, and with "
    "them (shift-add's own always with); registers and clock pins of the element are in it. Published tables price the "
    "arithmetic alone."
)
