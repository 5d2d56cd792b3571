"""The codebook of INQ against equations 3 and 4 in exact rationals, the authors' search, and hwsim's pow2."""

import math
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.arith.fit import fit
from hwsim.arith.quantize import quantize
from hwsim.formats import parse
from models.compression.errors import CompressionError
from models.compression.inq import Codebook

BOOKS = [Codebook(bits, top) for bits, top in product(range(2, 7), (-9, -1, 0, 3))]
WEIGHTS = st.floats(-(2.0**30), 2.0**30, width=32)


def exponents(book: Codebook) -> list[int]:
    """n2 ... n1 as the paper writes them."""
    return list(range(book.top + 1 - 2 ** (book.bits - 1) // 2, book.top + 1))


def by_thresholds(weight: float, book: Codebook) -> Fraction:
    """Equation 4, word by word; beyond the last threshold the largest number."""
    magnitude, sign = abs(Fraction(weight)), -1 if weight < 0 else 1
    ladder = [Fraction(0), *(Fraction(2) ** n for n in exponents(book))]
    for alpha, beta in pairwise(ladder):
        if (alpha + beta) / 2 <= magnitude < 3 * beta / 2:
            return sign * beta
    return Fraction(0) if magnitude < ladder[1] / 2 else sign * ladder[-1]


def by_search(weight: float, book: Codebook) -> Fraction:
    """The nearest number, found by looking at all of them from zero upwards; the first of equals stays."""
    numbers = [Fraction(0), *(s * Fraction(2) ** n for n in exponents(book) for s in (1, -1))]
    return min(numbers, key=lambda number: abs(Fraction(weight) - number))


def critical_weights(book: Codebook) -> list[float]:
    """Every number, every threshold, and their neighbours in float32 and float64, of either sign; zero and beyond."""
    ladder = [0.0, *(2.0**n for n in exponents(book))]
    points = [*ladder, *((a + b) / 2 for a, b in pairwise(ladder)), 1.5 * ladder[-1], 7 * ladder[-1], 0.3 * ladder[1]]
    kinds, ends = (np.float32, np.float64), (-9e9, 9e9)
    near = [float(np.nextafter(kind(p), kind(end))) for p in points for kind in kinds for end in ends]
    return [sign * value for value in points + near for sign in (1, -1)]


@pytest.mark.parametrize("book", BOOKS, ids=str)
def test_thresholds_are_those_of_equation_4_ties_included(book: Codebook) -> None:
    weights = critical_weights(book)
    assert list(map(Fraction, book.quantize(np.array(weights)).tolist())) == [by_thresholds(w, book) for w in weights]


@pytest.mark.parametrize("book", BOOKS, ids=str)
def test_nearest_is_the_search_of_the_authors_code(book: Codebook) -> None:
    weights = critical_weights(book)
    found = book.quantize(np.array(weights), "nearest")
    assert list(map(Fraction, found.tolist())) == [by_search(w, book) for w in weights]


@pytest.mark.parametrize("book", BOOKS, ids=str)
def test_the_two_roundings_differ_in_ties_alone(book: Codebook) -> None:
    weights = np.array(critical_weights(book))
    differ = weights[book.quantize(weights) != book.quantize(weights, "nearest")]
    ladder = [0.0, *(2.0**n for n in exponents(book))]
    assert set(np.abs(differ).tolist()) == {(a + b) / 2 for a, b in pairwise(ladder)}


@pytest.mark.parametrize("book", BOOKS, ids=str)
def test_hwsims_format_has_the_same_numbers_and_rounds_as_the_thresholds(book: Codebook) -> None:
    fmt = parse(f"pow2<{book.bits}>@2^{book.top}")
    assert book.format == fmt
    assert sorted({fmt.decode(code) for code in fmt.codes()}) == list(map(Fraction, book.levels.tolist()))
    weights = np.array(critical_weights(book))
    np.testing.assert_array_equal(book.quantize(weights), quantize(weights, fmt))


@given(st.lists(WEIGHTS, min_size=1, max_size=8), st.integers(2, 6))
def test_the_exponent_is_the_floor_of_equation_3(weights: list[float], bits: int) -> None:
    largest = max(abs(Fraction(w)) for w in weights)
    if largest < Fraction(1, 2**60):
        return
    top = Codebook.of(np.array(weights), bits).top
    assert Fraction(2) ** top <= 4 * largest / 3 < Fraction(2) ** (top + 1)
    assert top == fit(parse(f"pow2<{bits}>"), np.array(weights)).exponent  # type: ignore[attr-defined]


@pytest.mark.parametrize("exponent", range(-60, 61))
def test_three_quarters_of_a_power_are_where_the_exponent_steps(exponent: int) -> None:
    edge = np.float32(0.75 * 2.0**exponent)
    below = np.nextafter(edge, np.float32(0))
    assert Codebook.of(np.array([edge]), 5).top == exponent
    assert Codebook.of(np.array([below, -below]), 5).top == exponent - 1


@given(st.lists(WEIGHTS, min_size=1, max_size=30), st.integers(2, 6))
def test_no_weight_of_the_layer_lies_beyond_the_last_threshold(weights: list[float], bits: int) -> None:
    values = np.array(weights)
    if np.abs(values).max() < 2.0**-60:
        return
    book = Codebook.of(values, bits)
    assert float(np.abs(values).max()) < 1.5 * 2.0**book.top
    quantised = book.quantize(values)
    assert bool(book.holds(quantised).all())
    np.testing.assert_array_equal(book.quantize(quantised), quantised)
    np.testing.assert_array_equal(book.quantize(-values), -quantised)
    assert Codebook.of(quantised, bits).top == book.top


@pytest.mark.parametrize(("bits", "powers"), [(2, 1), (3, 2), (4, 4), (5, 8)])
def test_bits_and_numbers(bits: int, powers: int) -> None:
    book = Codebook(bits, -1)
    assert book.bottom == -1 - (powers - 1) and len(book.levels) == 2 * powers + 1 == 2 ** (bits - 1) + 1
    assert math.ceil(math.log2(len(book.levels))) == bits


def test_the_papers_example() -> None:
    assert Codebook(bits=3, top=-1).bottom == -2


def test_zeros_alone_stay_zeros() -> None:
    book = Codebook.of(np.zeros((2, 3), np.float32), 5)
    assert book.top == 0 and not book.quantize(np.zeros((2, 3))).any()


def test_a_negative_zero_becomes_a_positive_one() -> None:
    assert not np.signbit(Codebook(5, 0).quantize(np.array([-0.0, -1e-9]))).any()


def test_holds_sees_what_is_off_by_one_bit() -> None:
    off = float(np.nextafter(np.float32(0.5), np.float32(1)))
    assert Codebook(5, 0).holds(np.array([0.5, off, 0.0, 2.0])).tolist() == [True, False, True, False]


def test_faults() -> None:
    with pytest.raises(CompressionError, match=r"bits is 7; needed: 2 to 6 bits.*\n.*2\^99"):
        Codebook(7, 99)
    with pytest.raises(CompressionError, match="1 of 2 weights are not finite"):
        Codebook.of(np.array([1.0, np.nan]), 5)
    with pytest.raises(CompressionError, match="2 of 2 weights are not finite"):
        Codebook(5, 0).quantize(np.array([np.inf, -np.inf]))
    with pytest.raises(CompressionError, match=r"2\^-100"):
        Codebook.of(np.array([2.0**-100]), 5)


@given(st.lists(st.floats(-8, 8, width=32), min_size=1, max_size=12), st.integers(2, 6))
def test_least_squares_is_the_best_of_the_papers_codebook_and_the_five_below(weights: list[float], bits: int) -> None:
    values = np.array(weights)
    if 0 < np.abs(values).max() < 2.0**-60:
        return
    first = Codebook.of(values, bits)
    books = [Codebook(bits, first.top - i) for i in range(6) if first.top - i >= -64]

    def error(book: Codebook) -> float:
        return float(sum((by_thresholds(w, book) - Fraction(w)) ** 2 for w in weights))

    found = Codebook.least_squares(values, bits)
    # Errors are summed in float64 there: another book may win by a rounding, not by more.
    assert found in books and error(found) <= min(map(error, books)) * (1 + 1e-12)
