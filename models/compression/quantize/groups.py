"""Which weights of a network share a codebook, and putting the centres back into the tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import unknown_name
from hwsim.network import Network
from models.compression.errors import CompressionError
from models.compression.quantize.clusters import Clusters, Float64, distortion
from models.compression.step import Work
from models.compression.weights import flat_weights, split_flat, weight_names, with_tensors

SCOPES = ("network", "layer")
IMPORTANCES = ("ones", "exact", "hutchinson", "adam")


@dataclass(frozen=True, eq=False)
class Group:
    """Unpruned weights that share a codebook.

    Attributes:
        names: Their tensors.
        live: Which weights of these tensors, flattened one after another, are not 0.
        values: Those weights, float64, shape (n,).
        importance: Of each of them; the mean over all groups of a network is 1.
    """

    names: tuple[str, ...]
    live: NDArray[np.bool_]
    values: Float64
    importance: Float64


def groups_of(network: Network, scope: str, importance: Mapping[str, NDArray[Any]] | None = None) -> tuple[Group, ...]:
    """Return the groups of ``network``: one, or one for each weight tensor that is not wholly pruned.

    Args:
        network: Folded.
        scope: ``"network"``: all layers share a codebook, as published; ``"layer"``: each has its own.
        importance: By tensor name, at least 0, in any unit; None for all 1.

    >>> from models import load_network
    >>> from hwsim.network import fold
    >>> [group.values.size for group in groups_of(fold(load_network("digits-cnn")), "layer")]
    [72, 1152, 640]

    Raises:
        CompressionError: for another scope, or a network without weights.
    """
    if scope not in SCOPES:
        raise CompressionError(unknown_name("scope", scope, SCOPES))
    names = weight_names(network)
    parts = [names] if scope == "network" else [(name,) for name in names]
    groups = [_group(network, part, importance) for part in parts]
    groups = [group for group in groups if group.values.size]
    if not groups:
        raise CompressionError(f"{network.name!r} has no weight that is not 0; there is nothing to quantise")
    mass, count = sum(g.importance.sum() for g in groups), sum(g.values.size for g in groups)
    if not mass > 0:
        raise CompressionError(f"every weight of {network.name!r} has importance 0. Take more samples")
    return tuple(Group(g.names, g.live, g.values, g.importance * (count / mass)) for g in groups)


def _group(network: Network, names: tuple[str, ...], importance: Mapping[str, NDArray[Any]] | None) -> Group:
    flat = flat_weights(network, names)
    live = flat != 0
    if importance is None:
        return Group(names, live, flat[live], np.ones(int(live.sum())))
    weights = np.concatenate([np.asarray(importance[name], dtype=np.float64).ravel() for name in names])
    return Group(names, live, flat[live], weights[live])


def rebuilt(network: Network, groups: Sequence[Group], parts: Sequence[Clusters]) -> Network:
    """Return ``network`` with each live weight at its centre; pruned ones stay 0."""
    changed: dict[str, NDArray[Any]] = {}
    for group, part in zip(groups, parts, strict=True):
        flat = np.zeros(group.live.size)
        flat[group.live] = part.quantised
        changed |= split_flat(flat, network, group.names)
    return with_tensors(network, changed)


def importance_of(network: Network, work: Work, method: str, samples: int, floor: float) -> dict[str, Float64] | None:
    """Return the importance of each weight: the diagonal of the Hessian, or what stands in for it; None for "ones".

    Args:
        network: Folded.
        work: Its training images are the data.
        method: One of ``IMPORTANCES``.
        samples: Training images; 0 for all.
        floor: Negative and small entries are raised to this share of the mean of the entries above 0. A weight without
            curvature at this point would else be moved at will.

    Raises:
        CompressionError: when no entry is above 0.
    """
    if method == "ones":
        return None
    from models.compression.hessian import diagonal

    count = min(samples, len(work.train)) or len(work.train)
    found = diagonal(network, work.train, count, method)
    names = weight_names(network)
    alive = np.concatenate([found[name].ravel()[network.tensors[name].ravel() != 0] for name in names])
    positive = alive[alive > 0]
    if not positive.size:
        raise CompressionError(f"no weight of {network.name!r} has a curvature above 0. Take more samples")
    least = floor * float(positive.mean())
    return {name: np.maximum(found[name], least) for name in names}


def facts_of(network: Network, groups: Sequence[Group], parts: Sequence[Clusters]) -> dict[str, object]:
    """Return what the card says of a quantisation: clusters, entropy, distortion and density."""
    live = sum(group.values.size for group in groups)
    total = sum(network.tensors[name].size for name in weight_names(network))
    cost = sum(
        g.values.size * distortion(g.values, part.quantised, g.importance) for g, part in zip(groups, parts, strict=True)
    )
    return {
        "clusters": [part.centres.size for part in parts],
        "entropy_bits": round(sum(g.values.size * p.entropy_bits for g, p in zip(groups, parts, strict=True)) / live, 4),
        "distortion": float(f"{cost / live:.6g}"),
        "quantised": live,
        "weights": total,
    }
