from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
import quantize_twins as twins
from hypothesis import given, settings
from hypothesis import strategies as st

from models.compression.errors import CompressionError
from models.compression.quantize import distortion, kmeans
from models.compression.quantize.kmeans import STARTS

STARTING = st.sampled_from(STARTS)


@given(twins.values_and_weights(), st.integers(1, 8), STARTING)
def test_centres_are_the_weighted_means_of_their_members(pair: tuple, k: int, init: str) -> None:
    values, weights = pair
    found = kmeans(values, k, weights, init)
    assert 1 <= found.centres.size <= k
    assert (found.counts > 0).all()
    for cluster, centre in enumerate(found.centres):
        inside = found.assignment == cluster
        assert centre == pytest.approx(twins.weighted_mean(values[inside], weights[inside]), rel=1e-9, abs=1e-9)


@given(twins.values_and_weights(zero_weights=False), st.integers(1, 8), st.sampled_from(["linear", "density"]))
def test_it_ends_at_a_fixed_point(pair: tuple, k: int, init: str) -> None:
    values, weights = pair
    found = kmeans(values, k, weights, init)
    nearest = np.abs(values[:, None] - found.centres).min(axis=1)
    # Values half way between two centres may lie with either.
    assert np.abs(values - found.quantised) == pytest.approx(nearest, abs=1e-6)


@given(twins.values_and_weights(zero_weights=False), st.integers(1, 8), STARTING)
def test_clusters_are_intervals(pair: tuple, k: int, init: str) -> None:
    values, weights = pair
    found = kmeans(values, k, weights, init)
    order = np.argsort(values, kind="stable")
    assert (np.diff(found.assignment[order]) >= 0).all()
    assert (np.diff(found.centres) > 0).all()


@given(twins.values_and_weights(), st.integers(1, 8))
def test_the_cost_never_rises(pair: tuple, k: int) -> None:
    values, weights = pair
    trace = [step.objective for step in kmeans(values, k, weights).trace]
    assert all(after <= before * (1 + 1e-9) + 1e-12 for before, after in zip(trace, trace[1:], strict=False))


@settings(max_examples=40)
@given(twins.values_and_weights(most=9), st.integers(1, 4))
def test_the_optimum_is_that_of_all_cuts(pair: tuple, k: int) -> None:
    values, weights = pair
    optimal = kmeans(values, k, weights, "optimal")
    best = twins.best_cost(values, weights, k)
    reached = twins.cost(values, weights, optimal.assignment)
    scale = float((weights * (values - values.mean()) ** 2).sum())
    assert reached == pytest.approx(best, abs=1e-9 * scale + 1e-12)
    lloyd = twins.cost(values, weights, kmeans(values, k, weights).assignment)
    assert lloyd >= best - 1e-9 * scale - 1e-12


@settings(max_examples=10)
@given(twins.values_and_weights(least=2, most=6))
def test_no_assignment_beats_intervals(pair: tuple) -> None:
    values, weights = pair
    optimal = twins.cost(values, weights, kmeans(values, 3, weights, "optimal").assignment)
    assert optimal <= twins.best_cost_of_all(values, weights, 3) + 1e-6


def test_the_optimum_beats_a_poor_start() -> None:
    values = np.concatenate([np.linspace(0, 1, 50), np.linspace(10, 10.1, 50), np.linspace(11, 11.1, 50), [100.0]])
    best = distortion(values, kmeans(values, 4, init="optimal").quantised)
    assert best < distortion(values, kmeans(values, 4, init="linear").quantised)


def test_the_optimum_on_many_values_is_no_worse_than_any_start() -> None:
    random = np.random.default_rng(1)
    values, weights = random.laplace(size=20_000), random.exponential(size=20_000)
    costs = {init: distortion(values, kmeans(values, 16, weights, init).quantised, weights) for init in STARTS}
    assert costs["optimal"] <= min(costs.values()) + 1e-12


@pytest.mark.parametrize(("levels", "noise"), [(2, 0.3634), (4, 0.1175), (8, 0.03454), (16, 0.009497), (32, 0.002499)])
def test_the_optimum_of_a_gaussian_is_the_published_one(levels: int, noise: float) -> None:
    # Max, "Quantizing for minimum distortion", IRE Trans. Inf. Theory 6 (1960), table I.
    gaussian = NormalDist()
    values = np.array([gaussian.inv_cdf((i + 0.5) / 8000) for i in range(8000)])
    for init in ("optimal", "density"):
        found = kmeans(values, levels, init=init)
        assert distortion(values, found.quantised) == pytest.approx(noise, rel=0.02)


def test_weights_pull_the_centre() -> None:
    assert kmeans([0.0, 1.0], 1, [1.0, 3.0]).centres.tolist() == [0.75]
    assert kmeans([0.0, 1.0], 1, [0.0, 0.0]).centres.tolist() == [0.5]


def test_as_many_clusters_as_values_cost_nothing() -> None:
    values = np.array([3.0, 1.0, 3.0, -2.0])
    for init in STARTS:
        assert kmeans(values, 16, init=init).quantised.tolist() == values.tolist()


def test_a_value_half_way_belongs_to_the_lower_centre() -> None:
    found = kmeans([0.0, 0.0, 2.0, 4.0, 4.0], 2, passes=1)
    assert found.assignment.tolist() == [0, 0, 0, 1, 1]


def test_the_same_bits_every_time() -> None:
    values = np.random.default_rng(3).normal(size=5000)
    assert kmeans(values, 9).quantised.tobytes() == kmeans(values, 9).quantised.tobytes()


@pytest.mark.parametrize(("options", "needle"), [({"clusters": 0}, "at least 1"), ({"clusters": 2, "init": "x"}, "x")])
def test_faulty_options_are_refused(options: dict, needle: str) -> None:
    with pytest.raises(CompressionError, match=needle):
        kmeans([1.0, 2.0], **options)
