"""The compiled quantizers: rows x images, any format."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsim.arith.compiled import compiled
from hwsim.arith.lanes import clamp, round_even
from hwsim.arith.random24 import row_hash
from hwsim.arith.scalar_ops import round_any


@compiled
def quantize_even(x: Any, out: Any, magic: Any, exponent_mask: Any, emin_bits: Any, low: Any, high: Any) -> None:
    """Nearest even and saturating in float64 lanes; clamping first is the same, as both ends are on the grid."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            v = clamp(np.float64(x[i, j]), low, high)
            out[i, j] = round_even(v, magic, exponent_mask, emin_bits) + 0.0


@compiled
def quantize_any(x: Any, out: Any, q: Any, image: Any) -> None:
    """Any rounding and overflow (AnyParams q)."""
    for i in range(x.shape[0]):
        h = row_hash(q.seed, 0, i)
        for j in range(x.shape[1]):
            out[i, j] = round_any(np.float64(x[i, j]), q, h, image + j) + 0.0
