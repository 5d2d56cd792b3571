"""What takes part in training a pruned network: zeros that stay, schedules that hold, connections that come back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.pruning import (
    AbsoluteDecayHook,
    Budget,
    GradualHook,
    MaskHook,
    Ramp,
    Share,
    SurgeryHook,
    TargetRule,
    ThresholdRule,
    budget_of,
    cubic_sparsity,
    magnitude_masks,
)
from models.compression.pruning.surgery import Splicing
from models.training.hooks import Hook
from models.training.recipe import Augmentation, recipe_for

torch = pytest.importorskip("torch")

from models.training.loop import fit  # noqa: E402


@pytest.fixture(scope="module")
def network():
    torch.set_num_threads(1)
    return load_network("digits-cnn")


@pytest.fixture(scope="module")
def train():
    return load_data("digits", "train").subset(256)


def recipe(**changes):
    return replace(
        recipe_for("digits-cnn"),
        **{"epochs": 2, "warmup_epochs": 0.0, "averaging": 0.0, "weight_decay": 0.01, **changes},
        augmentation=Augmentation(),
    )


class Watch(Hook):
    """Keeps a copy of every weight after each step."""

    def __init__(self):
        self.steps = []

    def after_step(self, weights, rate):
        self.steps.append({name: tensor.detach().numpy().copy() for name, tensor in weights.items()})


def leaf(values):
    return torch.tensor(values, dtype=torch.float32).requires_grad_(True)


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_zeros_stay_exactly_zero_under_momentum_and_decay(network, train, averaging):
    masks, watch = magnitude_masks(network, 0.2), Watch()
    trained = fit(network, train, recipe(averaging=averaging), hooks=(MaskHook(masks), watch)).tensors
    assert len(watch.steps) == 16
    for values in (*watch.steps, trained):
        for name, mask in masks.items():
            assert not values[name][~mask].view(np.uint32).any()
    moved = [name for name, mask in masks.items() if (trained[name][mask] != network.tensors[name][mask]).any()]
    assert moved == list(masks)


def test_the_momentum_of_what_is_pruned_is_zero(network, train):
    from models.training.step import TrainingRun

    masks = magnitude_masks(network, 0.2)
    run = TrainingRun(network, train, recipe(), (MaskHook(masks),))
    run.epoch(0)
    for name, mask in masks.items():
        momentum = run.state()[f"momentum/{name}"]
        assert not momentum[~mask].any()
        assert momentum[mask].any()


def test_without_the_hook_zeros_do_not_stay(network, train):
    """A planted fault: what the tests above look for is not there by itself."""
    masks = magnitude_masks(network, 0.2)
    pruned = {
        name: np.where(masks[name], network.tensors[name], 0) if name in masks else network.tensors[name]
        for name in network.tensors
    }
    trained = fit(replace(network, tensors={k: np.float32(v) for k, v in pruned.items()}), train, recipe()).tensors
    assert all(trained[name][~mask].any() for name, mask in masks.items())


def test_the_gradual_schedule_is_the_formula_and_masks_are_nested(network, train):
    end, watch, told = budget_of(network, 0.1), Watch(), {}
    hook = GradualHook(end, Ramp(12, 3), report=lambda step, budget: told.update({step: budget.counts[0]}))
    trained = fit(network, train, recipe(), hooks=(hook, watch)).tensors
    total = 6032
    assert told == {step: total - int(np.floor(cubic_sparsity(step / 12, total - 603) + 0.5)) for step in (3, 6, 9, 12)}
    alive = [{name: values[name] != 0 for name in hook.masks} for values in watch.steps]
    counts = [sum(int(mask.sum()) for mask in masks.values()) for masks in alive]
    assert counts == [total] * 2 + [told[3]] * 3 + [told[6]] * 3 + [told[9]] * 3 + [603] * 5
    for before, after in zip(alive, alive[1:], strict=False):
        assert not any((after[name] & ~before[name]).any() for name in after)
    for name, mask in hook.masks.items():
        assert not trained[name][~mask].view(np.uint32).any()


def test_a_ramp_of_no_steps_prunes_before_the_first_one(network):
    weights = {name: leaf(array) for name, array in network.tensors.items()}
    hook = GradualHook(budget_of(network, 0.1), Ramp(0))
    with torch.no_grad():
        hook.begin(weights)
    assert sum(int(weights[name].count_nonzero()) for name in hook.masks) == 603


def test_a_gradual_pruning_starts_from_what_is_left(network):
    weights = {name: leaf(array) for name, array in network.tensors.items()}
    with torch.no_grad():
        MaskHook(magnitude_masks(network, 0.1)).begin(weights)
        with pytest.raises(CompressionError, match="1206 weights are to stay, 603 are not 0"):
            GradualHook(budget_of(network, 0.2), Ramp(4)).begin(weights)


def test_the_absolute_decay_pulls_by_the_sign():
    weights = {"a": leaf([[2.0, -3.0, 0.0]]), "b": leaf([1.0])}
    (weights["a"].sum() + weights["b"].sum()).backward()
    AbsoluteDecayHook(0.5, ("a",)).after_backward(weights, 0.1)
    assert weights["a"].grad.tolist() == [[1.5, 0.5, 1.0]]
    assert weights["b"].grad.tolist() == [1.0]


def chain():
    """Two layers of two units; nobody reads unit 1 of the first, and it has the largest weights."""
    return {"a": leaf([[1.0, 2.0], [90.0, 80.0]]), "b": leaf([[3.0, 0.0]])}


def run_chain(weights, seen=None):
    tensors = weights if seen is None else seen
    (torch.tensor([[1.0, -1.0]]) @ tensors["a"].T @ tensors["b"].T).sum().backward()


@pytest.mark.parametrize(("idle_first", "kept"), [(True, [[True, True], [False, False]]), (False, None)])
def test_weights_that_nothing_depends_on_go_first(idle_first, kept):
    end = Budget((Share(("a", "b"), 3),))
    weights = chain()
    hook = GradualHook(end, Ramp(1), idle_first=idle_first)
    with torch.no_grad():
        hook.begin(weights)
    run_chain(weights)
    hook.after_backward(weights, 0.1)
    with torch.no_grad():
        hook.after_step(weights, 0.1)
    assert hook.masks["a"].tolist() == (kept or [[False, False], [True, True]])
    assert hook.masks["b"].tolist() == [[True, False]]


def test_surgery_lets_idle_weights_go_first():
    start = Budget((Share(("a", "b"), 5),))
    weights = chain()
    hook = SurgeryHook(TargetRule(start.with_counts([3]), Ramp(1), start), lambda step: True, idle_first=True)
    with torch.no_grad():
        hook.begin(weights)
    run_chain(weights, hook.seen(weights))
    hook.after_backward(weights, 0.1)
    with torch.no_grad():
        hook.after_step(weights, 0.1)
    assert hook.masks["a"].tolist() == [[True, True], [False, False]]


def hook_of(values, kept, ratio=2.0):
    """A surgery that keeps ``kept`` weights of one tensor from the first step on."""
    start = Budget((Share(("a",), len(values[0])),))
    rule = TargetRule(start.with_counts([kept]), Ramp(1), start, "magnitude", ratio)
    return SurgeryHook(rule, lambda step: True), {"a": leaf(values)}


def stepped(hook, weights, values):
    with torch.no_grad():
        weights["a"].copy_(torch.tensor(values))
        hook.after_step(weights, 0.0)
    return hook.masks["a"].ravel().tolist()


def test_a_connection_comes_back_when_it_beats_the_advantage():
    hook, weights = hook_of([[3.0, 2.0, 1.0]], 2)
    with torch.no_grad():
        hook.begin(weights)
    assert stepped(hook, weights, [[3.0, 2.0, 1.0]]) == [True, True, False]
    assert stepped(hook, weights, [[3.0, 2.0, 3.9]]) == [True, True, False]
    assert hook.spliced == 0
    assert stepped(hook, weights, [[3.0, 2.0, -4.1]]) == [True, False, True]
    assert hook.spliced == 1
    seen = hook.seen(weights)["a"]
    assert seen.tolist() == [[3.0, 0.0, torch.tensor(-4.1).item()]]
    assert stepped(hook, weights, [[3.0, 4.1, -4.1]]) == [True, False, True]


def test_the_network_sees_the_mask_and_gradients_reach_all():
    hook, weights = hook_of([[3.0, -2.0, -1e-9, 7.0]], 2)
    with torch.no_grad():
        hook.begin(weights)
    stepped(hook, weights, [[3.0, -2.0, -1e-9, 7.0]])
    seen = hook.seen(weights)["a"]
    assert seen.tolist() == [[3.0, 0.0, 0.0, 7.0]]
    assert not torch.signbit(seen).any()
    (seen * torch.tensor([[1.0, 2.0, 3.0, 4.0]])).sum().backward()
    assert weights["a"].grad.tolist() == [[1.0, 2.0, 3.0, 4.0]]


magnitudes = st.lists(st.sampled_from([0.5, 0.8, 0.95, 1.0, 1.05, 1.2, 3.0]), min_size=1, max_size=30)


@given(magnitudes, st.data(), st.sampled_from([1.0, 1.1 / 0.9, 3.0]))
def test_the_target_rule_is_two_thresholds(values, data, ratio):
    """Eq. 3 with a = t / ratio and b = t: below a all are out, above b all are in, between them only the kept stay."""
    before = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    count = data.draw(st.integers(1, len(values)))
    end = Budget((Share(("a",), count),))
    after = TargetRule(end, Ramp(0), end, ratio=ratio).masks({"a": np.array(values)}, {"a": before}, 5)["a"]
    assert after.sum() == count
    upper = min(value * (ratio if was else 1.0) for value, was, now in zip(values, before, after, strict=True) if now)
    for value, was, now in zip(values, before, after, strict=True):
        if value * (ratio if was else 1.0) > upper:
            assert now
        if value * (ratio if was else 1.0) < upper:
            assert not now


@given(magnitudes, st.data())
def test_the_published_thresholds_are_eq_3(values, data):
    before = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    rule = ThresholdRule({"a": 1.0})
    after = rule.masks({"a": -np.array(values)}, {"a": np.array(before)}, 1)["a"]
    for value, was, now in zip(values, before, after, strict=True):
        if value < 0.9:
            assert not now
        elif value > 1.1:
            assert now
        else:
            assert now == was


def test_published_limits_are_mean_and_deviation_of_what_is_not_zero():
    values = np.float32([[0.0, 1.0, -2.0, 3.0]])
    rule = ThresholdRule.of({"a": values, "b": values, "c": values * 0}, {"a": 0.5, "b": -99.0, "c": 1.0})
    assert rule.limits["a"] == pytest.approx(2 + 0.5 * np.sqrt(2 / 3))
    assert rule.limits["b"] == 0
    assert rule.limits["c"] == 0
    assert rule.first({"a": values, "b": values, "c": values})["a"].tolist() == [[False, True, True, True]]


def test_splicing_is_always_on_the_ramp_then_rarer_then_over():
    chosen = Splicing(stop=4000, gamma=0.01, interval=2, seed=3).steps(Ramp(100, 10))
    due = [step for step in range(1, 5001) if chosen(step)]
    assert [step for step in due if step <= 100] == list(range(10, 101, 10))
    late = np.array([step for step in due if step > 100])
    assert late.max() < 4000
    assert not (late % 2).any()
    expected = sum((1 + 0.01 * (step - 100)) ** -1 for step in range(102, 4000, 2))
    assert abs(len(late) - expected) < 5 * np.sqrt(expected)
    again = Splicing(stop=4000, gamma=0.01, interval=2, seed=3).steps(Ramp(100, 10))
    assert due == [step for step in range(1, 5001) if again(step)]


def test_surgery_in_training_brings_connections_back(network, train):
    end = budget_of(network, 0.1)
    start = end.with_counts([6032])
    ramp = Ramp(8, 2)
    hook = SurgeryHook(TargetRule(end, ramp, start, ratio=1.0), Splicing(stop=40, interval=1).steps(ramp))
    history = []

    class Masks(Hook):
        def after_step(self, weights, rate):
            history.append({name: mask.copy() for name, mask in hook.masks.items()})

    trained = fit(network, train, recipe(epochs=5, learning_rate=0.2), hooks=(hook, Masks())).tensors
    back = [
        int((after[name] & ~before[name]).sum())
        for before, after in zip(history, history[1:], strict=False)
        for name in after
    ]
    assert sum(back) == hook.spliced > 0
    assert sum(int(mask.sum()) for mask in history[-1].values()) == 603
    assert any(trained[name][~mask].any() for name, mask in hook.masks.items()), "W is kept whole"
