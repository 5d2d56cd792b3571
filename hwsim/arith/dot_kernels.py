"""The compiled dot products. Lanes run across images; k ascends; nothing is reordered, contracted or fused unasked.

Every kernel computes out[n, p, :] = bias[n] and then, for k ascending,
out = round(out + round(w[n, k] * x[base[p] + tap[k], :])).
The row base[p] + tap[k] of ``x`` is input k of output position p, so convolutions need no im2col matrix and a linear
layer is the case of one position. Weights are the scalar side: a zero weight skips its whole row of lanes, which is
exact because adding a zero product leaves a member of the accumulator format unchanged.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsim.arith.lanes import add_int, clamp, fma, shift_left, sub_int
from hwsim.arith.random24 import row_hash
from hwsim.arith.scalar_ops import add_to_odd, round_any, round_shift
from hwsim.compiled import compiled


@compiled
def float_any(
    w: Any, x: Any, base: Any, tap: Any, bias: Any, out: Any, rounds_product: Any, q: Any, s: Any, skip: Any, image: Any
) -> None:
    """Any rounding, overflow and mixture of fixed and float grids in float64 lanes (AnyParams q, s)."""
    for p in range(base.shape[0]):
        for n in range(w.shape[0]):
            c = out[n, p]
            c[:] = bias[n]
            row = n * base.shape[0] + p
            for k in range(w.shape[1]):
                a = w[n, k]
                if skip and a == 0:
                    continue
                b = x[base[p] + tap[k]]
                hq = row_hash(q.seed, 2 * k + 2, row)
                hs = row_hash(s.seed, 2 * k + 3, row)
                for j in range(c.shape[0]):
                    r = a * b[j]
                    if rounds_product:
                        r = round_any(r, q, hq, image + j)
                    c[j] = round_any(add_to_odd(c[j], r), s, hs, image + j)


@compiled
def fixed_even(
    w: Any, x: Any, base: Any, tap: Any, bias: Any, out: Any, rounds_product: Any, magic: Any, low: Any, high: Any,
    magic_product: Any, low_product: Any, high_product: Any,
) -> None:  # fmt: skip
    """Fixed point, nearest even, saturating, in float lanes: magic = 1.5 * 2^(L-1) last places of the target.

    fma(a, b, c + magic) rounds c + a * b once, at the wanted place, because magic fixes the exponent.
    """
    for p in range(base.shape[0]):
        for n in range(w.shape[0]):
            c = out[n, p]
            c[:] = bias[n]
            for k in range(w.shape[1]):
                a = w[n, k]
                if a == 0:
                    continue
                b = x[base[p] + tap[k]]
                if rounds_product:
                    for j in range(c.shape[0]):
                        r = clamp(fma(a, b[j], magic_product) - magic_product, low_product, high_product)
                        c[j] = clamp(c[j] + r, low, high)
                else:
                    for j in range(c.shape[0]):
                        c[j] = clamp(fma(a, b[j], c[j] + magic) - magic, low, high)


@compiled
def fixed_any(w: Any, x: Any, base: Any, tap: Any, bias: Any, out: Any, up: Any, q: Any, s: Any, image: Any) -> None:
    """Fixed point, any rounding, saturating or wrapping, in int64 lanes (IntParams q, s).

    ``up`` = (product_up, sum_up): left shifts that bring the product onto its format's grid where that is finer, and
    the running sum, or the product, onto the finer of the two for the addition.
    """
    for p in range(base.shape[0]):
        for n in range(w.shape[0]):
            c = out[n, p]
            c[:] = bias[n]
            row = n * base.shape[0] + p
            for k in range(w.shape[1]):
                a = w[n, k]
                if a == 0:
                    continue
                b = x[base[p] + tap[k]]
                hq = row_hash(q.seed, 2 * k + 2, row)
                hs = row_hash(s.seed, 2 * k + 3, row)
                for j in range(c.shape[0]):
                    r = round_shift((a * b[j]) << up[0], q, hq, image + j)
                    c[j] = round_shift((c[j] << s.shift) + (r << up[1]), s, hs, image + j)


@compiled
def shift_add(sign: Any, shift: Any, x: Any, base: Any, tap: Any, bias: Any, out: Any, low: Any, high: Any) -> None:
    """Shift and add, saturating, no multiplication: sign and shift are [n, k, term] (int32 or int64 lanes).

    For accumulators at least as fine as the products, so that a sum is exact before it saturates.
    """
    for p in range(base.shape[0]):
        for n in range(sign.shape[0]):
            c = out[n, p]
            c[:] = bias[n]
            for k in range(sign.shape[1]):
                b = x[base[p] + tap[k]]
                terms = sign[n, k]
                if terms.shape[0] == 1 or terms[1] == 0:
                    distance = shift[n, k, 0]
                    if terms[0] > 0:
                        for j in range(c.shape[0]):
                            c[j] = clamp(add_int(c[j], shift_left(b[j], distance)), low, high)
                    elif terms[0] < 0:
                        for j in range(c.shape[0]):
                            c[j] = clamp(sub_int(c[j], shift_left(b[j], distance)), low, high)
                else:
                    _add_terms(terms, shift[n, k], b, c, low, high)


@compiled
def _add_terms(terms: Any, shifts: Any, b: Any, c: Any, low: Any, high: Any) -> None:
    for j in range(c.shape[0]):
        r = sub_int(b[j], b[j])
        for t in range(terms.shape[0]):
            moved = shift_left(b[j], shifts[t])
            r = add_int(r, moved) if terms[t] > 0 else (sub_int(r, moved) if terms[t] < 0 else r)
        c[j] = clamp(add_int(c[j], r), low, high)


@compiled
def shift_add_any(
    sign: Any, shift: Any, x: Any, base: Any, tap: Any, bias: Any, out: Any, up: Any, q: Any, s: Any, image: Any
) -> None:
    """Shift and add with any rounding of product and sum, saturating or wrapping, in int64 lanes."""
    for p in range(base.shape[0]):
        for n in range(sign.shape[0]):
            c = out[n, p]
            c[:] = bias[n]
            row = n * base.shape[0] + p
            for k in range(sign.shape[1]):
                if sign[n, k, 0] == 0:
                    continue
                b = x[base[p] + tap[k]]
                hq = row_hash(q.seed, 2 * k + 2, row)
                hs = row_hash(s.seed, 2 * k + 3, row)
                for j in range(c.shape[0]):
                    r = np.int64(0)
                    for t in range(sign.shape[2]):
                        moved = b[j] << shift[n, k, t]
                        r += moved if sign[n, k, t] > 0 else (-moved if sign[n, k, t] < 0 else 0)
                    r = round_shift(r << up[0], q, hq, image + j)
                    c[j] = round_shift((c[j] << s.shift) + (r << up[1]), s, hs, image + j)
