"""Shift-add against multipliers, element by element: where it wins, by how much, and where it loses.

One steady cycle of a processing element is priced in each dataflow: a multiply-accumulate of two nonzero operands, and
the registers that capture a word in that cycle, their clock edges included. The float's energy is a range, as its
glitches are those of one deep cycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hwsim.array import Action, ActionCount, Component, Dataflow
from hwsim.cost import PriceTable, Usage, mac_range_pj, price_counts, price_pe
from hwsim.formats import parse
from hwsim.formats.pe import PeSpec
from hwsim.formats.pe_kinds import pe_for
from hwsim.text import text_table

OTHERS = {
    "int8x8": ("int8", "int8", "int24"),
    "int8x4": ("int4", "int8", "int24"),
    "fp8": ("e4m3", "e4m3", "fp16"),
    "fp16": ("fp16", "fp16", "fp16"),
    "fp32": ("fp32", "fp32", "fp32"),
}
"""Weights, activations and sums that shift-add is held against; int8x4 is 8-bit activations by 4-bit weights."""


@dataclass(frozen=True)
class Contender:
    """One element in one dataflow, by one table.

    Attributes:
        name: such as "shift-add" or "int8x4".
        formats: weights, activations, sums.
        area_um2: of the element; None if unknown.
        energy_pj: one steady cycle.
        energy_low_pj: the same without glitches in the arithmetic; equals ``energy_pj`` where the table does not say.
        delay_ns: of the slowest path; None if unknown.
        notes: where the prices come from.
    """

    name: str
    formats: tuple[str, str, str]
    area_um2: float | None
    energy_pj: float
    energy_low_pj: float
    delay_ns: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Duel:
    """One contender over shift-add: above 1, shift-add is better.

    Attributes:
        name: of the other.
        area: ratio; None if unknown.
        energy_low: energy without glitches of the other over that of shift-add with them.
        energy: both with glitches.
        delay: ratio; None if unknown.
    """

    name: str
    area: float | None
    energy_low: float
    energy: float
    delay: float | None

    @property
    def verdict(self) -> str:
        """Who takes less energy, and by how much, in words."""
        low, high = sorted((self.energy_low, self.energy))
        if high < 1:
            return f"shift-add loses: {_span(1 / high, 1 / low)} the energy"
        if low > 1:
            return f"shift-add wins: {_span(low, high)} less energy"
        return f"open: {_span(low, high)}, glitches decide"


def _span(low: float, high: float) -> str:
    return f"{high:.2f}x" if high / low < 1.02 else f"{low:.2f}x to {high:.2f}x"


def contenders(shift_add: tuple[str, str, str], table: PriceTable, dataflow: Dataflow) -> tuple[Contender, ...]:
    """Return shift-add with the given weights, activations and sums, and the others, priced in one dataflow.

    Raises:
        CostError: the table does not price an element.
    """
    chosen = {"shift-add": shift_add, **OTHERS}
    return tuple(_contender(name, formats, table, dataflow) for name, formats in chosen.items())


def _contender(name: str, formats: tuple[str, str, str], table: PriceTable, dataflow: Dataflow) -> Contender:
    pe, usage = pe_for(*(parse(text) for text in formats)), Usage(dataflow)
    price = price_pe(pe, table, usage)
    energy = sum(price_counts(_steady_cycle(pe, dataflow), pe, {}, table, usage).values())
    ends = mac_range_pj(pe, table, usage)
    low = energy if ends is None else energy - (ends[1] - ends[0])
    return Contender(name, formats, price.area_um2, energy, low, price.delay_ns, price.notes)


def _steady_cycle(pe: PeSpec, dataflow: Dataflow) -> list[ActionCount]:
    """What one element does in a cycle of the stream; a held operand is read and not written."""
    widths = {"act": pe.act.bits, "weight": pe.weight.bits, "psum": pe.accumulator.bits}
    held = {Dataflow.WEIGHT_STATIONARY: "weight", Dataflow.INPUT_STATIONARY: "act"}.get(dataflow)
    counts = [ActionCount(Component.PE, Action.MAC, "pe", 0, 1)]
    for name, bits in widths.items():
        counts.append(ActionCount(Component.REGISTER, Action.READ, f"{name}_register", bits, 1))
        if name != held:
            counts.append(ActionCount(Component.REGISTER, Action.WRITE, f"{name}_register", bits, 1))
    return counts


def headline(found: Sequence[Contender]) -> tuple[Duel, ...]:
    """Return every other contender over the first."""
    own = found[0]
    return tuple(
        Duel(
            other.name,
            _ratio(other.area_um2, own.area_um2),
            other.energy_low_pj / own.energy_pj,
            other.energy_pj / own.energy_pj,
            _ratio(other.delay_ns, own.delay_ns),
        )
        for other in found[1:]
    )


def _ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one / other


def headline_text(found: Sequence[Contender], table: str, dataflow: Dataflow) -> str:
    """Return the contenders and the verdicts for people."""
    duels: dict[str, Duel | None] = {found[0].name: None} | {duel.name: duel for duel in headline(found)}
    header = ["element", "um2", "x", "pJ a cycle", "x", "ns", "x", "verdict"]
    rows = [[own.name, *_cells(own, duels[own.name])] for own in found]
    return f"{table}, {dataflow.value}\n{text_table(header, rows)}"


def _cells(own: Contender, duel: Duel | None) -> list[str]:
    energy = f"{own.energy_pj:.4g}"
    if own.energy_low_pj < own.energy_pj:
        energy = f"{own.energy_low_pj:.4g} to {energy}"
    if duel is None:
        return [_number(own.area_um2), "1", energy, "1", _number(own.delay_ns), "1", "-"]
    ends = sorted((duel.energy_low, duel.energy))
    ratio = f"{ends[0]:.2f} to {ends[1]:.2f}" if ends[0] < ends[1] else f"{ends[1]:.2f}"
    return [
        _number(own.area_um2), _number(duel.area), energy, ratio, _number(own.delay_ns), _number(duel.delay),
        duel.verdict,
    ]  # fmt: skip


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def headline_dict(found: Sequence[Contender], table: str, dataflow: Dataflow) -> dict[str, Any]:
    """Return contenders and ratios, JSON-able."""
    duels = [{**asdict(duel), "verdict": duel.verdict} for duel in headline(found)]
    return {
        "table": table,
        "dataflow": dataflow.value,
        "elements": [asdict(own) for own in found],
        "over_shift_add": duels,
    }
