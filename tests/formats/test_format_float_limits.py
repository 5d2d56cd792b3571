"""Limits of floating-point formats, what cannot exist, and equality."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from fractions import Fraction

import pytest
from format_samples import small_floats

from hwsim.errors import FormatError
from hwsim.formats import FloatFormat, Overflow, Special, Specials, parse
from hwsim.formats.grid import FloatGrid
from hwsim.formats.minifloat import STANDARD_FLOATS

#: Name: largest, exponents of the smallest normal and subnormal (IEEE 754-2019, OCP OFP8 table 1, OCP MX §5.3).
LIMITS = {
    "fp32": (Fraction(2**24 - 1) * 2**104, -126, -149),
    "tf32": (Fraction(2**11 - 1) * 2**117, -126, -136),
    "fp16": (65504, -14, -24),
    "bf16": (Fraction(2**8 - 1) * 2**120, -126, -133),
    "e5m2": (57344, -14, -16),
    "e4m3": (448, -6, -9),
    "e3m2": (28, -2, -4),
    "e2m3": (Fraction(15, 2), 0, -3),
    "e2m1": (6, 0, -1),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits_of_the_standards(name: str) -> None:
    largest, normal, subnormal = LIMITS[name]
    grid = STANDARD_FLOATS[name].grid()
    assert (grid.maximum, grid.emin, grid.quantum) == (largest, normal, subnormal)
    assert STANDARD_FLOATS[name].decode(1) == Fraction(2) ** subnormal
    assert grid.max_abs == largest
    assert Fraction(2) ** grid.emax <= largest < Fraction(2) ** (grid.emax + 1)


def test_every_standard_name_is_listed_here() -> None:
    assert set(LIMITS) == set(STANDARD_FLOATS)


def test_the_grid_says_what_the_codes_are() -> None:
    for fmt in small_floats(2, 6):
        grid = fmt.grid()
        values = [fmt.decode(code) for code in fmt.codes()]
        finite = [v for v in values if isinstance(v, Fraction)]
        assert grid.maximum == max(finite) == -min(finite)
        assert grid.has_nan == (Special.NAN in values)
        assert grid.has_infinity == (Special.POSITIVE_INFINITY in values)
        assert all((v / Fraction(2) ** grid.quantum).denominator == 1 for v in finite)


def test_a_shifted_grid_is_the_scaled_set() -> None:
    grid = parse("e4m3").grid()
    assert isinstance(grid, FloatGrid)
    for exponent in (-9, 4):
        scale = Fraction(2) ** exponent
        for value in (Fraction(1, 3), Fraction(500), Fraction(1, 700), Fraction(-7, 9)):
            assert grid.shifted(exponent).round(value * scale) == grid.round(value) * scale  # type: ignore[operator]


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"exponent_bits": 0}, "0 exponent bits: must be 1 to 8 bits"),
        ({"exponent_bits": 9}, "9 exponent bits"),
        ({"mantissa_bits": -1}, "-1 mantissa bits: must be 0 to 23 bits"),
        ({"mantissa_bits": 24}, "24 mantissa bits"),
        ({"bias": 161}, "exponent bias 161: must be -160 to 160"),
        ({"bias": -161}, "exponent bias -161"),
        ({"seed": -1}, "seed -1 of stochastic rounding"),
        ({"overflow": Overflow.WRAP}, "cannot wrap: overflow must be 'sat' or 'inf'"),
        ({"overflow": Overflow.INFINITY}, "needs a code for it: add 'ieee' or 'fn', or overflow 'sat'"),
        (
            {"mantissa_bits": 0, "specials": Specials.IEEE},
            "IEEE specials need 2 exponent bits and 1 mantissa bit, not E=4 and M=0",
        ),
        ({"exponent_bits": 1, "specials": Specials.IEEE}, "not E=1 and M=3"),
        ({"exponent_bits": 1, "mantissa_bits": 0, "specials": Specials.FN}, "'fn' needs at least 2 bits"),
    ],
)
def test_impossible_floats_are_refused(keywords: dict[str, object], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        FloatFormat(**{"exponent_bits": 4, "mantissa_bits": 3, **keywords})  # type: ignore[arg-type]


def test_frozen_hashable_and_equal_however_written() -> None:
    assert len({FloatFormat(4, 3), FloatFormat(4, 3, bias=7), FloatFormat(4, 3, overflow=Overflow.SATURATE)}) == 1
    with pytest.raises(FrozenInstanceError):
        FloatFormat(4, 3).bias = 2  # type: ignore[misc]


def test_description_names_bias_specials_and_flushing() -> None:
    assert parse("float<4,3,ftz>").description == "floating point, bias 7, no special codes, subnormals flushed to zero"
    assert parse("e5m2").description == "floating point, bias 15, infinities and NaN"
