"""What is known of the operands of a dot product before it runs: precision, magnitudes, finiteness.

Everything here costs O(NK + RB) and decides, exactly, which fast kernel may stand in for the reference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.formats.grid import BlockGrid, FixedGrid, FloatGrid, Grid, LevelGrid

BEYOND_LANES = 2048  #: an exponent that no lane has


def significand_bits(grid: Grid) -> int:
    """Return how many significant bits a member of ``grid`` can have."""
    if isinstance(grid, FloatGrid):
        return grid.precision
    if isinstance(grid, FixedGrid):
        return max(-grid.minimum, grid.maximum).bit_length()
    if isinstance(grid, BlockGrid):
        return significand_bits(grid.element)
    # An odd numerator: trailing zeros take no place in a significand.
    return max(1, *(_odd_part(level).bit_length() for level in grid.levels))


def _odd_part(value: Fraction) -> int:
    magnitude = abs(value.numerator)
    return magnitude // (magnitude & -magnitude) if magnitude else 0


@dataclass(frozen=True)
class Operand:
    """One operand: its grid and the extremes of its data.

    Attributes:
        grid: the grid that every element lies on.
        largest: max |v|, 0.0 for an empty or zero tensor; infinite where an element is.
        quantum: exponent q such that every element is a multiple of 2^q.
        finite: no infinity and no NaN.
    """

    grid: Grid
    largest: float
    quantum: int
    finite: bool

    @property
    def bits(self) -> int:
        """Significant bits of an element."""
        return significand_bits(self.grid)

    @property
    def largest_finite(self) -> float:
        """Bound on the finite elements: the grid's own where the data hold others."""
        return self.largest if self.finite else float(self.grid.max_abs)

    @property
    def largest_code(self) -> float:
        """Largest magnitude in units of the quantum."""
        return math.ldexp(self.largest, -self.quantum)


def operand(values: NDArray[Any], grid: Grid) -> Operand:
    """Return what is known of ``values``, whose elements are members of ``grid``."""
    magnitude = np.abs(values)
    largest = float(magnitude.max(initial=0.0))
    finite = math.isfinite(largest)
    return Operand(grid, largest, _quantum(magnitude, grid), finite)


def _quantum(magnitude: NDArray[Any], grid: Grid) -> int:
    """The grid's own unit, or a coarser one where the smallest element shows it (floating point only)."""
    if isinstance(grid, FixedGrid | LevelGrid):
        return grid.quantum
    smallest = float(np.min(magnitude, initial=np.inf, where=magnitude > 0))
    if not math.isfinite(smallest):
        return grid.quantum
    # An element of p bits with exponent e is a multiple of 2^(e - p + 1).
    return max(grid.quantum, math.frexp(smallest)[1] - significand_bits(grid))


def partial_sum_bound(
    w: NDArray[Any],
    bias: NDArray[Any],
    x: Operand,
    acc: FloatGrid,
    product: FloatGrid | None,
    row_sums: NDArray[np.float64] | None = None,
) -> float:
    """Return a bound on every product and every rounded partial sum of every output.

    |c_k| <= (|c_(k-1)| + |r_k|)(1 + u) + q and |r_k| <= |a_k||b_k|(1 + u) + q for nearest rounding with u = 2^-p and
    half quanta q; unrolled over K steps: (|bias| + max|b| sum|a| + 2Kq)(1 + u)^(K+1). A relative slack of 2^-20
    covers the float64 evaluation of the bound itself.
    """
    grids = [acc] if product is None else [acc, product]
    unit = max(2.0**-grid.precision for grid in grids)
    quantum = max(2.0**grid.quantum for grid in grids)
    steps = w.shape[1]
    sums = np.abs(w.astype(np.float64)).sum(axis=1) if row_sums is None else row_sums
    magnitude = sums * x.largest + np.abs(bias)
    growth = math.exp(min(700.0, (steps + 1) * math.log1p(unit)))
    return float((magnitude.max(initial=0.0) + 2 * steps * quantum) * growth * (1 + 2.0**-20))


def exponent_of(value: float) -> int:
    """Return an exponent e with |value| < 2^e; one beyond every lane for infinities and NaN.

    >>> exponent_of(0.75), exponent_of(1.0)
    (0, 1)
    """
    if not math.isfinite(value):
        return BEYOND_LANES
    return math.frexp(value)[1] if value else -1074
