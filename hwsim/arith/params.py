"""Grids as the few numbers that a kernel is steered by at run time, so that one compiled kernel serves every format."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from hwsim.formats.base import Overflow, Rounding
from hwsim.formats.grid import FixedGrid, FloatGrid

_NEAREST = (Rounding.NEAREST_EVEN, Rounding.HALF_UP)


class Lane(NamedTuple):
    """A machine float as a carrier of exact numbers."""

    dtype: type
    precision: int
    max_exponent: int
    min_quantum: int
    exponent_mask: int
    exponent_bias: int


FLOAT32 = Lane(np.float32, 24, 127, -149, 0x7F800000, 127)
FLOAT64 = Lane(np.float64, 53, 1023, -1074, 0x7FF0000000000000, 1023)


class EvenParams(NamedTuple):
    """Round to nearest even in float lanes (see lanes.round_even).

    ``limit`` ends the range that is rounded; ``up`` and ``down`` = 1 / up turn what overflows into an infinity (see
    float_kernels.float_infinite); what is smaller than ``flush`` becomes zero.
    """

    magic: float
    exponent_mask: np.signedinteger[Any]
    emin_bits: np.signedinteger[Any]
    limit: float
    up: float
    down: float
    flush: float


def even_params(grid: FloatGrid, lane: Lane, infinite: bool = False) -> EvenParams:
    """Return the parameters of a nearest-even float grid in ``lane``; ``infinite`` for overflow to infinity."""
    integer: type[np.signedinteger[Any]] = np.int32 if lane is FLOAT32 else np.int64
    emin_bits = (grid.emin + lane.exponent_bias) << (lane.precision - 1)
    beyond = grid.emax + 1
    up = 2.0 ** (lane.max_exponent + 1 - beyond) if infinite else 1.0
    limit = 2.0**beyond if infinite else float(grid.maximum)
    flush = 0.0 if grid.subnormals else 2.0**grid.emin
    return EvenParams(
        lane.dtype(1.5 * 2.0 ** (lane.precision - grid.precision)),
        integer(lane.exponent_mask),
        integer(emin_bits),
        *(lane.dtype(value) for value in (limit, up, 1.0 / up, flush)),
    )


class AnyParams(NamedTuple):
    """Any rounding and overflow, in float64 lanes.

    A value t in units of the last place becomes floor(t) or floor(t) + 1: up if t exceeds floor(t) + threshold, and
    at equality if ``tie_always``, or if ``tie_odd`` and floor(t) is odd. ``exponent_mask`` is 0 for fixed point: the
    last place is then the same for every value.
    """

    exponent_mask: np.int64
    emin_bits: np.int64
    inverse_bits: np.int64
    last_place: float
    threshold_negative: float
    threshold_positive: float
    tie_always: bool
    tie_odd: bool
    stochastic: bool
    low: float
    high: float
    below: float
    above: float
    flush: float
    infinite: float
    infinite_below: float
    seed: np.int64


def _thresholds(rounding: Rounding, unit: float, half: float) -> tuple[float, float]:
    if rounding in _NEAREST:
        return half, half
    if rounding is Rounding.TOWARD_ZERO:
        return 0.0, unit
    if rounding is Rounding.TOWARD_POSITIVE:
        return 0.0, 0.0
    return unit, unit


def any_params(grid: FloatGrid | FixedGrid) -> AnyParams:
    """Return the parameters of any float grid, or of a fixed grid (its wrap is applied by the caller)."""
    if isinstance(grid, FixedGrid):
        precision, emin, mask = 1, grid.lsb, 0
        low, high = grid.minimum * 2.0**grid.lsb, grid.maximum * 2.0**grid.lsb
        below, above, flush, infinite, infinite_below = low, high, 0.0, high, low
    else:
        precision, emin, mask = grid.precision, grid.emin, FLOAT64.exponent_mask
        high = float(grid.maximum)
        low, below, above = -high, _overflow(grid, -1), _overflow(grid, 1)
        flush = 0.0 if grid.subnormals else 2.0**grid.emin
        infinite, infinite_below = _infinite(grid), -_infinite(grid)
    negative, positive = _thresholds(grid.rounding, 1.0, 0.5)
    return AnyParams(
        np.int64(mask),
        np.int64((emin + 1023) << 52),
        _wrapped64((2046 + precision - 1) << 52),
        2.0 ** (1 - precision),
        negative,
        positive,
        grid.rounding in (Rounding.HALF_UP, Rounding.STOCHASTIC),
        grid.rounding is Rounding.NEAREST_EVEN,
        grid.rounding is Rounding.STOCHASTIC,
        low,
        high,
        below,
        above,
        flush,
        infinite,
        infinite_below,
        np.int64(grid.seed),
    )


def _wrapped64(bits: int) -> np.int64:
    """Return 64 bits as a signed integer; the kernel's subtraction wraps back into range."""
    return np.int64((bits + (1 << 63)) % (1 << 64) - (1 << 63))


