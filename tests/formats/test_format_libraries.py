"""The formats that ml_dtypes and gfloat have, code by code and between the codes."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import gfloat
import gfloat.formats as known
import ml_dtypes
import numpy as np
import pytest
from format_samples import pairs_of_widths, special_kinds

from hwsim.formats import FloatFormat, NumberFormat, Overflow, Rounding, Special, Specials, parse

#: our spelling with the overflow that ml_dtypes has -> dtype
ML_DTYPES = {
    "e2m1": ml_dtypes.float4_e2m1fn,
    "e2m3": ml_dtypes.float6_e2m3fn,
    "e3m2": ml_dtypes.float6_e3m2fn,
    "float<3,4,ieee>": ml_dtypes.float8_e3m4,
    "float<4,3,ieee>": ml_dtypes.float8_e4m3,
    "e4m3<inf>": ml_dtypes.float8_e4m3fn,
    "e5m2": ml_dtypes.float8_e5m2,
    "bf16": ml_dtypes.bfloat16,
    "fp16": np.float16,
}
INTEGERS = {"int4": ml_dtypes.int4, "uint4": ml_dtypes.uint4, "int2": ml_dtypes.int2, "uint2": ml_dtypes.uint2}
GFLOAT = {
    "e2m1": known.format_info_ocp_e2m1,
    "e2m3": known.format_info_ocp_e2m3,
    "e3m2": known.format_info_ocp_e3m2,
    "e4m3": known.format_info_ocp_e4m3,
    "e5m2": known.format_info_ocp_e5m2,
    "bf16": known.format_info_bfloat16,
    "fp16": known.format_info_binary16,
    "fixed<8,2>": known.format_info_ocp_int8,
}
ROUND_MODES = {
    Rounding.NEAREST_EVEN: gfloat.RoundMode.TiesToEven,
    Rounding.TOWARD_ZERO: gfloat.RoundMode.TowardZero,
    Rounding.TOWARD_POSITIVE: gfloat.RoundMode.TowardPositive,
    Rounding.TOWARD_NEGATIVE: gfloat.RoundMode.TowardNegative,
}


def as_float(value: Fraction | Special) -> float:
    return float(value.value) if isinstance(value, Special) else float(value)


def same(ours: float, theirs: float) -> bool:
    return ours == theirs or (math.isnan(ours) and math.isnan(theirs))


def table_of(dtype: type, bits: int) -> np.ndarray:
    codes = np.arange(1 << bits, dtype=np.uint8 if bits <= 8 else np.uint16)
    with np.errstate(invalid="ignore"):
        return codes.view(dtype).astype(np.float64)


def trials(finite: np.ndarray) -> np.ndarray:
    """Float32 numbers at, between and beside the positive values, of both signs, and beyond the largest."""
    values = np.unique(np.abs(finite)).astype(np.float32)
    middles = ((values[1:].astype(np.float64) + values[:-1]) / 2).astype(np.float32)
    top = values[-1]
    with np.errstate(over="ignore"):
        beyond = np.array([1.01, 1.0625, 1.125, 1.25, 2], dtype=np.float32) * top
        points = np.concatenate([values, middles, beyond])
        every = np.concatenate([points, np.nextafter(points, np.float32(np.inf)), np.nextafter(points, np.float32(0))])
    every = every[np.isfinite(every)]
    return np.concatenate([every, -every])


@pytest.mark.parametrize("text", ML_DTYPES)
def test_ml_dtypes_decode(text: str) -> None:
    fmt = parse(text)
    table = table_of(ML_DTYPES[text], fmt.bits)
    assert all(same(as_float(fmt.decode(code)), table[code]) for code in fmt.codes())


@pytest.mark.parametrize("text", ML_DTYPES)
def test_ml_dtypes_round(text: str) -> None:
    fmt = parse(text)
    table = table_of(ML_DTYPES[text], fmt.bits)
    points = trials(table[np.isfinite(table)])
    points = points[:: 1 if fmt.bits <= 8 else 13]
    expected = points.astype(ML_DTYPES[text]).astype(np.float64)
    for point, theirs in zip(points, expected, strict=True):
        assert same(as_float(fmt.decode(fmt.encode(float(point)))), theirs), point


@pytest.mark.parametrize("text", INTEGERS)
def test_ml_dtypes_integers(text: str) -> None:
    fmt = parse(f"{text}@2^0")
    values = [int(fmt.decode(code)) for code in fmt.codes()]  # type: ignore[arg-type]
    assert values == np.array(values).astype(INTEGERS[text]).astype(int).tolist()
    info = ml_dtypes.iinfo(INTEGERS[text])
    assert (min(values), max(values), len(set(values))) == (info.min, info.max, info.max - info.min + 1)


def test_fp32_is_the_float_of_this_computer() -> None:
    fmt = parse("fp32")
    rng = np.random.default_rng(0)
    edges = [0, 1, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x80000001, 0xFF800000, 0xFFFFFFFF]
    for code in [*edges, *map(int, rng.integers(0, 1 << 32, 3000))]:
        expected = np.array([code], dtype=np.uint32).view(np.float32)[0]
        value = fmt.decode(code)
        assert same(as_float(value), float(expected))
        assert fmt.code_of(value) == code or value in (0, Special.NAN)
    doubles = np.ldexp(rng.standard_normal(3000), rng.integers(-155, 130, 3000))
    with np.errstate(over="ignore"):
        singles = doubles.astype(np.float32)
    for double, single in zip(doubles, singles, strict=True):
        assert same(as_float(fmt.decode(fmt.encode(float(double)))), float(single))


@pytest.mark.parametrize("text", GFLOAT)
def test_gfloat_decode(text: str) -> None:
    fmt = parse(text)
    for code in range(0, 1 << fmt.bits, 1 if fmt.bits <= 8 else 11):
        assert same(as_float(fmt.decode(code)), gfloat.decode_float(GFLOAT[text], code).fval)


@pytest.mark.parametrize("rounding", ROUND_MODES)
@pytest.mark.parametrize("text", GFLOAT)
def test_gfloat_round(text: str, rounding: Rounding) -> None:
    plain = replace(parse(text), rounding=rounding)  # type: ignore[type-var]
    points = trials(np.array([as_float(v) for v in map(plain.decode, plain.codes()) if isinstance(v, Fraction)]))
    step = 1 if plain.bits <= 8 else 331
    check_against_gfloat(plain, GFLOAT[text], rounding, points[::step].astype(np.float64))


def check_against_gfloat(plain: NumberFormat, info: gfloat.FormatInfo, rounding: Rounding, points: np.ndarray) -> None:
    modes = [Overflow.SATURATE, Overflow.INFINITY] if info.num_nans else [Overflow.SATURATE]
    for overflow in modes:
        fmt = replace(plain, overflow=overflow)  # type: ignore[type-var]
        saturate = overflow is Overflow.SATURATE
        theirs = gfloat.round_ndarray(info, points, ROUND_MODES[rounding], saturate)
        for point, expected in zip(points, theirs, strict=True):
            assert same(as_float(fmt.decode(fmt.encode(float(point)))), expected), (fmt, point)
        for infinity in (math.inf, -math.inf):
            expected = gfloat.round_float(info, infinity, sat=saturate)
            assert same(as_float(fmt.decode(fmt.encode(infinity))), expected), (fmt, infinity)


def described(fmt: FloatFormat) -> gfloat.FormatInfo:
    """The same format in gfloat's words."""
    ieee = fmt.specials is Specials.IEEE
    assert fmt.bias is not None
    return gfloat.FormatInfo(
        str(fmt),
        fmt.bits,
        fmt.mantissa_bits + 1,
        bias=fmt.bias,
        is_signed=True,
        domain=gfloat.Domain.Extended if ieee else gfloat.Domain.Finite,
        has_nz=True,
        num_high_nans={Specials.IEEE: 2**fmt.mantissa_bits - 1, Specials.FN: 1, Specials.NONE: 0}[fmt.specials],
        has_subnormals=True,
        is_twos_complement=False,
    )


@pytest.mark.parametrize(("e", "m"), [(e, m) for e, m in pairs_of_widths(4, 8) if m and e > 1])
def test_gfloat_has_the_same_small_floats(e: int, m: int) -> None:
    """A significand of one bit is left out: gfloat breaks its ties by the parity of the code, see docs/formats.md."""
    for specials in special_kinds(e, m):
        fmt = FloatFormat(e, m, specials=specials)
        info = described(fmt)
        for code in fmt.codes():
            assert same(as_float(fmt.decode(code)), gfloat.decode_float(info, code).fval)
        rounding = list(ROUND_MODES)[(e + m + len(specials.value)) % 4]
        points = trials(np.array([as_float(v) for v in map(fmt.decode, fmt.codes()) if isinstance(v, Fraction)]))
        check_against_gfloat(replace(fmt, rounding=rounding), info, rounding, points[::3].astype(np.float64))
