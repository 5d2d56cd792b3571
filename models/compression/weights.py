"""The tensors of a network that compression works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Network
from models.compression.errors import CompressionError

Float32 = NDArray[np.float32]


def weight_names(network: Network) -> tuple[str, ...]:
    """Return the names of the tensors with two dimensions or more, in the order of the layers.

    >>> from models import load_network
    >>> from hwsim.network import fold
    >>> weight_names(fold(load_network("digits-cnn")))
    ('conv1.weight', 'conv2.weight', 'classify.weight')
    """
    place = {layer.name: index for index, layer in enumerate(network.layers)}
    names = (name for name, tensor in network.tensors.items() if tensor.ndim >= 2)
    return tuple(sorted(names, key=lambda name: place[name.rpartition(".")[0]]))


def flat_weights(network: Network, names: tuple[str, ...] | None = None) -> NDArray[np.float64]:
    """Return all weights one after another as float64, shape (N,), in the order of ``names``."""
    parts = [network.tensors[name].ravel() for name in names or weight_names(network)]
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)


def split_flat(values: NDArray[Any], network: Network, names: tuple[str, ...] | None = None) -> dict[str, Float32]:
    """Return what ``flat_weights`` joined, as float32 tensors by name.

    Raises:
        CompressionError: when the number of values is not that of the weights.
    """
    names = names or weight_names(network)
    sizes = [network.tensors[name].size for name in names]
    if values.size != sum(sizes):
        raise CompressionError(f"{values.size} values for {sum(sizes)} weights of {network.name!r}")
    parts = np.split(values.astype(np.float32), np.cumsum(sizes)[:-1])
    return {name: part.reshape(network.tensors[name].shape) for name, part in zip(names, parts, strict=True)}


def with_tensors(network: Network, changed: Mapping[str, NDArray[Any]]) -> Network:
    """Return ``network`` with some of its tensors replaced, as float32."""
    tensors = dict(network.tensors) | {name: np.asarray(value, dtype=np.float32) for name, value in changed.items()}
    return replace(network, tensors=tensors)
