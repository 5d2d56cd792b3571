"""The power law: exact at the points, never falling between them, recovering a law that it was sampled from."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.cost.interpolate import Basis, furthest, power_law

WIDTH = st.floats(0.25, 4096)


@st.composite
def rising_points(draw: st.DrawFn) -> list[tuple[float, float]]:
    xs = sorted(draw(st.sets(st.integers(1, 200), min_size=2, max_size=6)))
    growths = draw(st.lists(st.floats(0.0, 4.0), min_size=len(xs), max_size=len(xs)))
    points = [(float(xs[0]), 1.0)]
    for x, growth in zip(xs[1:], growths, strict=False):
        points.append((float(x), points[-1][1] * (x / points[-1][0]) ** growth))
    return points


@given(rising_points())
def test_every_point_is_exact(points: list[tuple[float, float]]) -> None:
    for index, (x, y) in enumerate(points):
        assert power_law(points, x) == (y, Basis.TABLE, (index,))


@given(rising_points(), WIDTH, WIDTH)
def test_never_falls(points: list[tuple[float, float]], a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert power_law(points, low)[0] <= power_law(points, high)[0] * (1 + 1e-12)


@given(st.floats(0.1, 3), st.floats(0.01, 100), WIDTH)
def test_recovers_the_law_that_it_was_sampled_from(growth: float, scale: float, x: float) -> None:
    points = [(w, scale * w**growth) for w in (4.0, 8.0, 32.0)]
    assert power_law(points, x)[0] == pytest.approx(scale * x**growth, rel=1e-9)
    assert power_law(points[:1], x, growth)[0] == pytest.approx(scale * x**growth, rel=1e-9)


@pytest.mark.parametrize(
    ("x", "basis", "used"),
    [
        (2, Basis.EXTRAPOLATED, (0, 1)),
        (5, Basis.INTERPOLATED, (0, 1)),
        (9, Basis.INTERPOLATED, (1, 2)),
        (64, Basis.EXTRAPOLATED, (1, 2)),
    ],
)
def test_says_what_it_used(x: float, basis: Basis, used: tuple[int, ...]) -> None:
    assert power_law([(4, 1.0), (8, 2.0), (32, 9.0)], x)[1:] == (basis, used)


@pytest.mark.parametrize(
    ("points", "x"), [([], 1.0), ([(1.0, 1.0)], 2.0), ([(1.0, 1.0)], 0.0), ([(1.0, 1.0)], math.nan)]
)
def test_refuses_what_it_cannot_know(points: list[tuple[float, float]], x: float) -> None:
    with pytest.raises(ValueError, match=r"power law needs|nothing is known"):
        power_law(points, x)


def test_furthest_is_the_least_certain() -> None:
    assert furthest([]) is Basis.TABLE
    assert furthest([Basis.TABLE, Basis.INTERPOLATED]) is Basis.INTERPOLATED
    assert furthest(list(Basis)) is Basis.EXTRAPOLATED
