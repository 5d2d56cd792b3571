"""Folding changes the layers and not the function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hwsim.errors import NetworkError
from hwsim.network import (
    Activation,
    Add,
    BatchNorm,
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

Build = Callable[..., Network]


POOL = MaxPool2d((2, 2), (2, 2))
CONV = Layer("c", Conv2d(3, (1, 1)), ("input",))
CLIPPED = Layer("c", Conv2d(3, (1, 1), activation=Activation.RELU), ("input",))
NORM = Layer("n", BatchNorm(), ("c",))
RELU = Layer("r", Relu(), ("c",))


def assert_same_function(network: Network, folded: Network) -> None:
    images = np.random.default_rng(1).normal(size=(7, *network.input_shape)).astype(np.float32)
    expected, result = forward_float(network, images), forward_float(folded, images)
    # The folded tensors are rounded to float32 once: 2^-24 relative each, accumulated over a few dozen terms.
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=2e-6 * np.abs(expected).max())


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("groups", [1, 3])
def test_batchnorm_disappears_into_a_convolution(chain: Build, bias: bool, groups: int) -> None:
    network = chain(Conv2d(6, (3, 3), groups=groups, bias=bias), BatchNorm(1e-3), Relu6(), GlobalAvgPool())
    folded = fold(network)
    assert [layer.op for layer in folded.layers] == [
        Conv2d(6, (3, 3), groups=groups, bias=True, activation=Activation.RELU6),
        GlobalAvgPool(),
    ]
    assert set(folded.tensors) == {"op0.weight", "op0.bias"}
    assert_same_function(network, folded)


def test_folded_tensors_are_the_nearest_float32_of_the_formula(chain: Build) -> None:
    network = chain(Linear(4), BatchNorm(0.25), input_shape=(3,))
    folded, t = fold(network), {name: tensor.astype(np.float64) for name, tensor in network.tensors.items()}
    for row in range(4):
        scale = t["op1.gamma"][row] / (t["op1.variance"][row] + 0.25) ** 0.5
        bias = (t["op0.bias"][row] - t["op1.mean"][row]) * scale + t["op1.beta"][row]
        assert np.array_equal(folded.weight("op0")[row], (t["op0.weight"][row] * scale).astype(np.float32))
        assert folded.tensors["op0.bias"][row] == np.float32(bias)


def test_batchnorms_in_a_row_and_the_network_before_is_untouched(chain: Build) -> None:
    network = chain(
        Conv2d(4, (3, 3)),
        BatchNorm(),
        BatchNorm(),
        Relu(),
        POOL,
        Flatten(),
        Linear(3),
        BatchNorm(),
    )
    before = network.content_hash
    folded = fold(network)
    assert [layer.name for layer in folded.layers] == ["op0", "op4", "op5", "op6"]
    assert [layer.inputs for layer in folded.layers] == [("input",), ("op0",), ("op4",), ("op5",)]
    assert network.content_hash == before
    assert_same_function(network, folded)


def test_folding_twice_changes_nothing(every_op: Network) -> None:
    assert fold(fold(every_op)) == fold(every_op)
    assert_same_function(every_op, fold(every_op))


def test_a_network_with_nothing_to_fold_stays_the_same(chain: Build) -> None:
    network = chain(Conv2d(4, (3, 3)), POOL, Flatten(), Linear(3))
    assert fold(network) == network


@pytest.mark.parametrize(
    ("layers", "kinds"),
    [
        ([Layer("r", Relu(), ("input",))], ["relu"]),
        ([Layer("p", POOL, ("input",)), Layer("r", Relu(), ("p",))], ["maxpool2d", "relu"]),
        ([CONV, RELU, Layer("s", Relu6(), ("r",))], ["conv2d", "relu6"]),
        ([CONV, RELU, Layer("s", Add(), ("c", "r"))], ["conv2d", "relu", "add"]),
        ([Layer("s", Add(), ("input", "input")), Layer("r", Relu6(), ("s",))], ["add"]),
    ],
)
def test_a_relu_stays_where_it_cannot_be_merged(build: Build, layers: list[Layer], kinds: list[str]) -> None:
    network = build(layers)
    assert [layer.op.kind for layer in fold(network).layers] == kinds
    assert_same_function(network, fold(network))


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([Layer("n", BatchNorm(), ("input",))], ["'n'", "reads the input", "1x1 Conv2d"]),
        ([Layer("p", POOL, ("input",)), Layer("n", BatchNorm(), ("p",))], ["follows maxpool2d 'p'"]),
        ([CLIPPED, NORM], ["'c' applies relu before"]),
        ([CONV, RELU, Layer("n", BatchNorm(), ("r",))], ["'c' applies relu before"]),
        ([CONV, NORM, Layer("s", Add(), ("c", "n"))], ["'c' has 2 readers"]),
        (
            [Layer("n", BatchNorm(), ("input",)), Layer("p", POOL, ("n",)), Layer("m", BatchNorm(), ("p",))],
            ["2 faults", "'n'", "'m'"],
        ),
    ],
)
def test_a_batchnorm_that_cannot_be_folded_says_why(build: Build, layers: list[Layer], words: list[str]) -> None:
    with pytest.raises(NetworkError) as caught:
        fold(build(layers))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_scale_beyond_float32_is_refused(chain: Build) -> None:
    network = chain(Conv2d(4, (3, 3)), BatchNorm(1e-30))
    tiny = {"op1.variance": np.zeros(4, np.float32), "op1.gamma": np.full(4, 3e38, np.float32)}
    with pytest.raises(NetworkError, match="non-finite"):
        fold(replace(network, tensors={**network.tensors, **tiny}))


def test_an_invalid_network_is_not_folded(chain: Build) -> None:
    with pytest.raises(NetworkError, match="missing"):
        fold(replace(chain(Linear(3), BatchNorm(), input_shape=(2,)), tensors={}))
