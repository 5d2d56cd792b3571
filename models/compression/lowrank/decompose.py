"""The components of a layer's weights, by what they contribute: to the weights themselves, or to the layer's output."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Shape
from models.compression.lowrank.matrix import Form, Matrices, as_matrices, as_weight
from models.compression.lowrank.moments import Moments

_RIDGE = 1e-10  #: share of the trace that is added to a singular system


@dataclass(frozen=True, eq=False)
class Decomposition:
    """A weight tensor in one form, cut at any rank.

    Without a covariance C of the inputs, a cut is the nearest matrix of its rank in the 2-norm of the weights (Eckart &
    Young, 1936). With one it is nearest in the mean square of the layer's sums: for the channel form exactly (U_r U_r^T
    W with the leading eigenvectors of W C W^T: Zhang et al., arXiv:1505.06798, section 3.1); for the spatial form the
    vertical filters come from the covariance of their own windows, and the horizontal ones are fitted by least squares.

    Attributes:
        shape: Of the weight tensor.
        form: Which matrices.
        matrices: The weights, (groups, rows, columns).
        left: Their components, (groups, rows, components), orthonormal, the largest first.
        energies: What each component contributes to the mean square, over all groups, descending.
        covariance: (groups, K, K) of the inputs of the sums; None where all inputs count alike.
    """

    shape: Shape
    form: Form
    matrices: Matrices
    left: Matrices
    energies: NDArray[np.float64]
    covariance: NDArray[np.float64] | None = None

    @property
    def components(self) -> int:
        """The largest rank: the shorter side of a matrix."""
        return int(self.left.shape[2])

    def truncated(self, rank: int) -> NDArray[np.float64]:
        """Return the weight tensor cut to ``rank`` components in each group, float64.

        >>> weight = np.diag([3.0, 2.0, 1.0])
        >>> decompose(weight, 1, Form.CHANNEL).truncated(2)
        array([[3., 0., 0.],
               [0., 2., 0.],
               [0., 0., 0.]])
        """
        left = self.left[:, :, :rank]
        right = left.transpose(0, 2, 1) @ self.matrices
        if self.form is Form.SPATIAL and self.covariance is not None:
            return self._fitted(right, self.covariance)
        return as_weight(left @ right, self.shape, self.form)

    def error(self, rank: int) -> float:
        """Return the mean square of what a cut to ``rank`` changes, as a share of the mean square of the whole."""
        if self._total == 0:
            return 0.0
        if self.form is Form.SPATIAL and self.covariance is not None:
            lost = self._weight - self.truncated(rank)
            return mean_square(lost, len(self.matrices), self.covariance) / self._total
        return float(self.energies[rank:].sum()) / self._total

    @cached_property
    def _weight(self) -> NDArray[np.float64]:
        return as_weight(self.matrices, self.shape, self.form)

    @cached_property
    def _total(self) -> float:
        return mean_square(self._weight, len(self.matrices), self.covariance)

    def _fitted(self, vertical: Matrices, covariance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weights with the best horizontal filters behind ``vertical``, (groups, rank, channels x kh)."""
        width, (groups, rank, inputs) = self.shape[3], vertical.shape
        parts = covariance.reshape(groups, inputs, width, inputs, width)
        weight = self._weight.reshape(groups, -1, inputs * width)
        seen = np.einsum("grp,gpjqk->grjqk", vertical, parts)
        gram = np.einsum("grjqk,gsq->grjsk", seen, vertical).reshape(groups, rank * width, rank * width)
        target = weight @ seen.reshape(groups, rank * width, inputs * width).transpose(0, 2, 1)
        ridge = _RIDGE * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(rank * width) / (rank * width)
        tiny = np.finfo(float).tiny * np.eye(rank * width)
        horizontal = np.linalg.solve(gram + ridge + tiny, target.transpose(0, 2, 1))
        horizontal = horizontal.transpose(0, 2, 1).reshape(groups, -1, rank, width)
        fitted: NDArray[np.float64] = np.einsum("gnrj,grp->gnpj", horizontal, vertical).reshape(self.shape)
        return fitted


def decompose(
    weight: NDArray[Any], groups: int, form: Form, covariance: NDArray[np.float64] | None = None
) -> Decomposition:
    """Return the components of a weight tensor.

    Args:
        weight: Of a convolution or a linear layer.
        groups: Of the convolution; 1 for a linear layer.
        form: Which matrices.
        covariance: (groups, K, K) of the inputs of the sums, centred where the bias takes up the mean.

    >>> decompose(np.diag([1.0, 3.0]), 1, Form.CHANNEL).energies
    array([9., 1.])
    """
    matrices = as_matrices(weight, groups, form)
    if covariance is None:
        left, sigma, _ = np.linalg.svd(matrices, full_matrices=False)
        return Decomposition(np.shape(weight), form, matrices, left, (sigma**2).sum(axis=0))
    own = covariance if form is Form.CHANNEL else _of_vertical_windows(covariance, np.shape(weight))
    values, vectors = np.linalg.eigh(matrices @ own @ matrices.transpose(0, 2, 1))
    components = min(matrices.shape[1:])
    energies = np.maximum(values[:, ::-1], 0.0).sum(axis=0)[:components]
    left = np.ascontiguousarray(vectors[:, :, ::-1][:, :, :components])
    return Decomposition(np.shape(weight), form, matrices, left, energies, covariance)


def _of_vertical_windows(covariance: NDArray[np.float64], shape: Shape) -> NDArray[np.float64]:
    """Return the covariance of (channel, kernel row), (groups, inputs, inputs), a mean over kernel columns."""
    width, inputs = shape[3], shape[1] * shape[2]
    parts = covariance.reshape(-1, inputs, width, inputs, width)
    found: NDArray[np.float64] = np.einsum("gpjqj->gpq", parts) / width
    return found


def mean_square(weight: NDArray[np.float64], groups: int, covariance: NDArray[np.float64] | None) -> float:
    """Return the mean square of the sums that ``weight`` gives, added over output units: trace(W C W^T).

    >>> mean_square(np.array([[3.0, 4.0]]), 1, None)
    25.0
    """
    rows = weight.reshape(groups, len(weight) // groups, -1)
    return float(np.sum((rows if covariance is None else rows @ covariance) * rows))


def bias_shift(before: NDArray[Any], after: NDArray[Any], moments: Moments) -> NDArray[np.float64]:
    """Return what the bias must gain so that the mean of every sum stays, (output units,)."""
    lost = (np.asarray(before, np.float64) - after).reshape(len(moments.mean), -1, moments.mean.shape[1])
    shift: NDArray[np.float64] = np.einsum("gnk,gk->gn", lost, moments.mean).ravel()
    return shift
