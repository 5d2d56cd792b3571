"""Layers as they are written to files."""

from __future__ import annotations

from typing import Any

import pytest

from hwsim.errors import NetworkError
from hwsim.network import Activation, Add, Layer
from hwsim.network.layer import layer_from_dict

GOOD: dict[str, Any] = {"name": "a", "op": {"kind": "add", "activation": "relu"}, "inputs": ["input", "b"]}


def test_a_layer_comes_back() -> None:
    layer = Layer("a", Add(Activation.RELU), ("input", "b"))
    assert layer.to_dict() == GOOD
    assert layer_from_dict(GOOD) == layer


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"name": 3}, "'3'"),
        ({"name": "x" * 201}, "200 characters"),
        ({"op": "relu"}, "an op"),
        ({"op": {"kind": "adds"}}, "layer 'a': unknown operation 'adds'"),
        ({"inputs": "input"}, "list of layer names"),
        ({"inputs": [["input"]]}, "list of layer names"),
        ({"inputs": ["x" * 201]}, "list of layer names"),
        ({"extra": 1}, "exactly name, op and inputs"),
    ],
)
def test_a_malformed_layer_is_refused(change: dict[str, Any], word: str) -> None:
    with pytest.raises(NetworkError) as caught:
        layer_from_dict(GOOD | change)
    assert word in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("values", [None, [], "relu", {"name": "a", "inputs": []}])
def test_what_is_no_layer_is_refused(values: object) -> None:
    with pytest.raises(NetworkError, match="exactly name, op and inputs"):
        layer_from_dict(values)
