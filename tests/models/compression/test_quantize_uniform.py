from __future__ import annotations

import math

import numpy as np
import pytest
import quantize_twins as twins
from hypothesis import given
from hypothesis import strategies as st

from models.compression.errors import CompressionError
from models.compression.quantize import by_rate, clusters_by_rate, kmeans, uniform
from models.compression.quantize.target import rate_bits
from models.compression.quantize.uniform import cell_width

STEPS = st.sampled_from([0.25, 0.5, 1.0, 3.0])
OFFSETS = st.sampled_from([0.0, 0.25, 0.5])


@given(twins.values_and_weights(), STEPS, OFFSETS)
def test_cells_have_one_width_and_weighted_means(pair: tuple, step: float, offset: float) -> None:
    values, weights = pair
    found = uniform(values, step, weights, offset)
    for cluster, centre in enumerate(found.centres):
        inside = values[found.assignment == cluster]
        cells = {math.floor(value / step - offset) for value in inside}
        assert len(cells) == 1
        assert centre == pytest.approx(
            twins.weighted_mean(inside, weights[found.assignment == cluster]), rel=1e-9, abs=1e-9
        )
        assert (cells.pop() + offset) * step <= inside.min()


@given(twins.values_and_weights(), STEPS, OFFSETS)
def test_grid_centres_are_the_middles(pair: tuple, step: float, offset: float) -> None:
    values, _ = pair
    found = uniform(values, step, offset=offset, centres="grid")
    assert (np.abs(values - found.quantised) <= step / 2 * (1 + 1e-12)).all()
    place = found.centres / step - offset - 0.5
    assert place.tolist() == pytest.approx(np.round(place).tolist(), abs=1e-9)


@given(twins.values_and_weights(), STEPS, st.sampled_from([0.0, 0.5, 1.0, 1.7]), st.sampled_from(["mean", "grid"]))
def test_the_dead_zone_prunes_and_nothing_else(pair: tuple, step: float, dead: float, centres: str) -> None:
    values, weights = pair
    found = uniform(values, step, weights, dead_zone=dead, centres=centres)
    inside = np.abs(values) < dead * step
    assert (found.quantised[inside] == 0).all()
    rest = uniform(values[~inside], step, weights[~inside], centres=centres) if (~inside).any() else None
    if rest is not None:
        assert found.quantised[~inside].tolist() == pytest.approx(rest.quantised.tolist())


def test_signs_are_kept_apart_without_an_offset() -> None:
    values = np.array([-0.1, 0.1, -0.2, 0.2])
    assert uniform(values, 1.0).centres.tolist() == pytest.approx([-0.15, 0.15])
    assert uniform(values, 1.0, offset=0.5).centres.tolist() == pytest.approx([0.0])


def test_uniform_comes_close_to_the_rate_distortion_bound() -> None:
    # Gish & Pierce (1968): at high rates uniform cells with ideal entropy coding lose 1.53 dB (0.2546 bits) to the
    # bound of Shannon, for any density. A Gaussian's is 1/2 log2(variance / D).
    values = np.random.default_rng(5).normal(size=400_000)
    found = uniform(values, 0.1)
    noise = float(np.mean((values - found.quantised) ** 2))
    assert found.entropy_bits - 0.5 * math.log2(values.var() / noise) == pytest.approx(0.2546, abs=0.003)


def test_uniform_needs_fewer_bits_than_kmeans_at_one_distortion() -> None:
    values = np.random.default_rng(6).laplace(size=50_000)
    by_means = kmeans(values, 12, init="optimal")
    noise = float(np.mean((values - by_means.quantised) ** 2))
    steps = np.geomspace(0.1, 2, 60)
    runs = [uniform(values, step) for step in steps]
    good = [run.entropy_bits for run in runs if np.mean((values - run.quantised) ** 2) <= noise]
    assert min(good) < by_means.entropy_bits


def test_cell_width() -> None:
    assert cell_width([-1.0, 3.0], 8) == 0.5
    assert cell_width([2.0, 2.0], 4) == 0.5
    assert uniform([2.0, 2.0], cell_width([2.0, 2.0], 4)).centres.tolist() == [2.0]
    with pytest.raises(CompressionError, match="at least 1"):
        cell_width([1.0], 0)


def test_the_rate_is_met_from_below() -> None:
    values = np.random.default_rng(7).normal(size=20_000)
    step, parts = by_rate(lambda step: [uniform(values, step)], 3.0, 1e-3, 10.0)
    assert parts[0].entropy_bits <= 3.0
    assert uniform(values, step * 0.97).entropy_bits > 3.0
    count, means = clusters_by_rate(lambda k: [kmeans(values, k)], 3.0)
    assert means[0].entropy_bits <= 3.0 < kmeans(values, count + 1).entropy_bits


def test_the_rate_of_several_books_is_the_mean_over_values() -> None:
    one, other = uniform([0.0, 1.0], 0.5), uniform([0.0, 0.1, 0.2, 0.3, 0.35, 0.4], 5.0)
    assert rate_bits([one, other]) == pytest.approx(2 / 8)


def test_a_rate_out_of_reach_is_named() -> None:
    values = np.array([0.0, 1.0, 2.0, 3.0])
    with pytest.raises(CompressionError, match=r"2\.000 bits per weight are the fewest found"):
        by_rate(lambda step: [uniform(values, step)], 1.0, 0.01, 0.5)


def test_all_faults_at_once() -> None:
    with pytest.raises(CompressionError) as caught:
        uniform([1.0], 0.0, offset=2.0, dead_zone=-1.0, centres="middle")
    assert all(part in str(caught.value) for part in ("step is 0", "offset is 2", "dead_zone is -1", "middle"))


@pytest.mark.parametrize(("target", "most", "expected"), [(0.0, 64, 1), (1.0, 64, 2), (2.5, 64, 5), (9.0, 16, 16)])
def test_clusters_of_even_values_are_two_to_the_bits(target: float, most: int, expected: int) -> None:
    values = np.arange(960.0)
    assert clusters_by_rate(lambda k: [kmeans(values, k)], target, most)[0] == expected
