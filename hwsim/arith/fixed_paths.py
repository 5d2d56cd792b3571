"""The ways to compute a dot product of fixed-point numbers: each runs where its condition holds, None elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith import conditions, dot_kernels, narrow
from hwsim.arith.batch import Batch, Values
from hwsim.arith.float_paths import Found, positive_zero
from hwsim.arith.params import FLOAT32, FLOAT64, Lane
from hwsim.formats.base import Overflow
from hwsim.formats.grid import FixedGrid


def _is_fixed(batch: Batch) -> bool:
    return isinstance(batch.problem.acc, FixedGrid) and isinstance(batch.problem.product, FixedGrid | None)


def _numbers(batch: Batch, path: str, codes: NDArray[Any]) -> tuple[str, Values]:
    return f"{path}/{codes.dtype}", narrow.codes_to_numbers(codes, batch.fixed_acc)


def shift16(batch: Batch) -> Found:
    """Shift and add in int16 lanes."""
    if not _is_fixed(batch) or not narrow.shift16_applies(batch):
        return None
    return _numbers(batch, "shift16", narrow.run_shift16(batch))


def fixed16(batch: Batch) -> Found:
    """Truncated or half-up products in int16 lanes."""
    lefts = narrow.fixed16_lefts(batch) if _is_fixed(batch) else None
    return None if lefts is None else _numbers(batch, "fixed16", narrow.run_fixed16(batch, lefts))


def fixed32(batch: Batch) -> Found:
    """Any deterministic rounding of products in int32 lanes."""
    if not _is_fixed(batch) or batch.weights.shifts is not None or not narrow.fixed32_applies(batch):
        return None
    return _numbers(batch, "fixed32", narrow.run_fixed32(batch))


def shift_add(batch: Batch) -> Found:
    """Shift and add, exact until it saturates, in int32 or int64 lanes."""
    problem, shifts = batch.problem, batch.weights.shifts
    if shifts is None or not _is_fixed(batch) or not conditions.integer_applies(problem, 64):
        return None
    sign, shift = shifts
    _, _, sum_left, sum_right = conditions.integer_shifts(problem)
    distance = int(shift.max(initial=0)) + sum_left
    saturates = batch.fixed_acc.overflow is Overflow.SATURATE
    if problem.product is not None or sum_right or not saturates or distance >= 63:
        return None
    lane = np.int32 if distance < 31 and conditions.integer_applies(problem, 32) else np.int64
    x, base, tap, bias, out = batch.integer_inputs(lane)
    low, high = _lane_limits(batch.fixed_acc, lane)
    dot_kernels.shift_add(sign, (shift + sum_left).astype(lane), x, base, tap, bias, out, low, high)
    return _numbers(batch, "shift_add", out)


def shift_add_any(batch: Batch) -> Found:
    """Shift and add with any rounding, saturating or wrapping, in int64 lanes."""
    shifts = batch.weights.shifts
    if shifts is None or not _is_fixed(batch) or not conditions.integer_applies(batch.problem, 64):
        return None
    x, base, tap, bias, out = batch.integer_inputs(np.int64)
    up, q, s = batch.integer_moves()
    dot_kernels.shift_add_any(*shifts, x, base, tap, bias, out, up, q, s, batch.image)
    return _numbers(batch, "shift_add_any", out)


def fixed_any(batch: Batch) -> Found:
    """Any rounding, saturating or wrapping, in int64 lanes."""
    if batch.weights.shifts is not None or not _is_fixed(batch) or not conditions.integer_applies(batch.problem, 64):
        return None
    x, base, tap, bias, out = batch.integer_inputs(np.int64)
    up, q, s = batch.integer_moves()
    w = batch.weights.lanes(np.int64, batch.problem.weights.quantum)
    dot_kernels.fixed_any(w, x, base, tap, bias, out, up, q, s, batch.image)
    return _numbers(batch, "fixed_any", out)


def fixed_even32(batch: Batch) -> Found:
    """Nearest even and saturating, in float32 lanes."""
    return _fixed_even(batch, FLOAT32)


def fixed_even64(batch: Batch) -> Found:
    """Nearest even and saturating, in float64 lanes."""
    return _fixed_even(batch, FLOAT64)


def _fixed_even(batch: Batch, lane: Lane) -> Found:
    # Powers of two are added by shifting wherever integers hold them, as in the hardware.
    shifts = batch.weights.shifts is not None and conditions.integer_applies(batch.problem, 64)
    if shifts or not conditions.fixed_even_applies(batch.problem, lane):
        return None
    arguments = batch.float_arguments(lane)
    product = batch.addend_grid
    assert isinstance(product, FixedGrid)
    limits = *_magic(batch.fixed_acc, lane), *_magic(product, lane)
    dot_kernels.fixed_even(*arguments, batch.rounds_product, *limits)
    return f"fixed_even/{np.dtype(lane.dtype)}", positive_zero(arguments[-1])


def _magic(grid: FixedGrid, lane: Lane) -> tuple[Any, Any, Any]:
    unit = 2.0**grid.lsb
    values = 1.5 * 2.0 ** (lane.precision - 1) * unit, grid.minimum * unit, grid.maximum * unit
    return lane.dtype(values[0]), lane.dtype(values[1]), lane.dtype(values[2])


def _lane_limits(grid: FixedGrid, lane: type) -> tuple[Any, Any]:
    """The ends of the range as the lane can hold them; an end beyond it is one that no sum reaches."""
    info = np.iinfo(lane)
    return lane(max(grid.minimum, info.min)), lane(min(grid.maximum, info.max))
