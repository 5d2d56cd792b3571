"""Values grouped around centres: what every quantiser returns, and what it is measured by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwsim.errors import all_faults
from models.compression.errors import CompressionError

Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Integers = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class Iterate:
    """One pass of an iterative quantiser, after its centres have moved.

    Attributes:
        objective: ``distortion + multiplier * entropy_bits``; never rises from one pass to the next.
        distortion: Mean of importance times squared error.
        entropy_bits: Per value.
        clusters: Centres with members.
    """

    objective: float
    distortion: float
    entropy_bits: float
    clusters: int


@dataclass(frozen=True, eq=False)
class Clusters:
    """Values that share a centre.

    Attributes:
        centres: float64, shape (k,), ascending; each has members.
        assignment: int32, shape (N,): which centre stands for each value.
        trace: Passes that led here, where there were any.

    >>> Clusters(np.array([-1.0, 2.0]), np.array([1, 0, 1], np.int32)).quantised
    array([ 2., -1.,  2.])
    """

    centres: Float64
    assignment: Int32
    trace: tuple[Iterate, ...] = ()

    @property
    def quantised(self) -> Float64:
        """The centre of each value, shape (N,)."""
        return self.centres[self.assignment]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many values each centre stands for, shape (k,)."""
        return np.bincount(self.assignment, minlength=self.centres.size)

    @property
    def entropy_bits(self) -> float:
        """Entropy of the assignment, in bits per value."""
        return entropy_bits(self.assignment)


def entropy_bits(assignment: ArrayLike) -> float:
    """Return -sum p log2 p over the shares p of the different numbers, in bits per symbol.

    It bounds the mean length of any code for one symbol at a time (paper, eq. 10).

    >>> entropy_bits([0, 0, 1, 1]), entropy_bits([3, 3])
    (1.0, 0.0)
    """
    counts = np.unique(np.asarray(assignment), return_counts=True)[1]
    shares = counts / counts.sum()
    return abs(float(-(shares * np.log2(shares)).sum()))


def distortion(values: ArrayLike, quantised: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the mean of h (w - q)^2, with all h = 1 where ``weights`` is None (paper, eq. 8 over N).

    >>> distortion([1.0, 2.0], [1.0, 1.0]), distortion([1.0, 2.0], [1.0, 1.0], [1.0, 4.0])
    (0.5, 2.0)
    """
    error = np.asarray(values, dtype=np.float64) - np.asarray(quantised, dtype=np.float64)
    return float(np.mean(error**2 if weights is None else np.asarray(weights) * error**2))


def weighted_means(values: Float64, weights: Float64, assignment: Integers, count: int) -> Float64:
    """Return sum h w / sum h of the members of each of ``count`` clusters; NaN for one without members.

    A cluster whose members all have weight 0 gets their plain mean.

    >>> weighted_means(np.array([0.0, 4.0, 7.0]), np.array([1.0, 3.0, 0.0]), np.array([0, 0, 1], np.int32), 2)
    array([3., 7.])
    """
    members = np.bincount(assignment, minlength=count)
    mass = np.bincount(assignment, weights, count)
    with np.errstate(invalid="ignore", divide="ignore"):
        plain = np.bincount(assignment, values, count) / members
        # Around the plain mean nothing large cancels, and equal members give their own value.
        shift = np.bincount(assignment, weights * (values - plain[assignment]), count) / mass
    means: Float64 = np.where(mass > 0, plain + shift, plain)
    return means


def tidied(centres: Float64, assignment: Integers, trace: tuple[Iterate, ...] = ()) -> Clusters:
    """Return the clusters with centres ascending, equal ones joined, and those without members left out.

    >>> tidied(np.array([2.0, 1.0, 9.0]), np.array([0, 1, 1])).centres.tolist()
    [1.0, 2.0]
    """
    used, members = np.unique(assignment, return_inverse=True)
    distinct, place = np.unique(centres[used], return_inverse=True)
    return Clusters(distinct, place[members].astype(np.int32), trace)


def checked(values: ArrayLike, weights: ArrayLike | None) -> tuple[Float64, Float64]:
    """Return values and weights (None: all 1) as float64.

    Raises:
        CompressionError: no values, other shapes, or weights below 0; every fault is named.
    """
    w = np.asarray(values, dtype=np.float64)
    h = np.ones(w.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    faults = []
    if w.ndim != 1 or w.size == 0:
        faults.append(f"values have shape {w.shape}; needed: (N,) with N at least 1. Is every weight pruned?")
    if h.shape != w.shape:
        faults.append(f"{h.shape} weights for values of shape {w.shape}")
    if not np.isfinite(w).all():
        faults.append(f"{int((~np.isfinite(w)).sum())} values are not finite")
    if not (np.isfinite(h) & (h >= 0)).all():
        faults.append(f"the smallest weight is {h.min()}; needed: finite and at least 0. Clip it first")
    if faults:
        raise CompressionError(all_faults("values to quantise", faults))
    return w, h
