"""The compiled quantizers: rows x images, any format."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsim.arith.lanes import clamp_numbers, round_even
from hwsim.arith.random24 import row_hash
from hwsim.arith.scalar_ops import round_any
from hwsim.compiled import compiled


@compiled
def quantize_even(
    x: Any, out: Any, magic: Any, exponent_mask: Any, emin_bits: Any, low: Any, high: Any, zero: Any, up: Any, down: Any
) -> Any:
    """Nearest even, saturating or overflowing to infinity, in the lanes of ``zero``; returns how many are NaN.

    Clamping first is the same, as both ends are on the grid, and it takes care of the infinities. For overflow to
    infinity the ends are the first numbers too large, which ``up`` takes out of the lane's range; ``down`` = 1 / up
    brings back all others (see hwsim.arith.float_kernels.float_infinite).
    """
    nan = 0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            v = clamp_numbers(x[i, j] + zero, low, high)
            r = round_even(v, magic, exponent_mask, emin_bits) * up * down + zero
            nan += r != r  # noqa: PLR0124  only NaN differs from itself
            out[i, j] = r
    return nan


@compiled
def quantize_any(x: Any, out: Any, q: Any, image: Any) -> None:
    """Any rounding and overflow (AnyParams q)."""
    for i in range(x.shape[0]):
        h = row_hash(q.seed, 0, i)
        for j in range(x.shape[1]):
            out[i, j] = round_any(np.float64(x[i, j]), q, h, image + j) + 0.0


@compiled
def scale_into(x: Any, scale: Any, out: Any) -> None:
    """Write x * scale to ``out``, both flat, in the type of ``out``: one pass where numpy needs a temporary or two."""
    for j in range(x.shape[0]):
        out[j] = x[j] * scale
