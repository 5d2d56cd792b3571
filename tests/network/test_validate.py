"""Every fault that a network can have is found, together with all the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsim.errors import NetworkError
from hwsim.network import Conv2d, Flatten, Layer, Linear, Network, Relu
from hwsim.network.shapes import infer_shapes

Build = Callable[..., Network]


def message(network: Network) -> str:
    with pytest.raises(NetworkError) as caught:
        network.validate()
    return str(caught.value)


def with_tensor(network: Network, name: str, tensor: Any) -> Network:
    return replace(network, tensors={**network.tensors, name: tensor})


def test_good_networks_pass(every_op: Network, chain: Build) -> None:
    every_op.validate()
    chain(Linear(1), input_shape=(1,)).validate()


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ((), ["no layers"]),
        ((Layer("a", Relu(), ("b",)),), ["'a' reads 'b', which is no layer"]),
        ((Layer("a", Relu(), ("a",)),), ["'a' reads 'a' before it is computed", "cycle"]),
        ((Layer("a", Relu(), ("b",)), Layer("b", Relu(), ("a",))), ["'a' reads 'b' before", "cycle"]),
        ((Layer("a", Relu(), ("input",)), Layer("a", Relu(), ("a",))), ["'a' is used by more than one layer"]),
        ((Layer("input", Relu(), ("input",)),), ["'input' is reserved"]),
        ((Layer("a b", Relu(), ("input",)),), ["'a b' is not allowed", "letters"]),
        ((Layer("../a", Relu(), ("input",)),), ["'../a' is not allowed"]),
        ((Layer("", Relu(), ("input",)),), ["'' is not allowed"]),
        ((Layer("a", "relu", ("input",)),), ["unknown operation relu"]),  # type: ignore[arg-type]
        ((Layer("a", Relu(), ()),), ["relu takes 1 input(s), not 0"]),
        ((Layer("a", Relu(), ("input",)), Layer("b", Relu(), ("input",))), ["'a' is read by no layer"]),
        ((Layer("a", Conv2d(2, (9, 9)), ("input",)),), ["9x9 window does not fit"]),
        ((Layer("a", Conv2d(1 << 24, (1, 1), padding=(9, 9)), ("input",)),), ["elements; the bound is 268435456"]),
    ],
)
def test_faults_of_the_graph(layers: tuple[Layer, ...], words: list[str]) -> None:
    text = message(Network("bad", (3, 8, 8), layers, {}))
    assert all(word in text for word in words), text


@pytest.mark.parametrize(
    "shape", [(), (3, 8), (3, 0, 8), (3, 8, -1), (3.0, 8, 8), (True,), (1 << 25,), [3], (1 << 14,) * 3]
)
def test_faults_of_the_input_shape(shape: Any) -> None:
    assert "the input shape is" in message(Network("bad", shape, (Layer("a", Relu(), ("input",)),), {}))


@pytest.mark.parametrize(
    ("name", "tensor", "words"),
    [
        ("fc.weight", np.zeros((5, 13), np.float32), ["(5, 13)", "must be (5, 12)"]),
        ("fc.weight", np.zeros((5, 12)), ["float64", "must be float32", ".astype"]),
        ("fc.weight", np.full((5, 12), np.nan, np.float32), ["60 non-finite of 60 values", "(0, 0)"]),
        ("norm.variance", np.full(6, -1, np.float32), ["6 negative values", "the first at 0"]),
        ("prob.weight", np.zeros(3, np.float32), ["'prob.weight' belongs to no layer"]),
        ("stray", np.zeros(3, np.float32), ["'stray' belongs to no layer"]),
    ],
)
def test_faults_of_the_tensors(every_op: Network, name: str, tensor: Any, words: list[str]) -> None:
    text = message(with_tensor(every_op, name, tensor))
    assert all(word in text for word in words), text


def test_a_missing_tensor(every_op: Network) -> None:
    text = message(replace(every_op, tensors={k: v for k, v in every_op.tensors.items() if k != "norm.mean"}))
    assert "'norm.mean' is missing; it must be float32 of shape (6,)" in text


def test_non_finite_weights_come_with_count_and_first_place(every_op: Network) -> None:
    weight = every_op.weight("fc").copy()
    weight[2, 3], weight[4, 11] = np.inf, np.nan
    assert "'fc.weight' has 2 non-finite of 60 values, the first at (2, 3)" in message(
        with_tensor(every_op, "fc.weight", weight)
    )


@pytest.mark.parametrize(
    ("metadata", "word"),
    [
        ({"a": float("nan")}, "nan is not finite"),
        ({"a": [{"b": float("inf")}]}, "inf is not finite"),
        ({"a": (1, 2)}, "tuple is no JSON type"),
        ({"a": np.float32(1)}, "float32 is no JSON type"),
        ({1: 2}, "key '1' is no string"),
        ({"a": 1 << 70}, "71 bits"),
    ],
)
def test_faults_of_the_card(every_op: Network, metadata: Any, word: str) -> None:
    assert word in message(replace(every_op, metadata=metadata))


def test_metadata_nested_too_deep_or_in_a_circle(every_op: Network) -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert "nested more than" in message(replace(every_op, metadata={"a": circle}))


@pytest.mark.parametrize("name", ["", "x" * 201, "a\x1b[2J", 3])
def test_faults_of_the_name(every_op: Network, name: Any) -> None:
    assert "printable characters" in message(replace(every_op, name=name))


def test_all_faults_are_listed_at_once(chain: Build) -> None:
    good = chain(Conv2d(4, (3, 3)), Flatten(), Linear(5))
    other: dict[str, Any] = {"op2.weight": np.zeros((5, 144)), "y": np.ones(1)}
    bad = replace(
        good,
        name="",
        layers=(*good.layers, Layer("x", Relu(), ("nowhere",)), Layer("x", Linear(3), ("op0",))),
        tensors={
            **good.tensors,
            "op0.bias": np.zeros(3, np.float32),
            **other,
        },
        metadata={"loss": float("nan")},
    )
    text = message(bad)
    for word in (
        "'nowhere'",
        "more than one layer",
        "'op0.bias'",
        "'op2.weight'",
        "'op2'",
        "'y' belongs",
        "nan",
        "printable",
    ):
        assert word in text, (word, text)


def test_tensors_of_a_layer_that_is_wrong_are_not_called_stray() -> None:
    layers = (Layer("a", Linear(3), ("input",)),)
    tensors = {"a.weight": np.ones((3, 192), np.float32), "a.bias": np.ones(3, np.float32)}
    assert "fault" not in message(Network("bad", (3, 8, 8), layers, tensors))


def test_a_fault_is_not_repeated_by_the_layers_after_it() -> None:
    layers = [Layer("a", Linear(3), ("input",)), Layer("b", Relu(), ("a",)), Layer("c", Relu(), ("b",))]
    shapes, faults = infer_shapes((3, 8, 8), layers)
    assert len(faults) == 1
    assert shapes == {"input": (3, 8, 8), "a": None, "b": None, "c": None}
