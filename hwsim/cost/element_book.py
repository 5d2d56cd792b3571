"""The elements of a table, looked up by what a design needs: a row, or a law between rows with its error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from hwsim.array.parts import Dataflow
from hwsim.cost.element_fit import ENERGIES, LeaveOneOut, QuantityFit
from hwsim.cost.element_shape import WIDTH_NAMES, Toggles, Widths
from hwsim.cost.elements import ElementRow
from hwsim.cost.interpolate import Basis
from hwsim.formats.activity import BusToggles
from hwsim.formats.base import PeKind
from hwsim.formats.pe import PeSpec

QUANTITIES = (
    "area_um2", "core_area_um2", "delay_ns", "delay_tight_ns", "leakage_w", "register_bits", "core_pj",
    "core_zero_delay_pj", "core_gated_pj", "register_pj", "clock_pj",
)  # fmt: skip
_NEAREST = 3  #: rows whose response to activity is averaged
_NEAR = 0.01  #: squared distance at which a row stops to count more
_NONE = (0.0, 0.0, 0.0)
LEAST_RATIO = 0.05  #: of the reference energy: a line in the toggles is not believed below
MOST_RATIO = 5.0  #: nor above


@dataclass(frozen=True)
class Found:
    """A price of an element.

    Attributes:
        value: pJ, um2, ns or W.
        basis: of a row, between rows, or beyond them.
        rows: the row, or the rows nearest to what was asked.
        error: of predicting left-out rows of this kind, where no row has the price; None with too few rows.
    """

    value: float
    basis: Basis
    rows: tuple[ElementRow, ...]
    error: LeaveOneOut | None = None


@dataclass(frozen=True)
class Fall:
    """Two rows of which the larger element has the lower price.

    Attributes:
        small, large: no width of ``small`` is larger than that of ``large``.
        share: by how much the price falls, of that of ``small``.
    """

    small: ElementRow
    large: ElementRow
    share: float


class Group:
    """Every row of one kind under one dataflow."""

    def __init__(self, kind: PeKind, dataflow: Dataflow, rows: Sequence[ElementRow]) -> None:
        self.kind, self.dataflow, self.rows = kind, dataflow, tuple(rows)
        self._fits: dict[str, QuantityFit | None] = {}
        self._exact = {Widths.of_row(row): row for row in rows}

    @cached_property
    def _ranges(self) -> tuple[tuple[int, int], ...]:
        columns = zip(*(widths.values for widths in self._exact), strict=True)
        return tuple((min(column), max(column)) for column in columns)

    def find(self, widths: Widths, quantity: str) -> Found | None:
        """Return a price; None where no row knows it."""
        row = self._exact.get(widths)
        if row is not None and getattr(row, quantity) is not None:
            return Found(float(getattr(row, quantity)), Basis.TABLE, (row,))
        fit = self.fit(quantity)
        if fit is None:
            return None
        basis = Basis.EXTRAPOLATED if self.outside(widths) else Basis.INTERPOLATED
        return Found(fit.at(widths, self.stream(widths)), basis, self.nearest(widths), fit.error)

    def fit(self, quantity: str) -> QuantityFit | None:
        """Return the law of one price; None where no row knows it."""
        if quantity not in self._fits:
            known = {w: float(v) for w, row in self._exact.items() if (v := getattr(row, quantity))}
            self._fits[quantity] = self._fitted(quantity, known) if known else None
        return self._fits[quantity]

    def _fitted(self, quantity: str, known: dict[Widths, float]) -> QuantityFit:
        widths, values = list(known), list(known.values())
        if quantity not in ENERGIES or any(_toggles(self._exact[w]) is None for w in widths):
            return QuantityFit(self.kind, quantity, widths, values)
        toggles = [_toggles(self._exact[w]) or _NONE for w in widths]
        guessed = [self.stream(w, left_out=w) or _NONE for w in widths]
        staged = quantity == "core_pj" and self.kind is PeKind.FLOAT_MAC
        calm = [self._exact[w].core_zero_delay_pj for w in widths] if staged else None
        return QuantityFit(self.kind, quantity, widths, values, toggles, guessed, calm)

    def stream(self, widths: Widths, left_out: Widths | None = None) -> Toggles | None:
        """Return what the table's own operands would toggle at ``widths``: the nearest rows' share of each bus."""
        others = [(widths.distance(w), row) for w, row in self._exact.items() if w != left_out]
        order = sorted(others, key=lambda item: (item[0], item[1].place))
        near = [(1 / (_NEAR + distance**2), row) for distance, row in order[:_NEAREST]]
        shares = [(weight, bits, row) for weight, row in near if (bits := _toggles(row)) is not None]
        if not shares:
            return None
        total = math.fsum(weight for weight, _, _ in shares)
        act, weights, sums = (
            math.fsum(weight * bits[bus] / _bus_bits(row)[bus] for weight, bits, row in shares) / total
            for bus in range(3)
        )
        return act * widths.act_bits, weights * widths.weight_bits, sums * widths.acc_bits

    def falls(self, quantity: str) -> tuple[Fall, ...]:
        """Return where the rows themselves fall as a width grows, the deepest first: prices do at these rows."""
        known = [(w, row, float(v)) for w, row in self._exact.items() if (v := getattr(row, quantity)) is not None]
        found = [
            Fall(row, other, 1 - value / own)
            for w, row, own in known
            for wide, other, value in known
            if value < own and w.within(wide)
        ]
        return tuple(sorted(found, key=lambda fall: -fall.share))

    def nearest(self, widths: Widths) -> tuple[ElementRow, ...]:
        """Return the rows nearest in the logarithms of the widths, the nearest first."""
        order = sorted(self._exact.items(), key=lambda item: (widths.distance(item[0]), item[1].place))
        return tuple(row for _, row in order[:_NEAREST])

    def outside(self, widths: Widths) -> tuple[str, ...]:
        """Return which widths lie beyond those of the rows, and by how much."""
        found = []
        for name, own, (low, high) in zip(WIDTH_NAMES, widths.values, self._ranges, strict=True):
            if not low <= own <= high and name == "extra":
                found.append(_MISSING[self.kind is PeKind.FLOAT_MAC, own])
            elif not low <= own <= high:
                reach = f"{low} to {high}" if low < high else f"{low}"
                found.append(f"{name.replace('_', ' ')} {own} beyond {reach} (x{_apart(own, low, high):.2f})")
        return tuple(found)

    def response(self, widths: Widths, toggles: BusToggles) -> tuple[float, float] | None:
        """Return the core's energy at ``toggles`` over that of the rows' own stream, and the worst error of the line.

        At widths without a row it is the mean of the nearest rows, each at the same share of toggling wires. None
        where no row near has a line.
        """
        exact = self._exact.get(widths)
        rows = [row for row in ((exact,) if exact else self.nearest(widths)) if row.has_model]
        if not rows:
            return None
        weights = [1 / (_NEAR + widths.distance(Widths.of_row(row)) ** 2) for row in rows]
        logs = [math.log(_ratio(row, widths, toggles)) for row in rows]
        mean = math.fsum(w * log for w, log in zip(weights, logs, strict=True)) / math.fsum(weights)
        return math.exp(mean), max(row.model_error or 0.0 for row in rows)


def _toggles(row: ElementRow) -> Toggles | None:
    if row.act_toggles is None or row.weight_toggles is None or row.sum_toggles is None:
        return None
    return row.act_toggles, row.weight_toggles, row.sum_toggles


def _bus_bits(row: ElementRow) -> tuple[int, int, int]:
    return row.act_bits, row.weight_bits, row.acc_bits


_MISSING = {
    (False, 0): "sums wrap; every row clamps",
    (False, 1): "sums clamp; every row wraps",
    (True, 0): "subnormals are flushed; every row keeps them",
    (True, 1): "subnormals are kept; every row flushes them",
}


def _apart(own: int, low: int, high: int) -> float:
    """Return the ratio, above 1, of a width to the nearer end of a range that it is outside of."""
    shift = int(min(own, low) == 0)
    return (low + shift) / (own + shift) if own < low else (own + shift) / (high + shift)


def _ratio(row: ElementRow, widths: Widths, toggles: BusToggles) -> float:
    shares = (
        toggles.act * row.act_bits / widths.act_bits,
        toggles.weight * row.weight_bits / widths.weight_bits,
        toggles.sum * row.acc_bits / widths.acc_bits,
    )
    own = _line(row, (row.act_toggles or 0.0, row.weight_toggles or 0.0, row.sum_toggles or 0.0))
    if own <= 0:
        return 1.0
    return min(max(_line(row, shares) / own, LEAST_RATIO), MOST_RATIO)


def _line(row: ElementRow, toggles: tuple[float, float, float]) -> float:
    slopes = (row.act_toggle_pj or 0.0, row.weight_toggle_pj or 0.0, row.sum_toggle_pj or 0.0)
    return (row.base_pj or 0.0) + math.fsum(slope * own for slope, own in zip(slopes, toggles, strict=True))


class ElementBook:
    """All elements of a table by kind and dataflow.

    Args:
        rows: of the companion file.
    """

    def __init__(self, rows: Sequence[ElementRow]) -> None:
        keys = dict.fromkeys((row.kind, row.dataflow) for row in rows)
        self.groups = {key: Group(*key, [row for row in rows if (row.kind, row.dataflow) == key]) for key in keys}

    def group(self, pe: PeSpec, dataflow: Dataflow) -> Group | None:
        """Return the rows to price ``pe`` from; None where the table has none of its kind.

        Input stationary is weight stationary with the operands exchanged: without rows of its own it takes those.
        """
        floats = {operand.is_float for operand in (pe.accumulator, pe.act, pe.factor)}
        if floats != {pe.kind is PeKind.FLOAT_MAC}:
            return None  # rows are of floating point throughout, or of none
        held = Dataflow.WEIGHT_STATIONARY if dataflow is Dataflow.INPUT_STATIONARY else dataflow
        return self.groups.get((pe.kind, dataflow)) or self.groups.get((pe.kind, held))
