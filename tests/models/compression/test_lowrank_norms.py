"""Low rank on a network whose batch-norms are not folded: what is cut, what takes up the mean, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsim.errors import NetworkError
from hwsim.network import (
    BatchNorm,
    Conv2d,
    Flatten,
    Layer,
    Linear,
    Network,
    Relu,
    activations_float,
    fold,
    forward_float,
)
from models import load_data
from models.compression.errors import CompressionError
from models.compression.lowrank import LowRank
from models.compression.lowrank.array_cost import ArrayChoice, ArrayCost
from models.compression.lowrank.cut import Cutter, norm_behind
from models.compression.lowrank.graph import factorise
from models.compression.lowrank.matrix import Form, Split
from models.compression.lowrank.steps import Factorise
from models.compression.lowrank.train import LowRankTrain, Penalties
from models.compression.lowrank.truncate import RankRule, Truncate
from models.compression.run import compress
from models.compression.step import Training, Work

TRAIN = load_data("digits", "train").subset(200)
LAYERS = (
    Layer("first", Conv2d(12, (3, 3), bias=False), ("input",)),
    Layer("norm1", BatchNorm(), ("first",)),
    Layer("relu1", Relu(), ("norm1",)),
    Layer("second", Conv2d(16, (3, 3), (2, 2), groups=2, bias=False), ("relu1",)),
    Layer("norm2", BatchNorm(), ("second",)),
    Layer("relu2", Relu(), ("norm2",)),
    Layer("flat", Flatten(), ("relu2",)),
    Layer("classify", Linear(10), ("flat",)),
)
NONE = Training(epochs=0)


def network(layers: tuple[Layer, ...] = LAYERS) -> Network:
    random = np.random.default_rng(5)
    shapes = Network("small", (1, 8, 8), layers, {}).tensor_shapes
    tensors = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    for name in (name for name in tensors if name.endswith(".variance")):
        tensors[name] = np.abs(tensors[name]) + np.float32(0.5)
    return Network("small", (1, 8, 8), layers, tensors, {"dataset": "digits"})


LIVE = network()


@pytest.mark.parametrize("objective", ["parameters", "cycles", "energy", "balanced"])
@pytest.mark.parametrize("splits", [{}, {"second": Split(Form.SPATIAL, 2)}, {"classify": Split(Form.CHANNEL, 3)}])
def test_a_batch_norm_costs_what_it_costs_folded(objective, splits):
    choice = ArrayChoice(objective)
    assert ArrayCost(LIVE, choice)(splits) == ArrayCost(fold(LIVE), choice)(splits)


def test_the_norm_that_alone_reads_a_layer_is_found():
    assert (norm_behind(LIVE, "first"), norm_behind(LIVE, "second"), norm_behind(LIVE, "classify")) == (
        "norm1",
        "norm2",
        None,
    )
    twice = (*LAYERS[:2], Layer("aside", Relu(), ("first",)), *LAYERS[2:])
    assert norm_behind(network(twice), "first") is None


@pytest.mark.parametrize(("name", "form", "rank"), [("first", Form.CHANNEL, 4), ("second", Form.SPATIAL, 2)])
def test_the_mean_of_the_norm_takes_up_what_a_cut_changes(name, form, rank):
    """As a bias does on the folded network: the mean of what the norm gives stays, over the images of the cut."""
    cut = Cutter(LIVE, TRAIN.images).cut({name: Split(form, rank)})
    norm = norm_behind(LIVE, name)
    before, after = (activations_float(net, TRAIN.images)[norm] for net in (LIVE, cut))
    assert not np.allclose(before, after, atol=1e-3)
    np.testing.assert_allclose(before.mean(axis=(0, 2, 3)), after.mean(axis=(0, 2, 3)), atol=1e-4)
    assert {key for key in cut.tensors if (cut.tensors[key] != LIVE.tensors[key]).any()} == {
        f"{name}.weight",
        f"{norm}.mean",
    }


@pytest.mark.parametrize("form", [Form.CHANNEL, Form.SPATIAL])
def test_two_layers_and_a_norm_compute_what_the_cut_one_does(form):
    """Strided and grouped: the norm follows the second part, and folds into it."""
    splits = {"second": Split(form, 2)}
    cut = Cutter(LIVE, TRAIN.images).cut(splits)
    live = factorise(cut, splits)
    wanted = forward_float(cut, TRAIN.images[:50])
    np.testing.assert_allclose(forward_float(live, TRAIN.images[:50]), wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(forward_float(fold(live), TRAIN.images[:50]), wanted, rtol=1e-4, atol=1e-3)
    assert [layer.name for layer in live.layers][3:6] == ["second.u", "second.v", "norm2"]


def test_low_rank_is_the_three_in_one_and_leaves_the_norms():
    rule = RankRule(energy=0.6, data_aware=True, samples=100)
    one = LowRank(training=NONE, ranks=rule, retraining=NONE).apply(LIVE, Work(TRAIN))
    parts = Factorise().apply(Truncate(rule).apply(LIVE, Work(TRAIN)), Work(TRAIN))
    assert any(isinstance(layer.op, BatchNorm) for layer in one.layers)
    assert any(isinstance(layer.op, BatchNorm) for layer in parts.layers)
    assert LowRankTrain.keeps_batch_norms and one.metadata["compression"][0]["facts"]["ranks"]


def test_the_group_lasso_folds_first():
    """Before a norm a unit that is nearly 0 counts as much as any other."""
    pytest.importorskip("torch")
    step = LowRankTrain(Penalties(group=1e-3), Training(epochs=1, learning_rate=0.01))
    assert not any(isinstance(layer.op, BatchNorm) for layer in step.apply(LIVE, Work(TRAIN)).layers)
    step = LowRankTrain(Penalties(tau=1e-3), Training(epochs=1, learning_rate=0.01))
    assert any(isinstance(layer.op, BatchNorm) for layer in step.apply(LIVE, Work(TRAIN)).layers)


def test_what_cannot_be_had_is_refused_before_the_training():
    log: list[str] = []
    odd = (LAYERS[0], Layer("relu1", Relu(), ("first",)), Layer("norm1", BatchNorm(), ("relu1",)), *LAYERS[3:])
    odd = tuple(replace(layer, inputs=("norm1",)) if layer.name == "second" else layer for layer in odd)
    training = Training(epochs=1, learning_rate=0.01)
    with pytest.raises(NetworkError, match="norm1"):
        compress(network(odd), (LowRank(training=training),), Work(TRAIN, log.append))
    rule = RankRule("array", cost_share=0.05, samples=100)
    with pytest.raises(CompressionError, match=r"cost_share is 0.05; the lowest that ranks alone reach is 0\.\d"):
        compress(LIVE, (LowRank(training=training, ranks=rule),), Work(TRAIN, log.append))
    assert not any("epoch" in line.split(":")[0] for line in log if "step" not in line)
    with pytest.raises(CompressionError, match="averages of low rank have a higher"):
        LowRank(training=replace(training, averaging=0.9))
    with pytest.raises(CompressionError, match=r"penalties is given, and training.epochs = 0 leaves it without effect"):
        LowRank(penalties=Penalties(tau=0.5), training=NONE)
    with pytest.raises(CompressionError, match="none of compress=layers"):
        ArrayChoice(machine="16x16-ws,compress=layers@dram")
