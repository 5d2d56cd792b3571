"""Dot products of narrow fixed point in 16- and 32-bit lanes: as many lanes per instruction as the numbers allow.

The contract and the arguments are those of hwsim.arith.dot_kernels; hwsim.arith.narrow proves when each is exact.
"""

from __future__ import annotations

from typing import Any

from hwsim.arith.compiled import compiled
from hwsim.arith.lanes import add_int, and_int, clamp, mul_int, shift_left, shift_right
from hwsim.arith.narrow_lanes import add_saturating, high_product, rounded_high_product, sub_saturating


@compiled
def fixed16(
    w: Any, x: Any, base: Any, tap: Any, bias: Any, out: Any, half_up: Any, full: Any, low: Any, high: Any
) -> None:
    """Products rounded down (or half up), sums saturating, in int16 lanes; ``full`` means a range of 16 bits."""
    for p in range(base.shape[0]):
        for n in range(w.shape[0]):
            c = out[n, p]
            c[:] = bias[n]
            for k in range(w.shape[1]):
                a = w[n, k]
                if a == 0:
                    continue
                b = x[base[p] + tap[k]]
                if half_up and full:
                    for j in range(c.shape[0]):
                        c[j] = add_saturating(c[j], rounded_high_product(a, b[j]))
                elif half_up:
                    for j in range(c.shape[0]):
                        c[j] = clamp(add_saturating(c[j], rounded_high_product(a, b[j])), low, high)
                elif full:
                    for j in range(c.shape[0]):
                        c[j] = add_saturating(c[j], high_product(a, b[j]))
                else:
                    for j in range(c.shape[0]):
                        c[j] = clamp(add_saturating(c[j], high_product(a, b[j])), low, high)


@compiled
def shift16(
    sign: Any, shift: Any, x: Any, base: Any, tap: Any, bias: Any, out: Any, full: Any, low: Any, high: Any
) -> None:
    """Shift and saturating add in int16 lanes, no multiplication: sign and shift are [n, k]."""
    for p in range(base.shape[0]):
        for n in range(sign.shape[0]):
            c = out[n, p]
            c[:] = bias[n]
            for k in range(sign.shape[1]):
                direction = sign[n, k]
                if direction == 0:
                    continue
                b = x[base[p] + tap[k]]
                distance = shift[n, k]
                if full and direction > 0:
                    for j in range(c.shape[0]):
                        c[j] = add_saturating(c[j], shift_left(b[j], distance))
                elif full:
                    for j in range(c.shape[0]):
                        c[j] = sub_saturating(c[j], shift_left(b[j], distance))
                elif direction > 0:
                    for j in range(c.shape[0]):
                        c[j] = clamp(add_saturating(c[j], shift_left(b[j], distance)), low, high)
                else:
                    for j in range(c.shape[0]):
                        c[j] = clamp(sub_saturating(c[j], shift_left(b[j], distance)), low, high)


@compiled
def fixed32(w: Any, x: Any, base: Any, tap: Any, bias: Any, out: Any, q: Any, s: Any) -> None:
    """Any deterministic rounding of the products, saturating or wrapping, in int32 lanes (NarrowParams q, s).

    A product v becomes (v + offset) >> shift: offset 0 rounds down, 2^shift - 1 up, half of 2^shift half up.
    ``even`` = 1 adds the bit of v that makes ties go to even to an offset of one less than half; ``toward_zero``
    = 2^shift - 1 is added to negative v alone.
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
                if q.wrap != 0 or s.wrap != 0:
                    for j in range(c.shape[0]):
                        v = mul_int(a, b[j])
                        v = add_int(v, and_int(shift_right(v, q.sign_place), q.toward_zero))
                        r = shift_right(
                            add_int(add_int(v, q.offset), and_int(shift_right(v, q.shift), q.even)), q.shift
                        )
                        r = clamp(shift_right(shift_left(r, q.wrap), q.wrap), q.low, q.high)
                        t = add_int(c[j], r)
                        c[j] = clamp(shift_right(shift_left(t, s.wrap), s.wrap), s.low, s.high)
                elif q.even != 0:
                    for j in range(c.shape[0]):
                        v = mul_int(a, b[j])
                        r = shift_right(
                            add_int(add_int(v, q.offset), and_int(shift_right(v, q.shift), q.even)), q.shift
                        )
                        c[j] = clamp(add_int(c[j], clamp(r, q.low, q.high)), s.low, s.high)
                elif q.toward_zero != 0:
                    for j in range(c.shape[0]):
                        v = mul_int(a, b[j])
                        v = add_int(v, and_int(shift_right(v, q.sign_place), q.toward_zero))
                        c[j] = clamp(add_int(c[j], clamp(shift_right(v, q.shift), q.low, q.high)), s.low, s.high)
                else:
                    for j in range(c.shape[0]):
                        r = shift_right(add_int(mul_int(a, b[j]), q.offset), q.shift)
                        c[j] = clamp(add_int(c[j], clamp(r, q.low, q.high)), s.low, s.high)
