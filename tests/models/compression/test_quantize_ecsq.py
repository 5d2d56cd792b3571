from __future__ import annotations

import numpy as np
import pytest
import quantize_twins as twins
from hypothesis import given
from hypothesis import strategies as st

from models.compression.errors import CompressionError
from models.compression.quantize import Clusters, distortion, ecsq, entropy_bits, kmeans, uniform
from models.compression.quantize.ecsq import cheapest

MULTIPLIERS = st.sampled_from([0.0, 1e-3, 0.1, 1.0, 30.0])


@given(twins.values_and_weights(), st.integers(1, 7), st.data())
def test_the_search_finds_what_trying_all_centres_finds(pair: tuple, k: int, data: st.DataObject) -> None:
    values, weights = pair
    drawn = data.draw(st.lists(st.tuples(st.floats(-12, 12, width=32), st.floats(0, 50)), min_size=k, max_size=k))
    centres = np.sort(np.array([c for c, _ in drawn]))
    prices = np.array([p for _, p in drawn])
    assert (
        cheapest(values, weights, centres, prices).tolist() == twins.cheapest(values, weights, centres, prices).tolist()
    )


def test_ties_go_to_the_lowest() -> None:
    centres, ones = np.array([-1.0, 0.0, 1.0]), np.ones(3)
    assert cheapest(np.array([-0.5, 0.5, 0.0]), ones, centres, np.zeros(3)).tolist() == [0, 1, 1]
    assert cheapest(np.array([0.0]), np.zeros(1), centres, ones).tolist() == [0]


@given(twins.values_and_weights(), MULTIPLIERS, st.booleans())
def test_the_objective_never_rises(pair: tuple, multiplier: float, zero: bool) -> None:
    values, weights = pair
    found = ecsq(values, multiplier, weights, zero=zero, tolerance=0.0)
    trace = [step.objective for step in found.trace]
    assert all(after <= before * (1 + 1e-9) + 1e-12 for before, after in zip(trace, trace[1:], strict=False))


@given(twins.values_and_weights(), MULTIPLIERS)
def test_the_trace_is_of_the_result(pair: tuple, multiplier: float) -> None:
    values, weights = pair
    found = ecsq(values, multiplier, weights)
    last = found.trace[-1]
    assert last.distortion == pytest.approx(distortion(values, found.quantised, weights))
    assert last.entropy_bits == pytest.approx(twins.entropy(found.assignment), abs=1e-12)
    assert last.objective == pytest.approx(last.distortion + multiplier * last.entropy_bits)
    assert last.clusters == found.centres.size


@given(twins.values_and_weights(zero_weights=False), MULTIPLIERS)
def test_it_ends_where_neither_half_can_improve(pair: tuple, multiplier: float) -> None:
    values, weights = pair
    found = ecsq(values, multiplier, weights, tolerance=0.0, passes=5000)
    prices = multiplier * -np.log2(found.counts / values.size)
    costs = weights[:, None] * (values[:, None] - found.centres) ** 2 + prices
    chosen = costs[np.arange(values.size), found.assignment]
    assert (chosen <= costs.min(axis=1) * (1 + 1e-9) + 1e-9).all()
    for cluster, centre in enumerate(found.centres):
        inside = found.assignment == cluster
        assert centre == pytest.approx(twins.weighted_mean(values[inside], weights[inside]), rel=1e-9, abs=1e-9)


@given(twins.values_and_weights(least=4, zero_weights=False))
def test_without_a_price_it_is_kmeans(pair: tuple) -> None:
    values, weights = pair
    start = uniform(values, 2.0, weights)
    found = ecsq(values, 0.0, weights, start, tolerance=0.0)
    nearest = np.abs(values[:, None] - found.centres).min(axis=1)
    assert np.abs(values - found.quantised) == pytest.approx(nearest, abs=1e-6)
    assert twins.cost(values, weights, found.assignment) <= twins.cost(values, weights, start.assignment) + 1e-9


def test_a_dear_bit_leaves_one_cluster() -> None:
    found = ecsq([0.0, 0.0, 3.0, 9.0], 1e6)
    assert found.centres.tolist() == [3.0]
    assert found.trace[-1].entropy_bits == 0


def test_bits_fall_and_errors_rise_with_the_multiplier() -> None:
    values = np.random.default_rng(1).laplace(size=20_000)
    ends = [ecsq(values, multiplier).trace[-1] for multiplier in (1e-4, 1e-3, 1e-2, 1e-1)]
    assert [e.entropy_bits for e in ends] == sorted((e.entropy_bits for e in ends), reverse=True)
    assert [e.distortion for e in ends] == sorted(e.distortion for e in ends)


def test_it_beats_kmeans_and_uniform_cells_at_their_rates() -> None:
    values = np.random.default_rng(2).laplace(size=20_000)
    multiplier = 0.05
    mine = ecsq(values, multiplier).trace[-1].objective
    others = [uniform(values, step) for step in (0.25, 0.5, 1.0, 1.5, 2.0)] + [kmeans(values, k) for k in (4, 8, 16)]
    for other in others:
        rate = distortion(values, other.quantised) + multiplier * other.entropy_bits
        assert mine <= rate * (1 + 1e-9)


def test_importance_moves_the_boundary() -> None:
    start = Clusters(np.array([0.0, 1.0]), np.array([0] * 9 + [1], np.int32))
    values = np.array([0.0] * 8 + [0.6, 1.0])
    light = ecsq(values, 0.2, np.array([1.0] * 8 + [0.1, 50.0]), start, passes=1)
    heavy = ecsq(values, 0.2, np.array([1.0] * 8 + [50.0, 50.0]), start, passes=1)
    assert light.assignment[8] == light.assignment[0]
    assert heavy.assignment[8] == heavy.assignment[9]


@given(twins.values_and_weights(least=5, zero_weights=False), st.sampled_from([0.0, 0.01, 1.0]))
def test_a_centre_at_zero_stays_there(pair: tuple, multiplier: float) -> None:
    values, weights = pair
    values = np.concatenate([values, np.zeros(200)])
    weights = np.concatenate([weights, np.ones(200)])
    found = ecsq(values, multiplier, weights, zero=True)
    assert (found.quantised[values == 0] == 0).all()


def test_values_near_zero_are_pruned_only_with_zero() -> None:
    values = np.random.default_rng(4).laplace(size=3000)
    assert 0.0 in ecsq(values, 0.01, zero=True).centres
    assert 0.0 not in ecsq(values, 0.01).centres


def test_the_entropy_is_that_of_the_assignment() -> None:
    found = ecsq(np.linspace(-1, 1, 301), 0.02)
    assert found.entropy_bits == entropy_bits(found.assignment) == found.trace[-1].entropy_bits


def test_all_faults_at_once() -> None:
    start = Clusters(np.zeros(1), np.zeros(3, np.int32))
    with pytest.raises(CompressionError) as caught:
        ecsq([1.0], -1.0, start=start, passes=0, tolerance=1.5)
    assert all(
        part in str(caught.value) for part in ("multiplier is -1", "passes is 0", "tolerance is 1.5", "groups 3")
    )
