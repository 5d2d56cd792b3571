"""When a fast kernel is exact: each condition with its proof.

L is the significand width of the lane (24 or 53), p_a and p_b the significant bits of the operands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.bounds import Operand, exponent_of, grid_emax, partial_sum_bound
from hwsim.arith.params import FLOAT64, Lane
from hwsim.formats.base import Overflow, Rounding
from hwsim.formats.grid import FixedGrid, FloatGrid, Grid, power_of_two


@dataclass(frozen=True)
class Problem:
    """One dot product as the conditions see it."""

    weights: Operand
    acts: Operand
    product: Grid | None
    acc: Grid
    w: NDArray[Any]
    bias: NDArray[Any]

    @property
    def product_quantum(self) -> int:
        """Exponent of a unit of every exact product."""
        return self.weights.quantum + self.acts.quantum

    @property
    def largest_product(self) -> float:
        """Bound on every exact product."""
        return self.weights.largest * self.acts.largest

    @cached_property
    def all_finite(self) -> bool:
        """No operand and no bias is an infinity or a NaN."""
        return self.acts.finite and self.weights.finite and bool(np.isfinite(self.bias).all())

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
        rows = np.abs(self.w).sum(axis=1) * self.acts.largest + np.abs(self.bias) + self.w.shape[1] * rounding
        by_data = float(rows.max(initial=0.0)) / unit * (1 + 2.0**-20)
        return by_range if wraps else min(by_range, by_data)


def product_is_exact(problem: Problem, lane: Lane) -> bool:
    """A lane multiplication is exact: p_a + p_b <= L, both operands fit, and products keep above the smallest step.

    The second does not follow from the others: 2^-150 times 2^100 has a product that float32 holds and a factor that
    it does not.
    """
    fits = problem.weights.bits + problem.acts.bits <= lane.precision
    operands_fit = operand_fits(problem.weights, lane) and operand_fits(problem.acts, lane)
    return fits and operands_fit and problem.product_quantum >= lane.min_quantum


def operand_fits(operand: Operand, lane: Lane) -> bool:
    """Every element is exactly a number of the lane."""
    in_range = operand.quantum >= lane.min_quantum and exponent_of(operand.largest_finite) <= lane.max_exponent
    return in_range and operand.bits <= lane.precision


def sum_is_innocuous(problem: Problem, lane: Lane) -> bool:
    """Rounding the lane's own rounded sum to the accumulator's p bits gives the correctly rounded sum.

    Let the addend have p1 <= p significant bits and 2p + 1 <= L. If the sum s needs more than L bits, the smaller
    operand lies at least L - p places below the leading bit of s. Where the larger operand is on the accumulator's
    grid at the exponent of s, s is that operand plus less than half a place, and its distance from the midpoint of
    two neighbours is at least one unit of the smaller operand, 2^(E - 2p) > 2^(E - L), so the lane's rounding cannot
    land on the midpoint or cross it. It is on that grid: the accumulator always, the addend because p1 <= p, and
    where the addend is finer than the accumulator's subnormal step the whole sum spans fewer than L bits and is
    exact. (For p1 > p this fails: an addend that is itself a midpoint absorbs a tiny accumulator.)
    """
    assert isinstance(problem.acc, FloatGrid)
    addend = problem.product.precision if isinstance(problem.product, FloatGrid) else None
    bits = problem.weights.bits + problem.acts.bits if addend is None else addend
    return bits <= problem.acc.precision and 2 * problem.acc.precision + 1 <= lane.precision


def even_rounding_applies(grid: FloatGrid, lane: Lane, overflow_free: bool) -> bool:
    """``lanes.round_even`` implements the grid: nearest even, subnormals, saturating or never overflowing.

    Its magic constant 1.5 * 2^(L-p) * 2^emax must not overflow and 2^emin must be a normal number of the lane.
    """
    plain = grid.rounding is Rounding.NEAREST_EVEN and grid.subnormals
    overflow = grid.overflow is Overflow.SATURATE or overflow_free
    in_range = grid_emax(grid) + lane.precision - grid.precision + 1 <= lane.max_exponent
    return plain and overflow and in_range and grid.emin + lane.exponent_bias >= 1 and grid.quantum >= lane.min_quantum


def float_even_applies(problem: Problem, lane: Lane) -> bool:
    """The kernel ``float_even`` is exact in ``lane``."""
    if not isinstance(problem.acc, FloatGrid) or not isinstance(problem.product, FloatGrid | None):
        return False
    if not (problem.all_finite and product_is_exact(problem, lane) and sum_is_innocuous(problem, lane)):
        return False
    free = never_overflows(problem)
    grids = [problem.acc] if problem.product is None else [problem.acc, problem.product]
    if not all(even_rounding_applies(grid, lane, free) for grid in grids):
        return False
    # A rounded product may overflow the lane: the clamp that follows brings it back. An exact one may not.
    reach = max(exponent_of(problem.largest_product), exponent_of(float(problem.acc.maximum))) + 1
    return problem.product is not None or reach <= lane.max_exponent


def never_overflows(problem: Problem) -> bool:
    """No product and no partial sum can exceed the range, so that every overflow rule gives the same result."""
    if not isinstance(problem.acc, FloatGrid) or not isinstance(problem.product, FloatGrid | None):
        return False
    bound = partial_sum_bound(problem.w, problem.bias, problem.acts, problem.acc, problem.product)
    limits = [problem.acc.maximum] + ([problem.product.maximum] if problem.product else [])
    return bound <= float(min(limits))


def float_any_applies(problem: Problem) -> bool:
    """The kernel ``float_any`` is exact: the product is, and sums are rounded to odd before the final rounding.

    Round-to-odd to 53 bits followed by any rounding to at most 51 is correct (Boldo & Melquiond 2008, theorem 1).
    Stochastic rounding looks at 24 bits below the last place, so a sum must have no more than 27 above: always so for
    floating point (p <= 24). A wrapping accumulator is not covered: wrapping needs integer operands. No product may
    be so small that dividing it by the grid's last place underflows.
    """
    if not all(_float_any_grid(grid) for grid in (problem.product, problem.acc) if grid is not None):
        return False
    stochastic = isinstance(problem.acc, FixedGrid) and problem.acc.rounding is Rounding.STOCHASTIC
    if stochastic and problem.acc.max_abs > power_of_two(27 + problem.acc.quantum):
        return False
    step = max(grid.quantum for grid in (problem.product, problem.acc) if grid is not None)
    largest = problem.weights.largest_finite * problem.acts.largest_finite
    in_range = exponent_of(largest) < FLOAT64.max_exponent and problem.product_quantum - max(step, 0) >= -1000
    return in_range and product_is_exact(problem, FLOAT64)


def _float_any_grid(grid: Grid) -> bool:
    if isinstance(grid, FixedGrid):
        return grid.overflow is not Overflow.WRAP and max(-grid.minimum, grid.maximum) <= 1 << 48
    return isinstance(grid, FloatGrid)


def makes_nan(problem: Problem, columns: NDArray[Any]) -> bool:
    """Some product w[n, k] * columns[k, b] is not a number: a NaN operand, or zero times infinity."""
    nan, zero, infinite = np.isnan(problem.w), problem.w == 0, np.isinf(problem.w)
    x_nan, x_zero, x_infinite = (mask.any(axis=1) for mask in (np.isnan(columns), columns == 0, np.isinf(columns)))
    each = nan.any(axis=0) | x_nan | (zero.any(axis=0) & x_infinite) | (infinite.any(axis=0) & x_zero)
    return bool(each.any() and problem.w.size and columns.size)


def saturating_twin(grid: FloatGrid) -> FloatGrid:
    """Return the same grid with saturation, for use where it never overflows."""
    return replace(grid, overflow=Overflow.SATURATE)


def is_plain_fixed(grid: Grid | None) -> bool:
    """Nearest even and saturating fixed point."""
    return isinstance(grid, FixedGrid) and grid.rounding is Rounding.NEAREST_EVEN and grid.overflow is Overflow.SATURATE


def fixed_even_applies(problem: Problem, lane: Lane) -> bool:
    """The kernel ``fixed_even`` is exact in ``lane``.

    With magic = 1.5 * 2^(L-1) u for last place u, magic + v lies in [2^(L-1) u, 2^L u) while |v| < 2^(L-2) u, where
    the lane's own last place is u; fma rounds c + a*b + magic once, to nearest even, at exactly that place, and
    subtracting magic is exact. With rounded products, the sum of two multiples of u below 2^L u is exact.
    """
    if not is_plain_fixed(problem.acc) or not (problem.product is None or is_plain_fixed(problem.product)):
        return False
    acc, product = problem.acc, problem.product
    assert isinstance(acc, FixedGrid)
    if not (_magic_fits(acc, lane) and operand_fits(problem.weights, lane) and operand_fits(problem.acts, lane)):
        return False
    if not problem.all_finite:
        return False
    room = 2.0 ** (lane.precision - 2)
    if product is None:
        return problem.largest_fixed_sum < room
    assert isinstance(product, FixedGrid)
    product_room = _magic_fits(product, lane) and problem.largest_product / 2.0**product.lsb < room
    return acc.lsb <= product.lsb and product_room and problem.largest_fixed_sum < room


def _magic_fits(grid: FixedGrid, lane: Lane) -> bool:
    """2^L last places are in the lane's range, and so is one, with room for products that reach far below it."""
    return grid.lsb >= -100 and grid.lsb + lane.precision <= lane.max_exponent


