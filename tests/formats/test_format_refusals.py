"""Spellings with two meanings: the message must hold both, spelled so that each parses."""

from __future__ import annotations

import re

import pytest

from hwsim.errors import FormatError
from hwsim.formats import FixedFormat, FloatFormat, NumberFormat, parse
from hwsim.formats.minifloat import STANDARD_FLOATS

#: text -> the readings that the message must name
READINGS: dict[str, list[NumberFormat]] = {
    "Q4.4": [FixedFormat(8, 4), FixedFormat(9, 5)],
    "q1.15": [FixedFormat(16, 1), FixedFormat(17, 2)],
    "Q 8.8": [FixedFormat(16, 8), FixedFormat(17, 9)],
    "uq4.4": [FixedFormat(8, 4, False)],
    "q15": [FixedFormat(16, 1)],
    "Q7": [FixedFormat(8, 1)],
    "uq8": [FixedFormat(8, 0, False)],
    "float(3,4)": [FloatFormat(3, 4), FloatFormat(4, 3)],
    "fl(7,6)": [FloatFormat(7, 6), FloatFormat(6, 7)],
    "fl<7,6>": [FloatFormat(7, 6), FloatFormat(6, 7)],
    "fp(4,3)": [FloatFormat(4, 3), FloatFormat(3, 4)],
    "fp<4,3>": [FloatFormat(4, 3), FloatFormat(3, 4)],
    "minifloat<4,3>": [FloatFormat(4, 3), FloatFormat(3, 4)],
    "cfloat<4,3,true>": [FloatFormat(4, 3), FloatFormat(3, 4)],
    "fixed(8,4)": [FixedFormat(8, 4), FixedFormat(12, 8)],
    "ufixed(8,4)": [FixedFormat(8, 4, False), FixedFormat(12, 8, False)],
    "fi(8,4)": [FixedFormat(8, 4), FixedFormat(12, 8)],
    "fi<8,4>": [FixedFormat(8, 4), FixedFormat(12, 8)],
    "float<10,5>": [FloatFormat(5, 10)],
    "float<23,8,ieee>": [STANDARD_FLOATS["fp32"]],
    "fp8": [STANDARD_FLOATS["e4m3"], STANDARD_FLOATS["e5m2"]],
    "float8": [STANDARD_FLOATS["e4m3"], STANDARD_FLOATS["e5m2"]],
    "fp6": [STANDARD_FLOATS["e3m2"], STANDARD_FLOATS["e2m3"]],
    "fp4": [STANDARD_FLOATS["e2m1"]],
    "half": [STANDARD_FLOATS["fp16"]],
    "float16": [STANDARD_FLOATS["fp16"]],
    "float32": [STANDARD_FLOATS["fp32"]],
    "single": [STANDARD_FLOATS["fp32"]],
    "bfloat16": [STANDARD_FLOATS["bf16"]],
    "e4m3fn": [STANDARD_FLOATS["e4m3"]],
}


@pytest.mark.parametrize("text", READINGS)
def test_every_reading_is_spelled_out(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse(text)
    message = str(caught.value)
    assert message.startswith(repr(text))
    quoted = re.findall(r"'([^']+)'", message.removeprefix(repr(text)))
    assert [parse(reading) for reading in quoted] == READINGS[text]
    assert "ambiguous" in message or text[0].lower() not in "q" or "width" in message


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Q4.4", ["ARM", "TI", "Write the one you mean"]),
        (
            "float<10,5>",
            ["10 exponent and 5 mantissa bits", "at most 8 exponent bits", "mantissa first", "exponent comes first"],
        ),
        ("fl(7,6)", ["7 exponent and 6 mantissa bits", "7 mantissa and 6 exponent bits"]),
        ("fixed(8,4)", ["8 bits in all of which 4 integer bits", "8 integer and 4 fraction bits"]),
        ("q15", ["does not say its width"]),
        ("posit<8,1>", ["posits are not emulated", "float<E,M>"]),
        ("double", ["at most 23 mantissa bits are emulated"]),
        ("fp64", ["at most 23 mantissa bits"]),
        ("float64", ["at most 23 mantissa bits"]),
        ("e5m2fnuz", ["not emulated"]),
    ],
)
def test_the_reason_is_given(text: str, pieces: list[str]) -> None:
    with pytest.raises(FormatError) as caught:
        parse(text)
    for piece in pieces:
        assert piece in str(caught.value)


def test_what_can_be_read_one_way_only_is_read() -> None:
    """Exponent first is the rule; only a first width that no exponent can have is held for a mistake."""
    assert parse("float<3,4>") == FloatFormat(3, 4)
    assert parse("float<8,8>") == FloatFormat(8, 8)
    assert parse("float<8,23>") == FloatFormat(8, 23)
