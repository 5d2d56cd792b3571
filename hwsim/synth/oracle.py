"""What a core must put out, from the formats and the reference's own rounding: one exact operation at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.reference import Number, exact_product, exact_sum, round_number
from hwsim.formats import NumberFormat, Overflow
from hwsim.formats.grid import FixedGrid
from hwsim.synth.codes import Codes, values_of
from hwsim.synth.point import Point


class Oracle:
    """Computes sums of one processing element in codes.

    >>> from hwsim.synth.point import make_point
    >>> oracle = Oracle(make_point("int4", "int4", "int9"))
    >>> oracle.step(0b0011, 0b1110, 7)  # 7 + 3 * -2
    1
    """

    def __init__(self, point: Point) -> None:
        self.point = point
        self._act, self._weight, self._sum = (_decoder(fmt) for fmt in (point.acts, point.weights, point.acc))
        self._product = lru_cache(maxsize=1 << 16)(self._rounded_product)
        self._integers = _integers_of(point)

    def step(self, act: int, weight: int, sum_in: int) -> int:
        """Return the code of ``round(sum_in + round(act * weight))``."""
        acc = self.point.acc
        total = round_number(exact_sum(self._sum(sum_in), self._product(act, weight)), acc.grid(), 0, 0, 0, acc)
        return acc.code_of(total)

    def each(self, act: Codes, weight: Codes, sum_in: Codes) -> Codes:
        """Return the sum of every triple of codes."""
        if self._integers is not None:
            total = self._integers.values(sum_in, self.point.acc) + self._integers.products(act, weight)
            return self._integers.limited(total)
        triples: Iterable[tuple[int, int, int]] = zip(act.tolist(), weight.tolist(), sum_in.tolist(), strict=True)
        return np.array([self.step(*triple) for triple in triples], dtype=np.int64)

    def accumulate(self, act: Codes, weight: Codes, start: NDArray[np.bool_]) -> Codes:
        """Return the accumulator after every step; it starts from zero where ``start`` is true."""
        if self._integers is not None:
            return self._integers.accumulate(act, weight, start)
        zero = self.point.acc.code_of(Fraction(0))
        total, found = zero, []
        for a, w, first in zip(act.tolist(), weight.tolist(), start.tolist(), strict=True):
            total = self.step(a, w, zero if first else total)
            found.append(total)
        return np.array(found, dtype=np.int64)

    def _rounded_product(self, act: int, weight: int) -> Number:
        exact = exact_product(self._act(act), self._weight(weight))
        fmt = self.point.product
        return exact if fmt is None else round_number(exact, fmt.grid(), 0, 0, 0, fmt)


@dataclass(frozen=True)
class _Integers:
    """The same for sums of exact products of integers, in units of the accumulator's step: no rounding, one limit."""

    point: Point
    grid: FixedGrid

    def values(self, codes: Codes, fmt: NumberFormat) -> Codes:
        return np.rint(values_of(codes, fmt)).astype(np.int64)

    def products(self, act: Codes, weight: Codes) -> Codes:
        return self.values(act, self.point.acts) * self.values(weight, self.point.weights)

    def limited(self, total: Codes) -> Codes:
        if self.grid.overflow is Overflow.SATURATE:
            total = np.clip(total, self.grid.minimum, self.grid.maximum)
        return total & ((1 << self.point.acc.bits) - 1)

    def accumulate(self, act: Codes, weight: Codes, start: NDArray[np.bool_]) -> Codes:
        low, high, span = self.grid.minimum, self.grid.maximum, 1 << self.point.acc.bits
        clamps, total, found = self.grid.overflow is Overflow.SATURATE, 0, []
        for product, first in zip(self.products(act, weight).tolist(), start.tolist(), strict=True):
            total = product if first else total + product
            total = min(max(total, low), high) if clamps else (total - low) % span + low
            found.append(total)
        return np.array(found, dtype=np.int64) & (span - 1)


def _integers_of(point: Point) -> _Integers | None:
    """Return the fast twin where operands are whole, products exact, and the sum's step is 1; below 2^53 throughout."""
    grid = point.acc.grid()
    steps = [fmt.grid().quantum for fmt in (point.acts, point.weights)]
    if not isinstance(grid, FixedGrid) or grid.lsb != 0 or min(steps) < 0 or point.product is not None:
        return None
    return _Integers(point, grid)


@lru_cache(maxsize=64)
def _decoder(fmt: NumberFormat):  # type: ignore[no-untyped-def]  # functools has no name for a cached function's type
    return lru_cache(maxsize=1 << 16)(fmt.decode)
