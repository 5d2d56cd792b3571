"""Equalisation: the function stays, the factors are the paper's, and groups are found through additions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsim.network import (
    Add,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    Relu,
    Relu6,
    fold,
    forward_float,
)
from models import load_data, load_network
from models.compression.equalise import Equalise, channel_groups, equalised
from models.compression.equalise.factors import scaled, spread
from models.compression.errors import CompressionError
from models.compression.step import Work
from models.compression.weights import with_tensors


def tensors(layers: tuple[Layer, ...], shape: tuple[int, int, int], seed: int = 0) -> Network:
    """A network of these layers with random tensors whose channels differ by orders of magnitude."""
    random = np.random.default_rng(seed)
    empty = Network("random", shape, layers, {})
    made = {}
    for name, size in empty.tensor_shapes.items():
        made[name] = random.normal(size=size) * 10 ** random.uniform(-1, 1, size=(size[0], *[1] * (len(size) - 1)))
    return Network("random", shape, layers, {name: value.astype(np.float32) for name, value in made.items()})


def residual(relu: type[Relu] | type[Relu6] = Relu) -> Network:
    conv = Conv2d(out_channels=4, kernel=(3, 3), padding=(1, 1))
    layers = (
        Layer("first", conv, ("input",)),
        Layer("relu1", relu(), ("first",)),
        Layer("inner", conv, ("relu1",)),
        Layer("relu2", Relu(), ("inner",)),
        Layer("outer", conv, ("relu2",)),
        Layer("sum", Add(), ("outer", "relu1")),
        Layer("relu3", Relu(), ("sum",)),
        Layer("pool", MaxPool2d((2, 2), (2, 2)), ("relu3",)),
        Layer("flat", Flatten(), ("pool",)),
        Layer("classify", Linear(3), ("flat",)),
    )
    return tensors(layers, (2, 4, 4))


def test_channels_that_an_addition_joins_are_one_group() -> None:
    groups = channel_groups(residual())
    assert [(group.writers, group.readers) for group in groups] == [
        (("first", "outer"), (("inner", 1), ("classify", 4))),
        (("inner",), (("outer", 1),)),
    ]


def test_relu6_bars_what_it_clips_and_all_that_is_added_to_it() -> None:
    assert [group.writers for group in channel_groups(residual(Relu6))] == [("inner",)]


def test_layers_with_groups_are_left_alone() -> None:
    conv = Conv2d(out_channels=4, kernel=(1, 1))
    layers = (
        Layer("a", conv, ("input",)),
        Layer("b", replace(conv, groups=2), ("a",)),
        Layer("c", conv, ("b",)),
        Layer("d", conv, ("c",)),
        Layer("pool", GlobalAvgPool(), ("d",)),
    )
    assert [group.writers for group in channel_groups(tensors(layers, (2, 3, 3)))] == [("c",)]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("measure", ["rms", "max"])
@pytest.mark.parametrize("name", ["random", "digits-cnn", "lenet5", "resnet20"])
def test_the_function_stays(name: str, measure: str, exact: bool) -> None:
    network = residual() if name == "random" else fold(load_network(name))
    images = np.random.default_rng(1).normal(size=(3, *network.input_shape)).astype(np.float32)
    before, after = forward_float(network, images), forward_float(equalised(network, measure, exact).network, images)
    if exact:
        np.testing.assert_array_equal(after, before)
    else:
        np.testing.assert_allclose(after, before, rtol=0, atol=2e-6 * np.abs(before).max())


def test_two_layers_meet_at_the_geometric_mean() -> None:
    """Nagel et al., eq. 11 and 12: after scaling, the range of a channel is sqrt(r1 r2) on both sides."""
    layers = (Layer("flat", Flatten(), ("input",)), Layer("a", Linear(5), ("flat",)), Layer("b", Linear(2), ("a",)))
    network = tensors(layers, (1, 2, 3))
    even = equalised(network, "max").network
    wanted = np.sqrt(np.abs(network.weight("a")).max(axis=1) * np.abs(network.weight("b")).max(axis=0))
    np.testing.assert_allclose(np.abs(even.weight("a")).max(axis=1), wanted, rtol=1e-4)
    np.testing.assert_allclose(np.abs(even.weight("b")).max(axis=0), wanted, rtol=1e-4)


def test_channels_become_more_alike() -> None:
    network = residual()
    assert spread(equalised(network).network) < 0.7 * spread(network)


def test_a_channel_of_zeros_stays_finite() -> None:
    network = residual()
    weight = network.weight("inner").copy()
    weight[1] = 0
    even = equalised(replace(network, tensors={**network.tensors, "inner.weight": weight})).network
    assert all(np.isfinite(tensor).all() for tensor in even.tensors.values())
    assert not even.weight("inner")[1].any()


def test_a_factor_on_one_side_alone_would_be_noticed() -> None:
    network = residual()
    group = channel_groups(network)[0]
    images = np.random.default_rng(1).normal(size=(2, *network.input_shape)).astype(np.float32)
    one_side = replace(group, readers=group.readers[:1])
    broken = with_tensors(network, scaled(network.tensors, one_side, np.full(4, 3.0)))
    assert not np.allclose(forward_float(broken, images), forward_float(network, images), rtol=1e-3)


def test_a_network_of_one_layer_has_nothing_to_equalise() -> None:
    layers = (Layer("flat", Flatten(), ("input",)), Layer("a", Linear(5), ("flat",)))
    with pytest.raises(CompressionError, match="no channels to equalise"):
        equalised(tensors(layers, (1, 2, 3)))


def test_the_step_says_what_it_found() -> None:
    lines: list[str] = []
    network = fold(load_network("digits-cnn"))
    after = Equalise(measure="max", exact=True).apply(network, Work(load_data("digits", "train"), lines.append))
    entry = after.metadata["compression"][-1]
    assert entry["method"] == "equalise"
    assert entry["options"] == {"measure": "max", "exact": True}
    assert entry["facts"]["spread_after"] <= entry["facts"]["spread_before"]
    assert "spread of channels" in lines[0]
    assert entry["facts"]["settled"] is True


@pytest.mark.parametrize("name", ["lenet5", "resnet20"])
def test_factors_settle_and_a_second_time_changes_nothing(name: str) -> None:
    once = equalised(fold(load_network(name)))
    assert once.settled
    again = equalised(once.network)
    for tensor, before in once.network.tensors.items():
        np.testing.assert_allclose(again.network.tensors[tensor], before, rtol=0.01)


def test_too_few_passes_are_told() -> None:
    assert not equalised(fold(load_network("resnet20")), passes=1).settled
