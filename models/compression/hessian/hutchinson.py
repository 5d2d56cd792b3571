"""Products of the Hessian with vectors, and its diagonal from random ones (torch).

Hutchinson, "A stochastic estimator of the trace of the influence matrix for Laplacian smoothing splines", 1989; for the
diagonal Bekas, Kokiopoulou & Saad, "An estimator for the diagonal of a matrix", 2007: with entries of v that are +1 or
-1 with probability 1/2, the expectation of v ⊙ Hv is the diagonal of H.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Network
from models.compression.hessian.unfused import batches, leaves, need_torch, record, unfused
from models.data.dataset import Dataset

if TYPE_CHECKING:
    import torch

    Vector = Sequence[torch.Tensor]

_BATCH = 250


@dataclass(frozen=True)
class Estimate:
    """A diagonal from random probes.

    Attributes:
        diagonal: Mean over the probes, by tensor name; may be negative.
        standard_error: Standard deviation over the probes, divided by the root of their number.
    """

    diagonal: Mapping[str, NDArray[np.float64]]
    standard_error: Mapping[str, NDArray[np.float64]]


def hutchinson(network: Network, data: Dataset, probes: int = 100, seed: int = 1) -> Estimate:
    """Return the estimated diagonal of the Hessian of the mean cross-entropy, by tensor name (weights and biases).

    The variance of an entry is the sum of the squares of the other entries of its row of H, over the probes.

    Raises:
        CompressionError: for a network with batch-norms.
        MissingExtraError: when torch is not installed.
    """
    need_torch()
    import torch

    random = torch.Generator().manual_seed(seed)
    names = tuple(network.tensors)
    shapes = [network.tensors[name].shape for name in names]
    signs = [[_signs(shape, random) for shape in shapes] for _ in range(probes)]
    products = hessian_products(network, data, names, signs)
    columns = [torch.stack([v[i] * hv[i] for v, hv in zip(signs, products, strict=True)]) for i in range(len(names))]
    mean = {name: column.mean(0).numpy() for name, column in zip(names, columns, strict=True)}
    error = {name: (column.std(0) / probes**0.5).numpy() for name, column in zip(names, columns, strict=True)}
    return Estimate(mean, error)


def _signs(shape: tuple[int, ...], random: torch.Generator) -> torch.Tensor:
    import torch

    return 2.0 * torch.randint(0, 2, shape, generator=random, dtype=torch.float64) - 1.0


def hessian_products(
    network: Network, data: Dataset, names: Sequence[str], vectors: Sequence[Vector]
) -> list[list[torch.Tensor]]:
    """Return H v for each v of ``vectors``, in the tensors ``names``, by differentiating twice (Pearlmutter, 1994)."""
    need_torch()
    import torch

    linear = unfused(network)
    tensors = leaves(linear)
    wanted = [tensors[name] for name in names]
    sums = [[torch.zeros_like(tensor) for tensor in wanted] for _ in vectors]
    for images, labels in batches(data, _BATCH):
        loss = torch.nn.functional.cross_entropy(record(linear, tensors, images)[0], labels, reduction="sum")
        gradients = torch.autograd.grad(loss, wanted, create_graph=True)
        for vector, total in zip(vectors, sums, strict=True):
            products = torch.autograd.grad(gradients, wanted, vector, retain_graph=True, materialize_grads=True)
            total[:] = [part + product for part, product in zip(total, products, strict=True)]
    return [[part / len(data) for part in total] for total in sums]


def loss_gradient(network: Network, data: Dataset) -> dict[str, NDArray[np.float64]]:
    """Return the gradient of the mean cross-entropy, nats, by tensor name."""
    need_torch()
    import torch

    linear = unfused(network)
    tensors = leaves(linear)
    for images, labels in batches(data, _BATCH):
        loss = torch.nn.functional.cross_entropy(record(linear, tensors, images)[0], labels, reduction="sum")
        torch.autograd.backward(loss / len(data))
    return {name: tensor.grad.numpy() for name, tensor in tensors.items() if tensor.grad is not None}
