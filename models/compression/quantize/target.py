"""The quantiser that just meets a number of bits, by bisection of what steers it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from models.compression.errors import CompressionError
from models.compression.quantize.clusters import Clusters

Attempt = Callable[[float], Sequence[Clusters]]


def rate_bits(parts: Sequence[Clusters]) -> float:
    """Return the entropy in bits per value of groups with a codebook of their own each."""
    total = sum(part.assignment.size for part in parts)
    return sum(part.assignment.size * part.entropy_bits for part in parts) / total


def by_rate(
    attempt: Attempt, target_bits: float, low: float, high: float, probes: int = 30
) -> tuple[float, Sequence[Clusters]]:
    """Return the least parameter tried whose entropy is at most ``target_bits``, and its clusters.

    Args:
        attempt: Quantises with a parameter (a step, a multiplier); a larger one gives fewer bits, nearly always.
        target_bits: Bits per value.
        low: Parameter with too many bits, above 0; when it already meets the target, it is the answer.
        high: Parameter with few enough bits.
        probes: Halvings of the interval on a logarithmic scale.

    Raises:
        CompressionError: when ``high`` gives more bits than the target.

    >>> import numpy as np
    >>> from models.compression.quantize.uniform import uniform
    >>> values = np.linspace(0, 1, 4096, endpoint=False)
    >>> step, parts = by_rate(lambda step: [uniform(values, step)], 4.0, 1e-3, 1.0)
    >>> round(step, 4), parts[0].centres.size
    (0.0625, 16)
    """
    best = (low, attempt(low))
    if rate_bits(best[1]) <= target_bits:
        return best
    best = (high, attempt(high))
    if rate_bits(best[1]) > target_bits:
        raise CompressionError(
            f"{rate_bits(best[1]):.3f} bits per weight are the fewest found; {target_bits} asked for. Ask for more bits"
        )
    below, above = math.log(low), math.log(high)
    for _ in range(probes):
        middle = (below + above) / 2
        parts = attempt(math.exp(middle))
        if rate_bits(parts) <= target_bits:
            above, best = middle, (math.exp(middle), parts)
        else:
            below = middle
    return best


def clusters_by_rate(
    attempt: Callable[[int], Sequence[Clusters]], target_bits: float, most: int = 1024
) -> tuple[int, Sequence[Clusters]]:
    """Return a number of clusters whose entropy is at most ``target_bits``, while that of one more is above it.

    2^bits clusters always meet the target; from there on it is found by doubling and halving, up to ``most``.

    >>> import numpy as np
    >>> from models.compression.quantize.kmeans import kmeans
    >>> values = np.linspace(0, 1, 4096, endpoint=False)
    >>> clusters_by_rate(lambda k: [kmeans(values, k)], 4.0)[0]
    16
    """
    low = min(most, max(1, math.floor(2**target_bits)))
    high, best = 2 * low, attempt(low)
    while high <= most and rate_bits(parts := attempt(high)) <= target_bits:
        low, high, best = high, 2 * high, parts
    high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        parts = attempt(middle)
        if rate_bits(parts) <= target_bits:
            low, best = middle, parts
        else:
            high = middle
    return low, best