def integer_shifts(problem: Problem) -> tuple[int, int, int, int]:
    """Return (product_left, product_right, sum_left, sum_right): the moves between the grids of an integer kernel."""
    assert isinstance(problem.acc, FixedGrid)
    start = problem.product_quantum
    target = problem.product.lsb if isinstance(problem.product, FixedGrid) else start
    to_product, to_sum = target - start, problem.acc.lsb - target
    return max(-to_product, 0), max(to_product, 0), max(-to_sum, 0), max(to_sum, 0)


def integer_applies(problem: Problem, lane_bits: int) -> bool:
    """Everything that an integer kernel holds or computes stays below 2^(lane_bits - 2) in magnitude.

    Shift distances are at most 38: a product of 24 random bits and one unit of the sum then fits 62 bits.
    """
    acc, product = problem.acc, problem.product
    if not isinstance(acc, FixedGrid) or not isinstance(product, FixedGrid | None) or not problem.all_finite:
        return False
    product_left, product_right, sum_left, sum_right = integer_shifts(problem)
    if max(product_left, sum_left, product_right, sum_right) > 38:
        return False
    # max(1, ...): where one operand is all zeros the other is still held, and shifted, as integers.
    raw = max(problem.weights.largest_code, 1.0) * max(problem.acts.largest_code, 1.0) * 2.0**product_left
    total = problem.largest_fixed_sum * 2.0**sum_right
    return max(raw, total) < 2.0 ** (lane_bits - 2)
