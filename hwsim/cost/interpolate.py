"""Prices between and beyond the published points: a power law through neighbouring points.

Energy, area and leakage of a circuit grow roughly as a power of its width (an adder as b, a multiplier as b^2), so a
straight line on logarithmic axes is the weakest assumption that stays positive and never falls with width.
"""

from __future__ import annotations

import enum
import math
from bisect import bisect_left
from collections.abc import Sequence


class Basis(enum.Enum):
    """How far a price is from a row of its table."""

    TABLE = "table"  #: the value of a row
    INTERPOLATED = "interpolated"  #: between two rows
    EXTRAPOLATED = "extrapolated"  #: beyond the first or last row, or from a single one

    @property
    def distance(self) -> int:
        """0 for a row's own value, 1 between rows, 2 beyond them."""
        return list(Basis).index(self)


def furthest(bases: Sequence[Basis]) -> Basis:
    """Return the least certain of ``bases``; TABLE when there is none.

    >>> furthest([Basis.TABLE, Basis.EXTRAPOLATED, Basis.INTERPOLATED])
    <Basis.EXTRAPOLATED: 'extrapolated'>
    """
    return max(bases, key=lambda basis: basis.distance, default=Basis.TABLE)


def power_law(
    points: Sequence[tuple[float, float]], x: float, growth: float | None = None
) -> tuple[float, Basis, tuple[int, ...]]:
    """Return (value at ``x``, how it was found, indices of the points used).

    y = y0 (x/x0)^g with g = ln(y1/y0) / ln(x1/x0) of the two neighbouring points; the end segments continue outward.
    A single point needs ``growth``, the exponent g.

    Args:
        points: (x, y) with x strictly rising, all positive.
        x: where, positive.
        growth: exponent for a lone point.

    Raises:
        ValueError: no point, ``x`` not positive, or a lone point without ``growth``.

    >>> power_law([(8, 0.2), (32, 3.2)], 16)
    (0.8, <Basis.INTERPOLATED: 'interpolated'>, (0, 1))
    """
    if not points or not x > 0:
        raise ValueError(f"a power law needs points and a positive x, got {len(points)} points and x = {x}")
    place = bisect_left(points, x, key=lambda point: point[0])
    if place < len(points) and points[place][0] == x:
        return points[place][1], Basis.TABLE, (place,)
    if len(points) == 1:
        return _from_one(points[0], x, growth), Basis.EXTRAPOLATED, (0,)
    left = min(max(place - 1, 0), len(points) - 2)
    basis = Basis.INTERPOLATED if 0 < place < len(points) else Basis.EXTRAPOLATED
    return _from_two(points[left], points[left + 1], x), basis, (left, left + 1)


def _from_one(point: tuple[float, float], x: float, growth: float | None) -> float:
    if growth is None:
        raise ValueError(f"one point at {point[0]} and no growth exponent: nothing is known at {x}")
    return point[1] * math.pow(x / point[0], growth)


def _from_two(low: tuple[float, float], high: tuple[float, float], x: float) -> float:
    growth = math.log(high[1] / low[1]) / math.log(high[0] / low[0])
    return low[1] * math.pow(x / low[0], growth)
