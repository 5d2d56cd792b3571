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
    values: Float64,
    hessian: Float64,
    centres: Float64,
    assignment: NDArray[np.integer],
    passes: int = 30,
    tolerance: float = 1e-4,
) -> Correlated:
    """Return clusters with a locally least ½ dᵀ H d, from given ones.

    Args:
        values: Weights, shape (N,).
        hessian: Symmetric without negative eigenvalues, shape (N, N).
        centres: First centres, shape (k,).
        assignment: First clusters, shape (N,).
        passes: At most so many sweeps and solutions.
        tolerance: They end when one lowers the objective by less than this share.

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
    state = _State(values, hessian, np.array(centres, dtype=np.float64), assignment.astype(np.int64))
    objective = [state.objective]
    for _ in range(passes):
        before = state.centres.copy(), state.chosen.copy()
        state.sweep()
        state.solve()
        if state.objective > objective[-1]:  # by rounding, where nothing is left to gain
            return Correlated(*before, tuple(objective))
        objective.append(state.objective)
        if objective[-2] - objective[-1] <= tolerance * objective[-2]:
            break
    return Correlated(state.centres, state.chosen, tuple(objective))


class _State:
    """Clusters with H d kept up to date, so that a move of one weight costs N."""

    def __init__(self, values: Float64, hessian: Float64, centres: Float64, chosen: NDArray[np.int64]) -> None:
        self.values, self.hessian, self.centres, self.chosen = values, hessian, centres, chosen
        self.slope = hessian @ self.error

    @property
    def error(self) -> Float64:
        return self.values - self.centres[self.chosen]

    @property
    def objective(self) -> float:
        return float(0.5 * self.error @ self.slope)

    def sweep(self) -> None:
        """Give each weight in turn the centre that lowers the objective most."""
        for i, curvature in enumerate(np.diag(self.hessian)):
            moves = self.centres - self.centres[self.chosen[i]]
            gains = moves * (self.slope[i] - 0.5 * curvature * moves)
            best = int(gains.argmax())
            if gains[best] > 0:
                self.slope -= moves[best] * self.hessian[i]
                self.chosen[i] = best

    def solve(self) -> None:
        """Move the centres to the least objective for the clusters; those without members stay."""
        used, members = np.unique(self.chosen, return_inverse=True)
        indicator = np.eye(used.size)[members]
        columns = self.hessian @ indicator
        matrix, pull = indicator.T @ columns, indicator.T @ (self.hessian @ self.error)
        # The smallest move among equally good ones: some centres may have no curvature.
        moves = np.linalg.lstsq(matrix, pull, rcond=1e-12)[0]
        gained = moves @ pull - 0.5 * moves @ matrix @ moves > 0
        if gained:  # rounding may spoil a solution that gains nothing
            self.centres[used] += moves
        self.slope = self.hessian @ self.error
