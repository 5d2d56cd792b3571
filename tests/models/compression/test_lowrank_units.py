"""Units of 0 go, and the function stays; where it would not, they stay and the report says why."""

from dataclasses import replace

import numpy as np
import pytest

from hwsim.network import (
    Activation,
    Add,
    AvgPool2d,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    Relu,
    forward_float,
)
from models.compression.lowrank.units import removable, shrink
from models.zoo import ZOO
from models.zoo.initial import initial_tensors

GENERATOR = np.random.default_rng(21)


def built(shape, *layers):
    network = Network("net", shape, layers, initial_tensors(shape, layers, 2))
    biases = {
        name: GENERATOR.standard_normal(tensor.shape).astype(np.float32)
        for name, tensor in network.tensors.items()
        if name.endswith(".bias")
    }
    return replace(network, tensors=dict(network.tensors) | biases)


def with_dead(network, name, units, bias=None):
    weight = network.weight(name).copy()
    weight[list(units)] = 0
    changed = {f"{name}.weight": weight}
    if bias is not None:
        values = network.bias(name).copy()
        values[list(units)] = bias
        changed[f"{name}.bias"] = values
    return replace(network, tensors=dict(network.tensors) | changed)


def assert_same(one, other, atol=2e-5):
    images = GENERATOR.standard_normal((4, *one.input_shape)).astype(np.float32)
    other.validate()
    np.testing.assert_allclose(forward_float(one, images), forward_float(other, images), atol=atol)


def chain(padding=(0, 0), between=(), bias=True, activation=Activation.RELU):
    names = ["a", *(f"m{i}" for i in range(len(between)))]
    middle = [Layer(f"m{i}", op, (names[i],)) for i, op in enumerate(between)]
    return built(
        (2, 10, 10),
        Layer("a", Conv2d(6, (3, 3), activation=activation), ("input",)),
        *middle,
        Layer("b", Conv2d(5, (3, 3), padding=padding, bias=bias), (names[-1],)),
        Layer("flat", Flatten(), ("b",)),
        Layer("out", Linear(3), ("flat",)),
    )


@pytest.mark.parametrize(
    "between",
    [
        (),
        (MaxPool2d((2, 2), (2, 2)),),
        (MaxPool2d((3, 3), (2, 2), (1, 1)),),
        (AvgPool2d((2, 2), (2, 2)),),
        (AvgPool2d((3, 3), (2, 2), ceil_mode=True),),
        (AvgPool2d((3, 3), (1, 1), (1, 1), count_include_pad=False),),
        (MaxPool2d((2, 2), (1, 1)), Relu()),
    ],
)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", [Activation.RELU, Activation.NONE, Activation.RELU6])
def test_constants_move_into_the_next_bias(between, bias, activation):
    network = with_dead(chain(between=between, bias=bias, activation=activation), "a", (1, 4), 0.8)
    found = shrink(network)
    assert found.removed == {"a": 2} and not found.kept
    assert found.network.weight("a").shape[0] == 4 == found.network.weight("b").shape[1]
    assert found.network.layer("b").op.bias
    assert_same(network, found.network)


def test_the_constant_counts():
    """The planted fault of forgetting it would show: the outputs differ without the constant."""
    network = with_dead(chain(), "a", (1,), 5.0)
    found = shrink(network).network
    forgotten = replace(found, tensors=dict(found.tensors) | {"b.bias": network.tensors["b.bias"]})
    images = GENERATOR.standard_normal((4, 2, 10, 10)).astype(np.float32)
    assert np.abs(forward_float(network, images) - forward_float(forgotten, images)).max() > 0.1


def test_padding_keeps_units_with_a_constant_and_lets_the_others_go():
    network = with_dead(with_dead(chain(padding=(1, 1)), "a", (0,), 0.5), "a", (3,), -0.5)
    found = shrink(network)
    assert found.removed == {"a": 1} and "padded" in found.kept["a"]
    assert_same(network, found.network)


def test_padded_average_keeps_them_too():
    network = with_dead(chain(between=(AvgPool2d((3, 3), (1, 1), (1, 1)),)), "a", (0,), 0.5)
    assert shrink(network).removed == {}
    assert shrink(with_dead(network, "a", (0,), -0.5)).removed == {"a": 1}


def test_flatten_makes_a_channel_a_block_of_features():
    network = with_dead(chain(), "b", (2,), 0.7)
    found = shrink(network)
    assert found.removed == {"b": 1}
    assert found.network.weight("out").shape == (3, 4 * 36)
    assert_same(network, found.network)


