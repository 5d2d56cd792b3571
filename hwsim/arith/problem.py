"""One dot product as the conditions of the fast kernels see it: grids, extremes, and bounds on what it can reach."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.bounds import Operand, partial_sum_bound
from hwsim.formats.base import Overflow
from hwsim.formats.grid import FixedGrid, FloatGrid, Grid


@dataclass(frozen=True)
class Problem:
    """One dot product as the conditions see it; ``row_sums`` are the sums of |w| over each row, where known."""

    weights: Operand
    acts: Operand
    product: Grid | None
    acc: Grid
    w: NDArray[Any]
    bias: NDArray[Any]
    row_sums: NDArray[np.float64] | None = None

    @property
    def product_quantum(self) -> int:
        """Exponent of a unit of every exact product."""
        return self.weights.quantum + self.acts.quantum

    @property
    def largest_product(self) -> float:
        """Bound on every exact product."""
        return self.weights.largest * self.acts.largest

    @property
    def largest_finite_product(self) -> float:
        """Bound on every exact product of finite operands."""
        return self.weights.largest_finite * self.acts.largest_finite

    @cached_property
    def all_finite(self) -> bool:
        """No operand and no bias is an infinity or a NaN."""
        return self.acts.finite and self.weights.finite and bool(np.isfinite(self.bias).all())

    @cached_property
    def overflow_free(self) -> bool:
        """No product and no partial sum in floating point can exceed the range."""
        grids = float_grids(self)
        if grids is None or not self.all_finite:
            return False
        acc, product = grids[0], grids[1] if len(grids) > 1 else None
        bound = partial_sum_bound(self.w, self.bias, self.acts, acc, product, self.row_sums)
        return bound <= float(min(grid.maximum for grid in grids))

    @cached_property
    def largest_sum(self) -> float:
        """Bound on the magnitude of every partial sum of exact products, in any order, bias included."""
        rows = self._row_sums * self.acts.largest + np.abs(self.bias)
        return float(rows.max(initial=0.0)) * (1 + 2.0**-20)

    @property
    def _row_sums(self) -> NDArray[np.float64]:
        return np.abs(self.w).sum(axis=1) if self.row_sums is None else self.row_sums

    @cached_property
    def largest_fixed_sum(self) -> float:
        """Bound on every partial sum of a fixed-point accumulator before it is clamped, in its own units.

        Two bounds hold and the smaller counts. The accumulator's range plus one addend; and, as a clamp only ever
        brings a sum nearer to zero, |bias| + sum over k of (|r_k| + u), where |r_k| <= |w_k| max|x| (+ one unit of the
        product format) and one unit u covers the rounding of each sum. The slack of 2^-20 covers float64 evaluation.
        Neither |r_k| nor the sum obeys the second bound where it wraps: -1 becomes the largest number of an unsigned
        format. A wrapped product counts as the largest magnitude of its format, a wrapping sum is bounded by range.
        """
        assert isinstance(self.acc, FixedGrid)
        addend, unit = self.largest_product, 2.0**self.acc.lsb
        rounding, wraps = unit, self.acc.overflow is Overflow.WRAP
        if isinstance(self.product, FixedGrid):
            wraps_product = self.product.overflow is Overflow.WRAP
            limit = float(self.product.max_abs)
            addend = limit if wraps_product else min(addend + 2.0**self.product.lsb, limit)
            wraps = wraps or wraps_product
            rounding += 2.0**self.product.lsb
        by_range = max(-self.acc.minimum, self.acc.maximum) + addend / unit
        rows = self._row_sums * self.acts.largest + np.abs(self.bias) + self.w.shape[1] * rounding
        by_data = float(rows.max(initial=0.0)) / unit * (1 + 2.0**-20)
        return by_range if wraps else min(by_range, by_data)


def float_grids(problem: Problem) -> tuple[FloatGrid, ...] | None:
    """Return the grids that sums and, if they are rounded, products go to; None unless they are floating point."""
    grids = (problem.acc,) if problem.product is None else (problem.acc, problem.product)
    return tuple(g for g in grids if isinstance(g, FloatGrid)) if all(isinstance(g, FloatGrid) for g in grids) else None
