"""A network seen as a chain of linear operations and gates, and the values that pass between them (torch)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.errors import DataError, require_extra
from hwsim.network import Activation, BatchNorm, Layer, Network, Relu, Relu6
from models.compression.errors import CompressionError
from models.data.dataset import Dataset

if TYPE_CHECKING:
    import torch

    Values = dict[str, torch.Tensor]

_GATES = {Activation.RELU: Relu, Activation.RELU6: Relu6}


def need_torch() -> None:
    """Raise MissingExtraError when torch is not installed."""
    if find_spec("torch") is None:
        raise require_extra("torch", "train", "a Hessian")


def unfused(network: Network) -> Network:
    """Return the same function with every activation a layer of its own, so that each layer with weights is linear.

    >>> from models import load_network
    >>> [layer.name for layer in unfused(load_network("digits-cnn")).layers][:3]
    ['conv1', 'conv1.activation', 'pool1']

    Raises:
        CompressionError: for a network with batch-norms.
    """
    if any(isinstance(layer.op, BatchNorm) for layer in network.layers):
        raise CompressionError(
            f"network {network.name!r} has batch-norms; fold them first: hwsim.network.fold(network)"
        )
    layers: list[Layer] = []
    renamed: dict[str, str] = {}
    for layer in network.layers:
        op: Any = layer.op
        inputs = tuple(renamed.get(name, name) for name in layer.inputs)
        gate = _GATES.get(getattr(op, "activation", Activation.NONE))
        layers.append(Layer(layer.name, op if gate is None else replace(op, activation=Activation.NONE), inputs))
        if gate is not None:
            renamed[layer.name] = f"{layer.name}.activation"
            layers.append(Layer(renamed[layer.name], gate(), (layer.name,)))
    return replace(network, layers=tuple(layers))


def leaves(network: Network) -> Values:
    """Return the tensors of ``network`` as float64 torch leaves that require gradients, by name."""
    need_torch()
    import torch

    return {
        name: torch.tensor(array, dtype=torch.float64, requires_grad=True) for name, array in network.tensors.items()
    }


def record(network: Network, tensors: Values, images: torch.Tensor) -> tuple[torch.Tensor, Values]:
    """Return the logits, shape (batch, classes), and the output of every layer and of "input" by name."""
    from models.training.forward import forward

    values: Values = {}

    def keep(name: str, value: torch.Tensor) -> torch.Tensor:
        values[name] = value
        return value

    return forward(network, tensors, images, view=keep), values


def drawn(data: Dataset, samples: int, seed: int) -> Dataset:
    """Return ``samples`` images of ``data`` in an order that ``seed`` draws, all of them when there are fewer.

    A smaller draw with the same seed is the beginning of a larger one.

    Raises:
        DataError: for fewer than one image.
    """
    if samples < 1:
        raise DataError(f"a Hessian over {samples} images of {data.name}; at least 1 is needed")
    order = np.random.default_rng(seed).permutation(len(data))[:samples]
    return Dataset(data.name, data.split, data.images[order], data.labels[order])


def batches(data: Dataset, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield float64 images and labels, at most ``size`` at a time."""
    import torch

    for start in range(0, len(data), size):
        images = torch.tensor(data.images[start : start + size], dtype=torch.float64)
        yield images, torch.tensor(data.labels[start : start + size])


def images_at_once(network: Network, copies: int, limit_bytes: int = 256 << 20) -> int:
    """Return how many images fit ``limit_bytes`` when every layer's output is kept ``copies`` times in float64."""
    each = sum(8 * copies * int(np.prod(shape)) for shape in network.shapes.values())
    return int(max(1, min(256, limit_bytes // each)))
