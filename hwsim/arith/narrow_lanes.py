"""Sixteen-bit building blocks: saturating addition and the upper half of a product, one instruction per 32 lanes."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_I16, _I32 = ir.IntType(16), ir.IntType(32)
_PAIR = types.int16(types.int16, types.int16)


@intrinsic
def add_saturating(context: Any, a: Any, b: Any) -> Any:
    """Return a + b limited to [-32768, 32767]."""

    def generate(ctx: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = builder.module.declare_intrinsic("llvm.sadd.sat", [_I16], ir.FunctionType(_I16, [_I16, _I16]))
        return builder.call(function, args)

    return _PAIR, generate


def _wide_product(builder: Any, args: Any) -> Any:
    return builder.mul(builder.sext(args[0], _I32), builder.sext(args[1], _I32))


@intrinsic
def high_product(context: Any, a: Any, b: Any) -> Any:
    """floor(a * b / 2^16): the instruction pmulhw."""

    def generate(ctx: Any, builder: Any, signature: Any, args: Any) -> Any:
        high = builder.ashr(_wide_product(builder, args), ir.Constant(_I32, 16))
        return builder.trunc(high, _I16)

    return _PAIR, generate


@intrinsic
def rounded_high_product(context: Any, a: Any, b: Any) -> Any:
    """floor(a * b / 2^15 + 1/2): the instruction pmulhrsw, written in the form that LLVM recognises."""

    def generate(ctx: Any, builder: Any, signature: Any, args: Any) -> Any:
        kept = builder.ashr(_wide_product(builder, args), ir.Constant(_I32, 14))
        rounded = builder.ashr(builder.add(kept, ir.Constant(_I32, 1)), ir.Constant(_I32, 1))
        return builder.trunc(rounded, _I16)

    return _PAIR, generate
