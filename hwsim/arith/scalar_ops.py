"""One rounding of one lane, in numba, for every mode: shared by the dot-product kernels and the quantizers."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsim.arith.lanes import bits_of, float_of, inline, masked_max
from hwsim.arith.random24 import mix_lane


@inline
def round_any(v: Any, q: Any, hashed_row: Any, image: Any) -> Any:
    """Round v to the grid of ``q`` (AnyParams); v is exact, or has its last bit odd where it is not (round-to-odd)."""
    exponent = masked_max(bits_of(v), q.exponent_mask, q.emin_bits)
    t = v * float_of(q.inverse_bits - exponent)
    floor = np.floor(t)
    threshold = q.threshold_negative if t < 0.0 else q.threshold_positive
    edge = floor + threshold
    if q.stochastic:
        # floor + threshold would need more bits than there are; t - floor is exact except just below zero.
        moved = 0.0 if floor == -1.0 else floor
        threshold = 1.0 - np.float64(mix_lane(np.int64(image) ^ hashed_row) >> 8) * (1.0 / 16777216.0)
        t, edge = t - moved, (floor - moved) + threshold
    odd = floor * 0.5 != np.floor(floor * 0.5)
    up = (t > edge) or ((t == edge) and (q.tie_always or (q.tie_odd and odd)))
    r = (floor + (1.0 if up else 0.0)) * (float_of(exponent) * q.last_place)
    r = 0.0 if abs(r) < q.flush else r
    r = q.above if r > q.high else r
    r = q.below if r < q.low else r
    if abs(v) < np.inf:
        return r
    return q.infinite if v > 0.0 else (q.infinite_below if v < 0.0 else v)


@inline
def add_to_odd(a: Any, b: Any) -> Any:
    """Return a + b rounded to odd: exact, or with the last bit set, so that a later rounding to fewer bits is correct.

    TwoSum (Knuth) gives the exact error of the rounded sum; where it is not zero, the neighbour whose last bit is
    odd is taken (Boldo & Melquiond 2008, "Emulation of FMA and correctly rounded sums").
    """
    s = a + b
    bb = s - a
    error = (a - (s - bb)) + (b - bb)
    bits = bits_of(s)
    step = 1 if (error > 0.0) == (s > 0.0) else -1
    inexact = (error != 0.0) and (abs(s) < np.inf) and ((bits & 1) == 0)
    return float_of(bits + step) if inexact else s


@inline
def round_shift(v: Any, q: Any, hashed_row: Any, image: Any) -> Any:
    """Shift the integer v right with the rounding of ``q`` (IntParams), then saturate or wrap."""
    floor = v >> q.shift
    rest = v - (floor << q.shift)
    threshold = q.threshold_negative if v < 0 else q.threshold_positive
    if q.stochastic:
        threshold = (np.int64(1) << q.shift) - (((mix_lane(np.int64(image) ^ hashed_row) >> 8) << q.shift) >> 24)
    up = (rest > threshold) or ((rest == threshold) and (q.tie_always or (q.tie_odd and (floor & 1) == 1)))
    r = floor + (1 if up else 0)
    if q.wrap_mask != 0:
        return ((r - q.low) & q.wrap_mask) + q.low
    return min(max(r, q.low), q.high)
