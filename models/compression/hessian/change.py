"""What a change of the weights does to the loss, measured and predicted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Network, forward_float
from models.data.dataset import Dataset

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """How well a network does on some images.

    Attributes:
        loss: Mean cross-entropy, nats.
        correct: Images with the largest output at their label.
        total: Images.
    """

    loss: float
    correct: int
    total: int


def score(network: Network, data: Dataset) -> Score:
    """Return the mean cross-entropy and the count of correct images in NumPy float64; the output is taken as logits.

    >>> from models import load_data, load_network
    >>> score(load_network("digits-cnn"), load_data("digits", "test")).correct
    882
    """
    logits = forward_float(network, data.images)
    shifted = logits - logits.max(1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(data)), data.labels]
    return Score(float(losses.mean()), int((logits.argmax(1) == data.labels).sum()), len(data))


@dataclass(frozen=True)
class Predicted:
    """The terms of the loss's expansion for a change d of the weights, nats.

    Attributes:
        first: gᵀd.
        diagonal: ½ Σ h_ii d_i²: all that quantisers with a diagonal see.
        full: ½ dᵀHd.
        gauss_newton: ½ dᵀGd.
    """

    first: float
    diagonal: float
    full: float
    gauss_newton: float


def predicted(change: Vector, gradient: Vector, hessian: Vector, gauss_newton: Vector) -> Predicted:
    """Return the terms of second order for ``change``, shape (N,).

    >>> import numpy as np
    >>> h = np.array([[2.0, 1.0], [1.0, 2.0]])
    >>> predicted(np.array([1.0, -1.0]), np.zeros(2), h, h)
    Predicted(first=0.0, diagonal=2.0, full=1.0, gauss_newton=1.0)
    """
    return Predicted(
        first=float(gradient @ change),
        diagonal=float(0.5 * np.diag(hessian) @ change**2),
        full=float(0.5 * change @ hessian @ change),
        gauss_newton=float(0.5 * change @ gauss_newton @ change),
    )
