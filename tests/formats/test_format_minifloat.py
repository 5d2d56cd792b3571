"""Floating point against bit strings and rounding by neighbours."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from format_rounding import round_float
from format_samples import (
    RANDOM_BITS,
    ROUNDINGS,
    as_text,
    between,
    float_modes,
    pairs_of_widths,
    small_floats,
    special_kinds,
)
from format_values import float_table, float_value, magnitudes_beyond
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import FormatError
from hwsim.formats import FloatFormat, Overflow, Rounding, Special, Specials, parse


def as_float(value: Fraction | Special) -> float:
    return float(value.value) if isinstance(value, Special) else float(value)


@pytest.mark.parametrize("fmt", small_floats(2, 7), ids=str)
def test_every_code_is_its_bit_string_and_comes_back(fmt: FloatFormat) -> None:
    assert fmt.bias is not None
    for code in fmt.codes():
        value = fmt.decode(code)
        expected = float_value(code, fmt.exponent_bits, fmt.mantissa_bits, fmt.bias, fmt.specials.value, fmt.subnormals)
        assert as_text(value) == expected
        back = fmt.encode(value)
        assert fmt.decode(back) == value
        assert back == fmt.code_of(value)
        assert back == code or value in (0, Special.NAN)


@pytest.mark.parametrize(("e", "m"), list(pairs_of_widths(8, 16)))
def test_every_code_of_wider_floats_comes_back(e: int, m: int) -> None:
    kinds = special_kinds(e, m)
    fmt = FloatFormat(e, m, specials=kinds[(e + m) % len(kinds)], bias=None if m % 2 else 5)
    assert fmt.bias is not None
    table = float_table(e, m, fmt.bias, fmt.specials.value)
    half = 2 ** (e + m)
    for code in [*range(half), *range(half, 2 * half, 1 if half <= 2048 else 7), 2 * half - 1]:
        value, expected = fmt.decode(code), table[code]
        assert as_float(value) == expected or (value is Special.NAN and np.isnan(expected))
        assert fmt.code_of(value) == code or value in (0, Special.NAN)


class _Expected:
    """The neighbour oracle for one format."""

    def __init__(self, fmt: FloatFormat, magnitudes: list[Fraction]) -> None:
        assert fmt.bias is not None
        table = float_table(fmt.exponent_bits, fmt.mantissa_bits, fmt.bias, fmt.specials.value, fmt.subnormals)
        largest = Fraction(float(np.max(table[np.isfinite(table)])))
        self.limits = (Fraction(2) ** (1 - fmt.bias), largest)
        self.overflow = "sat" if fmt.overflow is Overflow.SATURATE else {"ieee": "inf", "fn": "nan"}[fmt.specials.value]
        self.fmt, self.magnitudes = fmt, magnitudes

    def __call__(self, value: Fraction, random24: int = 0) -> Fraction | str:
        return round_float(
            value, self.magnitudes, self.limits, self.fmt.subnormals, self.fmt.rounding.value, self.overflow,
            random24, one_bit=self.fmt.mantissa_bits == 0,
        )  # fmt: skip


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_rounding_and_overflow_everywhere(rounding: Rounding) -> None:
    """All floats of 2 to 6 bits: every value, neighbour, middle and what lies beyond the ends."""
    moved = [FloatFormat(3, 2, bias=-3), FloatFormat(2, 3, bias=9, specials=Specials.IEEE)]
    for plain in [*small_floats(2, 6), *moved]:
        assert plain.bias is not None
        magnitudes = magnitudes_beyond(plain.exponent_bits, plain.mantissa_bits, plain.bias)
        points = list(between(magnitudes))[:-1]
        bits = RANDOM_BITS[1:3] if rounding is Rounding.STOCHASTIC else (0,)
        for overflow in float_modes(plain):
            fmt = replace(plain, rounding=rounding, overflow=overflow)
            grid = fmt.grid()
            check = _Expected(fmt, magnitudes)
            for i, point in enumerate(points):
                value, random24 = point if i % 2 else -point, bits[i % 3 % len(bits)]
                assert as_text(grid.round(value, random24)) == check(value, random24), (fmt, value, random24)


@pytest.mark.parametrize("text", ["e4m3", "e4m3<inf>", "e5m2", "float<4,3,ieee,ftz>", "float<5,2,ftz>"])
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_eight_bits_in_every_mode(text: str, rounding: Rounding) -> None:
    fmt = replace(parse(text), rounding=rounding)  # type: ignore[type-var]
    assert isinstance(fmt, FloatFormat)
    assert fmt.bias is not None
    magnitudes = magnitudes_beyond(fmt.exponent_bits, fmt.mantissa_bits, fmt.bias)
    check = _Expected(fmt, magnitudes)
    for i, point in enumerate(list(between(magnitudes))[:-1]):
        value = -point if i % 3 == 1 else point
        assert as_text(fmt.decode(fmt.encode(value, 2**23))) == check(value, 2**23), value


@given(st.integers(1, 8), st.integers(0, 23), st.data())
def test_any_width_between_any_neighbours(e: int, m: int, data: st.DataObject) -> None:
    """Up to fp32: the neighbours of a drawn code, and a drawn position between them."""
    kind = data.draw(st.sampled_from(special_kinds(e, m)))
    fmt = FloatFormat(e, m, bias=data.draw(st.integers(-160, 160)), specials=kind)
    assert fmt.bias is not None
    code = data.draw(st.integers(0, fmt.code_of(fmt.grid().maximum) - 1))
    low, high = (float_value(c, e, m, fmt.bias, kind.value) for c in (code, code + 1))
    assert isinstance(low, Fraction)
    assert isinstance(high, Fraction)
    value = low + (high - low) * data.draw(st.fractions(0, 1))
    nearer = low if value - low < high - value else high
    if 2 * value == low + high:
        even = code % 2 == 0 if m else code == 0
        nearer = low if even else high
    sign = data.draw(st.sampled_from([1, -1]))
    assert fmt.grid().round(sign * value) == sign * nearer
    assert fmt.decode(fmt.encode(low)) == low


def test_ties_with_one_significant_bit_go_outwards() -> None:
    """The even multiple of the last place of 2^e..2^(e+1) is the upper end; below the smallest power of two it is 0."""
    fmt = FloatFormat(3, 0)
    assert fmt.decode(fmt.encode(Fraction(3, 2))) == 2
    assert fmt.decode(fmt.encode(Fraction(3))) == 4
    assert fmt.decode(fmt.encode(Fraction(1, 8))) == 0


@pytest.mark.parametrize(
    ("rounding", "positive", "negative"),
    [
        ("rne", "inf", "-inf"),
        ("rhu", "inf", "-inf"),
        ("sr", "inf", "-inf"),
        ("rtz", 57344, -57344),
        ("rtp", "inf", -57344),
        ("rtn", 57344, "-inf"),
    ],
)
def test_ieee_overflow_rules(rounding: str, positive: object, negative: object) -> None:
    """IEEE 754-2019 §7.4; a true infinity stays one in every rounding."""
    fmt = parse(f"e5m2<{rounding}>")
    assert as_text(fmt.decode(fmt.encode(10**9))) == positive
    assert as_text(fmt.decode(fmt.encode(-(10**9)))) == negative
    assert fmt.decode(fmt.encode(float("inf"))) is Special.POSITIVE_INFINITY
    assert fmt.decode(fmt.encode(float("-inf"))) is Special.NEGATIVE_INFINITY
    assert fmt.decode(fmt.encode(57344)) == 57344


def test_the_last_half_step_decides_about_overflow() -> None:
    fp16 = parse("fp16")
    assert fp16.decode(fp16.encode(Fraction(65520) - Fraction(1, 10**9))) == 65504
    assert fp16.decode(fp16.encode(65520)) is Special.POSITIVE_INFINITY
    saturating = parse("fp16<sat>")
    assert saturating.decode(saturating.encode(65520)) == 65504
    assert saturating.decode(saturating.encode(float("-inf"))) == -65504
    to_nan = parse("e4m3<inf>")
    assert to_nan.decode(to_nan.encode(464)) == 448
    assert to_nan.decode(to_nan.encode(465)) is Special.NAN
    assert to_nan.decode(to_nan.encode(float("-inf"))) is Special.NAN
    assert parse("e4m3").decode(parse("e4m3").encode(float("inf"))) == 448


def test_flushing_comes_after_rounding() -> None:
    """The value that rounds up to the smallest normal number stays; everything below becomes zero."""
    fmt = parse("float<4,3,ftz>")
    smallest = Fraction(1, 64)
    last = smallest * Fraction(15, 16)
    assert fmt.decode(fmt.encode(last)) == smallest
    assert fmt.decode(fmt.encode(last - Fraction(1, 2**60))) == 0
    assert fmt.decode(fmt.encode(-last)) == -smallest
    assert [fmt.decode(code) for code in range(8)] == [0] * 8
    with pytest.raises(FormatError, match="1/128 is not a number of"):
        fmt.code_of(smallest / 2)


def test_nan_needs_a_code() -> None:
    assert parse("fp16").encode(float("nan")) == 0x7E00
    assert parse("e5m2").encode(float("nan")) == 0x7E
    assert parse("e4m3").encode(Special.NAN) == 0x7F
    with pytest.raises(FormatError, match="NaN reached e2m1, which has no code for it"):
        parse("e2m1").encode(float("nan"))
    with pytest.raises(FormatError, match="inf is not a number of e4m3"):
        parse("e4m3").code_of(Special.POSITIVE_INFINITY)
    assert parse("e2m1").decode(parse("e2m1").encode(float("-inf"))) == -6


@pytest.mark.parametrize(
    "value", [Fraction(449), Fraction(1, 3), Fraction(1, 1024), Fraction(17, 16), Fraction(2) ** 300]
)
def test_only_members_have_a_code(value: Fraction) -> None:
    for sign in (1, -1):
        with pytest.raises(FormatError, match=r"is not a number of e4m3: round it with encode\(\) first"):
            parse("e4m3").code_of(sign * value)
