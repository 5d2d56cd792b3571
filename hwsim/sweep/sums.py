"""Sums over parts and over layers, rounded as the scalar path rounds them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def rounded_sums(parts: list[Floats], shape: tuple[int, ...]) -> Floats:
    """Return the correctly rounded sum over ``parts`` for every point and layer."""
    costly = [part for part in parts if part.any()]
    if not costly:
        return np.zeros(shape)
    stacked = np.stack(costly, axis=-1)
    flat = stacked.reshape(-1, stacked.shape[-1]).tolist()
    return np.array([math.fsum(values) for values in flat]).reshape(stacked.shape[:-1])


def in_turn(values: Floats, order: NDArray[np.intp]) -> list[float]:
    """Return the sum over layers of every point, one after another in the order in which they run."""
    running: list[float] = np.add.accumulate(values[:, order], axis=1)[:, -1].tolist()
    return running
