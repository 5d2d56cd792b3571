"""The floating-point core against exact rationals, numpy and ml_dtypes."""

from __future__ import annotations

import itertools
import random
import shutil

import numpy as np
import pytest
from core_cases import Case, around, assert_equal, exhaustive, random_vectors, simulated

from hwsim.formats import FixedFormat, FloatFormat, NumberFormat
from hwsim.formats.pe_kinds import element_of

pytestmark = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog (iverilog) is not installed")

ROUNDINGS = ["rne", "rtz", "rtn", "rhu", "rtp"]

EXHAUSTIVE = [
    Case("float<2,1>", "float<2,1>", "float<2,2>"),
    Case("float<2,1>", "float<3,1>", "float<3,1>"),
    Case("float<2,1,ieee>", "float<3,1,ieee>", "float<3,1,ieee>"),
    Case("float<2,1,ieee>", "float<2,1,ieee>", "float<3,2,ieee,sat>"),
    Case("float<2,1,fn>", "float<2,1,fn>", "float<2,2,fn,inf>"),
    Case("float<2,1,ieee>", "float<2,1,fn>", "float<2,2,fn>"),
    Case("float<3,1,ftz>", "float<3,1,ftz>", "float<2,2,ftz>"),
    Case("float<2,1,ftz>", "float<2,1>", "float<3,1,ftz,ieee>"),
    Case("float<3,0>", "float<2,0>", "float<3,1>"),
    Case("float<2,1>", "float<2,1>", "float<4,0>"),
    Case("float<1,1>", "float<1,2>", "float<2,2>"),
    Case("float<2,2>", "float<2,1>", "float<3,1,bias=0>"),
    Case("float<2,1,bias=5>", "float<2,1>@2^3", "float<3,1>@2^-1"),
    Case("float<2,1>", "float<2,1>", "float<2,4>"),
    Case("float<2,1>", "float<2,1>", "float<3,2>", "float<2,1>"),
    Case("float<2,1>", "float<2,1>", "float<2,2>", "float<3,1,ftz>"),
    Case("float<2,1,ieee>", "float<2,1,ieee>", "float<2,2,ieee>", "float<2,1,ieee>"),
    Case("float<2,1,ieee>", "float<2,1,ieee>", "float<2,2,ieee>", "float<2,1,fn,inf>"),
    Case("float<2,1>", "float<2,1>", "float<2,2>", "float<1,0>"),
    Case("float<3,1,ftz>", "float<3,1,ftz>", "float<2,1>", "float<2,1,ftz>"),
    *(Case("float<3,1>", "float<2,1>", "float<3,1>", f"float<2,1,ftz,{mode}>") for mode in ["rne", "rtp", "rhu"]),
    *(Case("float<3,1>", "float<2,1>", "float<2,1>", f"float<2,0,ftz,{mode}>") for mode in ["rne", "rtp"]),
    Case("float<2,1>", "float<2,1>", "float<3,2,bias=6>", "float<3,1,bias=1>"),
    Case("fixed<3,1>", "float<2,1>", "float<3,2>"),
    Case("float<2,1>", "fixed<3,3>", "float<3,2,ieee>"),
    Case("fixed<3,2>", "ufixed<3,2>", "float<3,2>"),
    Case("ufixed<3,0>", "fixed<3,2>", "float<2,2>", "float<2,1>"),
    Case("fixed<1,1>", "ufixed<1,1>", "float<3,2>"),
    Case("pow2<2>@2^0", "float<3,1>", "float<3,2>"),
    Case("pow2<4>@2^1", "float<2,1>", "float<3,2>"),
    Case("pow2<3>@2^0", "fixed<3,2>", "float<3,2,ftz>"),
    Case("pow2<4>@2^-1", "float<2,1,ftz>", "float<3,2,ieee>", "float<3,1,ieee>"),
    *(Case("float<2,1>", "float<2,1>", f"float<2,2,{mode}>") for mode in ROUNDINGS[1:]),
    *(Case("float<2,1,ieee>", "float<2,1>", f"float<3,1,ieee,{mode}>") for mode in ROUNDINGS[1:]),
    *(Case("float<2,1>", "float<2,1>", f"float<3,1,fn,inf,{mode},ftz>") for mode in ROUNDINGS[1:]),
    *(Case("float<2,1>", "float<2,1>", "float<3,2>", f"float<2,1,fn,inf,{mode}>") for mode in ROUNDINGS[1:3]),
]
REAL = [
    Case("fp16", "fp16", "fp16"),
    Case("fp16", "fp16", "fp16", "fp16"),
    Case("float<5,10,ieee,ftz>", "float<5,10,ieee,ftz>", "float<5,10,ieee,ftz>"),
    Case("bf16", "bf16", "fp32"),
    Case("bf16", "bf16", "bf16", "bf16"),
    Case("fp32", "fp32", "fp32"),
    Case("fp32", "fp32", "fp32", "fp32"),
    Case("e4m3", "e4m3", "fp16"),
    Case("e5m2", "e4m3", "float<6,9>"),
    Case("e4m3@2^-6", "e4m3@2^3", "fp32"),
    Case("e2m1", "e4m3", "bf16"),
    Case("float<6,7>", "float<6,7>", "float<6,7>"),
    Case("float<8,6,ftz>", "float<8,6,ftz>", "float<8,6,ftz>", "float<8,6,ftz>"),
    Case("pow2<4>@2^-2", "fp16", "fp16"),
    Case("int8@2^-7", "int8@2^-4", "fp32"),
    Case("int8@2^-7", "fp16", "fp32", "fp16"),
    Case("fp16", "fp16", "float<5,10,ieee,rtz>"),
    Case("fp16", "fp16", "float<5,10,ieee,rtp>", "float<5,10,ieee,rtn>"),
    Case("bf16", "bf16", "float<8,23,ieee,rhu>"),
]


