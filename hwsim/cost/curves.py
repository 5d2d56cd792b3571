"""The points that prices are interpolated through: a table's rows brought to one axis per operation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hwsim.cost.interpolate import Basis, power_law
from hwsim.cost.rows import Operation, PriceRow, Quantity

STEEPEST_GROWTH = 4.0
"""No arithmetic unit or memory grows faster than this power of its width; a table that does holds a slip of the pen."""

FLOAT_OPERATIONS = (Operation.FLOAT_ADD, Operation.FLOAT_MUL)


@dataclass(frozen=True)
class Point:
    """One row as a point of its curve: ``value`` at a width of ``bits``."""

    bits: int
    value: float
    row: PriceRow


@dataclass(frozen=True)
class Curve:
    """All points of one price of one operation, by rising width."""

    points: tuple[Point, ...]

    def at(self, bits: float) -> tuple[float, Basis, tuple[PriceRow, ...]]:
        """Return (value, basis, rows used) at a width of ``bits``."""
        pairs = [(float(point.bits), point.value) for point in self.points]
        value, basis, used = power_law(pairs, bits, self.points[0].row.growth)
        return value, basis, tuple(self.points[index].row for index in used)


Curves = Mapping[tuple[Operation, Quantity], Curve]


def build_curves(rows: Sequence[PriceRow]) -> Curves:
    """Return the curve of each (operation, price) that ``rows`` know.

    Shifts are brought to one multiplexer stage (price / log2(positions)). Floating-point units are brought to their
    significand part: an integer adder of the row's exponent width is taken off, and put back at the asked exponent
    width when priced, so that a unit depends on both widths and a row's own price is reproduced.
    """
    curves: dict[tuple[Operation, Quantity], Curve] = {}
    for quantity in Quantity:
        for operation in Operation:
            points = [
                Point(row.bits, _on_axis(row, price, curves.get((Operation.INT_ADD, quantity))), row)
                for row in rows
                if row.operation is operation and (price := row.price(quantity)) is not None
            ]
            if points:
                curves[operation, quantity] = Curve(tuple(sorted(points, key=lambda point: point.bits)))
    return curves


def _on_axis(row: PriceRow, price: float, adder: Curve | None) -> float:
    if row.operation is Operation.SHIFT and row.positions is not None:
        return price / math.log2(row.positions) if row.positions > 1 else math.nan
    if row.operation in FLOAT_OPERATIONS and row.exponent_bits is not None:
        return price - adder.at(row.exponent_bits)[0] if adder else math.nan
    return price


def curve_faults(curves: Curves) -> list[str]:
    """Return what keeps ``curves`` from giving every width a price that never falls as the width grows."""
    return [fault for curve in curves.values() for fault in _faults_of(curve)]


def _faults_of(curve: Curve) -> list[str]:
    lone = len(curve.points) == 1
    faults = [_bad_value(point) for point in curve.points if not (point.value > 0 or (lone and point.value == 0))]
    pairs = zip(curve.points, curve.points[1:], strict=False)
    faults += [_bad_pair(low, high) for low, high in pairs if low.bits == high.bits or low.value > high.value]
    faults += [] if faults else _too_steep(curve)
    if lone and curve.points[0].row.growth is None:
        faults.append(f"{curve.points[0].row.place}: the only row of this price; give growth, its exponent of width")
    return faults


def _too_steep(curve: Curve) -> list[str]:
    growths = [(low, high, _growth(low, high)) for low, high in zip(curve.points, curve.points[1:], strict=False)]
    faults = [
        f"{low.row.place} and {high.row.place}: grows as bits^{growth:.1f}; at most {STEEPEST_GROWTH:g} is plausible"
        for low, high, growth in growths
        if growth > STEEPEST_GROWTH
    ]
    lone = curve.points[0].row
    if len(curve.points) == 1 and lone.growth is not None and lone.growth > STEEPEST_GROWTH:
        faults.append(f"{lone.place}: growth is {lone.growth:g}; at most {STEEPEST_GROWTH:g} is plausible")
    return faults


def _growth(low: Point, high: Point) -> float:
    return math.log(high.value / low.value) / math.log(high.bits / low.bits)


def _bad_value(point: Point) -> str:
    if point.value == 0:
        return f"{point.row.place}: a price of 0 must be the only one of its operation: no power law passes through it"
    if point.row.operation is Operation.SHIFT:
        return f"{point.row.place}: positions is {point.row.positions}; a shifter needs at least 2, or none given"
    return f"{point.row.place}: the unit costs less than the integer adder of its exponent, or no int_add row says"


def _bad_pair(low: Point, high: Point) -> str:
    what = "the same price is given twice" if low.bits == high.bits else "a wider unit costs less than a narrower one"
    return (
        f"{low.row.place} and {high.row.place}: {what} ({low.bits} bits {low.value:g}, {high.bits} bits {high.value:g})"
    )
