"""One-dimensional k-means, plain or weighted: Lloyd's iteration, and the optimum.

A weight of one value scales all its distances alike, so that the nearest centre stays the best (paper, eq. 8): clusters
are intervals of the sorted values, and one pass costs k log N.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwsim.errors import unknown_name
from models.compression.errors import CompressionError
from models.compression.quantize.clusters import (
    Clusters,
    Float64,
    Iterate,
    checked,
    distortion,
    entropy_bits,
    weighted_means,
)
from models.compression.quantize.kernels import optimal_bounds

STARTS = ("linear", "density", "optimal")
_PASSES = 2000


@dataclass(frozen=True, eq=False)
class _Sorted:
    """Different values, ascending, and prefix sums (one entry more) over their members."""

    values: Float64
    where: NDArray[np.int64]
    members: Float64
    plain: Float64
    mass: Float64
    first: Float64

    def means(self, bounds: NDArray[np.int64]) -> Float64:
        """Return the weighted mean of each interval, and the plain one of an interval without weight."""
        count, mass = np.diff(self.members[bounds]), np.diff(self.mass[bounds])
        with np.errstate(invalid="ignore", divide="ignore"):
            weighted = np.diff(self.first[bounds]) / mass
        means: Float64 = np.where(mass > 0, weighted, np.diff(self.plain[bounds]) / count)
        return np.clip(means, self.values[bounds[:-1]], self.values[bounds[1:] - 1])


def kmeans(
    values: ArrayLike, clusters: int, weights: ArrayLike | None = None, init: str = "linear", passes: int = _PASSES
) -> Clusters:
    """Return at most ``clusters`` clusters that minimise sum h (w - c)^2, locally.

    Source: paper, eq. 3 (all ``weights`` 1) and eq. 8. Centres without members are dropped; a value half way between
    two centres belongs to the lower one.

    Args:
        values: Shape (N,).
        clusters: k.
        weights: Importance h of each value, at least 0; None for all 1.
        init: ``"linear"``: centres evenly spaced from the least to the greatest value (Han et al., "Deep
            compression", ICLR 2016); ``"density"``: at evenly spaced quantiles; ``"optimal"``: the best of all
            clusterings, by dynamic programming, in k N log N and 4 k N bytes.
        passes: At most so many.

    Raises:
        CompressionError: values or weights out of bounds, fewer than 1 cluster, or another ``init``.

    >>> kmeans([0.0, 0.1, 1.0, 1.1], 2).centres.round(3).tolist()
    [0.05, 1.05]
    """
    w, h = checked(values, weights)
    if init not in STARTS:
        raise CompressionError(unknown_name("start of k-means", init, STARTS))
    if clusters < 1:
        raise CompressionError(f"clusters is {clusters}; needed: at least 1")
    data = _sorted(w, h)
    trace: tuple[Iterate, ...] = ()
    if init == "optimal":
        bounds = _optimum(w, h, data, min(clusters, data.values.size))
    else:
        start = np.linspace(data.values[0], data.values[-1], clusters) if init == "linear" else _quantiles(w, clusters)
        bounds, trace = _lloyd(data, w, h, np.unique(start), passes)
    assignment = _assignment(data, bounds)
    return Clusters(weighted_means(w, h, assignment, bounds.size - 1), assignment, trace)


def _sorted(values: Float64, weights: Float64) -> _Sorted:
    distinct, where = np.unique(values, return_inverse=True)
    members, mass = np.bincount(where), np.bincount(where, weights)
    sums = (members, members * distinct, mass, mass * distinct)
    return _Sorted(distinct, where, *(np.concatenate(([0.0], np.cumsum(s))) for s in sums))


def _quantiles(values: Float64, clusters: int) -> Float64:
    return np.quantile(values, (np.arange(clusters) + 0.5) / clusters)


def _lloyd(
    data: _Sorted, values: Float64, weights: Float64, centres: Float64, passes: int
) -> tuple[NDArray[np.int64], tuple[Iterate, ...]]:
    bounds, trace = np.zeros(0, np.int64), []
    for _ in range(passes):
        cuts = np.searchsorted(data.values, (centres[:-1] + centres[1:]) / 2, side="right")
        following = np.unique(np.concatenate(([0], cuts, [data.values.size])))
        if np.array_equal(following, bounds):
            break
        bounds = following
        centres = data.means(bounds)
        assignment = _assignment(data, bounds)
        cost = distortion(values, centres[assignment], weights)
        trace.append(Iterate(cost, cost, entropy_bits(assignment), centres.size))
    return bounds, tuple(trace)


def _assignment(data: _Sorted, bounds: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.repeat(np.arange(bounds.size - 1, dtype=np.int32), np.diff(bounds))[data.where]


def _optimum(values: Float64, weights: Float64, data: _Sorted, clusters: int) -> NDArray[np.int64]:
    # Sums around the middle lose fewer digits to cancellation.
    centred = data.values - values.mean()
    mass = np.diff(data.mass)
    if not weights.any():
        mass = np.diff(data.members)
    prefix = [np.concatenate(([0.0], np.cumsum(s))) for s in (mass, mass * centred, mass * centred**2)]
    bounds: NDArray[np.int64] = optimal_bounds(*prefix, clusters)
    return bounds
