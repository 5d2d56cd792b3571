import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from precision_search.errors import SelectionError
from precision_search.frontier import on_front, pareto_front, wilson

COORDINATE = st.one_of(st.integers(0, 5).map(float), st.just(math.nan))


def brute_force(points: list[tuple[float, float]]) -> list[bool]:
    """The definition, in O(n^2)."""

    def dominates(p: tuple[float, float], q: tuple[float, float]) -> bool:
        return p[0] <= q[0] and p[1] >= q[1] and p != q

    usable = [point for point in points if not any(map(math.isnan, point))]
    return [
        not any(map(math.isnan, point)) and not any(dominates(other, point) for other in usable) for point in points
    ]


@given(st.lists(st.tuples(COORDINATE, COORDINATE), max_size=40))
def test_the_front_is_the_definition(points: list[tuple[float, float]]) -> None:
    costs, gains = zip(*points, strict=True) if points else ((), ())
    assert on_front(costs, gains).tolist() == brute_force(points)


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(0, 1)), min_size=1, max_size=200))
def test_the_front_of_real_numbers(points: list[tuple[float, float]]) -> None:
    costs, gains = zip(*points, strict=True)
    assert on_front(costs, gains).tolist() == brute_force(points)


def test_failures_are_not_on_the_front_and_rows_are_sorted() -> None:
    frame = pd.DataFrame(
        {
            "status": ["ok", "error", "ok", "ok"],
            "power_w": [2.0, 1.0, 1.0, 3.0],
            "accuracy": [0.9, 1.0, 0.5, 0.8],
            "name": list("abcd"),
        }
    )
    assert pareto_front(frame)["name"].tolist() == ["c", "a"]
    with pytest.raises(SelectionError, match="did you mean 'power_w'"):
        pareto_front(frame, "power")


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (15, 50, 0.1910, 0.4375), (263, 263, 0.9856, 1.0)],
)
def test_wilson_against_published_values(correct: int, total: int, low: float, high: float) -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion", Stat. Med. 17 (1998); Brown et al. (2001)
    assert np.allclose(wilson(correct, total), (low, high), atol=6e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_the_solution_of_the_score_equation(counts: tuple[int, int]) -> None:
    correct, total = counts
    z, rate = 1.959963984540054, correct / total
    for end in map(float, wilson(correct, total)):
        assert 0.0 <= end <= 1.0
        if 0.0 < end < 1.0:
            assert abs(rate - end) == pytest.approx(z * math.sqrt(end * (1 - end) / total), rel=1e-6, abs=1e-9)
