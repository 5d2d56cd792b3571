"""The compiled dot products of nearest-even floating point, in float32 or float64 lanes.

The contract and the arguments are those of hwsim.arith.dot_kernels; hwsim.arith.conditions proves when each is exact.
Each format's grid comes as EvenParams: q of the products, s of the sums.
"""

from __future__ import annotations

from typing import Any

from hwsim.arith.lanes import clamp, clamp_numbers, round_even, round_even_sum
from hwsim.compiled import compiled


@compiled
def float_even(w: Any, x: Any, base: Any, tap: Any, bias: Any, out: Any, rounds_product: Any, q: Any, s: Any) -> None:
    """Nearest even, saturating, product rounded or exact."""
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
                        r = round_even(clamp(a * b[j], -q.limit, q.limit), q.magic, q.exponent_mask, q.emin_bits)
                        c[j] = round_even(clamp(c[j] + r, -s.limit, s.limit), s.magic, s.exponent_mask, s.emin_bits)
                else:
                    for j in range(c.shape[0]):
                        r = a * b[j]
                        c[j] = round_even(clamp(c[j] + r, -s.limit, s.limit), s.magic, s.exponent_mask, s.emin_bits)


@compiled
def float_free(w: Any, x: Any, base: Any, tap: Any, bias: Any, out: Any, rounds_product: Any, q: Any, s: Any) -> None:
    """Nearest even where no clamp can fire and sums are multiples of the accumulator's smallest step."""
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
                        r = round_even(a * b[j], q.magic, q.exponent_mask, q.emin_bits)
                        c[j] = round_even_sum(c[j] + r, s.magic, s.exponent_mask)
                else:
                    for j in range(c.shape[0]):
                        c[j] = round_even_sum(c[j] + a * b[j], s.magic, s.exponent_mask)


@compiled
def float_infinite(
    w: Any, x: Any, base: Any, tap: Any, bias: Any, out: Any, rounds_product: Any, q: Any, s: Any, skip: Any
) -> None:
    """Nearest even, overflow to infinity (IEEE formats), infinities and NaN passed on.

    A number is limited to 2^(emax + 1), the first that is too large, and rounded; multiplied by a power of two it
    leaves the lane's range exactly if it is still that number, and dividing again brings all others back.
    """
    for p in range(base.shape[0]):
        for n in range(w.shape[0]):
            c = out[n, p]
            c[:] = bias[n]
            for k in range(w.shape[1]):
                a = w[n, k]
                if skip and a == 0:
                    continue
                b = x[base[p] + tap[k]]
                if rounds_product:
                    for j in range(c.shape[0]):
                        r = clamp_numbers(a * b[j], -q.limit, q.limit)
                        r = round_even(r, q.magic, q.exponent_mask, q.emin_bits) * q.up * q.down
                        v = clamp_numbers(c[j] + r, -s.limit, s.limit)
                        c[j] = round_even(v, s.magic, s.exponent_mask, s.emin_bits) * s.up * s.down
                else:
                    for j in range(c.shape[0]):
                        v = clamp_numbers(c[j] + a * b[j], -s.limit, s.limit)
                        c[j] = round_even(v, s.magic, s.exponent_mask, s.emin_bits) * s.up * s.down


@compiled
def float_flush(w: Any, x: Any, base: Any, tap: Any, bias: Any, out: Any, rounds_product: Any, q: Any, s: Any) -> None:
    """Nearest even, saturating, results below the smallest normal number flushed to zero after rounding."""
    zero = w.dtype.type(0)
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
                        r = round_even(clamp(a * b[j], -q.limit, q.limit), q.magic, q.exponent_mask, q.emin_bits)
                        r = zero if abs(r) < q.flush else r
                        v = round_even(clamp(c[j] + r, -s.limit, s.limit), s.magic, s.exponent_mask, s.emin_bits)
                        c[j] = zero if abs(v) < s.flush else v
                else:
                    for j in range(c.shape[0]):
                        v = clamp(c[j] + a * b[j], -s.limit, s.limit)
                        v = round_even(v, s.magic, s.exponent_mask, s.emin_bits)
                        c[j] = zero if abs(v) < s.flush else v