@pytest.mark.parametrize("case", EXHAUSTIVE, ids=str)
def test_every_code_at_small_widths(case: Case) -> None:
    assert_equal(case, exhaustive(case))


@pytest.mark.parametrize("case", REAL, ids=str)
def test_random_and_directed_codes_at_real_widths(case: Case) -> None:
    assert_equal(case, random_vectors(case, 300) + around(edges, case))


def edges(fmt: NumberFormat) -> list[int]:
    """Zeros, ones, subnormals, the smallest and largest normal numbers, and every special code, of either sign."""
    element, top = element_of(fmt), 1 << (fmt.bits - 1)
    if isinstance(element, FixedFormat):
        return sorted({0, 1, top - 1, top, 2 * top - 1})
    if not isinstance(element, FloatFormat):
        return list(fmt.codes())[::3]
    one = 1 << element.mantissa_bits
    largest = element._largest_code()
    magnitudes = {0, 1, one - 1, one, largest, top - 1, top - one, element.encode(1.0)}
    return sorted({sign * top + m for sign in (0, 1) for m in magnitudes if 0 <= m < top})


@pytest.mark.parametrize("ways", ["around one", "subnormal", "cancellation", "ties"])
def test_float16_is_numpys(ways: str) -> None:
    """Product and sum each rounded once: what numpy does with two float16 operations."""
    draw = np.random.default_rng(3)
    a, w, s = _drawn16(ways, draw, 2000)
    with np.errstate(all="ignore"):
        wanted = (s + a * w).astype(np.float16)
    case = Case("fp16", "fp16", "fp16", "fp16")
    _compare(case, (a, w, s), wanted, np.uint16)


def _drawn16(ways: str, draw: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if ways == "subnormal":
        a = draw.integers(0, 1 << 12, count).astype(np.uint16).view(np.float16)
        w = draw.uniform(-2, 2, count).astype(np.float16)
        return a, w, draw.integers(0, 1 << 11, count).astype(np.uint16).view(np.float16)
    a, w = (draw.normal(size=count).astype(np.float16) for _ in range(2))
    if ways == "cancellation":
        product = -(a * w)
        near = product.view(np.uint16).astype(np.int32) + draw.integers(-2, 3, count)
        return a, w, near.astype(np.uint16).view(np.float16)
    if ways == "ties":
        a, w = np.float16(2.0) ** draw.integers(-12, 3, count).astype(np.float16), np.ones(count, np.float16)
        return a.astype(np.float16), w, draw.integers(1 << 10, 1 << 14, count).astype(np.uint16).view(np.float16)
    return a, w, draw.normal(size=count).astype(np.float16)


def test_float32_is_numpys() -> None:
    draw = np.random.default_rng(5)
    a, w, s = (draw.normal(size=2000).astype(np.float32) for _ in range(3))
    a[:300] *= np.float32(1e-38)
    s[:600] = -(a * w)[:600]
    case = Case("fp32", "fp32", "fp32", "fp32")
    _compare(case, (a, w, s), s + a * w, np.uint32)


@pytest.mark.parametrize(("name", "dtype"), [("e5m2", "float8_e5m2"), ("e4m3", "float8_e4m3fn"), ("bf16", "bfloat16")])
def test_small_floats_are_those_of_ml_dtypes(name: str, dtype: str) -> None:
    """Rounded to float32 first, products are exact and sums of 8 bits innocuous (2p + 2 <= 24), so this rounds once."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    kind = np.dtype(getattr(ml_dtypes, dtype))
    draw = random.Random(7)
    unsigned = np.uint8 if kind.itemsize == 1 else np.uint16
    bits = [np.array([draw.randrange(1 << (8 * kind.itemsize)) for _ in range(3000)], unsigned) for _ in range(3)]
    a, w, s = (codes.view(kind) for codes in bits)
    with np.errstate(all="ignore"):
        exact = [values.astype(np.float64) for values in (a, w, s)]
        product = (exact[0] * exact[1]).astype(np.float32).astype(kind)
        total = (exact[2] + product.astype(np.float64)).astype(np.float32).astype(kind)
    # e4m3 of the contract saturates unless it is told to overflow, and ml_dtypes overflows to NaN
    spelled = "float<4,3,fn,inf>" if name == "e4m3" else name
    case = Case(spelled, spelled, spelled, spelled)
    keep = np.isfinite(exact[0]) & np.isfinite(exact[1]) & np.isfinite(exact[2])
    _compare(case, tuple(values[keep] for values in (a, w, s)), total[keep], unsigned)


def _compare(case: Case, operands: tuple[np.ndarray, ...], wanted: np.ndarray, unsigned: type) -> None:
    codes = [[int(code) for code in values.view(unsigned)] for values in operands]
    got = np.array(simulated(case, list(zip(*codes, strict=True))), unsigned).view(wanted.dtype)
    both_nan = np.isnan(got.astype(np.float64)) & np.isnan(wanted.astype(np.float64))
    equal = (got == wanted) | both_nan
    assert equal.all(), [(*(v[i] for v in operands), wanted[i], got[i]) for i in np.flatnonzero(~equal)[:5]]


def test_the_edges_are_what_they_say() -> None:
    half = FloatFormat(5, 10)
    assert {0, 1, (1 << 10) - 1, 1 << 10, (1 << 15) - 1} <= set(edges(half))
    assert len(list(itertools.product(edges(half), repeat=3))) > 2000
