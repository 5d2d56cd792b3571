"""Prices of a multiply-accumulate and of register bits from the synthesised elements of a table."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hwsim.array.parts import Dataflow
from hwsim.cost.element_book import LEAST_RATIO, MOST_RATIO, Found, Group
from hwsim.cost.element_shape import Widths
from hwsim.cost.interpolate import Basis, furthest
from hwsim.cost.laws import Estimate
from hwsim.cost.tables import PriceTable
from hwsim.cost.usage import Usage
from hwsim.formats.activity import BusToggles
from hwsim.formats.base import PeKind
from hwsim.formats.pe import PeSpec

_ROLES = {"act": "act", "weight": "weight", "psum": "sum", "drain": "sum"}
_CAPTURED = {
    Dataflow.WEIGHT_STATIONARY: ("act", "sum"),
    Dataflow.INPUT_STATIONARY: ("weight", "sum"),
    Dataflow.OUTPUT_STATIONARY: ("act", "weight", "sum"),
}
"""Which registers of an element capture a word in every cycle of the stream; the others hold."""


def multiplying(pe: PeSpec) -> PeSpec:
    """Return the element behind a codebook's look-up: it multiplies by the entry; other elements are themselves."""
    if pe.kind is not PeKind.CODEBOOK_MAC:
        return pe
    floats = pe.act.is_float or pe.factor.is_float or pe.accumulator.is_float
    return replace(pe, kind=PeKind.FLOAT_MAC if floats else PeKind.INT_MAC, weight=pe.factor)


