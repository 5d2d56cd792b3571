"""The norm that gradients are clipped to: one plain step of SGD moves the weights by no more than rate x norm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsim.errors import DataError
from models import load_data
from models.training.recipe import Recipe
from models.zoo import ZOO

pytest.importorskip("torch")

ONE_STEP = Recipe(
    epochs=1, batch=50, learning_rate=0.5, warmup_epochs=0, momentum=0, weight_decay=0, averaging=0, threads=1
)


def moved(clip: float) -> np.ndarray:
    """How all weights together move in one step."""
    from models.training.loop import fit

    network = ZOO["digits-cnn"](1)
    after = fit(network, load_data("digits", "train").subset(50), replace(ONE_STEP, clip=clip)).tensors
    return np.concatenate([(after[name] - network.tensors[name]).ravel() for name in network.tensors])


def test_a_long_gradient_keeps_its_direction_and_loses_its_length() -> None:
    free, clipped = moved(0.0), moved(0.01)
    assert np.linalg.norm(free) > 0.5 * 0.02
    assert np.linalg.norm(clipped) == pytest.approx(0.5 * 0.01, rel=1e-3)
    assert clipped @ free / np.linalg.norm(clipped) / np.linalg.norm(free) > 0.9999


def test_a_short_gradient_stays() -> None:
    np.testing.assert_array_equal(moved(1e6), moved(0.0))


def test_a_norm_below_zero_is_refused() -> None:
    with pytest.raises(DataError, match="clip is -1"):
        replace(ONE_STEP, clip=-1.0)
