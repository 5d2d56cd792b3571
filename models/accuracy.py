"""How many images a network gets right in floating point: the baseline that formats are compared with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import DataError
from hwsim.network import Network, forward_float
from models.data.dataset import Dataset


def count_correct_float(network: Network, data: Dataset) -> int:
    """Return how many images of ``data`` have their largest output, in NumPy float64, at their label.

    The first of equal outputs counts.

    >>> from models import load_data, load_network
    >>> count_correct_float(load_network("digits-cnn"), load_data("digits", "test").subset(20))
    19

    Raises:
        DataError: when the images do not have the shape of the network's input.
    """
    return int(correct_float(network, data).sum())


def correct_float(network: Network, data: Dataset) -> NDArray[np.bool_]:
    """Return which images of ``data`` have their largest output at their label, shape (images,).

    >>> from models import load_data, load_network
    >>> np.flatnonzero(~correct_float(load_network("digits-cnn"), load_data("digits", "test").subset(20))).tolist()
    [1]

    Raises:
        DataError: when the images do not have the shape of the network's input.
    """
    shape = data.images.shape[1:]
    if shape != tuple(network.input_shape):
        raise DataError(
            f"{data.name} has images of shape {shape}; network {network.name!r} takes {network.input_shape}"
        )
    right: NDArray[np.bool_] = np.argmax(forward_float(network, data.images), axis=1) == data.labels
    return right
