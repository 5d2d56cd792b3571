"""Where hooks take part in a step: order, arguments, and that what they change stays."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsim.errors import DataError
from models import load_data
from models.training.hooks import Hook
from models.training.loop import Fit, fit
from models.training.recipe import RECIPES, Augmentation, Recipe
from models.zoo import ZOO

torch = pytest.importorskip("torch")

RECIPE = Recipe(epochs=2, batch=50, learning_rate=0.05, averaging=0.0, threads=1)
LAYERS = tuple(layer.name for layer in ZOO["digits-cnn"](1).layers)
NAMES = set(ZOO["digits-cnn"](1).tensors)


def trained(*hooks: Hook, recipe: Recipe = RECIPE) -> Fit:
    return fit(ZOO["digits-cnn"](1), load_data("digits", "train").subset(100), recipe, hooks=hooks)


def assert_equal(one: Fit, other: Fit) -> None:
    assert one.curve == other.curve
    for name, tensor in one.tensors.items():
        np.testing.assert_array_equal(tensor, other.tensors[name], err_msg=name)


class Recorder(Hook):
    """Writes down every call, and checks what is true at each."""

    def __init__(self, name: str, calls: list[tuple[Any, ...]]) -> None:
        self.name, self.calls = name, calls

    def _note(self, *what: Any) -> None:
        self.calls.append((self.name, *what))

    def begin(self, weights: Mapping[str, Any]) -> None:
        assert set(weights) == NAMES and not torch.is_grad_enabled()
        assert all(tensor.is_leaf and tensor.requires_grad and tensor.grad is None for tensor in weights.values())
        self._note("begin")

    def seen(self, weights: Mapping[str, Any]) -> Mapping[str, Any]:
        assert set(weights) == NAMES and torch.is_grad_enabled()
        self._note("seen")
        return weights

    def view(self, name: str, value: Any) -> Any:
        self._note("view", name, tuple(value.shape))
        return value

    def penalty(self, weights: Mapping[str, Any]) -> Any:
        assert set(weights) == NAMES and torch.is_grad_enabled()
        self._note("penalty")
        return None

    def after_backward(self, weights: Mapping[str, Any], rate: float) -> None:
        assert all(tensor.grad is not None for tensor in weights.values())
        self._note("after_backward", rate)

    def after_step(self, weights: Mapping[str, Any], rate: float) -> None:
        assert set(weights) == NAMES and not torch.is_grad_enabled()
        self._note("after_step", rate)

    def after_epoch(self, weights: Mapping[str, Any], rate: float, epoch: int) -> None:
        assert set(weights) == NAMES and not torch.is_grad_enabled()
        self._note("after_epoch", rate, epoch)


def test_every_method_is_called_in_the_documented_order_with_the_rate_of_the_step() -> None:
    calls: list[tuple[Any, ...]] = []
    hooks = [Recorder(name, calls) for name in ("first", "second")]
    trained(*hooks)
    rates = [RECIPE.rate_at(step, 2) for step in range(4)]

    def both(*what: Any) -> list[tuple[Any, ...]]:
        return [(hook.name, *what) for hook in hooks]

    expected = both("begin")
    for step, rate in enumerate(rates):
        expected += both("seen")
        for name in ("input", *LAYERS):
            expected += both("view", name)
        expected += both("penalty") + both("after_backward", rate) + both("after_step", rate)
        if step % 2:
            expected += both("after_epoch", rate, step // 2 + 1)
    assert [call[:3] if call[1] == "view" else call for call in calls] == expected
    shapes = {call[2]: call[3] for call in calls if call[1] == "view"}
    assert shapes["input"] == (50, 1, 8, 8) and shapes["classify"] == (50, 10)


def test_an_idle_hook_changes_no_bit() -> None:
    assert_equal(trained(Hook(), Recorder("idle", [])), trained())


class Begin(Hook):
    def begin(self, weights: Mapping[str, Any]) -> None:
        weights["classify.bias"][3] = 100.0


def test_begin_changes_the_start_of_the_weights_and_of_their_average() -> None:
    kept = trained(Begin(), recipe=replace(RECIPE, averaging=0.9, epochs=1)).tensors["classify.bias"]
    assert kept[3] > 95 and np.abs(np.delete(kept, 3)).max() < 5


class Doubled(Hook):
    """The forward pass sees twice the classifier; what is trained is half of what is used."""

    def seen(self, weights: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**weights, "classify.weight": weights["classify.weight"] * 2}


class Frozen(Hook):
    """Nothing flows back through a detached tensor."""

    def seen(self, weights: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**weights, "conv1.weight": weights["conv1.weight"].detach()}


class Gradients(Hook):
    def __init__(self) -> None:
        self.first: dict[str, Any] = {}

    def after_backward(self, weights: Mapping[str, Any], rate: float) -> None:
        if not self.first:
            self.first = {name: None if t.grad is None else t.grad.numpy().copy() for name, t in weights.items()}


def test_gradients_flow_back_through_what_is_seen() -> None:
    """Against a network whose classifier really holds twice the weights: the gradient is twice its gradient."""
    through, direct = Gradients(), Gradients()
    recipe = replace(RECIPE, epochs=1)
    trained(Doubled(), through, recipe=recipe)
    network = ZOO["digits-cnn"](1)
    doubled = replace(network, tensors={**network.tensors, "classify.weight": network.tensors["classify.weight"] * 2})
    fit(doubled, load_data("digits", "train").subset(100), recipe, hooks=(direct,))
    np.testing.assert_array_equal(through.first["classify.weight"], 2 * direct.first["classify.weight"])
    np.testing.assert_array_equal(through.first["conv1.weight"], direct.first["conv1.weight"])


def test_nothing_flows_back_through_what_is_detached() -> None:
    gradients = Gradients()
    kept = trained(Frozen(), gradients).tensors
    assert gradients.first["conv1.weight"] is None and gradients.first["conv2.weight"].any()
    np.testing.assert_array_equal(kept["conv1.weight"], ZOO["digits-cnn"](1).tensors["conv1.weight"])


class Penalty(Hook):
    def __init__(self, strength: float) -> None:
        self.strength = strength

    def penalty(self, weights: Mapping[str, Any]) -> Any:
        return self.strength * weights["classify.bias"].sum()


def test_penalties_add_up_and_the_curve_leaves_them_out() -> None:
    recipe = replace(RECIPE, epochs=1, momentum=0.0)
    plain, one, two = Gradients(), Gradients(), Gradients()
    losses = [
        trained(*hooks, recipe=replace(recipe, learning_rate=1e-9)).curve[0].train_loss
        for hooks in ((plain,), (Penalty(3.0), one), (Penalty(3.0), Penalty(4.0), two))
    ]
    np.testing.assert_allclose(one.first["classify.bias"], plain.first["classify.bias"] + 3, rtol=1e-6)
    np.testing.assert_allclose(two.first["classify.bias"], plain.first["classify.bias"] + 7, rtol=1e-6)
    np.testing.assert_array_equal(two.first["classify.weight"], plain.first["classify.weight"])
    assert losses[0] == pytest.approx(losses[1], abs=1e-5) and losses[0] == pytest.approx(losses[2], abs=1e-5)


class NoGradient(Hook):
    def after_backward(self, weights: Mapping[str, Any], rate: float) -> None:
        for tensor in weights.values():
            tensor.grad.zero_()


def test_changed_gradients_are_what_the_optimiser_sees() -> None:
    kept = trained(NoGradient(), recipe=replace(RECIPE, weight_decay=0.0)).tensors
    for name, tensor in ZOO["digits-cnn"](1).tensors.items():
        np.testing.assert_array_equal(kept[name], tensor)


class Round(Hook):
    """Projects on multiples of 1/8 after every step, as a quantiser would."""

    def after_step(self, weights: Mapping[str, Any], rate: float) -> None:
        weights["conv2.weight"].mul_(8).round_().div_(8)


class LastWord(Hook):
    def __init__(self) -> None:
        self.epochs: list[int] = []

    def after_epoch(self, weights: Mapping[str, Any], rate: float, epoch: int) -> None:
        self.epochs.append(epoch)
        weights["classify.bias"].fill_(float(epoch))


def test_projections_after_a_step_stay_in_the_kept_weights_without_averaging() -> None:
    kept = trained(Round()).tensors["conv2.weight"]
    np.testing.assert_array_equal(kept * 8, np.round(kept * 8))
    assert (kept != np.round(ZOO["digits-cnn"](1).tensors["conv2.weight"] * 8) / 8).any()
    averaged = trained(Round(), recipe=replace(RECIPE, averaging=0.9)).tensors["conv2.weight"]
    assert (averaged * 8 != np.round(averaged * 8)).any()


def test_projections_after_an_epoch_are_where_the_next_one_begins() -> None:
    class Look(Hook):
        def __init__(self) -> None:
            self.values: list[float] = []

        def seen(self, weights: Mapping[str, Any]) -> Mapping[str, Any]:
            self.values.append(float(weights["classify.bias"][0].detach()))
            return weights

    look, last = Look(), LastWord()
    trained(last, look)
    assert last.epochs == [1, 2] and look.values[0] == 0.0 and look.values[2] == 1.0


def test_an_average_that_would_not_see_the_last_word_is_refused() -> None:
    averaged = replace(RECIPE, averaging=0.9)
    with pytest.raises(DataError, match=r"averaging is 0\.9; needed: 0 with LastWord, Recorder, which changes weights"):
        trained(LastWord(), Round(), Recorder("last", []), recipe=averaged)


class Halved(Hook):
    def view(self, name: str, value: Any) -> Any:
        return value / 2 if name == "input" else value


def test_views_replace_what_goes_on() -> None:
    data = load_data("digits", "train").subset(100)
    halved = replace(data, images=data.images / 2)
    recipe = replace(RECIPE, augmentation=Augmentation())
    assert_equal(trained(Halved(), recipe=recipe), fit(ZOO["digits-cnn"](1), halved, recipe))


def test_hooks_compose_in_their_order() -> None:
    class Add(Hook):
        def __init__(self, by: float, times: float) -> None:
            self.by, self.times = by, times

        def after_step(self, weights: Mapping[str, Any], rate: float) -> None:
            weights["classify.bias"].mul_(self.times).add_(self.by)

    zeroed_then_five = trained(Add(0, 0), Add(5, 1)).tensors["classify.bias"]
    np.testing.assert_array_equal(zeroed_then_five, np.full(10, 5, np.float32))
    five_then_doubled = trained(Add(0, 0), Add(5, 1), Add(0, 2)).tensors["classify.bias"]
    np.testing.assert_array_equal(five_then_doubled, np.full(10, 10, np.float32))


def test_hooks_take_part_in_reduced_precision_too() -> None:
    kept = trained(Round(), recipe=replace(RECIPES["resnet20"], epochs=1, batch=50, averaging=0.0, threads=1))
    assert (kept.tensors["conv2.weight"] * 8 % 1 == 0).all()
