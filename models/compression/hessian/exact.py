"""The exact diagonal of the Hessian of a piecewise linear network, and of its empirical Fisher matrix (torch).

Along one weight the logits of a network of convolutions, linear layers, ReLUs, poolings and sums are piecewise linear,
so that almost everywhere d²L/dw² = (dz/dw)ᵀ H_z (dz/dw), with z the logits and H_z = diag(p) - p pᵀ the Hessian of the
cross-entropy. H_z = S Sᵀ with the columns √p_c (e_c - p), and each column is propagated back by itself: the diagonal
is the sum of the squares of the gradients per image and column. (The whole block of a layer equals that of the
generalised Gauss-Newton matrix for the same reason: Schraudolph, "Fast curvature matrix-vector products", 2002.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Conv2d, Layer, Network
from models.compression.hessian.unfused import batches, images_at_once, leaves, need_torch, record, unfused
from models.data.dataset import Dataset

if TYPE_CHECKING:
    import torch

    Columns = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    Propagated = tuple[Layer, torch.Tensor, torch.Tensor]

Diagonal = dict[str, NDArray[np.float64]]


def exact_diagonal(network: Network, data: Dataset) -> Diagonal:
    """Return the diagonal of the Hessian of the mean cross-entropy, nats, by tensor name (weights and biases).

    Raises:
        CompressionError: for a network with batch-norms.
        NetworkError: for an operation that cannot be trained here.
        MissingExtraError: when torch is not installed.
    """
    return mean_squares(network, data, softmax_roots, network.shapes[network.output][0])


def empirical_fisher(network: Network, data: Dataset) -> Diagonal:
    """Return the mean of the squared gradients of each image's cross-entropy, nats², by tensor name.

    Raises:
        CompressionError, NetworkError, MissingExtraError: as ``exact_diagonal``.
    """
    return mean_squares(network, data, _residuals, 1)


def mean_squares(network: Network, data: Dataset, columns: Columns, count: int) -> Diagonal:
    """Return the mean over images of the sum over ``count`` columns s of (sᵀ dz/dw)², by tensor name.

    Args:
        network: Folded.
        data: The images.
        columns: From logits (batch, classes) and labels (batch,) to the columns (batch, classes, count).
        count: How many columns.
    """
    sums = {name: np.zeros(tensor.shape) for name, tensor in network.tensors.items()}
    for layer, x, gradient in _propagated(network, data, columns, count):
        for name, total in _squares(layer, x, gradient, network).items():
            sums[name] += total.numpy().reshape(sums[name].shape) / len(data)
    return sums


def gradient_rows(network: Network, data: Dataset, columns: Columns, count: int) -> Iterator[dict[str, torch.Tensor]]:
    """Yield sᵀ dz/dw for some images at a time, by tensor name, each (batch, count, *tensor); see ``mean_squares``."""
    rows: dict[str, torch.Tensor] = {}
    for layer, x, gradient in _propagated(network, data, columns, count):
        if f"{layer.name}.weight" in rows:
            yield rows
            rows = {}
        rows |= _rows(layer, x, gradient, network)
    yield rows


def softmax_roots(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return S, shape (batch, classes, classes), with S Sᵀ = diag(p) - p pᵀ."""
    import torch

    shares = logits.softmax(1)
    roots = shares.sqrt()
    return torch.diag_embed(roots) - shares[:, :, None] * roots[:, None, :]


def _residuals(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    import torch

    return (logits.softmax(1) - torch.nn.functional.one_hot(labels, logits.shape[1]))[:, :, None]


def _propagated(network: Network, data: Dataset, columns: Columns, count: int) -> Iterator[Propagated]:
    """Yield each layer with weights, its input and sᵀ dz/d(its output), shape (batch, count, *output)."""
    need_torch()
    import torch

    linear = unfused(network)
    tensors = leaves(linear)
    for images, labels in batches(data, images_at_once(linear, count + 1)):
        logits, values = record(linear, tensors, images)
        roots = columns(logits.detach(), labels)
        outputs = [values[layer.name] for layer in linear.mac_layers]
        parts = [torch.autograd.grad(logits, outputs, roots[..., c], retain_graph=True) for c in range(count)]
        for index, layer in enumerate(linear.mac_layers):
            gradient = torch.stack([part[index] for part in parts], dim=1)
            yield layer, values[layer.inputs[0]].detach(), gradient


def _squares(layer: Layer, x: torch.Tensor, gradient: torch.Tensor, network: Network) -> dict[str, torch.Tensor]:
    """Return the squares of ``_rows``, summed over images and columns."""
    if isinstance(layer.op, Conv2d):
        rows = _rows(layer, x, gradient, network)
        return {name: row.square_().sum((0, 1)) for name, row in rows.items()}
    found = {f"{layer.name}.weight": gradient.square().sum(1).T @ x.square()}
    return found | (
        {f"{layer.name}.bias": gradient.square().sum((0, 1))} if f"{layer.name}.bias" in network.tensors else {}
    )


def _rows(layer: Layer, x: torch.Tensor, gradient: torch.Tensor, network: Network) -> dict[str, torch.Tensor]:
    """Return sᵀ dz/dw of the tensors of a layer, each (batch, count, *tensor)."""
    shape = network.tensors[f"{layer.name}.weight"].shape
    if isinstance(layer.op, Conv2d):
        weight, bias = _conv_rows(layer.op, x, gradient.flatten(3)), gradient.sum((3, 4))
    else:
        weight, bias = gradient[..., None] * x[:, None, None, :], gradient
    found = {f"{layer.name}.weight": weight.reshape(*gradient.shape[:2], *shape)}
    return found | ({f"{layer.name}.bias": bias} if f"{layer.name}.bias" in network.tensors else {})


def _conv_rows(op: Conv2d, x: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Return (batch, columns, groups, filters of a group, weights of a filter)."""
    import torch

    windows = torch.nn.functional.unfold(x, op.kernel, padding=op.padding, stride=op.stride)
    count, pixels, columns = len(x), windows.shape[2], gradient.shape[1]
    windows = windows.reshape(count, op.groups, -1, pixels)
    # One product for each image and group: (columns x filters, pixels) times (pixels, weights of a filter).
    by_group = gradient.reshape(count, columns, op.groups, -1, pixels).transpose(1, 2).flatten(2, 3)
    products = by_group @ windows.transpose(2, 3)
    return products.reshape(count, op.groups, columns, -1, products.shape[-1]).transpose(1, 2)
