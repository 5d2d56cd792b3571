"""Importance: positive, in the order of the weights; and what a change of the weights does to the loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hwsim.network import Layer, Linear, Network, fold
from models import load_data, load_network
from models.accuracy import count_correct_float
from models.compression.errors import CompressionError
from models.compression.hessian import importance
from models.compression.hessian.change import score
from models.compression.weights import flat_weights, weight_names

LAYERS = (Layer("a", Linear(2), ("input",)), Layer("b", Linear(1, bias=False), ("a",)))
SHAPES = {"a.weight": (2, 3), "a.bias": (2,), "b.weight": (1, 2)}
NETWORK = Network("n", (3,), LAYERS, {name: np.ones(shape, np.float32) for name, shape in SHAPES.items()})


@given(arrays(np.float64, 8, elements=st.floats(-1e6, 1e6)), st.floats(1e-9, 1.0))
def test_it_is_positive_and_keeps_what_is_above_the_floor(values: np.ndarray, floor: float) -> None:
    given_values = {"a.weight": values[:6].reshape(2, 3), "b.weight": values[6:].reshape(1, 2)}
    found = importance(NETWORK, given_values, floor=floor)
    least = floor * np.maximum(values, 0).mean()
    if least > 0:
        np.testing.assert_array_equal(found, [max(value, least) for value in values])
    assert found.dtype == np.float64
    assert (found > 0).all() or least == 0 or least < 1e-300


def test_it_lies_as_the_weights_do() -> None:
    network = fold(load_network("digits-cnn"))
    own = {name: np.abs(network.tensors[name]).astype(np.float64) for name in weight_names(network)}
    np.testing.assert_array_equal(importance(network, own, floor=1e-9), np.abs(flat_weights(network)))
    two = ("conv2.weight", "conv1.weight")
    np.testing.assert_array_equal(importance(network, own, two, 1e-9), np.abs(flat_weights(network, two)))


def test_zeros_all_over_weigh_alike() -> None:
    assert (
        importance(NETWORK, {name: np.zeros(NETWORK.tensors[name].shape) for name in ("a.weight", "b.weight")}).tolist()
        == [1] * 8
    )


def test_every_fault_is_named() -> None:
    with pytest.raises(CompressionError) as raised:
        importance(NETWORK, {"a.weight": np.full((2, 3), np.nan)}, floor=0.0)
    for part in ("floor is 0.0", "no values for 'b.weight'", "6 values of 'a.weight' are not finite"):
        assert part in str(raised.value)
    with pytest.raises(CompressionError, match="has shape"):
        importance(NETWORK, {"a.weight": np.ones(6), "b.weight": np.ones((1, 2))})


def test_a_score_is_the_loss_and_the_count() -> None:
    network, data = load_network("digits-cnn"), load_data("digits", "test").subset(200)
    found = score(network, data)
    assert (found.correct, found.total) == (count_correct_float(network, data), 200)
    torch = pytest.importorskip("torch")
    from models.training.forward import forward

    tensors = {name: torch.tensor(array, dtype=torch.float64) for name, array in network.tensors.items()}
    logits = forward(network, tensors, torch.tensor(data.images, dtype=torch.float64))
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(data.labels)).item()
    assert found.loss == pytest.approx(expected, rel=1e-10)
