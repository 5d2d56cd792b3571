"""The exact helpers below every format."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.formats import FloatFormat, Rounding, Specials
from hwsim.formats.grid import BlockGrid, LevelGrid, dyadic_exponent, floor_log2, power_of_two, round_integer


@given(st.integers(-300, 300), st.integers(-(2**60), 2**60))
def test_dyadic_exponent_is_the_last_bit(exponent: int, odd: int) -> None:
    value = (2 * odd + 1) * power_of_two(exponent)
    assert dyadic_exponent(value) == exponent
    assert dyadic_exponent(Fraction(0)) == 0


def test_a_third_has_no_last_bit() -> None:
    with pytest.raises(ValueError, match="1/3 is not a dyadic rational: its denominator 3 is not a power of two"):
        dyadic_exponent(Fraction(1, 3))


@given(st.fractions(Fraction(1, 2**80), 2**80))
def test_floor_log2_brackets(value: Fraction) -> None:
    exponent = floor_log2(value)
    assert Fraction(2) ** exponent <= value < Fraction(2) ** (exponent + 1)


@given(st.fractions(-50, 50))
def test_round_integer_by_distance(value: Fraction) -> None:
    lower, upper = Fraction(value.__floor__()), Fraction(value.__ceil__())
    assert round_integer(value, Rounding.TOWARD_NEGATIVE) == lower
    assert round_integer(value, Rounding.TOWARD_POSITIVE) == upper
    assert round_integer(value, Rounding.TOWARD_ZERO) == int(value)
    assert round_integer(value, Rounding.NEAREST_EVEN) == round(value)
    assert round_integer(value, Rounding.HALF_UP) == (upper if upper - value <= value - lower else lower)
    assert round_integer(value, Rounding.STOCHASTIC, 0) == lower


def test_stochastic_rounding_goes_up_as_often_as_it_should() -> None:
    """Of 2^24 draws, exactly the fraction above the floor goes up; checked at the switching draw."""
    value = Fraction(5, 16)
    switch = 2**24 - 5 * 2**20
    assert round_integer(value, Rounding.STOCHASTIC, switch) == 1
    assert round_integer(value, Rounding.STOCHASTIC, switch - 1) == 0
    assert round_integer(value - 1, Rounding.STOCHASTIC, switch) == 0
    assert round_integer(Fraction(3), Rounding.STOCHASTIC, 2**24 - 1) == 3


def test_a_block_element_that_overflows_is_an_error() -> None:
    grid = BlockGrid(FloatFormat(5, 2, specials=Specials.IEEE).grid(), 15, 2)
    with pytest.raises(ValueError, match="a block element overflowed to inf; block elements must saturate"):
        grid.round_block([Fraction(2**16) - 1, Fraction(1)])


def test_levels_shift_exactly() -> None:
    grid = LevelGrid((Fraction(-1), Fraction(0), Fraction(3, 8)))
    assert grid.quantum == -3
    assert grid.shifted(-5).levels == (Fraction(-1, 32), 0, Fraction(3, 256))
    assert LevelGrid((Fraction(0),)).quantum == 0
