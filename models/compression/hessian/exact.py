"""The exact diagonal of the Hessian of a piecewise linear network, and of its empirical Fisher matrix (torch).

Along one weight the logits of a network of convolutions, linear layers, ReLUs, poolings and sums are piecewise linear,
so that almost everywhere d²L/dw² = (dz/dw)ᵀ H_z (dz/dw), with z the logits and H_z = diag(p) - p pᵀ the Hessian of the
cross-entropy. H_z = S Sᵀ with the columns √p_c (e_c - p), and each column is propagated back by itself: the diagonal
is the sum of the squares of the gradients per image and column. (The whole block of a layer equals that of the
generalised Gauss-Newton matrix for the same reason: Schraudolph, "Fast curvature matrix-vector products", 2002.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Conv2d, Network
from models.compression.hessian.unfused import batches, images_at_once, leaves, need_torch, record, unfused
from models.data.dataset import Dataset

if TYPE_CHECKING:
    import torch

    Columns = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

Diagonal = dict[str, NDArray[np.float64]]


def exact_diagonal(network: Network, data: Dataset) -> Diagonal:
    """Return the diagonal of the Hessian of the mean cross-entropy, nats, by tensor name (weights and biases).

    Raises:
        CompressionError: for a network with batch-norms.
        NetworkError: for an operation that cannot be trained here.
        MissingExtraError: when torch is not installed.
    """
    return mean_squares(network, data, _softmax_roots, network.shapes[network.output][0])


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
    need_torch()
    import torch

    linear = unfused(network)
    tensors = leaves(linear)
    sums = {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}
    for images, labels in batches(data, images_at_once(linear, count + 1)):
        logits, values = record(linear, tensors, images)
        roots = columns(logits.detach(), labels)
        outputs = [values[layer.name] for layer in linear.mac_layers]
        rows = [torch.autograd.grad(logits, outputs, roots[..., c], retain_graph=True) for c in range(count)]
        with torch.no_grad():
            for index, layer in enumerate(linear.mac_layers):
                gradient = torch.stack([row[index] for row in rows], dim=1)
                _add_squares(sums, layer.name, layer.op, values[layer.inputs[0]], gradient)
    return {name: (total / len(data)).numpy() for name, total in sums.items()}


def _softmax_roots(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    import torch

    shares = logits.softmax(1)
    roots = shares.sqrt()
    return torch.diag_embed(roots) - shares[:, :, None] * roots[:, None, :]


def _residuals(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    import torch

    return (logits.softmax(1) - torch.nn.functional.one_hot(labels, logits.shape[1]))[:, :, None]


def _add_squares(sums: dict[str, torch.Tensor], name: str, op: Any, x: torch.Tensor, gradient: torch.Tensor) -> None:
    """Add the squared gradients of a layer's tensors; ``gradient`` has shape (batch, columns, *output)."""
    if isinstance(op, Conv2d):
        sums[f"{name}.weight"] += _conv_squares(op, x, gradient.flatten(3)).reshape(sums[f"{name}.weight"].shape)
        of_bias = gradient.sum((3, 4))
    else:
        sums[f"{name}.weight"] += gradient.square().sum(1).T @ x.square()
        of_bias = gradient
    if f"{name}.bias" in sums:
        sums[f"{name}.bias"] += of_bias.square().sum((0, 1))


def _conv_squares(op: Conv2d, x: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Return (out_channels, in_channels / groups x kernel): squares of the sums over pixels, summed."""
    import torch

    windows = torch.nn.functional.unfold(x, op.kernel, padding=op.padding, stride=op.stride)
    count, pixels = len(x), windows.shape[2]
    windows = windows.reshape(count, op.groups, -1, pixels)
    # (batch, columns, groups, filters, pixels) to (batch, groups, columns x filters, pixels)
    by_group = gradient.reshape(count, gradient.shape[1], op.groups, -1, pixels).transpose(1, 2).flatten(2, 3)
    products = by_group @ windows.transpose(2, 3)
    squares = products.square_().sum(0).reshape(op.groups, gradient.shape[1], -1, products.shape[-1])
    return squares.sum(1).flatten(0, 1)
