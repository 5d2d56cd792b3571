"""How many singular values to keep: by energy, or by what noise alone would give."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MEDIAN_STEPS = 60
_NODES = 200


def numerical_rank(sigma: NDArray[Any], largest_side: int) -> int:
    """Return how many singular values are more than what rounding a matrix to float32 leaves.

    Args:
        sigma: Singular values, descending.
        largest_side: The longer of rows and columns; the bound is ``largest_side`` x 2^-23 x the largest value.

    >>> numerical_rank(np.array([1.0, 0.5, 1e-9]), 100)
    2
    """
    bound = largest_side * np.finfo(np.float32).eps * float(np.max(sigma, initial=0.0))
    return int((np.asarray(sigma) > bound).sum())


def energy_rank(energies: NDArray[Any], kept: float) -> int:
    """Return the smallest r with the sum of the first r energies at least ``kept`` x the sum of all.

    Source: Alvarez & Salzmann, arXiv:1711.02638, section 3 (there the energies are squared singular values).

    Args:
        energies: Not negative, descending.
        kept: Share, above 0 to 1.

    >>> [energy_rank(np.array([9.0, 0.9, 0.1, 0.0]), kept) for kept in (0.8, 0.99, 1.0)]
    [1, 2, 3]
    """
    tail = np.append(np.cumsum(np.asarray(energies, dtype=np.float64)[::-1])[::-1], 0.0)
    return int(np.argmax(tail <= (1 - kept) * tail[0]))


def optimal_threshold(aspect: float) -> float:
    """Return lambda*(beta): the hard threshold for noise of known size, in units of sqrt(columns) x noise.

    Source: Gavish & Donoho, "The Optimal Hard Threshold for Singular Values is 4/sqrt(3)", IEEE Trans. Inf. Theory
    60(8), 2014, eq. 11.

    Args:
        aspect: beta, the shorter side over the longer, above 0 to 1.

    >>> round(optimal_threshold(1.0) * math.sqrt(3), 12)
    4.0
    """
    total = aspect + 1
    return math.sqrt(2 * total + 8 * aspect / (total + math.sqrt(aspect * aspect + 14 * aspect + 1)))


def median_coefficient(aspect: float) -> float:
    """Return omega(beta): the threshold for noise of unknown size, in units of the median singular value.

    Source: as ``optimal_threshold``, eq. 4 and 5: lambda*(beta) over the root of the Marchenko-Pastur median.

    >>> round(median_coefficient(1.0), 3)
    2.858
    """
    return optimal_threshold(aspect) / math.sqrt(marchenko_pastur_median(aspect))


def marchenko_pastur_median(aspect: float) -> float:
    """Return the median of the Marchenko-Pastur distribution with ratio ``aspect`` and unit variance.

    >>> round(marchenko_pastur_median(1.0), 4)
    0.6528
    """
    low, high = (1 - math.sqrt(aspect)) ** 2, (1 + math.sqrt(aspect)) ** 2
    left, right = low, high
    below = _distribution(aspect, low, high)
    for _ in range(_MEDIAN_STEPS):
        middle = (left + right) / 2
        left, right = (middle, right) if below(middle) < 0.5 else (left, middle)
    return (left + right) / 2


def _distribution(aspect: float, low: float, high: float) -> Callable[[float], float]:
    """Return the distribution function: the density integrated by Gauss-Legendre in the angle t.

    With x = low + (high - low) sin(t/2)^2 both edges, square roots, and at aspect 1 the pole at 0, become smooth.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    span = high - low

    def below(x: float) -> float:
        end = 2 * math.asin(math.sqrt(min(1.0, max(0.0, (x - low) / span))))
        angle = end * (nodes + 1) / 2
        sine, cosine = np.sin(angle / 2), np.cos(angle / 2)
        # sqrt((high - x)(x - low)) dx = span^2 (sin cos)^2 dt; at aspect 1, low is 0 and sine^2 cancels against x.
        shape = cosine**2 / span if low == 0 else (sine * cosine) ** 2 / (low + span * sine**2)
        return float(span**2 / (2 * math.pi * aspect) * end / 2 * (weights @ shape))

    return below


def gavish_donoho_rank(sigma: NDArray[Any], shape: tuple[int, int], noise: float | None = None) -> int:
    """Return how many singular values are above the optimal hard threshold.

    Optimal in the asymptotic mean square error of a low-rank matrix in white noise. Trained weights are not that: what
    training leaves below the threshold is small, but no noise of equal variance.

    Args:
        sigma: All min(rows, columns) singular values.
        shape: Rows and columns.
        noise: Standard deviation of the noise; None takes it from the median singular value.

    >>> gavish_donoho_rank(np.array([10.0, 1.0, 1.0, 0.9]), (4, 4))
    1
    """
    aspect = min(shape) / max(shape)
    if noise is not None:
        threshold = optimal_threshold(aspect) * math.sqrt(max(shape)) * noise
    else:
        threshold = median_coefficient(aspect) * float(np.median(sigma))
    return int((np.asarray(sigma) > threshold).sum())
