"""Batch-norms stay for the steps that can use them, and are folded before the first that cannot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from hwsim.network import BatchNorm, Conv2d, Flatten, Layer, Linear, Network, Relu, fold, forward_float
from models import load_data
from models.compression.pruning import Prune
from models.compression.run import compress
from models.compression.step import Step, Training, Work, recorded

LAYERS = (
    Layer("conv", Conv2d(6, (3, 3), bias=False), ("input",)),
    Layer("norm", BatchNorm(), ("conv",)),
    Layer("relu", Relu(), ("norm",)),
    Layer("flat", Flatten(), ("relu",)),
    Layer("classify", Linear(10), ("flat",)),
)


def network() -> Network:
    random = np.random.default_rng(3)
    shapes = Network("small", (1, 8, 8), LAYERS, {}).tensor_shapes
    tensors = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    tensors["norm.variance"] = np.abs(tensors["norm.variance"]) + 0.5
    return Network("small", (1, 8, 8), LAYERS, tensors, {"dataset": "digits"})


@dataclass(frozen=True)
class Folded(Step):
    """A step that wants batch-norms folded, and says what it got."""

    method: ClassVar[str] = "folded"

    def apply(self, network: Network, work: Work) -> Network:
        return recorded(network, self, {"layers": [layer.name for layer in network.layers]})


@dataclass(frozen=True)
class Unfolded(Folded):
    """A step that works on batch-norms as well."""

    method: ClassVar[str] = "unfolded"
    keeps_batch_norms: ClassVar[bool] = True


@pytest.mark.parametrize(
    ("steps", "norms"),
    [
        ((Unfolded(), Folded(), Unfolded()), [True, False, False]),
        ((Folded(), Unfolded()), [False, False]),
        ((Unfolded(),), [True]),
    ],
)
def test_folding_comes_as_late_as_it_can(steps: tuple[Step, ...], norms: list[bool]) -> None:
    made = compress(network(), steps, Work(load_data("digits", "train"))).network
    assert ["norm" in entry["facts"]["layers"] for entry in made.metadata["compression"]] == norms
    assert made == fold(made)
    assert {name: tensor.tolist() for name, tensor in made.tensors.items()} == {
        name: tensor.tolist() for name, tensor in fold(network()).tensors.items()
    }


def test_what_is_pruned_before_folding_stays_pruned_after_it() -> None:
    pytest.importorskip("torch")
    training = Training(epochs=1, learning_rate=0.01, batch=50)
    step = Prune(keep=0.3, schedule="gradual", training=training)
    work = Work(load_data("digits", "train").subset(200), threads=1)
    before = replace(network(), metadata={"dataset": "digits"})
    inside = step.apply(before, work)
    made = compress(before, (step,), work).network
    assert not np.array_equal(inside.tensors["norm.mean"], before.tensors["norm.mean"])
    assert "norm.mean" not in made.tensors
    for name in ("conv", "classify"):
        np.testing.assert_array_equal(made.weight(name) == 0, inside.weight(name) == 0)
    images = work.train.images[:5]
    np.testing.assert_allclose(forward_float(made, images), forward_float(inside, images), rtol=1e-4, atol=1e-4)


def test_a_run_that_stops_between_them_goes_on_with_batch_norms(tmp_path) -> None:  # type: ignore[no-untyped-def]
    class Stop(Exception):
        pass

    def stop(line: str) -> None:
        if "step 3" in line:
            raise Stop

    steps = (Unfolded(), Unfolded(), Folded())
    with pytest.raises(Stop):
        compress(network(), steps, Work(load_data("digits", "train"), stop), tmp_path / "out.npz")
    again = compress(network(), steps, Work(load_data("digits", "train")), tmp_path / "out.npz")
    assert any("went on after step 2" in line for line in again.log)
    assert again.network == compress(network(), steps, Work(load_data("digits", "train"))).network