def test_global_average_is_looked_through():
    network = built(
        (1, 6, 6),
        Layer("a", Conv2d(4, (3, 3), activation=Activation.RELU), ("input",)),
        Layer("mean", GlobalAvgPool(), ("a",)),
        Layer("flat", Flatten(), ("mean",)),
        Layer("out", Linear(3, bias=False), ("flat",)),
    )
    network = with_dead(network, "a", (0, 3), 0.4)
    assert_same(network, shrink(network).network)


def test_units_that_nobody_reads_go_with_their_weights():
    network = chain()
    weight = network.weight("b").copy()
    weight[:, 2] = 0
    network = replace(network, tensors=dict(network.tensors) | {"b.weight": weight})
    found = shrink(network)
    assert found.removed == {"a": 1}
    assert_same(network, found.network)


def test_what_dies_with_a_unit_goes_as_well():
    """Unit 0 of b reads nothing but unit 1 of a; when that goes, b's unit is a constant."""
    network = with_dead(chain(), "a", (1,), 0.5)
    weight = network.weight("b").copy()
    weight[0] = 0
    weight[0, 1] = 1
    network = replace(network, tensors=dict(network.tensors) | {"b.weight": weight})
    found = shrink(network)
    assert found.removed == {"a": 1, "b": 1}
    assert_same(network, found.network)


def test_one_unit_remains():
    network = with_dead(chain(), "a", range(6), 0.3)
    found = shrink(network)
    assert found.removed == {"a": 5} and found.network.weight("a").shape[0] == 1
    assert_same(network, found.network)


def test_the_answer_stays():
    network = with_dead(chain(), "out", (1,))
    found = shrink(network)
    assert found.removed == {} and "answer" in found.kept["out"]


def test_sums_of_branches_stay_and_are_named():
    network = built(
        (2, 6, 6),
        Layer("a", Conv2d(4, (3, 3), padding=(1, 1), activation=Activation.RELU), ("input",)),
        Layer("b", Conv2d(4, (3, 3), padding=(1, 1)), ("a",)),
        Layer("sum", Add(), ("a", "b")),
        Layer("flat", Flatten(), ("sum",)),
        Layer("out", Linear(2), ("flat",)),
    )
    found = shrink(with_dead(with_dead(network, "a", (1,), -1.0), "b", (1,), 0.0))
    assert found.removed == {} and "sum (add)" in found.kept["a"] and "sum (add)" in found.kept["b"]


def test_groups_stay_on_either_side():
    network = built(
        (2, 6, 6),
        Layer("a", Conv2d(4, (1, 1)), ("input",)),
        Layer("b", Conv2d(4, (3, 3), groups=4), ("a",)),
        Layer("c", Conv2d(3, (1, 1)), ("b",)),
        Layer("flat", Flatten(), ("c",)),
        Layer("out", Linear(2), ("flat",)),
    )
    found = shrink(with_dead(with_dead(network, "a", (1,)), "b", (2,)))
    assert found.removed == {} and set(found.kept) == {"a", "b"}


def test_two_readers_both_get_the_constant():
    network = built(
        (2, 6, 6),
        Layer("a", Conv2d(4, (1, 1), activation=Activation.RELU), ("input",)),
        Layer("b", Conv2d(3, (3, 3)), ("a",)),
        Layer("c", Conv2d(3, (3, 3)), ("a",)),
        Layer("sum", Add(), ("b", "c")),
        Layer("flat", Flatten(), ("sum",)),
        Layer("out", Linear(2), ("flat",)),
    )
    network = with_dead(network, "a", (0,), 2.0)
    found = shrink(network)
    assert found.removed == {"a": 1}
    assert_same(network, found.network)


def test_blocks_of_a_residual_network_shrink_inside():
    from hwsim.network import fold

    network = fold(ZOO["resnet20"](1))
    network = with_dead(network, "stage1.0.conv1", (0, 5), -0.1)
    network = with_dead(network, "stage1.0.conv2", (3,), 0.0)
    found = shrink(network)
    assert found.removed == {"stage1.0.conv1": 2} and "stage1.0.conv2" in found.kept
    assert_same(network, found.network)


def test_nothing_to_do_is_nothing_done():
    network = chain()
    assert shrink(network).network is network
    going, _, reason = removable(network, "a")
    assert not going.any() and reason == ""
