"""Small networks that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from hwsim.network import (
    Activation,
    Add,
    AvgPool2d,
    BatchNorm,
    Concat,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    Relu,
    Relu6,
    Shape,
    Softmax,
)

Build = Callable[..., Network]


@pytest.fixture
def build() -> Build:
    """Build a network from layers, with random tensors of the shapes that they need."""

    def make(layers: Sequence[Layer], input_shape: Shape = (3, 8, 8), seed: int = 0, **metadata: Any) -> Network:
        random = np.random.default_rng(seed)
        shapes = Network("shapes", input_shape, tuple(layers), {}).shapes
        tensors = {}
        for layer in layers:
            for part, shape in layer.op.tensor_shapes(tuple(shapes[source] for source in layer.inputs)).items():
                values = random.normal(0.0, 0.5, shape)
                tensors[f"{layer.name}.{part}"] = (np.abs(values) if part == "variance" else values).astype(np.float32)
        return Network("test", input_shape, tuple(layers), tensors, metadata)

    return make


@pytest.fixture
def chain(build: Build) -> Build:
    """Build a network from operations that follow one another, named op0, op1, ..."""

    def make(*ops: Any, input_shape: Shape = (3, 8, 8), seed: int = 0) -> Network:
        names = ["input", *(f"op{i}" for i in range(len(ops)))]
        return build([Layer(f"op{i}", op, (names[i],)) for i, op in enumerate(ops)], input_shape, seed)

    return make


@pytest.fixture
def every_op(build: Build) -> Network:
    """One network with every operation in it."""
    return build(
        [
            Layer("conv", Conv2d(6, (3, 3), padding=(1, 1), bias=False), ("input",)),
            Layer("norm", BatchNorm(1e-3), ("conv",)),
            Layer("act", Relu6(), ("norm",)),
            Layer("depthwise", Conv2d(6, (3, 3), (1, 1), (1, 1), groups=6, activation=Activation.RELU), ("act",)),
            Layer("sum", Add(), ("act", "depthwise")),
            Layer("sum.relu", Relu(), ("sum",)),
            Layer("max", MaxPool2d((3, 2), (2, 2), (1, 0), ceil_mode=True), ("sum.relu",)),
            Layer("mean", AvgPool2d((3, 2), (2, 2), (1, 0), True, count_include_pad=False), ("sum.relu",)),
            Layer("both", Concat(), ("max", "mean")),
            Layer("global", GlobalAvgPool(), ("both",)),
            Layer("flat", Flatten(), ("global",)),
            Layer("fc", Linear(5), ("flat",)),
            Layer("prob", Softmax(), ("fc",)),
        ],
        dataset="none",
        accuracy={"correct": 9, "total": 10},
    )
