"""Choosing scales and tables: against the definitions, by trying every scale and every clustering."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hwsim.arith.fit import KMEANS_ITERATIONS, fit, kmeans
from hwsim.errors import FormatError
from hwsim.formats import CodebookFormat, NumberFormat, ScaledFormat, Special, parse

SCALED = ["int8", "uint8", "int4", "fixed<8,4>@auto", "e4m3@auto", "e5m2@auto", "e2m1@auto", "apot<5>", "shiftcnn<2,4>"]
VALUES = arrays(np.float64, st.integers(1, 12), elements=st.floats(-100, 100, width=32))


def rounded(fmt: NumberFormat, data: np.ndarray) -> list[float]:
    values = [fmt.decode(fmt.encode(float(v))) for v in data]
    return [float(v.value) if isinstance(v, Special) else float(v) for v in values]


def error(fmt: NumberFormat, data: np.ndarray) -> float:
    return float(np.sum((np.array(rounded(fmt, data)) - data) ** 2))


def exponent_of(fmt: NumberFormat) -> int:
    assert isinstance(fmt, ScaledFormat)
    assert fmt.exponent is not None
    return fmt.exponent


@pytest.mark.parametrize("text", SCALED)
@settings(max_examples=25, deadline=None)
@given(data=VALUES)
def test_no_scale_from_the_unclipped_one_downwards_is_better(text: str, data: np.ndarray) -> None:
    fmt = parse(text)
    assert isinstance(fmt, ScaledFormat)
    chosen = fit(fmt, data)
    assert fit(chosen, data * 3) is chosen
    top = smallest_unclipped(fmt, data)
    candidates = [ScaledFormat(fmt.element, max(top - i, -64)) for i in range(5)]
    assert error(chosen, data) == min(error(c, data) for c in candidates) or not data.any()
    assert chosen in candidates or not data.any()


def smallest_unclipped(fmt: ScaledFormat, data: np.ndarray) -> int:
    """By trial: from far below upwards until both ends reach as far as the data, on the sides where they exist."""
    numbers = [v for v in map(fmt.element.decode, fmt.element.codes()) if isinstance(v, Fraction)]
    low, high = min(numbers), max(numbers)
    wanted = [(high, Fraction(float(data.max())))] + ([(low, Fraction(float(data.min())))] if low < 0 else [])
    wanted = [(end, value) for end, value in wanted if value * end > 0]
    if not wanted:
        return 0
    return next(e for e in range(-200, 200) if all(abs(end) * Fraction(2) ** e >= abs(v) for end, v in wanted))


def test_int8_examples() -> None:
    """128/128 needs the next scale: 127 is the largest code; -128 is there."""
    assert str(fit(parse("int8"), np.array([-1.0, 0.5]))) == "int8@2^-7"
    assert str(fit(parse("int8"), np.array([1.0, 0.5]))) == "int8@2^-6"
    assert rounded(fit(parse("int8"), np.array([1.0])), np.array([1.0])) == [1.0]
    assert str(fit(parse("uint8"), np.array([255.0, 3.0]))) == "uint8@2^0"
    assert str(fit(parse("uint8"), np.array([-9.0, 1.0, 0.25]))) in {f"uint8@2^{e}" for e in range(-7, -1)}


def test_one_outlier_may_be_clipped() -> None:
    data = np.append(np.linspace(-1, 1, 4001), 2.02)
    assert exponent_of(fit(parse("int4"), np.array([2.02]))) > -3
    assert exponent_of(fit(parse("int4"), data)) == -3  # 0.875 at most, in steps of 1/8; 2^-1 would clip nothing


def test_a_scale_that_overflows_to_infinity_is_never_chosen() -> None:
    rng = np.random.default_rng(1)
    for text in ("e5m2@auto", "e4m3<inf>@auto", "float<2,3,ieee>@auto", "float<2,5,fn,inf>@auto"):
        for _ in range(20):
            data = rng.standard_normal(50) * 10.0 ** rng.integers(-3, 4)
            assert np.isfinite(rounded(fit(parse(text), data), data)).all(), text


@given(st.floats(1e-9, 1e9), st.integers(2, 6))
def test_pow2_scale_is_equation_3_of_inq(largest: float, b: int) -> None:
    """n1 = floor(log2(4 s / 3)), so that 0.75 * 2^n1 <= s < 1.5 * 2^n1."""
    scale = Fraction(2) ** exponent_of(fit(parse(f"pow2<{b}>"), np.array([0.1 * largest, -largest])))
    assert Fraction(3, 4) * scale <= Fraction(largest) < Fraction(3, 2) * scale


@pytest.mark.parametrize("power", [-10, 0, 1, 10, 30])
def test_pow2_scale_at_its_threshold(power: int) -> None:
    """Exactly 0.75 * 2^n takes n; the next double below takes n - 1, also where a logarithm would round up."""
    threshold = 0.75 * 2.0**power
    assert exponent_of(fit(parse("pow2<4>"), np.array([threshold]))) == power
    assert exponent_of(fit(parse("pow2<4>"), np.array([math.nextafter(threshold, 0)]))) == power - 1


@pytest.mark.parametrize(
    "text", [*SCALED, "pow2<4>", "codebook<4>", "codebook<2>", "codebook<8,e4m3@auto>", "codebook<3,fixed<6,2>>"]
)
def test_zero_stays_zero(text: str) -> None:
    rng = np.random.default_rng(0)
    data = np.concatenate([rng.standard_normal(40) + 2, np.zeros(3)])
    assert rounded(fit(parse(text), data), data)[-3:] == [0, 0, 0]
    nothing = fit(parse(text), np.zeros(5))
    assert nothing.is_fitted
    assert rounded(nothing, np.zeros(5)) == [0] * 5
    assert fit(parse(text), np.zeros(0)).is_fitted


@pytest.mark.parametrize("text", ["int8", "pow2<4>", "codebook<4>", "e4m3@auto"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_numbers_are_refused(text: str, bad: float) -> None:
    with pytest.raises(FormatError, match="cannot fit .* to a tensor with 2 non-finite values"):
        fit(parse(text), np.array([bad, 1.0, bad]))


@pytest.mark.parametrize("text", ["fixed<8,4>", "e4m3", "mxfp4", "int8@2^3"])
def test_what_is_not_open_is_left_alone(text: str) -> None:
    fmt = parse(text)
    assert fit(fmt, np.array([5.0])) is fmt


def test_scales_stay_in_range() -> None:
    assert exponent_of(fit(parse("int8"), np.array([1e-300]))) == -64
    assert exponent_of(fit(parse("int8"), np.array([1e300]))) == 64
    assert exponent_of(fit(parse("pow2<4>"), np.array([1e300]))) == 64


def optimal_error(data: np.ndarray, size: int) -> float:
    """Least squared error of any partition into at most ``size`` runs of the sorted data: by trying all."""
    ordered = np.sort(data)
    best = np.inf
    for cuts in itertools.combinations(range(1, len(ordered)), min(size, len(ordered)) - 1):
        parts = np.split(ordered, cuts)
        best = min(best, sum(float(np.square(part - part.mean()).sum()) for part in parts))
    return best


def distances(data: np.ndarray, centres: np.ndarray) -> float:
    return float(np.square(data[:, None] - centres[None]).min(axis=1).sum())


@settings(deadline=None)
@given(arrays(np.float64, st.integers(1, 9), elements=st.floats(-8, 8, width=16)), st.integers(2, 5))
def test_kmeans_is_a_fixed_point_between_the_optimum_and_even_spacing(data: np.ndarray, size: int) -> None:
    centres = kmeans(data, size)
    assert len(centres) <= size
    assert (np.diff(centres) > 0).all()
    found = distances(data, centres)
    if not (data == 0).any():
        assert found >= optimal_error(data, size) - 1e-9
        assert found <= distances(data, np.linspace(data.min(), data.max(), size)) + 1e-9
    for i, centre in enumerate(centres):
        members = data[np.abs(data[:, None] - centres[None]).argmin(axis=1) == i]
        inside = members[members != 0]
        on_an_edge = (
            np.isclose(np.abs(data[:, None] - centres[None]), np.abs(data - centre)[:, None]).sum(axis=1).max() > 1
        )
        if centre and inside.size and not on_an_edge and not (data == 0).any():
            assert centre == pytest.approx(inside.mean(), abs=1e-9)


def test_kmeans_finds_separate_clusters() -> None:
    rng = np.random.default_rng(5)
    middles = np.array([-3.0, -1.0, 1.0, 3.0])
    data = (middles[:, None] + 0.05 * rng.standard_normal((4, 100))).ravel()
    np.testing.assert_allclose(kmeans(data, 4), middles, atol=0.02)
    np.testing.assert_array_equal(kmeans(data, 4), kmeans(rng.permutation(data), 4))
    assert kmeans(np.append(data, 0.0), 5).tolist().count(0.0) == 1
    assert KMEANS_ITERATIONS > 1


def test_kmeans_goes_on_until_every_centre_is_the_mean_of_its_members() -> None:
    """Skewed data: evenly spaced centres are far from it, and one step does not get there."""
    data = np.linspace(0.1, 1, 60) ** 4
    centres = kmeans(data, 4)
    nearest = np.abs(data[:, None] - centres[None]).argmin(axis=1)
    np.testing.assert_allclose(centres, [data[nearest == i].mean() for i in range(4)], rtol=1e-12)


def test_codebook_holds_the_rounded_centres() -> None:
    data = np.array([-1.0, -0.9, 0.0, 0.5, 0.52, 2.0])
    fmt = fit(parse("codebook<4,int8>"), data)
    assert isinstance(fmt, CodebookFormat)
    assert isinstance(fmt.entry, ScaledFormat)
    assert fmt.entry.exponent == -5
    assert [float(v) for v in fmt.values] == pytest.approx([-0.95, 0, 0.51, 2.0], abs=1 / 64)
    assert all(fmt.entry.code_of(value) >= 0 for value in fmt.values)
    assert parse(str(fmt)) == fmt


def test_centres_that_round_to_one_entry_share_it() -> None:
    fmt = fit(parse("codebook<8,fixed<3,2>>"), np.linspace(0.4, 0.6, 50))
    assert isinstance(fmt, CodebookFormat)
    assert fmt.values == (Fraction(1, 2),)
