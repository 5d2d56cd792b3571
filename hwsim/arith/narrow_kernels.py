"""Dot products of narrow fixed point in 16- and 32-bit lanes: as many lanes per instruction as the numbers allow.

The contract and the arguments are those of hwsim.arith.dot_kernels; hwsim.arith.narrow proves when each is exact.
"""

from __future__ import annotations

from typing import Any

from hwsim.arith.lanes import add_int, and_int, clamp, mul_int, shift_left, shift_right, sub_int, xor_int
from hwsim.arith.narrow_lanes import add_saturating, high_product, rounded_high_product
from hwsim.compiled import compiled


@compiled
def fixed16(
    w: Any, x: Any, base: Any, tap: Any, bias: Any, out: Any, half_up: Any, full: Any, low: Any, high: Any
) -> None:
    """Products rounded down (or half up), sums saturating, in int16 lanes; ``full`` means a range of 16 bits.

    A full range takes two k in one sweep, still one after the other: half the loads and stores of the sums.
    """
    pairs = w.shape[1] // 2 if full else 0
    for p in range(base.shape[0]):
        for n in range(w.shape[0]):
            c = out[n, p]
            c[:] = bias[n]
            for pair in range(pairs):
                k = 2 * pair
                a, d = w[n, k], w[n, k + 1]
                if a == 0 and d == 0:
                    continue
                b, e = x[base[p] + tap[k]], x[base[p] + tap[k + 1]]
                if half_up:
                    for j in range(c.shape[0]):
                        first = add_saturating(c[j], rounded_high_product(a, b[j]))
                        c[j] = add_saturating(first, rounded_high_product(d, e[j]))
                else:
                    for j in range(c.shape[0]):
                        c[j] = add_saturating(add_saturating(c[j], high_product(a, b[j])), high_product(d, e[j]))
            for k in range(2 * pairs, w.shape[1]):
                a = w[n, k]
                if a == 0:
                    continue
                b = x[base[p] + tap[k]]
                if half_up:
                    for j in range(c.shape[0]):
                        c[j] = clamp(add_saturating(c[j], rounded_high_product(a, b[j])), low, high)
                else:
                    for j in range(c.shape[0]):
                        c[j] = clamp(add_saturating(c[j], high_product(a, b[j])), low, high)


@compiled
def shift16(
    order: Any, count: Any, sign: Any, shift: Any, x: Any, base: Any, tap: Any, bias: Any, out: Any, full: Any,
    low: Any, high: Any,
) -> None:  # fmt: skip
    """Shift and saturating add in int16 lanes, no multiplication.

    order[n, :count[n]] are the k of nonzero weights, ascending; of the i-th of them, sign[n, i] is 0 for plus and -1
    for minus, and shift[n, i] the distance: (v ^ -1) - -1 = -v without a branch. Two of them are added in one sweep,
    one after the other.
    """
    for p in range(base.shape[0]):
        for n in range(order.shape[0]):
            c = out[n, p]
            c[:] = bias[n]
            pairs = count[n] // 2 if full else 0
            for pair in range(pairs):
                i = 2 * pair
                b, e = x[base[p] + tap[order[n, i]]], x[base[p] + tap[order[n, i + 1]]]
                g, h, s, t = shift[n, i], shift[n, i + 1], sign[n, i], sign[n, i + 1]
                for j in range(c.shape[0]):
                    first = sub_int(xor_int(shift_left(b[j], g), s), s)
                    second = sub_int(xor_int(shift_left(e[j], h), t), t)
                    c[j] = add_saturating(add_saturating(c[j], first), second)
            for i in range(2 * pairs, count[n]):
                b, g, s = x[base[p] + tap[order[n, i]]], shift[n, i], sign[n, i]
                for j in range(c.shape[0]):
                    moved = sub_int(xor_int(shift_left(b[j], g), s), s)
                    c[j] = clamp(add_saturating(c[j], moved), low, high)


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
