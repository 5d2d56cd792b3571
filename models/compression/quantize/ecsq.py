"""Iterative entropy-constrained scalar quantisation (ECSQ): centres and code lengths that fit each other.

Source: paper, eq. 10-12 and its appendix; Chou, Lookabaugh, Gray, "Entropy-constrained vector quantization", IEEE
Trans. ASSP 37 (1989).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from hwsim.errors import all_faults
from models.compression.errors import CompressionError
from models.compression.quantize.clusters import (
    Clusters,
    Float64,
    Int32,
    Iterate,
    checked,
    distortion,
    entropy_bits,
    tidied,
    weighted_means,
)
from models.compression.quantize.kernels import assign_by_cost
from models.compression.quantize.uniform import cell_width, uniform

_PASSES = 500
_CELLS = 256
_TOLERANCE = 1e-7


def ecsq(
    values: ArrayLike,
    multiplier: float,
    weights: ArrayLike | None = None,
    start: Clusters | None = None,
    zero: bool = False,
    passes: int = _PASSES,
    tolerance: float = _TOLERANCE,
) -> Clusters:
    """Return clusters that minimise J = D + multiplier * H, locally, with the trace of J.

    D is the mean of h (w - c)^2 and H the entropy of the assignment. One pass assigns each value to the centre with
    the least h (w - c)^2 - multiplier * log2 p, drops centres without members, and moves centres to the weighted means
    and shares p to what was counted; neither half can raise J.

    Args:
        values: Shape (N,).
        multiplier: Lagrange multiplier: what a bit may cost, in importance times squared value; 0 is k-means.
        weights: Importance h of each value, at least 0; None for all 1.
        start: First clusters; default: 256 uniform cells, one of them centred on zero with ``zero``.
        zero: A centre at exactly 0 stays there as long as it has members, so that these are pruned.
        passes: At most so many.
        tolerance: The passes end when J falls by less than this share of it, or nothing changes any more.

    Raises:
        CompressionError: an argument out of bounds.

    >>> result = ecsq(np.linspace(-1, 1, 1001), 0.01)
    >>> objectives = [pass_.objective for pass_ in result.trace]
    >>> objectives == sorted(objectives, reverse=True), result.centres.size
    (True, 9)
    """
    w, h = checked(values, weights)
    _check(multiplier, passes, tolerance, start, w.size)
    current = start or uniform(w, cell_width(w, _CELLS), h, offset=0.5 if zero else 0.0, dead_zone=0.5 * zero)
    trace: list[Iterate] = []
    for _ in range(passes):
        following = _pass(w, h, current, multiplier, zero)
        trace.append(_measured(w, h, following, multiplier))
        settled = _same(current, following)
        current = following
        if settled or (len(trace) > 1 and trace[-2].objective - trace[-1].objective <= tolerance * trace[-1].objective):
            break
    return Clusters(current.centres, current.assignment, tuple(trace))


def ideal_lengths(counts: ArrayLike) -> Float64:
    """Return -log2 of each count's share, in bits: the lengths of an ideal code.

    >>> ideal_lengths([1, 1, 2]).tolist()
    [2.0, 2.0, 1.0]
    """
    shares = np.asarray(counts, dtype=np.float64) / np.sum(counts)
    lengths: Float64 = -np.log2(shares)
    return lengths


def cheapest(values: Float64, weights: Float64, centres: Float64, prices: Float64) -> Int32:
    """Return for each value the j that minimises h (w - c_j)^2 + price_j, the lowest of equals; ``centres`` ascend.

    >>> cheapest(np.array([0.4, 0.4]), np.array([1.0, 9.0]), np.array([0.0, 0.5]), np.array([0.0, 1.0])).tolist()
    [0, 1]
    """
    chosen = np.empty(values.size, np.int32)
    assign_by_cost(values, weights, centres, prices, chosen)
    return chosen


def _pass(values: Float64, weights: Float64, current: Clusters, multiplier: float, zero: bool) -> Clusters:
    prices = multiplier * ideal_lengths(current.counts)
    chosen = cheapest(values, weights, current.centres, prices)
    means = weighted_means(values, weights, chosen, current.centres.size)
    if zero:
        means[current.centres == 0.0] = 0.0
    return tidied(means, chosen)


def _same(one: Clusters, other: Clusters) -> bool:
    return np.array_equal(one.centres, other.centres) and np.array_equal(one.assignment, other.assignment)


def _measured(values: Float64, weights: Float64, clusters: Clusters, multiplier: float) -> Iterate:
    error, bits = distortion(values, clusters.quantised, weights), entropy_bits(clusters.assignment)
    return Iterate(error + multiplier * bits, error, bits, clusters.centres.size)


def _check(multiplier: float, passes: int, tolerance: float, start: Clusters | None, count: int) -> None:
    faults = []
    if not 0 <= multiplier < math.inf:
        faults.append(f"multiplier is {multiplier}; needed: at least 0, in importance times squared value per bit")
    if passes < 1:
        faults.append(f"passes is {passes}; needed: at least 1")
    if not 0 <= tolerance < 1:
        faults.append(f"tolerance is {tolerance}; needed: 0 <= tolerance < 1")
    if start is not None and start.assignment.size != count:
        faults.append(f"start groups {start.assignment.size} values; there are {count}")
    if faults:
        raise CompressionError(all_faults("ECSQ", faults))
