"""The mean loss of a network in float64: what a cut may cost before it is retrained."""

from __future__ import annotations

import numpy as np

from hwsim.network import Network, Softmax, forward_float
from models.data.dataset import Dataset


def mean_loss(network: Network, data: Dataset) -> float:
    """Return the mean cross-entropy of the labels, nats.

    >>> from models import load_data, load_network
    >>> round(mean_loss(load_network("digits-cnn"), load_data("digits", "train")), 3)
    0.005
    """
    outputs = forward_float(network, data.images)
    if not isinstance(network.layers[-1].op, Softmax):
        outputs = outputs - outputs.max(axis=1, keepdims=True)
        outputs = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    right = outputs[np.arange(len(data)), data.labels]
    return float(-np.log(np.maximum(right, np.finfo(float).tiny)).mean())
