"""When a fast kernel is exact: each condition with its proof.

L is the significand width of the lane (24 or 53), p_a and p_b the significant bits of the operands.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.bounds import Operand, exponent_of
from hwsim.arith.params import FLOAT64, Lane
from hwsim.arith.problem import Problem, float_grids
from hwsim.formats.base import Overflow, Rounding
from hwsim.formats.grid import FixedGrid, FloatGrid, Grid, power_of_two


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
    """``lanes.round_even`` implements the grid: nearest even, subnormals, saturating or never overflowing."""
    overflow = grid.overflow is Overflow.SATURATE or overflow_free
    return grid.subnormals and overflow and nearest_even_fits(grid, lane, grid.emax)


def nearest_even_fits(grid: FloatGrid, lane: Lane, emax: int) -> bool:
    """Numbers up to 2^(emax + 1) can be rounded to nearest even by ``lanes.round_even``.

    Its magic constant 1.5 * 2^(L-p) * 2^emax must not overflow, 2^emin must be a normal number of the lane, and
    p <= L - 2, so that the constant plus or minus two units of 2^exponent(x) keeps the exponent of the constant.
    """
    in_range = emax + lane.precision - grid.precision + 1 <= lane.max_exponent and grid.precision <= lane.precision - 2
    normal = grid.emin + lane.exponent_bias >= 1 and grid.quantum >= lane.min_quantum
    return grid.rounding is Rounding.NEAREST_EVEN and in_range and normal


def rounds_once(problem: Problem, lane: Lane) -> bool:
    """Rounding products and sums of the lane to floating-point grids is rounding the exact ones."""
    grids = float_grids(problem)
    return grids is not None and product_is_exact(problem, lane) and sum_is_innocuous(problem, lane)


def exact_product_in_range(problem: Problem, lane: Lane) -> bool:
    """A rounded product may overflow the lane, as the limit that follows brings it back; an exact one may not."""
    assert isinstance(problem.acc, FloatGrid)
    reach = max(exponent_of(problem.largest_finite_product), exponent_of(float(problem.acc.maximum))) + 1
    return problem.product is not None or reach <= lane.max_exponent


def float_even_applies(problem: Problem, lane: Lane) -> bool:
    """The kernel ``float_even`` is exact in ``lane``."""
    grids = float_grids(problem)
    if grids is None or not problem.all_finite or not rounds_once(problem, lane):
        return False
    free = never_overflows(problem)
    return all(even_rounding_applies(g, lane, free) for g in grids) and exact_product_in_range(problem, lane)


def float_free_applies(problem: Problem, lane: Lane) -> bool:
    """The kernel ``float_free`` is exact: as ``float_even``, nothing overflows, and no sum lies between subnormals.

    The bound of ``never_overflows`` holds for every product and partial sum, so no clamp can fire. Both addends are
    multiples of the accumulator's smallest step 2^q; so is their sum, and below 2^emin such a number is a member of
    the format, which rounding to p bits at its own exponent leaves alone.
    """
    if not (float_even_applies(problem, lane) and never_overflows(problem)):
        return False
    step = problem.product.quantum if isinstance(problem.product, FloatGrid) else problem.product_quantum
    return step >= problem.acc.quantum


def float_infinite_applies(problem: Problem, lane: Lane) -> bool:
    """The kernel ``float_infinite`` is exact: IEEE overflow, whose first number too large is 2^(emax + 1)."""
    grids = float_grids(problem)
    if grids is None or not rounds_once(problem, lane) or not exact_product_in_range(problem, lane):
        return False
    return all(overflows_at_power_of_two(g) and nearest_even_fits(g, lane, g.emax + 1) for g in grids)


def overflows_at_power_of_two(grid: FloatGrid) -> bool:
    """Overflow goes to infinity, with subnormals kept, and the first number too large is 2^(emax + 1).

    The power of two that takes it out of a lane's range, 2^(largest exponent - emax), is in range itself for emax >= 0.
    """
    whole_binade = grid.maximum == power_of_two(grid.emax + 1) - power_of_two(grid.emax - grid.precision + 1)
    infinite = grid.overflow is Overflow.INFINITY and grid.has_infinity
    return infinite and grid.subnormals and whole_binade and grid.emax >= 0


def float_flush_applies(problem: Problem, lane: Lane) -> bool:
    """The kernel ``float_flush`` is exact: as ``float_even``, with results below 2^emin flushed after rounding.

    Members of a flushing format are members of the same format with subnormals, so the sum is as innocuous.
    """
    grids = float_grids(problem)
    if grids is None or not problem.all_finite or not rounds_once(problem, lane):
        return False
    free = never_overflows(problem)
    saturating = all(g.overflow is Overflow.SATURATE or free for g in grids)
    fits = all(nearest_even_fits(g, lane, g.emax) for g in grids)
    return saturating and fits and exact_product_in_range(problem, lane)


def never_overflows(problem: Problem) -> bool:
    """No product and no partial sum can exceed the range, so that every overflow rule gives the same result."""
    return problem.overflow_free


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
    large = exponent_of(problem.largest_finite_product) < FLOAT64.max_exponent
    in_range = large and problem.product_quantum - max(step, 0) >= -1000
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


def is_plain_fixed(grid: Grid | None, dropped_bits: int) -> bool:
    """Saturating fixed point, nearest even or with nothing to round."""
    if not isinstance(grid, FixedGrid) or grid.overflow is not Overflow.SATURATE:
        return False
    return grid.rounding is Rounding.NEAREST_EVEN or dropped_bits == 0


def fixed_even_applies(problem: Problem, lane: Lane) -> bool:
    """The kernel ``fixed_even`` is exact in ``lane``.

    With magic = 1.5 * 2^(L-1) u for last place u, magic + v lies in [2^(L-1) u, 2^L u) while |v| < 2^(L-2) u, where
    the lane's own last place is u; fma rounds c + a*b + magic once, to nearest even, at exactly that place, and
    subtracting magic is exact. With rounded products, the sum of two multiples of u below 2^L u is exact.
    """
    acc, product = problem.acc, problem.product
    if not isinstance(acc, FixedGrid) or not isinstance(product, FixedGrid | None):
        return False
    _, product_right, _, sum_right = integer_shifts(problem)
    if not is_plain_fixed(acc, sum_right) or not (product is None or is_plain_fixed(product, product_right)):
        return False
    if not (_magic_fits(acc, lane) and operand_fits(problem.weights, lane) and operand_fits(problem.acts, lane)):
        return False
    if not problem.all_finite:
        return False
    room = 2.0 ** (lane.precision - 2)
    if product is None:
        return problem.largest_fixed_sum < room
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
