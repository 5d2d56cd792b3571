"""How alike the filters of a trained network are: statistics of the cosines between all pairs of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Network
from models.compression.orthoreg.options import decorrelated_layers

ALL = "all layers"  #: name of the statistics over the pairs of all layers together


@dataclass(frozen=True)
class PairStatistics:
    """Cosines of the angles between the filters of one layer, each pair once.

    Attributes:
        pairs: Number of pairs; filters that are all 0 have no direction and make none.
        mean_absolute: Mean of the absolute cosines.
        mean_positive: Mean of the positive cosines; 0 when there are none.
        maximum: The largest cosine; 0 when there are no pairs.
        share_acute: Share of the pairs that are closer than 90 degrees.
    """

    pairs: int
    mean_absolute: float
    mean_positive: float
    maximum: float
    share_acute: float


def cosines(weight: NDArray[Any], groups: int = 1) -> NDArray[np.float64]:
    """Return the cosine of each pair of filters within a group, shape (pairs,).

    Args:
        weight: shape (filters, ...), filters of a group next to each other.
        groups: of the convolution.

    >>> cosines(np.array([[3.0, 0], [4, 4], [0, 0], [0, -2]])).round(3).tolist()
    [0.707, 0.0, -0.707]
    """
    filters = weight.reshape(groups, weight.shape[0] // groups, -1).astype(np.float64)
    found = []
    for group in filters:
        lengths = np.linalg.norm(group, axis=1)
        unit = group[lengths > 0] / lengths[lengths > 0, None]
        found.append((unit @ unit.T)[np.triu_indices(len(unit), 1)])
    every: NDArray[np.float64] = np.clip(np.concatenate(found), -1.0, 1.0)
    return every


def pair_statistics(cosine: NDArray[np.float64]) -> PairStatistics:
    """Return the statistics of some cosines.

    >>> pair_statistics(np.array([0.5, -0.25, 1.0, -0.25]))
    PairStatistics(pairs=4, mean_absolute=0.5, mean_positive=0.75, maximum=1.0, share_acute=0.5)
    """
    if cosine.size == 0:
        return PairStatistics(0, 0.0, 0.0, 0.0, 0.0)
    positive = cosine[cosine > 0]
    mean_positive = float(positive.mean()) if positive.size else 0.0
    return PairStatistics(
        cosine.size, float(np.abs(cosine).mean()), mean_positive, float(cosine.max()), positive.size / cosine.size
    )


def pairwise_cosine(network: Network, layers: Sequence[str] = ()) -> dict[str, PairStatistics]:
    """Return the statistics of each layer, and those over all their pairs under ``ALL``.

    Args:
        network: Any; batch-norms do not matter, since a scale does not turn a filter (unless it is negative).
        layers: Names; none means every convolution and linear layer but the last.

    >>> from models import load_network
    >>> found = pairwise_cosine(load_network("digits-cnn"))
    >>> {name: statistics.pairs for name, statistics in found.items()}
    {'conv1': 120, 'conv2': 496, 'all layers': 616}

    Raises:
        CompressionError: for names that are no such layer.
    """
    each = {
        name: cosines(network.tensors[f"{name}.weight"], groups)
        for name, groups in decorrelated_layers(network, tuple(layers)).items()
    }
    return {name: pair_statistics(c) for name, c in {**each, ALL: np.concatenate(list(each.values()))}.items()}
