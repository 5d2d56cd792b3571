"""Becker & LeCun's recursion for second derivatives (torch).

Becker & LeCun, "Improving the convergence of back-propagation learning with second order methods", 1988; LeCun, Denker
& Solla, "Optimal brain damage", 1990, equations 5 to 8. Second derivatives by the sums of a layer go back as gradients
do, with every coefficient squared, starting from p (1 - p) at the logits; products of different units are dropped, and
so are those of the places where a shared weight is used. d²L/dw² is then the sum of (d²L/da²) x² over images and
places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwsim.network import AvgPool2d, Concat, Conv2d, Flatten, GlobalAvgPool, Layer, Linear, Network, Softmax
from models.compression.hessian.unfused import batches, images_at_once, leaves, need_torch, record, unfused
from models.data.dataset import Dataset

if TYPE_CHECKING:
    import torch

    Inputs = list[torch.Tensor]
    Values = dict[str, torch.Tensor]


def backprop_diagonal(network: Network, data: Dataset) -> dict[str, NDArray[np.float64]]:
    """Return the recursion's second derivatives of the mean cross-entropy, nats, by tensor name (weights and biases).

    Raises:
        CompressionError: for a network with batch-norms.
        NetworkError: for an operation that cannot be trained here.
        MissingExtraError: when torch is not installed.
    """
    need_torch()
    import torch

    linear = unfused(network)
    tensors = leaves(linear)
    squared = {name: tensor.detach().square() for name, tensor in tensors.items()}
    sums = {name: torch.zeros_like(tensor) for name, tensor in squared.items()}
    for images, _ in batches(data, images_at_once(linear, 3)):
        with torch.no_grad():
            logits, values = record(linear, tensors, images)
        shares = logits.softmax(1)
        curvatures = {linear.output: shares * (1.0 - shares)}
        for layer in reversed(linear.layers):
            _step_back(layer, squared, values, curvatures, sums)
    return {name: (total / len(data)).numpy() for name, total in sums.items()}


def _step_back(layer: Layer, squared: Values, values: Values, curvatures: Values, sums: Values) -> None:
    """Add to ``sums`` what the tensors of ``layer`` get, and to ``curvatures`` what its inputs get."""
    import torch

    curvature = curvatures.pop(layer.name)
    inputs = [values[name].detach().requires_grad_() for name in layer.inputs]
    output = _squared_operation(layer, inputs, squared)
    scaled = curvature * _coefficient(layer.op, inputs[0])
    for name, part in zip(layer.inputs, torch.autograd.grad(output, inputs, scaled), strict=True):
        curvatures[name] = curvatures[name] + part if name in curvatures else part
    if isinstance(layer.op, Conv2d | Linear):
        weight = torch.zeros_like(squared[f"{layer.name}.weight"], requires_grad=True)
        product = _product(layer.op, inputs[0].detach().square(), weight)
        sums[f"{layer.name}.weight"] += torch.autograd.grad(product, weight, curvature)[0]
        if f"{layer.name}.bias" in sums:
            sums[f"{layer.name}.bias"] += curvature.sum([axis for axis in range(curvature.ndim) if axis != 1])


def _squared_operation(layer: Layer, inputs: Inputs, squared: Values) -> torch.Tensor:
    """Return something whose derivative by the inputs is the square of the layer's (for averages, its derivative)."""
    import torch

    from models.training.forward import forward

    if isinstance(layer.op, Conv2d | Linear):
        return _product(layer.op, inputs[0], squared[f"{layer.name}.weight"])
    if isinstance(layer.op, Concat):
        return torch.cat(inputs, dim=1)
    if isinstance(layer.op, Flatten | Softmax) or len(inputs) == 1:
        # Gates, maxima and reshapes have derivatives of 0 and 1.
        alone = Network("layer", tuple(inputs[0].shape[1:]), (Layer(layer.name, layer.op, ("input",)),), {})
        return forward(alone, {}, inputs[0])
    return torch.stack(inputs).sum(0)


def _product(op: Any, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    import torch

    if isinstance(op, Conv2d):
        return torch.conv2d(x, weight, None, op.stride, op.padding, groups=op.groups)
    return torch.nn.functional.linear(x, weight)


def _coefficient(op: Any, x: torch.Tensor) -> torch.Tensor | float:
    """Return 1 over the number of values in each average, and 1 for what does not average."""
    if isinstance(op, GlobalAvgPool):
        return 1.0 / (x.shape[2] * x.shape[3])
    if not isinstance(op, AvgPool2d):
        return 1.0
    import torch

    pool, ones = torch.nn.functional.avg_pool2d, torch.ones_like(x[:1, :1])
    means = pool(ones, op.kernel, op.stride, op.padding, op.ceil_mode, op.count_include_pad)
    counts = pool(ones, op.kernel, op.stride, op.padding, op.ceil_mode, divisor_override=1)
    return means / counts
