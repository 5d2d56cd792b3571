"""What a weight is worth: the smaller its score, the sooner it is pruned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import unknown_name
from models.compression.errors import CompressionError

Weights = Mapping[str, NDArray[Any]]
Scores = dict[str, NDArray[np.float64]]

_TINY = float(np.finfo(np.float64).tiny)


def scores(weights: Weights, criterion: str = "magnitude", importance: Weights | None = None) -> Scores:
    """Return the score of every weight, float64 of the weight's shape: 0 for a weight that is 0, above 0 for others.

    Args:
        weights: Tensors by name, of the layers to be pruned.
        criterion: ``magnitude``, |w| (Han et al. 2015, arXiv:1506.02626); ``scaled``, |w| over the root mean square
            of the layer's weights that are not 0, so that layers of different scale compete fairly; ``lamp``,
            w^2 over the sum of squares of the layer's weights of at least this magnitude (Lee et al. 2021,
            arXiv:2010.07611, eq. 4); ``saliency``, 1/2 h w^2, the rise of the loss in nats by the diagonal of the
            Hessian (LeCun et al. 1990, "Optimal Brain Damage", eq. 5).
        importance: The diagonal h, by name, for ``saliency``; entries below 0 count as 0.

    >>> scores({"a": np.float32([3, -4])}, "scaled")["a"].round(3).tolist()
    [0.849, 1.131]

    Raises:
        CompressionError: for an unknown criterion, weights that are not finite, or a missing importance.
    """
    if criterion not in CRITERIA:
        raise CompressionError(unknown_name("criterion of pruning", criterion, CRITERIA))
    bad = [name for name, array in weights.items() if not np.isfinite(array).all()]
    if bad:
        raise CompressionError(f"weights that are not finite in {', '.join(bad)}: train with a smaller learning rate")
    magnitudes = {name: np.abs(np.asarray(array, dtype=np.float64)) for name, array in weights.items()}
    if criterion == "saliency":
        found = _saliency(magnitudes, importance or {})
    else:
        found = {name: CRITERIA[criterion](magnitude) for name, magnitude in magnitudes.items()}
    # A weight behind a dead unit has no saliency; it must not tie with one that is pruned already.
    return {name: np.where(magnitudes[name] > 0, np.maximum(score, _TINY), 0.0) for name, score in found.items()}


def _magnitude(magnitude: NDArray[np.float64]) -> NDArray[np.float64]:
    return magnitude


def _scaled(magnitude: NDArray[np.float64]) -> NDArray[np.float64]:
    alive = magnitude[magnitude > 0]
    return magnitude / np.sqrt(np.mean(alive**2)) if alive.size else magnitude


def _lamp(magnitude: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = magnitude.ravel() ** 2
    order = np.argsort(-squares, kind="stable")
    sums = np.empty_like(squares)
    sums[order] = np.cumsum(squares[order])
    ratios = np.divide(squares, sums, out=np.zeros_like(squares), where=sums > 0)
    return ratios.reshape(magnitude.shape)


def _saliency(magnitudes: Scores, importance: Weights) -> Scores:
    faults = [
        f"{name}: {'none' if name not in importance else f'shape {importance[name].shape}, needed {array.shape}'}"
        for name, array in magnitudes.items()
        if name not in importance or importance[name].shape != array.shape
    ]
    if faults:
        raise CompressionError(f"saliency needs an importance for each weight; {'; '.join(faults)}")
    return {name: 0.5 * np.maximum(importance[name], 0.0) * array**2 for name, array in magnitudes.items()}


CRITERIA: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = MappingProxyType(
    {"magnitude": _magnitude, "scaled": _scaled, "lamp": _lamp, "saliency": _magnitude}
)
