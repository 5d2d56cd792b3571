"""A network of ``hwsim.network`` as a differentiable torch function of its tensors."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hwsim.errors import NetworkError
from hwsim.network import (
    Activation,
    Add,
    AvgPool2d,
    BatchNorm,
    Concat,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    Op,
    Relu,
    Relu6,
    Softmax,
)

if TYPE_CHECKING:
    import torch

    from hwsim.network import Network

    Tensors = Mapping[str, torch.Tensor]
    Inputs = tuple[torch.Tensor, ...]
    View = Callable[[str, torch.Tensor], torch.Tensor]


BATCH_NORM_MOMENTUM = 0.1  #: share of the newest batch in the stored statistics, as in torch


def forward(
    network: Network,
    tensors: Tensors,
    images: torch.Tensor,
    training: bool = False,
    view: View | None = None,
) -> torch.Tensor:
    """Return the logits, shape (batch, classes), of ``images`` under ``tensors`` (by the network's tensor names).

    A final softmax is left out: the loss wants logits.

    Args:
        network: The structure.
        tensors: Its tensors, by name.
        images: float32, shape (batch, channels, height, width).
        training: Batch-norms use the statistics of the batch, and move the stored ones (in place) towards them.
        view: Called with the name of each layer ("input" for the images) and what it gives; what it returns goes on.

    Raises:
        NetworkError: for an operation that cannot be trained here.
    """
    values = {"input": images if view is None else view("input", images)}
    for layer in network.layers:
        run = _OPERATIONS.get(type(layer.op))
        if run is None:
            trained = ", ".join(sorted(op.kind for op in _OPERATIONS))
            raise NetworkError(f"layer {layer.name!r} is {layer.op.kind!r}; training knows: {trained}")
        inputs = tuple(values[name] for name in layer.inputs)
        if isinstance(layer.op, BatchNorm):
            value = _batch_norm(layer.op, inputs[0], tensors, layer.name, training)
        else:
            value = run(layer.op, inputs, tensors, layer.name)
        values[layer.name] = value if view is None else view(layer.name, value)
    return values[network.layers[-1].name]


def _activate(activation: Activation, x: torch.Tensor) -> torch.Tensor:
    if activation is Activation.NONE:
        return x
    import torch

    return torch.relu(x) if activation is Activation.RELU else torch.nn.functional.relu6(x)


def _conv2d(op: Any, x: Inputs, tensors: Tensors, name: str) -> torch.Tensor:
    import torch

    bias = tensors.get(f"{name}.bias")
    out = torch.conv2d(x[0], tensors[f"{name}.weight"], bias, op.stride, op.padding, groups=op.groups)
    return _activate(op.activation, out)


def _batch_norm(op: BatchNorm, x: torch.Tensor, tensors: Tensors, name: str, training: bool) -> torch.Tensor:
    import torch

    gamma, beta, mean, variance = (tensors[f"{name}.{part}"] for part in ("gamma", "beta", "mean", "variance"))
    norm = torch.nn.functional.batch_norm
    return norm(x, mean, variance, gamma, beta, training, BATCH_NORM_MOMENTUM, op.epsilon)


def _linear(op: Any, x: Inputs, tensors: Tensors, name: str) -> torch.Tensor:
    import torch

    out = torch.nn.functional.linear(x[0], tensors[f"{name}.weight"], tensors.get(f"{name}.bias"))
    return _activate(op.activation, out)


def _max_pool(op: Any, x: Inputs, tensors: Tensors, name: str) -> torch.Tensor:
    import torch

    return torch.max_pool2d(x[0], op.kernel, op.stride, op.padding, ceil_mode=op.ceil_mode)


def _average_pool(op: Any, x: Inputs, tensors: Tensors, name: str) -> torch.Tensor:
    import torch

    pool = torch.nn.functional.avg_pool2d
    return pool(x[0], op.kernel, op.stride, op.padding, op.ceil_mode, op.count_include_pad)


def _concatenate(op: Any, x: Inputs, tensors: Tensors, name: str) -> torch.Tensor:
    import torch

    return torch.cat(x, dim=1)


_OPERATIONS: Mapping[type[Op], Callable[[Any, Inputs, Tensors, str], torch.Tensor]] = {
    Conv2d: _conv2d,
    Linear: _linear,
    BatchNorm: lambda op, x, tensors, name: _batch_norm(op, x[0], tensors, name, training=False),
    MaxPool2d: _max_pool,
    AvgPool2d: _average_pool,
    GlobalAvgPool: lambda op, x, tensors, name: x[0].mean(dim=(2, 3), keepdim=True),
    Relu: lambda op, x, tensors, name: _activate(Activation.RELU, x[0]),
    Relu6: lambda op, x, tensors, name: _activate(Activation.RELU6, x[0]),
    Add: lambda op, x, tensors, name: _activate(op.activation, functools.reduce(operator.add, x)),
    Concat: _concatenate,
    Flatten: lambda op, x, tensors, name: x[0].flatten(1),
    Softmax: lambda op, x, tensors, name: x[0],
}
