"""How many weights stay, and which of them compete for the places."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import all_faults
from hwsim.network import Network
from models.compression.errors import CompressionError
from models.compression.weights import weight_names

SCOPES = ("network", "layer")
Masks = dict[str, NDArray[np.bool_]]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Share:
    """Tensors whose weights compete with each other, and how many of these stay."""

    names: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class Budget:
    """The shares of a network: every weight is in exactly one."""

    shares: tuple[Share, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many weights of each share stay."""
        return tuple(share.count for share in self.shares)

    @property
    def names(self) -> tuple[str, ...]:
        """The tensors of all shares."""
        return tuple(name for share in self.shares for name in share.names)

    def with_counts(self, counts: Iterable[int]) -> Budget:
        """Return the same shares with other counts."""
        return Budget(tuple(replace(share, count=count) for share, count in zip(self.shares, counts, strict=True)))

    def masks(self, scores: Arrays) -> Masks:
        """Return True for the weights that stay: in each share exactly its count of the highest scores.

        Of equal scores the first stay, in the order of the names and then of the flattened tensor.
        """
        found: Masks = {}
        for share in self.shares:
            flat = np.concatenate([scores[name].ravel() for name in share.names])
            kept = highest(flat, share.count)
            ends = np.cumsum([scores[name].size for name in share.names])[:-1]
            for name, part in zip(share.names, np.split(kept, ends), strict=True):
                found[name] = part.reshape(scores[name].shape)
        return {name: found[name] for name in scores}

    def nonzero(self, weights: Arrays) -> Budget:
        """Return the budget that keeps what is not 0 in ``weights``."""
        alive = {name: int(np.count_nonzero(array)) for name, array in weights.items()}
        return self.with_counts(sum(alive[name] for name in share.names) for share in self.shares)

    def check(self, weights: Arrays) -> None:
        """Find out whether ``weights`` has as many weights that are not 0 as are to stay.

        Raises:
            CompressionError: with every share that has fewer.
        """
        alive = self.nonzero(weights)
        faults = [
            f"{', '.join(share.names)}: {share.count} weights are to stay, {have.count} are not 0 now; keep fewer"
            for share, have in zip(self.shares, alive.shares, strict=True)
            if share.count > have.count
        ]
        if faults:
            raise CompressionError(all_faults("pruning", faults))


def budget_of(
    network: Network, keep: float, layers: Mapping[str, float] | None = None, scope: str = "network"
) -> Budget:
    """Return how many weights of ``network`` stay.

    Args:
        network: Whose tensors with two dimensions or more are pruned.
        keep: Fraction that stays of the weights of all layers that ``layers`` does not name.
        layers: Fractions for single layers, by the layer's name.
        scope: ``network``: those layers have one share; ``layer``: each has its own.

    Raises:
        CompressionError: with every fraction out of (0, 1], unknown layer and unknown scope.
    """
    own = dict(layers or {})
    names = weight_names(network)
    known = {layer_of(name): name for name in names}
    fractions = {"keep": keep, **{f"layers[{layer}]": value for layer, value in own.items()}}
    faults = [f"{who} is {value}; needed: above 0, at most 1" for who, value in fractions.items() if not 0 < value <= 1]
    faults += [f"no layer {layer!r} with weights; known: {', '.join(known)}" for layer in own if layer not in known]
    faults += [f"scope is {scope!r}; known: {', '.join(SCOPES)}"] if scope not in SCOPES else []
    if faults:
        raise CompressionError(all_faults("pruning", faults))
    rest = [name for name in names if layer_of(name) not in own]
    groups = [tuple(rest)] if scope == "network" and rest else [(name,) for name in rest]
    shares = [Share(group, _count(network, group, keep)) for group in groups]
    shares += [Share((known[layer],), _count(network, (known[layer],), value)) for layer, value in own.items()]
    return Budget(tuple(shares))


def layer_of(name: str) -> str:
    """Return the layer of the tensor ``name``.

    >>> layer_of("conv1.weight")
    'conv1'
    """
    return name.rpartition(".")[0]


def highest(values: NDArray[np.float64], count: int) -> NDArray[np.bool_]:
    """Return True for the ``count`` highest of ``values``, shape (N,); of equal ones the first.

    >>> highest(np.array([2.0, 1.0, 2.0, 2.0]), 2).tolist()
    [True, False, True, False]
    """
    if count >= values.size:
        return np.ones(values.size, dtype=np.bool_)
    if count == 0:
        return np.zeros(values.size, dtype=np.bool_)
    threshold = np.partition(values, values.size - count)[values.size - count]
    kept: NDArray[np.bool_] = values > threshold
    ties = np.flatnonzero(values == threshold)
    kept[ties[: count - int(np.count_nonzero(kept))]] = True
    return kept


def kept_counts(masks: Masks) -> dict[str, tuple[int, int]]:
    """Return how many weights stay and how many there are, by layer."""
    return {layer_of(name): (int(np.count_nonzero(mask)), mask.size) for name, mask in masks.items()}


def _count(network: Network, names: tuple[str, ...], fraction: float) -> int:
    size = sum(network.tensors[name].size for name in names)
    return max(1, math.floor(size * fraction + 0.5))
