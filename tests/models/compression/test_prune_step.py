"""The step ``prune``: every schedule hits its counts, says what it did, and refuses what it cannot do."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from hwsim.network import Network
from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.methods import make_step
from models.compression.pruning import Prune, Surgery, deviation_masks, kept_counts, masks_of
from models.compression.step import Training, Work


@pytest.fixture(scope="module")
def network():
    return load_network("digits-cnn")


@pytest.fixture(scope="module")
def train():
    return load_data("digits", "train").subset(256)


@dataclass(frozen=True)
class Spy(Work):
    """Keeps the network that each retraining starts from."""

    started: list[Network] = field(default_factory=list)

    def retrain(self, network, training, hooks=()):
        self.started.append(network)
        return super().retrain(network, training, hooks)


def facts(network):
    return network.metadata["compression"][-1]["facts"]


def test_without_training_it_is_the_mask_alone(network, train):
    pruned = Prune(keep=0.1, layers=(("conv1", 0.5),)).apply(network, Work(train))
    found = facts(pruned)
    assert found["layers"]["conv1"] == {"kept": 72, "weights": 144}
    assert found["kept"] == 72 + 589
    assert found["kept_fraction"] == found["kept"] / 6032
    for name, mask in masks_of(pruned).items():
        assert (pruned.tensors[name][mask] == network.tensors[name][mask]).all()
    pruned.validate()


@pytest.mark.parametrize(
    "options",
    [
        {"schedule": "one-shot"},
        {"schedule": "one-shot", "criterion": "lamp", "l1": 1e-4},
        {"schedule": "iterative", "rounds": 3},
        {"schedule": "iterative", "rounds": 2, "criterion": "saliency", "samples": 64},
        {"schedule": "gradual"},
        {"schedule": "gradual", "scope": "layer", "criterion": "scaled"},
        {"schedule": "gradual", "ramp": 0.0},
        {"schedule": "surgery"},
        {"schedule": "surgery", "ramp": 0.0},
        {"schedule": "surgery", "ramp": 1.0, "interval": 3, "criterion": "lamp"},
    ],
)
def test_every_schedule_ends_at_the_exact_count(network, train, options):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    training = Training(epochs=2, learning_rate=0.02)
    step = Prune(keep=0.05, **options, training=training, finish=Training(epochs=1, averaging=0.9))
    pruned = step.apply(network, Work(train, threads=1))
    found = facts(pruned)
    counts = kept_counts(masks_of(pruned))
    assert {layer: tuple(entry.values()) for layer, entry in found["layers"].items()} == counts
    if step.scope == "layer":
        assert counts == {"classify": (64, 1280), "conv1": (7, 144), "conv2": (230, 4608)}
    assert found["kept"] == (301 if step.scope == "layer" else 302)
    assert not any(np.signbit(tensor[tensor == 0]).any() for tensor in pruned.tensors.values())
    pruned.validate()
    again = step.apply(network, Work(train, threads=1))
    assert all((pruned.tensors[name] == tensor).all() for name, tensor in again.tensors.items())


def test_rounds_are_nested_and_trained_in_between(network, train):
    pytest.importorskip("torch")
    work = Spy(train, threads=1)
    step = Prune(keep=0.1, schedule="iterative", rounds=4, training=Training(epochs=1, learning_rate=0.02))
    last = step.apply(network, work)
    masks = [masks_of(each) for each in (*work.started, last)]
    counts = [sum(int(mask.sum()) for mask in each.values()) for each in masks]
    assert counts == [round(6032 * (603 / 6032) ** (done / 4)) for done in (1, 2, 3, 4)] + [603]
    for before, after in zip(masks, masks[1:], strict=False):
        assert not any((after[name] & ~before[name]).any() for name in after)
    assert (work.started[1].tensors["conv1.bias"] != work.started[0].tensors["conv1.bias"]).any()


def test_published_surgery_reports_what_its_thresholds_left(network, train):
    pytest.importorskip("torch")
    options = {"schedule": "dns", "surgery": Surgery(crate=0.5, crates=(("conv1", -99.0),))}
    pruned = Prune(**options, training=Training(epochs=3, learning_rate=0.1)).apply(network, Work(train, threads=1))
    found = facts(pruned)
    assert found["layers"]["conv1"]["kept"] == 144
    assert 0.05 < found["layers"]["conv2"]["kept"] / 4608 < 0.5
    assert found["spliced"] > 0
    with pytest.raises(CompressionError, match="no layer 'conv7'"):
        Prune(schedule="dns", surgery=Surgery(crates=(("conv7", 1.0),)), training=Training(epochs=1)).apply(
            network, Work(train)
        )


def test_quality_keeps_what_deviations_keep(network, train):
    pruned = Prune(quality=1.2).apply(network, Work(train))
    wanted = deviation_masks(network, 1.2)
    for name, mask in masks_of(pruned).items():
        assert (mask == wanted[name]).all()


def test_a_second_pruning_keeps_the_zeros_of_the_first(network, train):
    first = Prune(keep=0.2).apply(network, Work(train))
    second = Prune(keep=0.1).apply(first, Work(train))
    before, after = masks_of(first), masks_of(second)
    assert not any((after[name] & ~before[name]).any() for name in after)
    assert [entry["method"] for entry in second.metadata["compression"]] == ["prune", "prune"]
    with pytest.raises(CompressionError, match="3016 weights are to stay, 603 are not 0"):
        Prune(keep=0.5).apply(second, Work(train))


def test_bad_options_are_reported_together():
    with pytest.raises(CompressionError) as caught:
        Prune(
            keep=0.0,
            layers=(("conv1", 2.0), ("conv1", 0.5)),
            quality=-1.0,
            schedule="gradual",
            rounds=2,
            ramp=1.5,
            interval=0,
            l1=-1.0,
            samples=0,
            criterion="saliency",
        )
    message = str(caught.value)
    for words in (
        "keep is 0.0",
        "layers[conv1] is 2.0",
        "each layer once",
        "quality is -1.0",
        "rounds is 2",
        "ramp is 1.5",
        "interval is 0",
        "l1 is -1.0",
        "samples is 0",
        "training.epochs is 0",
        "criterion is 'saliency'",
        "11 faults",
    ):
        assert words in message
    with pytest.raises(CompressionError, match="5 faults"):
        Surgery(hysteresis=0.5, stop=0.0, gamma=-1.0, power=-1.0, crate=float("nan"))


@pytest.mark.parametrize(
    ("options", "idle"),
    [
        ({"quality": 1.2, "keep": 0.2, "layers": (("conv1", 0.5),), "scope": "layer"}, ("keep", "layers", "scope")),
        ({"schedule": "one-shot", "ramp": 0.5, "interval": 4, "idle_first": False}, ("ramp", "interval", "idle_first")),
        ({"schedule": "gradual", "surgery": Surgery(stop=0.5)}, ("surgery",)),
        ({"schedule": "surgery", "surgery": Surgery(crate=0.5)}, ("crate",)),
        ({"schedule": "dns", "keep": 0.2, "criterion": "lamp", "ramp": 0.1}, ("ramp", "keep", "criterion")),
        ({"schedule": "dns", "surgery": Surgery(hysteresis=2.0)}, ("hysteresis",)),
    ],
)
def test_options_that_another_one_leaves_without_effect_are_refused(options, idle):
    with pytest.raises(CompressionError) as caught:
        Prune(**options, training=Training(epochs=1))
    for name in idle:
        assert f"{name} is given, and " in str(caught.value)
    assert str(caught.value).count("without effect") == len(idle)


def test_a_force_without_a_training_is_refused():
    with pytest.raises(CompressionError, match=r"l1 is given, and training\.epochs = 0 leaves it without effect"):
        Prune(l1=1e-4)


def test_a_recipe_gives_tables_and_lists():
    options = {"keep": 0.02, "schedule": "surgery", "layers": [["conv1", 0.66]], "surgery": {"hysteresis": 1.5}}
    step = make_step("prune", options | {"training": {"epochs": 3, "learning_rate": 0.05}})
    assert step == Prune(
        keep=0.02,
        schedule="surgery",
        layers=(("conv1", 0.66),),
        surgery=Surgery(hysteresis=1.5),
        training=Training(epochs=3, learning_rate=0.05),
    )
    assert step.options()["layers"] == [["conv1", 0.66]]
