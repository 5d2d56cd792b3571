"""Tiny networks with random weights, for the tests of the Hessian."""

from __future__ import annotations

import numpy as np

from hwsim.network import (
    Activation,
    Add,
    AvgPool2d,
    Concat,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    Relu6,
)
from models.data.dataset import Dataset

RELU = Activation.RELU
CLASSES = 4


def perceptron() -> Network:
    return built(
        "perceptron",
        (1, 2, 3),
        (
            Layer("flatten", Flatten(), ("input",)),
            Layer("a", Linear(5, activation=RELU), ("flatten",)),
            Layer("b", Linear(4, activation=RELU), ("a",)),
            Layer("c", Linear(CLASSES), ("b",)),
        ),
    )


def pooled() -> Network:
    return built("pooled", (2, 7, 6), (
        Layer("conv1", Conv2d(4, (3, 2), (2, 1), (1, 1), activation=RELU), ("input",)),
        Layer("pool1", MaxPool2d((3, 3), (2, 1), (1, 1)), ("conv1",)),
        Layer("conv2", Conv2d(6, (2, 2), (1, 1), (0, 1), groups=2, bias=False), ("pool1",)),
        Layer("six", Relu6(), ("conv2",)),
        Layer("pool2", AvgPool2d((2, 2), (1, 2), (1, 0), count_include_pad=False), ("six",)),
        Layer("flatten", Flatten(), ("pool2",)),
        Layer("out", Linear(CLASSES), ("flatten",)),
    ))  # fmt: skip


def branched() -> Network:
    return built("branched", (2, 4, 4), (
        Layer("stem", Conv2d(3, (3, 3), (1, 1), (1, 1), activation=RELU), ("input",)),
        Layer("one", Conv2d(3, (3, 3), (1, 1), (1, 1), activation=RELU), ("stem",)),
        Layer("two", Conv2d(3, (1, 1)), ("one",)),
        Layer("add", Add(activation=RELU), ("two", "stem")),
        Layer("side", Conv2d(2, (1, 1), activation=RELU), ("stem",)),
        Layer("both", Concat(), ("add", "side")),
        Layer("average", GlobalAvgPool(), ("both",)),
        Layer("flatten", Flatten(), ("average",)),
        Layer("out", Linear(CLASSES), ("flatten",)),
    ))  # fmt: skip


NETWORKS = (perceptron, pooled, branched)


def built(name: str, shape: tuple[int, ...], layers: tuple[Layer, ...]) -> Network:
    random = np.random.default_rng(5)
    empty = Network(name, shape, layers, {})
    tensors = {
        tensor: _sixteenths(random.normal(0.1, 0.5, size)) for tensor, size in sorted(empty.tensor_shapes.items())
    }
    network = Network(name, shape, layers, tensors)
    network.validate()
    return network


def images(network: Network, count: int = 12) -> Dataset:
    random = np.random.default_rng(6)
    pixels = _sixteenths(random.normal(0, 1, (count, *network.input_shape)))
    return Dataset("random", "train", pixels, random.integers(0, CLASSES, count))


def _sixteenths(values: np.ndarray) -> np.ndarray:
    # Steps of a power of two can be added to them exactly in float32.
    return (np.round(values * 4096) / 4096).astype(np.float32)
