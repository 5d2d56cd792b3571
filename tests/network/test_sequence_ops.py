"""Operations of transformers and recurrent networks: shapes, files, and float64 values against loops written here."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hwsim.errors import FormatError, NetworkError
from hwsim.network import (
    Conv2d,
    Gelu,
    GroupSoftmax,
    Layer,
    LayerNorm,
    LstmCell,
    MatMul,
    Network,
    Op,
    Recurrent,
    forward_float,
    gemm_shape,
    op_from_dict,
)
from hwsim.network.assignment import Assignment
from hwsim.network.resolve import resolve

RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize(
    "op", [MatMul(2, True), MatMul(3), Recurrent(4, bias=False), LstmCell(), GroupSoftmax(2), LayerNorm(), Gelu()]
)
def test_operations_survive_a_file(op: Op) -> None:
    assert op_from_dict(op.to_dict()) == op


@pytest.mark.parametrize(
    ("op", "shapes"),
    [
        (MatMul(2), ((6, 4, 1), (6, 4, 1))),
        (MatMul(4, True), ((6, 4, 1), (6, 4, 1))),
        (MatMul(2, True), ((6, 4, 1), (8, 4, 1))),
        (MatMul(2, True), ((6, 4, 1),)),
        (Recurrent(5), ((8, 4, 1),)),
        (LstmCell(), ((8, 4, 1), (8, 3, 1))),
        (GroupSoftmax(3), ((8, 4, 1),)),
        (LayerNorm(), ((8,),)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(op: Op, shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(NetworkError):
        op.output_shape(shapes)


def softmax(values: np.ndarray) -> np.ndarray:
    powers = [math.exp(value) for value in values]
    return np.array(powers) / sum(powers)


def test_attention_is_what_its_definition_says() -> None:
    heads, width, tokens = 2, 3, 4
    layers = (
        Layer("q", Conv2d(heads * width, (1, 1), bias=False), ("input",)),
        Layer("k", Conv2d(heads * width, (1, 1), bias=False), ("input",)),
        Layer("v", Conv2d(heads * width, (1, 1), bias=False), ("input",)),
        Layer("scores", MatMul(heads, transposed=True), ("q", "k")),
        Layer("probabilities", GroupSoftmax(heads), ("scores",)),
        Layer("context", MatMul(heads), ("probabilities", "v")),
    )
    weights = {name: RANDOM.normal(size=(6, 5)).astype(np.float32) for name in "qkv"}
    tensors = {f"{name}.weight": weight.reshape(6, 5, 1, 1) for name, weight in weights.items()}
    network = Network("attention", (5, tokens, 1), layers, tensors)
    sequence = RANDOM.normal(size=(tokens, 5))
    got = forward_float(network, sequence.T.reshape(1, 5, tokens, 1))[0, :, :, 0]

    queries, keys, values = (sequence @ weights[name].T.astype(float) for name in "qkv")
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        for token in range(tokens):
            scores = np.array([queries[token, part] @ keys[other, part] for other in range(tokens)])
            expected = softmax(scores) @ values[:, part]
            assert got[part, token] == pytest.approx(expected)
    assert gemm_shape(network, network.layer("scores")).macs == heads * tokens * tokens * width
    assert gemm_shape(network, network.layer("context")).macs == heads * tokens * tokens * width


def test_an_lstm_is_what_its_definition_says() -> None:
    hidden, features, steps = 3, 2, 5
    layers = (
        Layer("x", Conv2d(4 * hidden, (1, 1)), ("input",)),
        Layer("h", Recurrent(hidden), ("x",)),
        Layer("cell", LstmCell(), ("x", "h")),
    )
    shapes = Network("lstm", (features, steps, 1), layers, {}).tensor_shapes
    tensors = {name: RANDOM.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    network = Network("lstm", (features, steps, 1), layers, tensors)
    sequence = RANDOM.normal(size=(features, steps))
    got = forward_float(network, sequence.reshape(1, features, steps, 1))[0, :, :, 0]

    def sigmoid(value: float) -> float:
        return 1 / (1 + math.exp(-value))

    state, cell = np.zeros(hidden), np.zeros(hidden)
    for step in range(steps):
        gates = tensors["x.weight"][:, :, 0, 0].astype(float) @ sequence[:, step] + tensors["x.bias"]
        gates = gates + tensors["h.weight"].astype(float) @ state + tensors["h.bias"]
        after = np.zeros(hidden)
        for unit in range(hidden):
            enter, forget, candidate, leave = (gates[gate * hidden + unit] for gate in range(4))
            cell[unit] = sigmoid(forget) * cell[unit] + sigmoid(enter) * math.tanh(candidate)
            after[unit] = sigmoid(leave) * math.tanh(cell[unit])
        state = after
        assert got[:, step] == pytest.approx(state)
    product = gemm_shape(network, network.layer("h"))
    assert (product.m, product.n, product.k, product.groups) == (1, 4 * hidden, hidden, steps)


def test_norm_and_gelu_are_what_their_definitions_say() -> None:
    layers = (Layer("norm", LayerNorm(), ("input",)), Layer("gelu", Gelu(), ("norm",)))
    gamma, beta = (RANDOM.normal(size=6).astype(np.float32) for _ in range(2))
    network = Network("norm", (6, 3, 1), layers, {"norm.gamma": gamma, "norm.beta": beta})
    maps = RANDOM.normal(size=(1, 6, 3, 1))
    got = forward_float(network, maps)
    for token in range(3):
        column = maps[0, :, token, 0]
        normal = (column - column.mean()) / math.sqrt(column.var() + 1e-12) * gamma + beta
        expected = [value * 0.5 * (1 + math.erf(value / math.sqrt(2))) for value in normal]
        assert got[0, :, token, 0] == pytest.approx(np.array(expected))


def test_bit_accurate_execution_says_that_it_does_not_know_them() -> None:
    network = Network("gelu", (6, 3, 1), (Layer("gelu", Gelu(), ("input",)),), {})
    with pytest.raises(FormatError, match="gelu"):
        resolve(network, Assignment.uniform("fp16"), np.ones((1, 6, 3, 1)))
