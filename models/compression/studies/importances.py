"""Shared by the studies of importance: rank correlations, and what quantisers make of one importance or another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Network
from models.compression.quantize import Clusters, Ecsq, KMeans
from models.compression.quantize.groups import Group, groups_of, rebuilt
from models.compression.weights import flat_weights
from models.data.dataset import Dataset

if TYPE_CHECKING:
    import torch

Float64 = NDArray[np.float64]

CLUSTERS = 16  #: of the quantisers with codes of one length
RATES_BITS = (2.0, 3.0)  #: entropy per weight of those with codes of any length
SEARCHED = 20_000  #: weights that the multiplier is searched with


@dataclass(frozen=True)
class Judged:
    """Loss and count on the images that a study judges by."""

    loss: float
    correct: int
    total: int


def spearman(one: Float64, other: Float64) -> float:
    """Return the rank correlation of two vectors, equal values sharing the mean of their ranks; NaN for a constant one.

    Source: Spearman, "The proof and measurement of association between two things", 1904.

    >>> spearman(np.array([1.0, 2.0, 9.0]), np.array([1.0, 4.0, 5.0])), spearman(np.arange(3.0), -np.arange(3.0))
    (1.0, -1.0)
    """
    a, b = ranks(one), ranks(other)
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return round(float(a @ b) / scale, 12) if scale > 0 else float("nan")


def ranks(values: Float64) -> Float64:
    """Return the rank of each value from 1, equal values sharing the mean of theirs.

    >>> ranks(np.array([5.0, 1.0, 5.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared: Float64 = last - (counts - 1) / 2
    return shared[place]


@dataclass(frozen=True, eq=False)
class Quantised:
    """A network by one quantiser, and its clusters."""

    network: Network
    clusters: Clusters


def quantisations(network: Network, importance: Float64) -> dict[str, Quantised]:
    """Return ``network`` quantised by ``importance``: with so many clusters, and at so many bits of entropy."""
    (group,) = groups_of(network, "network", importance)
    found = {f"k-means, {CLUSTERS} clusters": KMeans(clusters=CLUSTERS).quantised([group])[1][0]}
    for bits in RATES_BITS:
        found[f"ECSQ, {bits:g} bits"] = ecsq_at(group, bits)
    return {name: Quantised(rebuilt(network, [group], [parts]), parts) for name, parts in found.items()}


def ecsq_at(group: Group, bits: float, seed: int = 1) -> Clusters:
    """Return what the step ``ecsq`` makes of a group at ``bits`` per weight.

    Its multiplier is searched on some of the weights and used on all: the search runs the step twenty times.
    """
    some = np.random.default_rng(seed).permutation(group.values.size)[:SEARCHED]
    part = Group(group.names, group.live, group.values[some], group.importance[some])
    multiplier = float(str(Ecsq(rate_bits=bits).quantised([part])[0]["multiplier"]))
    return Ecsq(multiplier=multiplier).quantised([group])[1][0]


def judged(network: Network, data: Dataset) -> Judged:
    """Return mean cross-entropy, nats, and correct images, in torch float32.

    Raises:
        MissingExtraError: when torch is not installed.
    """
    from models.compression.hessian.unfused import need_torch

    need_torch()
    import torch

    from models.training.forward import forward

    tensors = {name: torch.tensor(array) for name, array in network.tensors.items()}
    labels = torch.tensor(data.labels)
    with torch.no_grad():
        parts = torch.split(torch.tensor(data.images), 250)
        logits: torch.Tensor = torch.cat([forward(network, tensors, part) for part in parts])
        loss = torch.nn.functional.cross_entropy(logits, labels).item()
    return Judged(loss, int((logits.argmax(1) == labels).sum()), len(data))


def weighted_error(before: Network, after: Network, importance: Float64) -> float:
    """Return ½ Σ h d², nats, the rise of the loss that the diagonal ``importance`` predicts."""
    return 0.5 * float(importance @ (flat_weights(after) - flat_weights(before)) ** 2)
