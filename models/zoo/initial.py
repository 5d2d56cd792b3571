"""Initial weights, drawn with NumPy so that a network can be built without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Layer, Shape


def initial_tensors(input_shape: Shape, layers: Sequence[Layer], seed: int) -> dict[str, NDArray[np.float32]]:
    """Return He-uniform weights, zero biases and batch-norms that change nothing, for every layer, in order.

    Weights are uniform within sqrt(6 / fan-in). Source: He et al., "Delving Deep into Rectifiers",
    arXiv:1502.01852, eq. 10 (a variance of 2 / fan-in).

    Args:
        input_shape: (channels, height, width) of the network's input.
        layers: In topological order.
        seed: Of ``numpy.random.Generator(PCG64)``.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    shapes: dict[str, Shape] = {"input": input_shape}
    tensors: dict[str, NDArray[np.float32]] = {}
    for layer in layers:
        inputs = tuple(shapes[name] for name in layer.inputs)
        shapes[layer.name] = layer.op.output_shape(inputs)
        for name, shape in layer.op.tensor_shapes(inputs).items():
            tensors[f"{layer.name}.{name}"] = _draw(name, shape, generator)
    return tensors


def _draw(name: str, shape: Shape, generator: np.random.Generator) -> NDArray[np.float32]:
    if len(shape) == 1:
        return np.full(shape, name in ("gamma", "variance"), np.float32)
    bound = math.sqrt(6.0 / math.prod(shape[1:]))
    return generator.uniform(-bound, bound, shape).astype(np.float32)
