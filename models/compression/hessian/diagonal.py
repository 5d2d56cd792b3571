"""The diagonal of the Hessian of the loss, by any of the methods."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Network
from models.compression.hessian.options import Diagonal
from models.compression.hessian.unfused import drawn
from models.compression.weights import weight_names
from models.data.dataset import Dataset


def diagonal(
    network: Network, data: Dataset, samples: int = 1000, method: str = "exact", biases: bool = False, **options: Any
) -> dict[str, NDArray[np.float64]]:
    """Return a measure of how the mean cross-entropy of ``samples`` images curves along each weight, by tensor name.

    Args:
        network: Folded.
        data: Training images.
        samples: How many of them, drawn without replacement; all when there are fewer.
        method: One of ``METHODS``.
        biases: Whether biases are wanted too.
        options: The other fields of ``Diagonal``.

    >>> from models import load_data, load_network
    >>> h = diagonal(load_network("digits-cnn"), load_data("digits", "train"), method="ones")
    >>> sorted(h), h["conv1.weight"].shape
    (['classify.weight', 'conv1.weight', 'conv2.weight'], (16, 1, 3, 3))

    Raises:
        CompressionError: for options out of bounds and for a network with batch-norms.
        MissingExtraError: when torch is not installed (not for "ones").
    """
    return diagonal_of(network, data, Diagonal(method=method, samples=samples, **options), biases)


def diagonal_of(
    network: Network, data: Dataset, options: Diagonal, biases: bool = False
) -> dict[str, NDArray[np.float64]]:
    """Return ``diagonal`` with its options in one object."""
    values = _all(network, drawn(data, options.samples, options.seed), options)
    names = tuple(network.tensors) if biases else weight_names(network)
    return {name: values[name] for name in names}


def _all(network: Network, data: Dataset, options: Diagonal) -> dict[str, NDArray[np.float64]]:
    from models.compression.hessian import adam, backprop, exact, hutchinson

    match options.method:
        case "exact" | "exact-root":
            found = exact.exact_diagonal(network, data)
            return found if options.method == "exact" else {name: np.sqrt(values) for name, values in found.items()}
        case "fisher":
            return exact.empirical_fisher(network, data)
        case "backprop":
            return backprop.backprop_diagonal(network, data)
        case "hutchinson":
            return dict(hutchinson.hutchinson(network, data, options.probes, options.seed).diagonal)
        case "adam":
            return adam.adam_moment(network, data, options)
        case _:
            return {name: np.ones(tensor.shape) for name, tensor in network.tensors.items()}
