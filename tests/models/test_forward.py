"""The torch forward pass against the NumPy float64 one: the same function for every operation that training knows."""

from collections.abc import Callable

import numpy as np
import pytest

from hwsim.errors import NetworkError
from hwsim.network import (
    Activation,
    Add,
    AvgPool2d,
    Concat,
    Conv2d,
    Flatten,
    Gelu,
    GlobalAvgPool,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    Relu,
    Relu6,
    forward_float,
)
from models.training.forward import forward
from models.zoo import ZOO
from models.zoo.initial import initial_tensors

torch = pytest.importorskip("torch")


def build(layers: tuple[Layer, ...], shape: tuple[int, ...] = (2, 9, 7)) -> Network:
    tensors = initial_tensors(shape, layers, 3)
    random = np.random.default_rng(4)
    biased = {name: t if t.ndim > 1 else random.normal(size=t.shape).astype(np.float32) for name, t in tensors.items()}
    return Network("test", shape, layers, biased)


EVERYTHING = (
    Layer("a", Conv2d(4, (3, 2), stride=(2, 1), padding=(1, 0), groups=2, activation=Activation.RELU6), ("input",)),
    Layer("b", Conv2d(4, (1, 1), bias=False), ("a",)),
    Layer("c", Relu(), ("b",)),
    Layer("d", Add(activation=Activation.RELU), ("a", "b", "c")),
    Layer("e", MaxPool2d((2, 2), (2, 1), padding=(1, 0), ceil_mode=True), ("d",)),
    Layer("f", AvgPool2d((2, 3), (1, 2), padding=(1, 1), count_include_pad=False), ("e",)),
    Layer("g", AvgPool2d((2, 3), (1, 2), padding=(1, 1)), ("e",)),
    Layer("h", Concat(), ("f", "g")),
    Layer("i", Relu6(), ("h",)),
    Layer("j", GlobalAvgPool(), ("i",)),
    Layer("k", Flatten(), ("j",)),
    Layer("l", Linear(5, activation=Activation.RELU), ("k",)),
    Layer("m", Linear(3, bias=False), ("l",)),
)


@pytest.mark.parametrize("make", [lambda: build(EVERYTHING), lambda: ZOO["digits-cnn"](2), lambda: ZOO["lenet5"](2)])
def test_same_as_numpy(make: Callable[[], Network]) -> None:
    network = make()
    images = np.random.default_rng(1).normal(size=(6, *network.input_shape)).astype(np.float32)
    tensors = {name: torch.tensor(array, dtype=torch.float64) for name, array in network.tensors.items()}
    out = forward(network, tensors, torch.tensor(images, dtype=torch.float64))
    np.testing.assert_allclose(out.numpy(), forward_float(network, images), rtol=1e-10, atol=1e-12)


def test_an_operation_without_training_is_named() -> None:
    network = build((Layer("bend", Gelu(), ("input",)),))
    with pytest.raises(NetworkError, match="layer 'bend' is 'gelu'; training knows: add, avgpool2d, batchnorm"):
        forward(network, {}, torch.zeros((1, 2, 9, 7)))
