"""Which weights of a network share a codebook, and putting the centres back into the tensors."""

from __future__ import annotations

from collections.abc import Sequence
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


def groups_of(network: Network, scope: str, importance: Float64 | None = None) -> tuple[Group, ...]:
    """Return the groups of ``network``: one, or one for each weight tensor that is not wholly pruned.

    Args:
        network: Folded.
        scope: ``"network"``: all layers share a codebook, as published; ``"layer"``: each has its own.
        importance: Of all weights, flat, at least 0, in any unit; None for all 1.

    >>> from models import load_network
    >>> from hwsim.network import fold
    >>> [group.values.size for group in groups_of(fold(load_network("digits-cnn")), "layer")]
    [144, 4608, 1280]

    Raises:
        CompressionError: for another scope, or a network without weights.
    """
    if scope not in SCOPES:
        raise CompressionError(unknown_name("scope", scope, SCOPES))
    flat, names = flat_weights(network), weight_names(network)
    weights = np.ones(flat.size) if importance is None else importance
    live = flat != 0
    if not live.any():
        raise CompressionError(f"{network.name!r} has no weight that is not 0; there is nothing to quantise")
    if not weights[live].sum() > 0:
        raise CompressionError(f"every weight of {network.name!r} has importance 0. Take more samples")
    weights = weights / weights[live].mean()
    ends = np.cumsum([network.tensors[name].size for name in names])[:-1]
    parts = [(names, flat, weights)]
    if scope == "layer":
        split = zip(names, np.split(flat, ends), np.split(weights, ends), strict=True)
        parts = [((name,), values, part) for name, values, part in split]
    groups = [Group(part, w != 0, w[w != 0], h[w != 0]) for part, w, h in parts]
    return tuple(group for group in groups if group.values.size)


def rebuilt(network: Network, groups: Sequence[Group], parts: Sequence[Clusters]) -> Network:
    """Return ``network`` with each live weight at its centre; pruned ones stay 0."""
    changed: dict[str, NDArray[Any]] = {}
    for group, part in zip(groups, parts, strict=True):
        flat = np.zeros(group.live.size)
        flat[group.live] = part.quantised
        changed |= split_flat(flat, network, group.names)
    return with_tensors(network, changed)


def importance_of(network: Network, work: Work, method: str, samples: int, floor: float) -> Float64:
    """Return the importance of each weight, flat: the diagonal of the Hessian, or what stands in for it.

    Args:
        network: Folded.
        work: Its training images are the data.
        method: One that ``models.compression.hessian`` knows, or "ones".
        samples: Training images; 0 for all.
        floor: Negative and small entries are raised to this share of the mean over all weights: also over pruned
            ones, while ``groups_of`` then makes the mean over the weights that are left 1.
    """
    if method == "ones":
        return np.ones(flat_weights(network).size)
    from models.compression.hessian import diagonal, importance

    images = samples or len(work.train)
    work.report(f"  importance of the weights: {method}, {min(images, len(work.train))} images")
    return importance(network, diagonal(network, work.train, images, method), floor=floor)


def facts_of(network: Network, groups: Sequence[Group], parts: Sequence[Clusters]) -> dict[str, object]:
    """Return what the card says of a quantisation: clusters, entropy, distortion and density."""
    live = sum(group.values.size for group in groups)
    total = sum(network.tensors[name].size for name in weight_names(network))
    cost = sum(
        g.values.size * distortion(g.values, part.quantised, g.importance)
        for g, part in zip(groups, parts, strict=True)
    )
    return {
        "clusters": [part.centres.size for part in parts],
        "entropy_bits": round(
            sum(g.values.size * p.entropy_bits for g, p in zip(groups, parts, strict=True)) / live, 4
        ),
        "distortion": float(f"{cost / live:.6g}"),
        "quantised": live,
        "weights": total,
    }
