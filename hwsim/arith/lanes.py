"""Vector-friendly building blocks: bit casts, fused multiply-add, and rounding in a handful of instructions.

numba promotes small integers to 64 bits, which halves the vector width; the intrinsics keep 32-bit lanes 32 bits wide.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

inline = njit(inline="always")


@intrinsic
def fma(context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a * b + c with one rounding."""
    return a(a, a, a), lambda ctx, builder, sig, args: builder.fma(*args)


@intrinsic
def bits_of(context: Any, value: Any) -> Any:
    """The bit pattern of a float as the signed integer of the same width."""
    integer = types.int32 if value == types.float32 else types.int64
    return integer(value), lambda ctx, builder, sig, args: builder.bitcast(args[0], ir.IntType(integer.bitwidth))


@intrinsic
def float_of(context: Any, bits: Any) -> Any:
    """The float of the same width that has this bit pattern."""
    kind, llvm = (types.float32, ir.FloatType()) if bits == types.int32 else (types.float64, ir.DoubleType())
    return kind(bits), lambda ctx, builder, sig, args: builder.bitcast(args[0], llvm)


@intrinsic
def masked_max(context: Any, bits: Any, mask: Any, low: Any) -> Any:
    """max(bits & mask, low), signed, without promotion."""

    def generate(ctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        masked = builder.and_(args[0], args[1])
        return builder.select(builder.icmp_signed(">", masked, args[2]), masked, args[2])

    return bits(bits, bits, bits), generate


@intrinsic
def add_int(context: Any, a: Any, b: Any) -> Any:
    """Return a + b in the width of a."""
    return a(a, a), lambda ctx, builder, sig, args: builder.add(*args)


@intrinsic
def sub_int(context: Any, a: Any, b: Any) -> Any:
    """Return a - b in the width of a."""
    return a(a, a), lambda ctx, builder, sig, args: builder.sub(*args)


@intrinsic
def shift_left(context: Any, a: Any, b: Any) -> Any:
    """Return a << b in the width of a."""
    return a(a, a), lambda ctx, builder, sig, args: builder.shl(*args)


@intrinsic
def shift_right(context: Any, a: Any, b: Any) -> Any:
    """Return a >> b, arithmetic, in the width of a."""
    return a(a, a), lambda ctx, builder, sig, args: builder.ashr(*args)


@intrinsic
def mul_int(context: Any, a: Any, b: Any) -> Any:
    """A * b in the width of a."""
    return a(a, a), lambda ctx, builder, sig, args: builder.mul(*args)


@intrinsic
def and_int(context: Any, a: Any, b: Any) -> Any:
    """A & b in the width of a."""
    return a(a, a), lambda ctx, builder, sig, args: builder.and_(*args)


@intrinsic
def xor_int(context: Any, a: Any, b: Any) -> Any:
    """Return a ^ b in the width of a."""
    return a(a, a), lambda ctx, builder, sig, args: builder.xor(*args)


@inline
def clamp(x: Any, low: Any, high: Any) -> Any:
    """Limit x to [low, high] as two instructions."""
    return min(max(x, low), high)


@inline
def round_even(x: Any, magic: Any, exponent_mask: Any, emin_bits: Any) -> Any:
    """Round a finite x to nearest even on a floating-point grid of p bits, subnormals included.

    ``magic`` is 1.5 * 2^(L - p) for lanes of L significand bits. e2 = 2^max(exponent(x), emin); adding magic * e2
    puts x on a scale whose last place is the wanted one, so the hardware's own rounding does the work, and
    subtracting is exact.
    """
    e2 = float_of(masked_max(bits_of(x), exponent_mask, emin_bits))
    return fma(-e2, magic, fma(e2, magic, x))


@inline
def round_even_sum(x: Any, magic: Any, exponent_mask: Any) -> Any:
    """Round like ``round_even`` a multiple of the grid's smallest step: below 2^emin such a number is on the grid."""
    e2 = float_of(and_int(bits_of(x), exponent_mask))
    return fma(-e2, magic, fma(e2, magic, x))


@inline
def clamp_numbers(x: Any, low: Any, high: Any) -> Any:
    """Limit x to [low, high]; NaN stays NaN, because a comparison with it is false."""
    x = low if x < low else x
    return high if x > high else x
