"""The whole Hessian of a network that is small enough, and its generalised Gauss-Newton part (torch)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Network
from models.compression.errors import CompressionError
from models.compression.hessian.exact import gradient_rows, softmax_roots
from models.compression.hessian.unfused import batches, drawn, leaves, need_torch, record, unfused
from models.compression.weights import weight_names
from models.data.dataset import Dataset

Matrix = NDArray[np.float64]

LARGEST = 8000  #: weights; their matrix takes 512 MB
_ROWS = 32  #: of the matrix at once


def full_hessian(
    network: Network, data: Dataset, samples: int = 1000, names: tuple[str, ...] | None = None, seed: int = 1
) -> Matrix:
    """Return the Hessian of the mean cross-entropy, nats, shape (N, N), in the order of ``weights.flat_weights``.

    Rows are gradients of the entries of the gradient, but for those of the largest tensor: its own block is that of
    ``gauss_newton``, and the rest of its rows are columns of the others.

    Args:
        network: Folded.
        data: Training images.
        samples: How many of them, drawn without replacement; all when there are fewer.
        names: Tensors; by default all weights.
        seed: Of the draw.

    Raises:
        CompressionError: more than ``LARGEST`` weights; batch-norms.
        MissingExtraError: when torch is not installed.
    """
    names = names or weight_names(network)
    ends = np.cumsum([0, *(network.tensor(name).size for name in names)])
    matrix = np.zeros((_count(network, names),) * 2)
    largest = max(names, key=lambda name: network.tensors[name].size)
    for name, start, end in zip(names, ends[:-1], ends[1:], strict=True):
        if name == largest:
            matrix[start:end, start:end] = gauss_newton(network, data, samples, (name,), seed)
        else:
            matrix[start:end] = _rows_of(network, drawn(data, samples, seed), name, names)
            matrix[:, start:end] = matrix[start:end].T
    return (matrix + matrix.T) / 2


def _rows_of(network: Network, data: Dataset, name: str, names: tuple[str, ...]) -> Matrix:
    """Return the rows of the tensor ``name`` by differentiating its gradient by the tensors ``names``."""
    need_torch()
    import torch

    linear = unfused(network)
    tensors = leaves(linear)
    wanted = [tensors[other] for other in names]
    units = torch.eye(tensors[name].numel(), dtype=torch.float64)
    total = torch.zeros((len(units), sum(tensor.numel() for tensor in wanted)), dtype=torch.float64)
    for images, labels in batches(data, 250):
        loss = torch.nn.functional.cross_entropy(record(linear, tensors, images)[0], labels, reduction="sum")
        gradient = torch.autograd.grad(loss, tensors[name], create_graph=True)[0].flatten()
        for start in range(0, len(units), _ROWS):
            rows = units[start : start + _ROWS]
            products = torch.autograd.grad(
                gradient, wanted, rows, retain_graph=True, is_grads_batched=True, materialize_grads=True
            )
            total[start : start + _ROWS] += torch.cat([part.flatten(1) for part in products], dim=1)
    return np.asarray(total.numpy() / len(data))


def gauss_newton(
    network: Network, data: Dataset, samples: int = 1000, names: tuple[str, ...] | None = None, seed: int = 1
) -> Matrix:
    """Return the generalised Gauss-Newton matrix Jᵀ H_z J of the mean cross-entropy, nats, shape (N, N).

    It has no negative eigenvalues, and its blocks of single layers are those of the Hessian; arguments and errors as
    ``full_hessian``.
    """
    need_torch()
    import torch

    names = names or weight_names(network)
    chosen, count = drawn(data, samples, seed), _count(network, names)
    total = torch.zeros((count, count), dtype=torch.float64)
    for rows in gradient_rows(network, chosen, softmax_roots, network.shapes[network.output][0]):
        block = torch.cat([rows[name].flatten(0, 1).flatten(1) for name in names], dim=1)
        total += block.T @ block
    return np.asarray(total.numpy() / len(chosen))


def _count(network: Network, names: tuple[str, ...]) -> int:
    count = sum(network.tensor(name).size for name in names)
    if count > LARGEST:
        raise CompressionError(
            f"the whole Hessian of {count} weights of {network.name!r} takes {8e-6 * count**2:.0f} MB; "
            f"at most {LARGEST} weights are taken: name fewer tensors, or use a diagonal"
        )
    return count
