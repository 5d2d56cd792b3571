"""When 16- and 32-bit integer lanes hold all that a fixed-point dot product computes, and the calls of those kernels.

Codes are integers in units of the operand's quantum; d = product_right counts the bits of a product rounded away.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith import narrow_kernels
from hwsim.arith.batch import Batch
from hwsim.arith.conditions import integer_shifts
from hwsim.arith.params import narrow_params
from hwsim.arith.quantize import fits_float32
from hwsim.arith.quantize_kernels import scale_into
from hwsim.formats.base import Overflow, Rounding
from hwsim.formats.grid import FixedGrid

_INT16 = 1 << 15
_INT32 = float(1 << 31)


def shift16_applies(batch: Batch) -> bool:
    """One power of two per weight, exact sums, and shifted activations and the accumulator fit 16 bits.

    A saturating 16-bit addition followed by a clamp to a narrower range is a clamp of the exact sum: both ends of the
    narrower range lie inside the wider. Shifted activations stay within +-32767 (``held``), so they can be negated.
    """
    problem, shifts = batch.problem, batch.weights.shifts
    if shifts is None or shifts[0].shape[2] != 1 or problem.product is not None or not problem.all_finite:
        return False
    _, _, sum_left, sum_right = integer_shifts(problem)
    distance = int(shifts[1].max(initial=0)) + sum_left
    held = max(problem.acts.largest_code, 1.0) * 2.0 ** max(distance, 0)
    saturates = batch.fixed_acc.overflow is Overflow.SATURATE
    return sum_right == 0 and distance < 15 and saturates and held < _INT16 and _range_fits16(batch.fixed_acc)


def _range_fits16(grid: FixedGrid) -> bool:
    return grid.minimum >= -_INT16 and grid.maximum < _INT16


def _is_full(grid: FixedGrid) -> bool:
    return grid.minimum == -_INT16 and grid.maximum == _INT16 - 1


def run_shift16(batch: Batch) -> NDArray[np.int16]:
    """Return the codes of the sums in int16."""
    _, _, sum_left, _ = integer_shifts(batch.problem)
    x, base, tap, bias, out = batch.integer_inputs(np.int16)
    acc = batch.fixed_acc
    low, high = np.int16(acc.minimum), np.int16(acc.maximum)
    packed = batch.weights.packed_shifts(sum_left)
    narrow_kernels.shift16(*packed, x, base, tap, bias, out, _is_full(acc), low, high)
    return out


def fixed16_lefts(batch: Batch) -> tuple[int, int] | None:
    """Return the left shifts (weights, activations) that make the wanted bits the upper half of a product, or None.

    With w' = w 2^i, x' = x 2^j and i + j = 16 - d, pmulhw gives floor(w x / 2^d); with i + j = 15 - d, pmulhrsw gives
    floor(w x / 2^d + 1/2), for |w'|, |x'| < 2^15. The product format must hold the result without a clamp, and the sum
    must need no rounding.
    """
    problem, product = batch.problem, batch.problem.product
    if not isinstance(product, FixedGrid) or not problem.all_finite or not _range_fits16(batch.fixed_acc):
        return None
    product_left, dropped, sum_left, sum_right = integer_shifts(problem)
    halves = {Rounding.TOWARD_NEGATIVE: 16, Rounding.HALF_UP: 15}
    plain = (product_left, sum_left, sum_right) == (0, 0, 0) and batch.fixed_acc.overflow is Overflow.SATURATE
    if not plain or dropped == 0 or product.rounding not in halves:
        return None
    if problem.largest_product / 2.0**product.lsb + 1 > min(-product.minimum, product.maximum):
        return None
    total = halves[product.rounding] - dropped
    room_w, room_x = (_room(operand.largest_code) for operand in (problem.weights, problem.acts))
    left = min(room_w, total)
    return (left, total - left) if total >= 0 and total - left <= room_x and min(room_w, room_x) >= 0 else None


def _room(largest_code: float) -> int:
    """How far a code can move left in 15 bits of magnitude."""
    return 15 - int(largest_code).bit_length()


def run_fixed16(batch: Batch, lefts: tuple[int, int]) -> NDArray[np.int16]:
    """Return the codes of the sums in int16."""
    acc, problem = batch.fixed_acc, batch.problem
    w = batch.weights.lanes(np.int16, problem.weights.quantum - lefts[0])
    x, base, tap, bias, out = batch.integer_inputs(np.int16, lefts[1])
    half_up = batch.addend_grid.rounding is Rounding.HALF_UP
    low, high = np.int16(acc.minimum), np.int16(acc.maximum)
    narrow_kernels.fixed16(w, x, base, tap, bias, out, half_up, _is_full(acc), low, high)
    return out


def fixed32_applies(batch: Batch) -> bool:
    """Products with their rounding constant, and sums before they are limited, stay below 2^31.

    Sums need no rounding; wrapping formats must be signed, so that keeping the low bits with their sign is the wrap.
    """
    problem, acc, product = batch.problem, batch.fixed_acc, batch.problem.product
    if not isinstance(product, FixedGrid) or not problem.all_finite:
        return False
    product_left, dropped, sum_left, sum_right = integer_shifts(problem)
    if (product_left, sum_left, sum_right) != (0, 0, 0) or dropped > 30 or product.rounding is Rounding.STOCHASTIC:
        return False
    raw = max(problem.weights.largest_code, 1.0) * max(problem.acts.largest_code, 1.0)
    ranges = [max(-grid.minimum, grid.maximum) for grid in (acc, product)]
    signed = all(grid.overflow is Overflow.SATURATE or grid.minimum == -grid.maximum - 1 for grid in (acc, product))
    return signed and raw + 2.0**dropped < _INT32 and sum(ranges) < _INT32


def run_fixed32(batch: Batch) -> NDArray[np.int32]:
    """Return the codes of the sums in int32."""
    problem = batch.problem
    _, dropped, _, _ = integer_shifts(problem)
    product = batch.addend_grid
    assert isinstance(product, FixedGrid)
    w = batch.weights.lanes(np.int32, problem.weights.quantum)
    x, base, tap, bias, out = batch.integer_inputs(np.int32)
    narrow_kernels.fixed32(
        w, x, base, tap, bias, out, narrow_params(product, dropped), narrow_params(batch.fixed_acc, 0)
    )
    return out


def codes_to_numbers(codes: NDArray[Any], grid: FixedGrid) -> NDArray[np.floating[Any]]:
    """Return codes of ``grid`` as numbers: float32 where that holds all of them, float64 elsewhere."""
    dtype = np.float32 if fits_float32(grid) else np.float64
    out = np.empty(codes.shape, dtype=dtype)
    narrow = codes.dtype == np.int16 and abs(grid.lsb) < 100
    scale_into(codes.reshape(-1), (np.float32 if narrow else np.float64)(2.0**grid.lsb), out.reshape(-1))
    return out
