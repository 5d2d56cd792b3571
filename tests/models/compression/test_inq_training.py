"""INQ as a whole: frozen weights never change, the quantised set grows, the end is in the codebooks."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from hwsim.network import Network
from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.inq import PORTIONS, Codebook, Inq, InqHook
from models.compression.inq.incremental import Quantised
from models.compression.inq.partition import portion_count
from models.compression.step import Training, Work
from models.compression.weights import weight_names, with_tensors
from models.training.hooks import Hook
from models.training.loop import Fit, fit
from models.training.recipe import Recipe

NETWORK = load_network("digits-cnn")
WEIGHTS = weight_names(NETWORK)
DATA = load_data("digits", "train").subset(128)
TRAINING = Training(epochs=1, learning_rate=0.05, batch=32, weight_decay=0.01, averaging=0.5)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    pytest.importorskip("torch").set_num_threads(1)


@dataclass(frozen=True)
class Spy(Work):
    """Keeps every network before and after a retraining, and the masks of its hook."""

    before: list[Network] = field(default_factory=list)
    after: list[Network] = field(default_factory=list)
    masks: list[dict[str, Any]] = field(default_factory=list)
    trainings: list[Training] = field(default_factory=list)

    def retrain(self, network: Network, training: Training, hooks: Sequence[Hook] = ()) -> Fit:
        fitted = super().retrain(network, training, hooks)
        (hook,) = (hook for hook in hooks if isinstance(hook, InqHook))
        self.before.append(network)
        self.after.append(with_tensors(network, fitted.tensors))
        self.masks.append(hook._frozen)
        self.trainings.append(training)
        return fitted


def spied(step: Inq, network: Network = NETWORK) -> tuple[Network, Spy]:
    spy = Spy(DATA, threads=1)
    return step.apply(network, spy), spy


@pytest.mark.parametrize("partition", ["magnitude", "random"])
@pytest.mark.parametrize("bits", [2, 3, 5])
def test_frozen_weights_never_change_and_the_set_grows_to_everything(bits: int, partition: Any) -> None:
    result, spy = spied(Inq(bits=bits, partition=partition, portions=(0.25, 0.5, 0.9, 1.0), training=TRAINING))
    assert len(spy.before) == 3
    for name in WEIGHTS:
        book = Codebook.of(NETWORK.tensors[name], bits)
        frozen = np.zeros(NETWORK.tensors[name].shape, bool)
        for portion, mask, before, after in zip((0.25, 0.5, 0.9), spy.masks, spy.before, spy.after, strict=True):
            assert bool((mask[name] | ~frozen).all()) and mask[name].sum() == portion_count(portion, frozen.size)
            new = mask[name] & ~frozen
            assert bool(book.holds(before.tensors[name][mask[name]]).all())
            np.testing.assert_array_equal(after.tensors[name][mask[name]], before.tensors[name][mask[name]])
            np.testing.assert_array_equal(result.tensors[name][mask[name]], before.tensors[name][mask[name]])
            free = after.tensors[name] != before.tensors[name]
            assert bool(new.any()) and not free[mask[name]].any() and free[~mask[name]].mean() > 0.9
            frozen = mask[name]
        assert bool(book.holds(result.tensors[name]).all())


def test_new_weights_are_quantised_from_what_the_retraining_made_of_them() -> None:
    result, spy = spied(Inq(bits=4, portions=(0.5, 1.0), training=TRAINING))
    for name in WEIGHTS:
        book, last = Codebook.of(NETWORK.tensors[name], 4), spy.after[0].tensors[name]
        np.testing.assert_array_equal(result.tensors[name], book.quantize(last))
        assert (book.quantize(NETWORK.tensors[name]) != result.tensors[name]).any()


@pytest.mark.parametrize("bits", PORTIONS)
def test_published_schedules_take_one_retraining_fewer_than_steps(bits: int) -> None:
    assert Inq(bits=bits).schedule == PORTIONS[bits]
    lines: list[str] = []
    step = Inq(bits=bits, training=replace(TRAINING, epochs=0))
    result = step.apply(NETWORK, Work(DATA, report=lines.append))
    assert len(lines) == len(PORTIONS[bits]) and lines[-1].endswith(f"6032 of 6032 weights quantised to {bits} bits")
    assert result.metadata["compression"][0]["facts"]["epochs"] == 0  # type: ignore[index]


def test_without_retraining_the_schedule_does_not_matter() -> None:
    still = replace(TRAINING, epochs=0)
    one = Inq(bits=3, portions=(1.0,), training=still).apply(NETWORK, Work(DATA))
    many = Inq(bits=3, training=still, partition="random").apply(NETWORK, Work(DATA))
    for name in WEIGHTS:
        np.testing.assert_array_equal(one.tensors[name], many.tensors[name])
        np.testing.assert_array_equal(
            one.tensors[name], Codebook.of(NETWORK.tensors[name], 3).quantize(NETWORK.tensors[name])
        )


def test_each_retraining_has_a_seed_of_its_own_and_the_card_counts_the_epochs() -> None:
    result, spy = spied(Inq(portions=(0.5, 0.75, 1.0), bias_epochs=2, training=TRAINING))
    assert [(t.seed, t.epochs) for t in spy.trainings] == [(1, 1), (2, 1), (3, 2)]
    entry = result.metadata["compression"][0]  # type: ignore[index]
    assert entry["method"] == "inq" and entry["facts"]["epochs"] == 4 and entry["facts"]["moved"] == 0


def test_after_the_last_step_only_biases_move() -> None:
    _, spy = spied(Inq(portions=(0.5, 1.0), bias_epochs=1, training=TRAINING))
    before, after = spy.before[-1].tensors, spy.after[-1].tensors
    assert [name for name in before if (before[name] != after[name]).any()] == [
        n for n in before if n.endswith(".bias")
    ]


def test_same_options_same_bits() -> None:
    step = Inq(bits=3, partition="random", portions=(0.5, 1.0), training=TRAINING)
    first, again = (spied(step)[0] for _ in range(2))
    other = spied(replace(step, seed=2))[0]
    assert all(np.array_equal(first.tensors[name], again.tensors[name]) for name in first.tensors)
    assert any((first.tensors[name] != other.tensors[name]).any() for name in first.tensors)


def test_a_pruned_network_stays_pruned_and_portions_count_what_is_left() -> None:
    masks = {name: np.random.default_rng(2).random(NETWORK.tensors[name].shape) < 0.3 for name in WEIGHTS}
    pruned = with_tensors(NETWORK, {name: NETWORK.tensors[name] * mask for name, mask in masks.items()})
    result, spy = spied(Inq(bits=5, portions=(0.5, 1.0), training=TRAINING), pruned)
    for name, kept in masks.items():
        quantised = spy.masks[0][name] & kept
        assert int(quantised.sum()) == portion_count(0.5, int(kept.sum())) and bool(spy.masks[0][name][~kept].all())
        assert not spy.after[0].tensors[name][~kept].any() and not result.tensors[name][~kept].any()


def test_zeros_may_be_trained_again() -> None:
    pruned = with_tensors(NETWORK, {name: NETWORK.tensors[name] * (NETWORK.tensors[name] > 0) for name in WEIGHTS})
    result, _ = spied(Inq(bits=5, keep_zeros=False, portions=(0.2, 1.0), training=TRAINING), pruned)
    assert sum(int(((pruned.tensors[n] == 0) & (result.tensors[n] != 0)).sum()) for n in WEIGHTS) > 10


def test_biases_may_be_quantised_too() -> None:
    result, spy = spied(Inq(bits=5, biases="quantised", portions=(0.5, 1.0), training=TRAINING))
    assert set(spy.masks[0]) == set(NETWORK.tensors)
    for name, tensor in result.tensors.items():
        assert bool(Codebook.of(NETWORK.tensors[name], 5).holds(tensor).all())
    floating, _ = spied(Inq(bits=5, portions=(0.5, 1.0), training=TRAINING))
    assert (floating.tensors["conv2.bias"] != NETWORK.tensors["conv2.bias"]).all()


def grown_layer(options: Inq, factor: float) -> tuple[Quantised, Network, Network]:
    """Quantise half of the weights, multiply one free weight of the last layer, quantise the rest."""
    state = Quantised.begin(NETWORK, options)
    half = state.advance(NETWORK, 0.5)
    weights = half.tensors["classify.weight"].copy()
    weights[tuple(np.argwhere(~state.taken["classify.weight"])[0])] = factor
    whole = state.advance(with_tensors(half, {"classify.weight": weights}), 1.0)
    return state, half, whole


def test_a_weight_that_outgrows_the_first_codebook_becomes_its_largest_number() -> None:
    state, half, whole = grown_layer(Inq(bits=3), 100.0)
    top = Codebook.of(NETWORK.tensors["classify.weight"], 3).top
    assert np.abs(whole.tensors["classify.weight"]).max() == 2.0**top and state.moved == 0


def test_a_codebook_of_every_step_follows_and_says_what_it_moved() -> None:
    state, half, whole = grown_layer(Inq(bits=3, scale="every-step"), 100.0)
    first, book = Codebook.of(NETWORK.tensors["classify.weight"], 3), state.books["classify.weight"]
    assert book == Codebook.of(np.array([100.0]), 3) and book.bottom > first.top
    assert (
        bool(book.holds(whole.tensors["classify.weight"]).all()) and state.moved > 400
    )  # zeros among the half stay zeros
    assert state.books["conv1.weight"] == Codebook.of(NETWORK.tensors["conv1.weight"], 3)


def test_the_codebook_nearest_to_the_weights_holds_them_all_in_the_end() -> None:
    result, _ = spied(Inq(bits=2, scale="least-squares", portions=(0.5, 1.0), training=TRAINING))
    for name in WEIGHTS:
        book = Codebook.least_squares(NETWORK.tensors[name], 2)
        assert bool(book.holds(result.tensors[name]).all()) and book != Codebook.of(NETWORK.tensors[name], 2)


def test_quantised_weights_alone_never_change_a_codebook_of_every_step() -> None:
    result, _ = spied(Inq(bits=4, scale="every-step", training=replace(TRAINING, learning_rate=1e-6)))
    assert result.metadata["compression"][0]["facts"]["moved"] == 0  # type: ignore[index]


RECIPE = Recipe(epochs=2, batch=32, learning_rate=0.1, warmup_epochs=0, momentum=0.9, weight_decay=0.1, averaging=0.3)


def half_frozen() -> dict[str, Any]:
    return {name: np.random.default_rng(4).random(NETWORK.tensors[name].shape) < 0.5 for name in NETWORK.tensors}


def changed(hooks: Sequence[Hook]) -> tuple[int, int]:
    """Return how many frozen and how many free weights a training with momentum, decay and averaging has changed."""
    result, masks = fit(NETWORK, DATA, RECIPE, hooks=hooks).tensors, half_frozen()
    differ = {name: tensor != NETWORK.tensors[name] for name, tensor in result.items()}
    return sum(int(differ[n][masks[n]].sum()) for n in masks), sum(int(differ[n][~masks[n]].sum()) for n in masks)


def test_momentum_decay_and_averaging_leave_frozen_weights_bit_for_bit() -> None:
    frozen, free = changed([InqHook(half_frozen())])
    assert frozen == 0 and free > 2800


class NoRestore(InqHook):
    """A planted fault: weight decay reaches the frozen weights."""

    def after_step(self, weights: Any, rate: float) -> None:
        return


def test_a_hook_that_stops_gradients_alone_would_be_noticed() -> None:
    frozen, _ = changed([NoRestore(half_frozen())])
    assert frozen > 2000


class Gradients(Hook):
    """Looks at the gradients after the hooks before it."""

    def __init__(self, masks: dict[str, Any]) -> None:
        self.masks, self.largest, self.free = masks, 0.0, 0.0

    def after_backward(self, weights: Any, rate: float) -> None:
        for name, mask in self.masks.items():
            gradient = weights[name].grad.abs().numpy()
            self.largest, self.free = max(self.largest, gradient[mask].max()), max(self.free, gradient[~mask].max())


def test_no_gradient_reaches_a_frozen_weight() -> None:
    look = Gradients(half_frozen())
    changed([InqHook(half_frozen()), look])
    assert look.largest == 0 and look.free > 0


def test_masks_that_fit_nothing_are_named() -> None:
    with pytest.raises(
        CompressionError, match=r"(?s)'conv1.weight' has the shape \(2,\).*'fc' has the shape.*no such tensor"
    ):
        changed([InqHook({"conv1.weight": np.zeros(2, bool), "fc": np.zeros((1, 1), bool)})])


def test_all_faults_of_the_options_at_once() -> None:
    with pytest.raises(CompressionError) as error:
        Inq(bits=7, portions=(0.5,), act_bits=9, input_bits=1, calibration=0, bias_epochs=1, biases="quantised")
    for part in (
        "bits is 7",
        "portions are 0.5",
        "act_bits is 9",
        "input_bits is 1",
        "calibration is 0",
        "bias_epochs need",
    ):
        assert part in str(error.value)


def test_a_network_that_was_trained_to_pieces_is_refused() -> None:
    broken = with_tensors(NETWORK, {"conv1.weight": np.full(NETWORK.tensors["conv1.weight"].shape, np.nan)})
    with pytest.raises(CompressionError, match="144 of 144 weights are not finite"):
        Inq().apply(broken, Work(DATA))