@dataclass(frozen=True)
class Element:
    """A processing element as a table's synthesised rows price it.

    Attributes:
        pe: the element, without a codebook's look-up.
        group: the rows.
        usage: how it is used.
    """

    pe: PeSpec
    group: Group
    usage: Usage

    @property
    def widths(self) -> Widths:
        """Its widths."""
        return Widths.of_pe(self.pe)

    def find(self, quantity: str) -> Found | None:
        """Return a column of ``ElementRow``; None where no row knows it."""
        return self.group.find(self.widths, quantity)

    def mac(self, quantity: str = "core_pj") -> Estimate | None:
        """Return the energy of one multiply-accumulate; ``quantity`` core_zero_delay_pj for that without glitches."""
        found = self.find(quantity)
        return _estimate(found, self.response) if found else None

    def gated(self) -> Estimate | None:
        """Return the energy of one whose zero activation is held still.

        Where sums move, they pass through its adder all the same: what it takes goes with how much they toggle.
        """
        found = self.find("core_gated_pj")
        own, data = self._toggles(None)["sum"], self.usage.wires
        passing = self.usage.dataflow is not Dataflow.OUTPUT_STATIONARY
        share = data.sum / own if data and own and passing else 1.0
        return _estimate(found, min(max(share, LEAST_RATIO), MOST_RATIO)) if found else None

    @property
    def response(self) -> float:
        """Energy of the core at the activity of the data over that of the rows' own streams."""
        toggles = self.usage.core
        found = self.group.response(self.widths, toggles) if toggles else None
        return found[0] if found else 1.0

    def clock_bit(self) -> Estimate | None:
        """Return the energy of one bit's clock pin for one cycle.

        An element has a few flip-flops for control that the array does not count; their pins are spread over the bits
        of activation, weight and sum, so that these together take what the netlist's clock pins do.
        """
        clock = self.find("clock_pj")
        return _estimate(clock, 1 / sum(self._bits().values())) if clock else None

    def captured_bit(self, unit: str) -> Estimate | None:
        """Return the energy of capturing one bit in a register of the array; None for registers of other kinds.

        The rows know the data energy of all of an element's registers per cycle. It is divided over the bits that
        toggle there, so that a word costs what toggles in it; a held operand's word is new every time, and half of its
        bits toggle. The clock edge is added.
        """
        role = _ROLES.get(unit.partition("_")[0])
        data, clock = self.find("register_pj"), self.clock_bit()
        if role is None or data is None or clock is None:
            return None
        own = self._toggles(None)
        at_work = _CAPTURED[self.usage.dataflow]
        per_cycle = sum(own[each] for each in at_work)
        toggles = self._toggles(self.usage.wires)[role] if role in at_work else self._bits()[role] / 2
        share = toggles / self._bits()[role] / per_cycle if per_cycle else 0.0
        return Estimate(data.value * share + clock.value, furthest([data.basis, clock.basis]), data.rows)

    def _bits(self) -> dict[str, int]:
        return {"act": self.pe.act.bits, "weight": self.pe.weight.bits, "sum": self.pe.accumulator.bits}

    def _toggles(self, wires: BusToggles | None) -> dict[str, float]:
        """Return bits that toggle per cycle: those given, or those of the nearest row's stream, or half of all."""
        if wires is not None:
            return {"act": wires.act, "weight": wires.weight, "sum": wires.sum}
        row, bits = self.group.nearest(self.widths)[0], self._bits()
        if row.act_toggles is None or row.weight_toggles is None or row.sum_toggles is None:
            return {role: width / 2 for role, width in bits.items()}
        return {
            "act": row.act_toggles * bits["act"] / row.act_bits,
            "weight": row.weight_toggles * bits["weight"] / row.weight_bits,
            "sum": row.sum_toggles * bits["sum"] / row.acc_bits,
        }

    def notes(self) -> tuple[str, ...]:
        """Say which rows the prices come from, how far they reach, and how wrong they may be."""
        core = self.find("core_pj")
        assert core is not None, "every row has it"
        places = ", ".join(row.place for row in core.rows)
        flow = self.group.dataflow.value
        notes = [f"synthesised {self.pe.kind.value}, {flow}: {_BASIS[core.basis]} {places}"]
        if flow != self.usage.dataflow.value:
            notes.append(f"no rows of {self.usage.dataflow.value}: priced from rows of {flow}")
        if core.basis is not Basis.TABLE:
            notes += [f"beyond the rows: {text}" for text in self.group.outside(self.widths)]
            notes += [text for quantity in _STATED if (text := _error_note(quantity, self.find(quantity)))]
        return (*notes, self._activity_note())

    def _activity_note(self) -> str:
        toggles = self.usage.core
        found = self.group.response(self.widths, toggles) if toggles else None
        if toggles is None or found is None:
            streams = ", ".join(dict.fromkeys(row.stream for row in self.group.nearest(self.widths)[:1]))
            return f"activity of the table's own stream ({streams})"
        ratio, error = found
        seen = f"act {toggles.act:.3g}, weight {toggles.weight:.3g}, sum {toggles.sum:.3g} bits"
        return f"activity of the data ({seen} toggle): {ratio:.2f} x the table's stream, model error {error:.0%}"


_BASIS = {
    Basis.TABLE: "row",
    Basis.INTERPOLATED: "a law between the rows, nearest",
    Basis.EXTRAPOLATED: "a law BEYOND the rows, nearest",
}
_STATED = {"area_um2": "area", "core_pj": "energy", "delay_ns": "delay"}


def _error_note(quantity: str, found: Found | None) -> str | None:
    if found is None:
        return None
    if found.error is None:
        return f"{_STATED[quantity]}: too few rows of this kind to say how wrong it may be"
    error = found.error
    blind = "" if error.blind_rms is None else f"; {error.blind_rms:.0%} where the activity has to be predicted too"
    return (
        f"{_STATED[quantity]}: {error.rms:.1%} rms, {error.worst:.0%} at worst, when each of the {error.rows} rows is "
        f"left out and predicted (law {error.law}){blind}"
    )


def element_of(pe: PeSpec, table: PriceTable, usage: Usage) -> Element | None:
    """Return ``pe`` as the table's synthesised rows price it; None where it has none of its kind."""
    own = multiplying(pe)
    group = table.book.group(own, usage.dataflow) if table.elements else None
    return Element(own, group, usage) if group else None


def _estimate(found: Found, factor: float = 1.0) -> Estimate:
    return Estimate(found.value * factor, found.basis, found.rows)
