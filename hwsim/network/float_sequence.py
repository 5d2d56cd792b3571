"""The operations of transformers and recurrent networks in float64, on a batch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hwsim.network.sequence_ops import Gelu, GroupSoftmax, LayerNorm, LstmCell, MatMul, Recurrent

Values = NDArray[np.float64]


def matmul(op: MatMul, inputs: Sequence[Values], tensors: Mapping[str, Values]) -> Values:
    """Return the products of every head; maps are (batch, channels, positions, 1)."""
    left, right = (_heads(values, op.heads) for values in inputs)
    subscripts = "bhdt,bhds->bhst" if op.transposed else "bhst,bhds->bhdt"
    return _joined(np.einsum(subscripts, left, right))


def group_softmax(op: GroupSoftmax, inputs: Sequence[Values], tensors: Mapping[str, Values]) -> Values:
    """Return the softmax over the channels of each group."""
    values = _heads(inputs[0], op.groups)
    powers = np.exp(values - values.max(axis=2, keepdims=True))
    return _joined(powers / powers.sum(axis=2, keepdims=True))


def layer_norm(op: LayerNorm, inputs: Sequence[Values], tensors: Mapping[str, Values]) -> Values:
    """Return every position's channels with mean 0 and variance 1, then scaled and shifted."""
    (values,) = inputs
    centred = values - values.mean(axis=1, keepdims=True)
    scale = np.sqrt((centred**2).mean(axis=1, keepdims=True) + op.epsilon)
    gamma, beta = (tensors[name].reshape(-1, 1, 1) for name in ("gamma", "beta"))
    result: Values = centred / scale * gamma + beta
    return result


def gelu(op: Gelu, inputs: Sequence[Values], tensors: Mapping[str, Values]) -> Values:
    """Return x (1 + erf(x / sqrt 2)) / 2."""
    erf = np.vectorize(math.erf, otypes=[np.float64])
    result: Values = inputs[0] * (1.0 + erf(inputs[0] / math.sqrt(2.0))) / 2.0
    return result


def recurrent(op: Recurrent, inputs: Sequence[Values], tensors: Mapping[str, Values]) -> Values:
    """Return the gate sums of the state before each position; the state is that of an LSTM fed with the input."""
    gates = inputs[0][:, :, :, 0]
    bias = tensors["bias"] if op.bias else np.zeros(gates.shape[1])
    state, cell = (np.zeros((len(gates), op.hidden)) for _ in range(2))
    sums = np.empty_like(gates)
    for position in range(gates.shape[2]):
        sums[:, :, position] = state @ tensors["weight"].T + bias
        state, cell = _lstm_step(gates[:, :, position] + sums[:, :, position], cell)
    return sums[..., np.newaxis]


def lstm_cell(op: LstmCell, inputs: Sequence[Values], tensors: Mapping[str, Values]) -> Values:
    """Return the state of every position from its gate sums."""
    gates = (inputs[0] + inputs[1])[:, :, :, 0]
    cell = np.zeros((len(gates), gates.shape[1] // 4))
    states = np.empty((len(gates), gates.shape[1] // 4, gates.shape[2], 1))
    for position in range(gates.shape[2]):
        states[:, :, position, 0], cell = _lstm_step(gates[:, :, position], cell)
    return states


def _lstm_step(gates: Values, cell: Values) -> tuple[Values, Values]:
    enter, forget, candidate, leave = np.split(gates, 4, axis=1)
    after = _sigmoid(forget) * cell + _sigmoid(enter) * np.tanh(candidate)
    return _sigmoid(leave) * np.tanh(after), after


def _sigmoid(values: Values) -> Values:
    return (1.0 + np.tanh(values / 2.0)) / 2.0


def _heads(values: Values, heads: int) -> Values:
    batch, channels, positions, _ = values.shape
    return values.reshape(batch, heads, channels // heads, positions)


def _joined(values: Values) -> Values:
    batch, heads, channels, positions = values.shape
    return np.ascontiguousarray(values).reshape(batch, heads * channels, positions, 1)
