"""Proximal operators: prox_f(y) is the x that minimises f(x) + ||x - y||^2 / 2.

Sources: Alvarez & Salzmann, "Compression-aware Training of Deep Networks", arXiv:1711.02638 (nuclear norm), and
"Learning the Number of Neurons in Deep Networks", NIPS 2016 (sparse group lasso); Parikh & Boyd, "Proximal Algorithms",
2014, sections 6.5.2 (soft threshold), 6.5.4 (group shrinkage) and 6.7.3 (singular values).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def soft_threshold(values: NDArray[Any], threshold: float) -> Values:
    """Return prox of ``threshold`` x ||values||_1: every value nearer to 0 by ``threshold``, and not beyond it.

    >>> soft_threshold(np.array([-3.0, 0.5, 2.0]), 1.0)
    array([-2.,  0.,  1.])
    """
    values = np.asarray(values, dtype=np.float64)
    nearer: Values = np.copysign(np.maximum(np.abs(values) - threshold, 0.0), values) + 0.0
    return nearer


def group_shrink(matrix: NDArray[Any], threshold: float) -> Values:
    """Return prox of ``threshold`` x the sum of the rows' 2-norms: every row shorter by ``threshold``, or 0.

    Args:
        matrix: (groups, elements): one group a row.
        threshold: In the unit of the values.

    >>> group_shrink(np.array([[3.0, 4.0], [0.3, 0.4]]), 1.0)
    array([[2.4, 3.2],
           [0. , 0. ]])
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    kept = np.divide(np.maximum(lengths - threshold, 0.0), lengths, out=np.zeros_like(lengths), where=lengths > 0)
    shrunk: Values = matrix * kept
    return shrunk


def nuclear_prox(matrix: NDArray[Any], threshold: float) -> Values:
    """Return prox of ``threshold`` x the nuclear norm: singular values soft-thresholded, singular vectors kept.

    Args:
        matrix: (rows, columns), or a stack of such.
        threshold: In the unit of the singular values.

    >>> nuclear_prox(np.diag([3.0, 0.5]), 1.0)
    array([[2., 0.],
           [0., 0.]])
    """
    left, sigma, right = np.linalg.svd(np.asarray(matrix, dtype=np.float64), full_matrices=False)
    kept = np.maximum(sigma - threshold, 0.0)
    shrunk: Values = (left * kept[..., None, :]) @ right
    return shrunk


def sparse_group_prox(matrix: NDArray[Any], threshold: float, alpha: float) -> Values:
    """Return prox of ``threshold`` x ((1 - alpha) sqrt(P) sum of row norms + alpha x 1-norm), P elements to a row.

    The soft threshold followed by the group shrinkage is this operator exactly, as each group is (Friedman, Hastie &
    Tibshirani, "A note on the group lasso and a sparse group lasso", arXiv:1001.0736).

    Args:
        matrix: (output units, elements of a unit).
        threshold: t x lambda of the paper.
        alpha: 0 is the group lasso, 1 the lasso.

    >>> sparse_group_prox(np.array([[4.0, 0.1]]), 1.0, 1.0)
    array([[3., 0.]])
    """
    group = threshold * (1 - alpha) * math.sqrt(np.asarray(matrix).shape[1])
    return group_shrink(soft_threshold(matrix, threshold * alpha), group)


def nuclear_norm(matrix: NDArray[Any]) -> float:
    """Return the sum of the singular values, of a stack of matrices of all of them.

    >>> nuclear_norm(np.diag([3.0, 0.5]))
    3.5
    """
    return float(np.linalg.svd(np.asarray(matrix, dtype=np.float64), compute_uv=False).sum())


def sparse_group_norm(matrix: NDArray[Any], alpha: float) -> float:
    """Return (1 - alpha) sqrt(P) sum of row norms + alpha x 1-norm: what ``sparse_group_prox`` is the operator of.

    >>> sparse_group_norm(np.array([[3.0, 4.0]]), 1.0)
    7.0
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    groups = math.sqrt(matrix.shape[1]) * float(np.linalg.norm(matrix, axis=1).sum())
    return (1 - alpha) * groups + alpha * float(np.abs(matrix).sum())
