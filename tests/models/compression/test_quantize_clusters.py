from __future__ import annotations

import numpy as np
import pytest
import quantize_twins as twins
from hypothesis import given
from hypothesis import strategies as st

from models.compression.errors import CompressionError
from models.compression.quantize import Clusters, distortion, entropy_bits, weighted_means
from models.compression.quantize.clusters import checked, tidied
from models.compression.quantize.ecsq import ideal_lengths


@given(st.lists(st.integers(0, 9), min_size=1, max_size=200))
def test_entropy_is_its_definition(symbols: list[int]) -> None:
    assert entropy_bits(symbols) == pytest.approx(twins.entropy(symbols), abs=1e-12)


def test_entropy_of_known_sources() -> None:
    assert entropy_bits(range(256)) == pytest.approx(8)
    assert entropy_bits([0] * 7 + [1]) == pytest.approx(0.5435644431995964)
    assert entropy_bits([5, 5, 5]) == 0.0


def test_entropy_is_the_mean_of_the_code_lengths() -> None:
    counts = np.array([1, 5, 2, 8])
    lengths = ideal_lengths(counts)
    assert (2.0**-lengths).sum() == pytest.approx(1)
    assert (counts * lengths).sum() / 16 == pytest.approx(entropy_bits(np.repeat(np.arange(4), counts)))


@given(twins.values_and_weights(least=3), st.data())
def test_centres_are_weighted_means(pair: tuple, data: st.DataObject) -> None:
    values, weights = pair
    labels = np.array(data.draw(st.lists(st.integers(0, 2), min_size=values.size, max_size=values.size)), np.int32)
    means = weighted_means(values, weights, labels, 3)
    for cluster in range(3):
        inside = labels == cluster
        if not inside.any():
            assert np.isnan(means[cluster])
        else:
            expected = twins.weighted_mean(values[inside], weights[inside])
            assert means[cluster] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(st.floats(-1e6, 1e6), st.integers(1, 50))
def test_the_mean_of_equal_members_is_their_value(value: float, count: int) -> None:
    means = weighted_means(np.full(count, value), np.linspace(0.1, 3, count), np.zeros(count, np.int32), 1)
    assert means[0] == pytest.approx(value, rel=1e-15)


def test_distortion_weighs_errors() -> None:
    assert distortion([1, 2, 3], [1, 1, 1]) == pytest.approx(5 / 3)
    assert distortion([1, 2, 3], [1, 1, 1], [9, 1, 0.5]) == pytest.approx(1.0)


def test_tidied_sorts_joins_and_drops() -> None:
    found = tidied(np.array([3.0, 9.0, -1.0, 3.0]), np.array([0, 2, 3, 0]))
    assert found.centres.tolist() == [-1.0, 3.0]
    assert found.quantised.tolist() == [3.0, -1.0, 3.0, 3.0]
    assert found.counts.tolist() == [1, 3]


def test_counts_and_entropy_of_clusters() -> None:
    found = Clusters(np.array([0.0, 1.0]), np.array([0, 1, 1, 1], np.int32))
    assert found.counts.tolist() == [1, 3]
    assert found.entropy_bits == pytest.approx(twins.entropy([0, 1, 1, 1]))


@pytest.mark.parametrize(
    ("values", "weights", "needle"),
    [
        ([], None, "Is every weight pruned"),
        ([[1.0]], None, "shape (1, 1)"),
        ([1.0, np.nan], None, "1 values are not finite"),
        ([1.0], [1.0, 2.0], "(2,) weights"),
        ([1.0, 2.0], [1.0, -0.5], "smallest weight is -0.5"),
    ],
)
def test_faulty_values_are_refused(values: list, weights: list | None, needle: str) -> None:
    with pytest.raises(CompressionError) as caught:
        checked(values, weights)
    assert needle in str(caught.value)


def test_all_faults_at_once() -> None:
    with pytest.raises(CompressionError) as caught:
        checked([np.inf, 1.0], [-1.0])
    assert all(part in str(caught.value) for part in ("not finite", "(1,) weights", "smallest weight"))
