"""Fixed point against sums of bit weights and against rounding by neighbours."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from fractions import Fraction

import pytest
from format_rounding import round_fixed
from format_samples import RANDOM_BITS, ROUNDINGS, between, small_fixed
from format_values import fixed_value
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import FormatError
from hwsim.formats import FixedFormat, Overflow, Rounding, Special, parse


@pytest.mark.parametrize("fmt", small_fixed(1, 7), ids=str)
def test_every_code_is_its_bit_weights_and_comes_back(fmt: FixedFormat) -> None:
    for code in fmt.codes():
        value = fmt.decode(code)
        assert value == fixed_value(code, fmt.width, fmt.integer_bits, fmt.signed)
        assert fmt.code_of(value) == code
        assert fmt.encode(value) == code


@pytest.mark.parametrize(
    "text", [f"fixed<{w},{w // 2}>" for w in range(8, 17)] + ["ufixed<8,0>", "ufixed<12,15>", "ufixed<16,-1>"]
)
def test_every_wide_code_is_the_integer_scaled_and_comes_back(text: str) -> None:
    fmt = parse(text)
    assert isinstance(fmt, FixedFormat)
    step, wrap = 2.0 ** (fmt.integer_bits - fmt.width), 2 ** (fmt.width - 1) if fmt.signed else 2**fmt.width
    for code in fmt.codes():
        value = fmt.decode(code)
        assert float(value) == (code if code < wrap else code - 2 * wrap) * step
        assert fmt.code_of(value) == code


@pytest.mark.parametrize("overflow", [Overflow.SATURATE, Overflow.WRAP])
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_rounding_and_overflow_everywhere(rounding: Rounding, overflow: Overflow) -> None:
    samples = [FixedFormat(w, i, s) for w, i in [(2, 2), (3, 1), (4, 6), (5, -1), (5, 3)] for s in (True, False)]
    for plain in samples:
        fmt = replace(plain, rounding=rounding, overflow=overflow)
        values = [fixed_value(code, fmt.width, fmt.integer_bits, fmt.signed) for code in range(2**fmt.width)]
        values.sort()
        step, span = values[1] - values[0], len(values) * (values[1] - values[0])
        wide = [values[0] - span - 2 * step + i * step for i in range(3 * len(values) + 4)]
        for value in between(wide):
            for random24 in RANDOM_BITS[1:3] if rounding is Rounding.STOCHASTIC else (0,):
                expected = round_fixed(value, values, rounding.value, overflow.value, random24)
                assert fmt.grid().round(value, random24) == expected, (fmt, value)
                assert fmt.decode(fmt.encode(value, random24)) == expected


def test_one_bit_and_forty_eight_bits() -> None:
    assert [FixedFormat(1, 1).decode(c) for c in (0, 1)] == [0, -1]
    assert [FixedFormat(1, 0, signed=False).decode(c) for c in (0, 1)] == [0, Fraction(1, 2)]
    wide = FixedFormat(48, 24)
    assert wide.decode(2**47) == -(2**23)
    assert wide.encode(Fraction(10) ** 30) == 2**47 - 1
    assert wide.grid().max_abs == 2**23
    assert FixedFormat(48, 24, signed=False).grid().max_abs == Fraction(2**48 - 1, 2**24)


@given(st.integers(1, 48), st.integers(-64, 64), st.booleans(), st.data())
def test_any_width_any_code(width: int, integer_bits: int, signed: bool, data: st.DataObject) -> None:
    fmt = FixedFormat(width, integer_bits, signed)
    code = data.draw(st.integers(0, 2**width - 1))
    assert fmt.decode(code) == fixed_value(code, width, integer_bits, signed)
    assert fmt.code_of(fmt.decode(code)) == code
    assert fmt.bits == width == fmt.storage_bits


def test_infinities_saturate_or_are_refused() -> None:
    fmt = parse("fixed<8,4>")
    assert (fmt.encode(float("inf")), fmt.encode(float("-inf"))) == (0x7F, 0x80)
    assert parse("ufixed<8,4>").encode(Special.NEGATIVE_INFINITY) == 0
    with pytest.raises(FormatError, match="an infinity reached fixed<8,4,wrap>, which wraps"):
        parse("fixed<8,4,wrap>").encode(float("inf"))
    with pytest.raises(FormatError, match="NaN reached fixed<8,4>, which has no code for it"):
        fmt.encode(float("nan"))


@pytest.mark.parametrize("code", [-1, 256, 10**30])
def test_a_code_outside_is_refused(code: int) -> None:
    with pytest.raises(FormatError, match=f"code {code} is outside fixed<8,4>: codes are 0 to 255"):
        parse("fixed<8,4>").decode(code)


@pytest.mark.parametrize("value", [Fraction(1, 32), Fraction(8), Fraction(-129, 16), Special.NAN])
def test_only_members_have_a_code(value: Fraction | Special) -> None:
    with pytest.raises(FormatError, match="is not a number of fixed<8,4>: round it with encode"):
        parse("fixed<8,4>").code_of(value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0), "fixed point width 0 bits: must be 1 to 48 bits"),
        ((49, 0), "fixed point width 49 bits"),
        ((8, 65), "65 integer bits: must be -64 to 64"),
        ((8, -65), "-65 integer bits"),
        (
            (8, 4, True, Rounding.STOCHASTIC, Overflow.SATURATE, -1),
            "seed -1 of stochastic rounding: must be 0 to 4294967295",
        ),
        ((8, 4, True, Rounding.STOCHASTIC, Overflow.SATURATE, 2**32), "seed 4294967296"),
        (
            (8, 4, True, Rounding.NEAREST_EVEN, Overflow.INFINITY),
            "no infinity: overflow must be 'sat' or 'wrap', not 'inf'",
        ),
    ],
)
def test_impossible_fixed_point_is_refused(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        FixedFormat(*arguments)  # type: ignore[arg-type]


def test_frozen_and_hashable() -> None:
    fmt = FixedFormat(8, 4)
    assert {fmt: 1}[FixedFormat(8, 4)] == 1
    with pytest.raises(FrozenInstanceError):
        fmt.width = 9  # type: ignore[misc]
