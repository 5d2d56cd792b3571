"""Exact counts, against sorting in Python; scores, against their formulas in loops; schedules, against theirs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.network import Layer, Linear, Network
from models import load_network
from models.compression.errors import CompressionError
from models.compression.pruning import (
    Budget,
    Share,
    budget_of,
    cubic_sparsity,
    deviation_masks,
    magnitude_masks,
    masked,
    masks_of,
    scores,
)
from models.compression.pruning.budget import highest, kept_counts
from models.compression.pruning.schedule import Ramp, cubic_budget, geometric_budget, splice_probability


def two_layers(first, second) -> Network:
    """Two linear layers whose weights are the given rows."""
    first, second = np.float32(first), np.float32(second)
    layers = (Layer("a", Linear(first.shape[0]), ("input",)), Layer("b", Linear(second.shape[0]), ("a",)))
    tensors = {
        "a.weight": first,
        "a.bias": np.zeros(first.shape[0], np.float32),
        "b.weight": second,
        "b.bias": np.zeros(second.shape[0], np.float32),
    }
    return Network("two", (first.shape[1],), layers, tensors, {})


def sorted_positions(values, count):
    """The places of the ``count`` highest: sorted by value, then by place."""
    return sorted(sorted(range(len(values)), key=lambda place: (-values[place], place))[:count])


few_values = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0]), min_size=1, max_size=40)


@given(few_values, st.data())
def test_highest_is_sorting_with_ties_in_order(values, data):
    count = data.draw(st.integers(0, len(values)))
    kept = highest(np.array(values), count)
    assert np.flatnonzero(kept).tolist() == sorted_positions(values, count)


@given(few_values, few_values, st.data())
def test_a_share_of_two_tensors_is_one_competition(first, second, data):
    count = data.draw(st.integers(0, len(first) + len(second)))
    masks = Budget((Share(("a", "b"), count),)).masks({"a": np.array(first), "b": np.array(second)[:, None]})
    assert masks["b"].shape == (len(second), 1)
    flat = np.concatenate([masks["a"], masks["b"].ravel()])
    assert np.flatnonzero(flat).tolist() == sorted_positions(first + second, count)


@given(st.floats(0.001, 1.0), st.sampled_from(["network", "layer"]), st.sampled_from(["magnitude", "scaled", "lamp"]))
def test_every_option_keeps_exactly_what_it_says(keep, scope, criterion):
    network = load_network("digits-cnn")
    masks = magnitude_masks(network, keep, {"conv1": 0.5}, criterion, scope)
    counts = kept_counts(masks)
    assert counts["conv1"] == (72, 144)
    sizes = {"conv2": 4608, "classify": 1280}
    if scope == "layer":
        assert {name: counts[name][0] for name in sizes} == {
            name: max(1, math.floor(size * keep + 0.5)) for name, size in sizes.items()
        }
    else:
        assert counts["conv2"][0] + counts["classify"][0] == max(1, math.floor(5888 * keep + 0.5))


@pytest.mark.parametrize("criterion", ["magnitude", "scaled", "lamp", "saliency"])
def test_what_stays_is_what_scores_most_by_a_slow_twin(criterion):
    network = load_network("digits-cnn")
    names = [name for name, tensor in network.tensors.items() if tensor.ndim > 1]
    importance = {name: np.random.default_rng(1).random(network.tensors[name].shape) for name in names}
    rows = []
    for name in names:
        flat = [float(value) for value in network.tensors[name].ravel()]
        squares = sorted((value * value for value in flat), reverse=True)
        running, sums = 0.0, {}
        for square in squares:
            running += square
            sums[square] = running
        rms = math.sqrt(running / len(flat))
        for place, value in enumerate(flat):
            worth = {
                "magnitude": abs(value),
                "scaled": abs(value) / rms,
                "lamp": value * value / sums[value * value],
                "saliency": importance[name].ravel()[place] * value * value / 2,
            }[criterion]
            rows.append((worth, name, place))
    rows.sort(key=lambda row: -row[0])
    masks = magnitude_masks(network, 0.1, None, criterion, importance=importance)
    kept = {(name, int(place)) for name in names for place in np.flatnonzero(masks[name].ravel())}
    assert kept == {(name, place) for _, name, place in rows[:603]}


def test_lamp_keeps_the_largest_of_every_layer_first():
    network = two_layers([[100, 1], [2, 3]], [[1e-3, 2e-3], [3e-3, 1e-4]])
    masks = magnitude_masks(network, 2 / 8, criterion="lamp")
    assert masks["a.weight"].tolist() == [[True, False], [False, False]]
    assert masks["b.weight"].tolist() == [[False, False], [True, False]]


def test_magnitude_over_the_network_may_empty_a_layer_of_small_weights():
    network = two_layers([[100, 90], [80, 70]], [[1, 2], [3, 4]])
    assert not magnitude_masks(network, 0.5)["b.weight"].any()
    assert magnitude_masks(network, 0.5, criterion="scaled")["b.weight"].any()


def test_a_weight_of_zero_scores_zero_and_a_layer_of_zeros_is_no_division():
    for criterion in ("magnitude", "scaled", "lamp"):
        worth = scores({"a": np.zeros((2, 2), np.float32), "b": np.float32([[0, 1]])}, criterion)
        assert worth["a"].tolist() == [[0, 0], [0, 0]]
        assert worth["b"][0, 0] == 0
        assert worth["b"][0, 1] == 1


def test_a_weight_without_saliency_still_goes_before_one_that_is_pruned():
    worth = scores({"a": np.float32([[0, 1, -1]])}, "saliency", {"a": np.array([[5.0, 0.0, -2.0]])})["a"]
    assert worth[0, 0] == 0
    assert (worth[0, 1:] > 0).all()
    network = two_layers([[0, 1], [2, 3]], [[0, 0], [0, 4]])
    flat = {name: np.zeros((2, 2)) for name in ("a.weight", "b.weight")}
    masks = magnitude_masks(network, 0.5, criterion="saliency", importance=flat)
    assert masks["a.weight"].tolist() == [[False, True], [True, True]]
    assert masks["b.weight"].tolist() == [[False, False], [False, True]]


def test_scores_refuse_what_they_cannot_compare():
    with pytest.raises(CompressionError, match="did you mean 'magnitude'"):
        scores({}, "magnitud")
    with pytest.raises(CompressionError, match="not finite in a"):
        scores({"a": np.float32([[np.nan, 1]])})
    with pytest.raises(CompressionError, match=r"a: none; b: shape \(1,\), needed \(2,\)"):
        scores({"a": np.ones(2), "b": np.ones(2)}, "saliency", {"b": np.ones(1)})


def test_bad_fractions_and_layers_are_reported_together():
    with pytest.raises(CompressionError) as caught:
        budget_of(load_network("digits-cnn"), 0.0, {"conv1": 1.5, "conv9": 0.5}, "everything")
    for words in ("keep is 0.0", "layers[conv1] is 1.5", "no layer 'conv9'", "scope is 'everything'", "4 faults"):
        assert words in str(caught.value)


def test_more_than_is_left_cannot_stay():
    network = two_layers([[1, 0], [0, 0]], [[1, 2], [0, 0]])
    with pytest.raises(CompressionError) as caught:
        magnitude_masks(network, 0.75, scope="layer")
    assert "a.weight: 3 weights are to stay, 1 are not 0" in str(caught.value)
    assert "b.weight: 3 weights are to stay, 2 are not 0" in str(caught.value)
    assert magnitude_masks(network, 3 / 8)["b.weight"].tolist() == [[True, True], [False, False]]


def test_deviations_by_definition():
    network = load_network("digits-cnn")
    masks = deviation_masks(network, 0.75)
    for name, mask in masks.items():
        flat = [float(value) for value in network.tensors[name].ravel()]
        mean = sum(flat) / len(flat)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in flat) / len(flat))
        assert mask.ravel().tolist() == [abs(value) > 0.75 * deviation for value in flat]


def test_deviation_faults_are_reported_together():
    network = load_network("digits-cnn")
    with pytest.raises(CompressionError) as caught:
        deviation_masks(network, 99.0)
    for words in ("conv1.weight would lose every weight", "conv2.weight would lose every weight"):
        assert words in str(caught.value)
    with pytest.raises(CompressionError, match=r"quality is -1\.0; needed: at least 0"):
        deviation_masks(network, -1.0)


def test_masked_makes_positive_zeros_and_is_read_back():
    network = two_layers([[-1, 2], [-3, 4]], [[-5, 6], [7, -8]])
    masks = magnitude_masks(network, 0.5)
    pruned = masked(network, masks)
    for name, mask in masks.items():
        assert not np.signbit(pruned.tensors[name][~mask]).any()
        assert (pruned.tensors[name][mask] == network.tensors[name][mask]).all()
        assert (masks_of(pruned)[name] == mask).all()


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_cubic_sparsity_is_the_published_formula(progress, final, initial):
    assert cubic_sparsity(progress, final, initial) == final + (initial - final) * (1 - progress) ** 3


@given(st.integers(1, 5000), st.data(), st.integers(1, 60))
def test_budgets_fall_from_start_to_end_exactly(start, data, steps):
    end = data.draw(st.integers(1, start))
    first, last = Budget((Share(("a",), start),)), Budget((Share(("a",), end),))
    for way in (cubic_budget, geometric_budget):
        counts = [way(first, last, step / steps).counts[0] for step in range(steps + 1)]
        assert counts[0] == start
        assert counts[-1] == end
        assert counts == sorted(counts, reverse=True)
    middle = cubic_budget(first, last, 0.5).counts[0]
    assert abs(middle - start * (1 - cubic_sparsity(0.5, 1 - end / start))) <= 0.5 + 1e-6


def test_rounds_keep_the_same_part_each():
    start, end = Budget((Share(("a",), 10_000),)), Budget((Share(("a",), 625),))
    assert [geometric_budget(start, end, done / 4).counts[0] for done in range(5)] == [10000, 5000, 2500, 1250, 625]


@given(st.integers(0, 200), st.integers(1, 50))
def test_a_ramp_is_due_each_interval_and_at_its_end(steps, interval):
    ramp = Ramp(steps, interval)
    due = [step for step in range(1, 250) if ramp.due(step)]
    assert due == sorted({*range(interval, steps, interval), *([steps] if steps else [])})
    assert ramp.progress(steps) == 1.0
    assert ramp.progress(steps + 7) == 1.0


def test_splicing_becomes_rarer_as_published():
    assert splice_probability(0) == 1.0
    assert splice_probability(30_000, gamma=1e-4, power=2.0) == pytest.approx(1 / 16)
