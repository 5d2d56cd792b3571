"""Dot products in which nothing can be rounded or clamped: one matrix product of the BLAS, bit for bit the same.

Let every product be a multiple of g = 2^u and S = max over n of |bias_n| + sum_k |w_nk| * max|x|. Every partial sum,
in any order, blocked, fused or threaded, is a multiple of g no larger than S. If S <= 2^L g, all of them are exact in
lanes of L significand bits, so the BLAS computes the exact sum. If moreover every multiple of g up to S is a member of
the accumulator's format, the step-by-step sum is never rounded, clamped or flushed, so it is that exact sum too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.bounds import operand
from hwsim.arith.params import FLOAT32, FLOAT64, Lane
from hwsim.arith.problem import Problem
from hwsim.formats.grid import FixedGrid, FloatGrid

PANEL_BYTES = 1 << 20  #: memory of the gathered inputs at a time


def exact_lane(problem: Problem) -> Lane | None:
    """Return the narrowest lane in which the BLAS gives the contract's bits, or None where rounding could happen.

    O(NK) on top of the extremes that are known already.
    """
    if not problem.acts.finite or not _products_survive(problem):
        return None
    reach = problem.largest_sum
    unit = problem.product_quantum
    if bool(problem.bias.any()):
        unit = min(unit, operand(problem.bias, problem.acc).quantum)
    if not _sums_survive(problem, reach, unit):
        return None
    return next((lane for lane in (FLOAT32, FLOAT64) if _fits(problem, lane, reach, unit)), None)


def _products_survive(problem: Problem) -> bool:
    """Rounding to the product format changes no product: its grid has every multiple of their unit up to them."""
    product = problem.product
    if product is None:
        return True
    if isinstance(product, FixedGrid):
        return _fixed_holds(product, problem.largest_product, problem.product_quantum)
    assert isinstance(product, FloatGrid)
    bits = problem.weights.bits + problem.acts.bits
    floor = product.quantum if product.subnormals else product.emin
    in_range = problem.largest_product <= float(product.maximum) and problem.product_quantum >= floor
    return in_range and bits <= product.precision


def _sums_survive(problem: Problem, reach: float, unit: int) -> bool:
    """Every multiple of 2^unit up to ``reach`` is a member of the accumulator's format."""
    acc = problem.acc
    if isinstance(acc, FixedGrid):
        return _fixed_holds(acc, reach, unit)
    if not isinstance(acc, FloatGrid):
        return False
    floor = acc.quantum if acc.subnormals else acc.emin
    return unit >= floor and reach <= float(acc.maximum) and reach <= 2.0 ** (acc.precision + unit)


def _fixed_holds(grid: FixedGrid, reach: float, unit: int) -> bool:
    return unit >= grid.lsb and reach <= min(-grid.minimum, grid.maximum) * 2.0**grid.lsb


def _fits(problem: Problem, lane: Lane, reach: float, unit: int) -> bool:
    operands = max(problem.weights.bits, problem.acts.bits) <= lane.precision
    small = min(problem.weights.quantum, problem.acts.quantum, unit) >= lane.min_quantum + lane.precision
    large = max(problem.weights.largest, problem.acts.largest, reach) <= 2.0 ** (lane.max_exponent - 1)
    return operands and small and large and reach <= 2.0 ** (lane.precision + unit)


def exact_products(
    w: NDArray[Any], x: NDArray[Any], base: NDArray[np.int64], tap: NDArray[np.int64], bias: NDArray[Any]
) -> NDArray[Any]:
    """Return bias[n] + sum over k of w[n, k] * x[base[p] + tap[k], :] as [N, P, B], by matrix products."""
    lanes = x.shape[1]
    out = np.empty((w.shape[0], base.size, lanes), dtype=w.dtype)
    step = max(1, PANEL_BYTES // max(1, tap.size * lanes * w.itemsize))
    for start in range(0, base.size, step):
        rows = tap[:, None] + base[None, start : start + step]
        panel = x[rows[:, 0]] if base.size == 1 else x[rows].reshape(tap.size, rows.shape[1] * lanes)
        out[:, start : start + step] = (w @ panel).reshape(w.shape[0], rows.shape[1], lanes)
    out += bias.reshape(-1, 1, 1)
    return out
