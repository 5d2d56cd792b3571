"""Quantisation that sees the whole Hessian: weights that are moved together are weighed together.

The objective is ½ dᵀ H d with d = w - q, every q_i one of k centres. One weight after another goes to its best centre
while all others stay (coordinate descent, as in Besag, "On the statistical analysis of dirty pictures", 1986); between
sweeps the centres are solved for. Choosing roundings with the off-diagonal terms follows Hassibi & Stork, "Second
order derivatives for network pruning: optimal brain surgeon", 1993, and Frantar & Alistarh, "Optimal brain
compression", 2022.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.compression.errors import CompressionError

Float64 = NDArray[np.float64]

_TOLERANCE = 1e-4


@dataclass(frozen=True, eq=False)
class Correlated:
    """Where it ended.

    Attributes:
        centres: float64, shape (k,).
        assignment: Which centre stands for each weight, shape (N,).
        objective: ½ dᵀ H d before the first pass and after each one; never rises.
    """

    centres: Float64
    assignment: NDArray[np.int64]
    objective: tuple[float, ...]

    @property
    def quantised(self) -> Float64:
        """The centre of each weight, shape (N,)."""
        return self.centres[self.assignment]


def correlated_kmeans(
    values: Float64, hessian: Float64, centres: Float64, assignment: NDArray[np.integer], passes: int = 30
) -> Correlated:
    """Return clusters with a locally least ½ dᵀ H d, from given ones.

    Args:
        values: Weights, shape (N,).
        hessian: Symmetric without negative eigenvalues, shape (N, N).
        centres: First centres, shape (k,).
        assignment: First clusters, shape (N,).
        passes: At most so many sweeps and solutions; fewer when one gains less than a ten-thousandth.

    >>> h = np.array([[1.0, 0.9], [0.9, 1.0]])
    >>> found = correlated_kmeans(np.array([0.4, 0.4]), h, np.array([0.0, 1.0]), np.array([0, 0]), passes=1)
    >>> found.assignment.tolist()
    [1, 0]

    Raises:
        CompressionError: shapes that do not fit each other.
    """
    if hessian.shape != (values.size, values.size) or assignment.shape != values.shape:
        raise CompressionError(
            f"{values.size} weights, a Hessian of shape {hessian.shape}, {assignment.size} clusters: one size is needed"
        )
    chosen, middles = assignment.astype(np.int64), np.array(centres, dtype=np.float64)
    objective = [_objective(values - middles[chosen], hessian)]
    for _ in range(passes):
        chosen = _sweep(values, hessian, middles, chosen)
        middles = _solved(values, hessian, middles, chosen)
        objective.append(_objective(values - middles[chosen], hessian))
        if objective[-2] - objective[-1] <= _TOLERANCE * objective[-2]:
            break
    return Correlated(middles, chosen, tuple(objective))


def _objective(error: Float64, hessian: Float64) -> float:
    return float(0.5 * error @ hessian @ error)


def _sweep(values: Float64, hessian: Float64, centres: Float64, assignment: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give each weight in turn the centre that lowers the objective most."""
    chosen = assignment.copy()
    slope = hessian @ (values - centres[chosen])
    for i, curvature in enumerate(np.diag(hessian)):
        moves = centres - centres[chosen[i]]
        gains = moves * slope[i] - 0.5 * curvature * moves**2
        best = int(gains.argmax())
        if gains[best] > 0:
            slope -= moves[best] * hessian[i]
            chosen[i] = best
    return chosen


def _solved(values: Float64, hessian: Float64, centres: Float64, assignment: NDArray[np.int64]) -> Float64:
    """Return the centres with the least objective for given clusters; those without members stay."""
    used, members = np.unique(assignment, return_inverse=True)
    indicator = np.eye(used.size)[members]
    weighted = hessian @ indicator
    # The smallest move among equally good ones: some centres may have no curvature.
    moves = np.linalg.lstsq(indicator.T @ weighted, weighted.T @ (values - centres[assignment]), rcond=1e-12)[0]
    moved = centres.copy()
    moved[used] += moves
    before, after = (_objective(values - part[assignment], hessian) for part in (centres, moved))
    # Rounding may spoil a solution that gains nothing.
    return moved if after <= before else centres