def _overflow(grid: FloatGrid, sign: int) -> float:
    """Return what a finite result beyond the range becomes, from the grid's own exact definition."""
    value = grid.round(sign * grid.maximum * 4)
    return float(value) if isinstance(value, Fraction) else float(value.value)


def _infinite(grid: FloatGrid) -> float:
    """Return what an infinite operand becomes: saturating formats clip it, others keep it or make it NaN."""
    if grid.overflow is Overflow.SATURATE:
        return float(grid.maximum)
    return float("inf") if grid.has_infinity else float("nan")


class IntParams(NamedTuple):
    """Shift right by ``shift`` with any rounding, then saturate or wrap, in integer lanes."""

    shift: np.int64
    threshold_negative: np.int64
    threshold_positive: np.int64
    tie_always: bool
    tie_odd: bool
    stochastic: bool
    low: np.int64
    high: np.int64
    wrap_mask: np.int64
    seed: np.int64


def int_params(grid: FixedGrid, shift: int) -> IntParams:
    """Return the parameters that bring integers of 2^-shift units onto ``grid``."""
    unit = 1 << shift
    negative, positive = (int(t) for t in _thresholds(grid.rounding, unit, max(1, unit // 2)))
    return IntParams(
        np.int64(shift),
        np.int64(negative),
        np.int64(positive),
        shift > 0 and grid.rounding in (Rounding.HALF_UP, Rounding.STOCHASTIC),
        shift > 0 and grid.rounding is Rounding.NEAREST_EVEN,
        shift > 0 and grid.rounding is Rounding.STOCHASTIC,
        np.int64(grid.minimum),
        np.int64(grid.maximum),
        np.int64(grid.maximum - grid.minimum if grid.overflow is Overflow.WRAP else 0),
        np.int64(grid.seed),
    )


NO_ROUNDING_INT = IntParams(
    np.int64(0), np.int64(1), np.int64(1), False, False, False,
    np.int64(-(1 << 62)), np.int64((1 << 62) - 1), np.int64(0), np.int64(0),
)  # fmt: skip


class NarrowParams(NamedTuple):
    """Shift right by ``shift`` with a deterministic rounding, then saturate or wrap, in int32 lanes (see fixed32)."""

    shift: np.int32
    offset: np.int32
    even: np.int32
    toward_zero: np.int32
    sign_place: np.int32
    low: np.int32
    high: np.int32
    wrap: np.int32


def narrow_params(grid: FixedGrid, shift: int) -> NarrowParams:
    """Return the parameters that bring 32-bit integers of 2^-shift units onto ``grid``."""
    unit = 1 << shift
    even = grid.rounding is Rounding.NEAREST_EVEN and shift > 0
    offsets = {
        Rounding.NEAREST_EVEN: max(unit // 2 - 1, 0),
        Rounding.HALF_UP: unit // 2,
        Rounding.TOWARD_POSITIVE: unit - 1,
    }
    toward_zero = unit - 1 if grid.rounding is Rounding.TOWARD_ZERO else 0
    width = (grid.maximum - grid.minimum).bit_length()
    wrap = 32 - width if grid.overflow is Overflow.WRAP else 0
    values = (shift, offsets.get(grid.rounding, 0), int(even), toward_zero, 31, grid.minimum, grid.maximum, wrap)
    return NarrowParams(*(np.int32(value) for value in values))
