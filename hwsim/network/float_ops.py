"""Each operation of a network in float64, on a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.network.base import Activation, Op, Pair
from hwsim.network.float_sequence import gelu, group_softmax, layer_norm, lstm_cell, matmul, recurrent
from hwsim.network.ops import (
    Add,
    AvgPool2d,
    BatchNorm,
    Concat,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    Relu,
    Relu6,
    Softmax,
)
from hwsim.network.sequence_ops import Gelu, GroupSoftmax, LayerNorm, LstmCell, MatMul, Recurrent
from hwsim.network.windows import average_divisors, col2im, im2col, window_counts, windows

Values = NDArray[np.float64]


def apply(op: Op, inputs: Sequence[Values], tensors: Mapping[str, Values]) -> Values:
    """Return the output of ``op``, batch first, for inputs of shapes that it takes.

    >>> apply(Relu(), [np.array([[-1.0, 2.0]])], {})
    array([[0., 2.]])
    """
    return _APPLY[type(op)](op, inputs, tensors)


def activate(values: Values, activation: Activation) -> Values:
    """Return ``values`` clipped as ``activation`` says.

    >>> activate(np.array([-1.0, 3.0, 7.0]), Activation.RELU6)
    array([0., 3., 6.])
    """
    if activation is Activation.NONE:
        return values
    result: Values = np.clip(values, 0.0, 6.0 if activation is Activation.RELU6 else None)
    return result


def _counts(op: Conv2d | MaxPool2d | AvgPool2d, values: Values) -> Pair:
    channels, height, width = values.shape[1:]
    ceil_mode = not isinstance(op, Conv2d) and op.ceil_mode
    return window_counts(op.kind, op, (channels, height, width), ceil_mode)


def _conv2d(op: Conv2d, inputs: Sequence[Values], tensors: Mapping[str, Values]) -> Values:
    counts = _counts(op, inputs[0])
    rows = im2col(inputs[0], op, op.groups, counts)
    filters = tensors["weight"].reshape(op.groups, op.out_channels // op.groups, -1)
    result = col2im(rows @ filters.transpose(0, 2, 1), len(inputs[0]), counts)
    return activate(result + tensors["bias"].reshape(-1, 1, 1) if op.bias else result, op.activation)


def _linear(op: Linear, inputs: Sequence[Values], tensors: Mapping[str, Values]) -> Values:
    result = inputs[0] @ tensors["weight"].T
    return activate(result + tensors["bias"] if op.bias else result, op.activation)


def _batchnorm(op: BatchNorm, inputs: Sequence[Values], tensors: Mapping[str, Values]) -> Values:
    column = (-1, *[1] * (inputs[0].ndim - 2))
    gamma, beta, mean, variance = (tensors[part].reshape(column) for part in ("gamma", "beta", "mean", "variance"))
    result: Values = (inputs[0] - mean) / np.sqrt(variance + op.epsilon) * gamma + beta
    return result


def _maxpool2d(op: MaxPool2d, inputs: Sequence[Values], tensors: Mapping[str, Values]) -> Values:
    view = windows(inputs[0], op, _counts(op, inputs[0]), fill=-np.inf)
    # One elementwise maximum per position in the window is several times faster than a reduction over short axes.
    result: Values = view[..., 0, 0].copy()
    for row, column in np.ndindex(*op.kernel):
        np.maximum(result, view[..., row, column], out=result)
    return result


def _avgpool2d(op: AvgPool2d, inputs: Sequence[Values], tensors: Mapping[str, Values]) -> Values:
    counts = _counts(op, inputs[0])
    size = (inputs[0].shape[2], inputs[0].shape[3])
    sums = windows(inputs[0], op, counts).sum(axis=(-2, -1))
    result: Values = sums / average_divisors(size, op, counts, op.count_include_pad)
    return result


def _globalavgpool(op: GlobalAvgPool, inputs: Sequence[Values], tensors: Mapping[str, Values]) -> Values:
    result: Values = inputs[0].mean(axis=(2, 3), keepdims=True)
    return result


def _add(op: Add, inputs: Sequence[Values], tensors: Mapping[str, Values]) -> Values:
    total = inputs[0]
    for values in inputs[1:]:
        total = total + values
    return activate(total, op.activation)


def _softmax(op: Softmax, inputs: Sequence[Values], tensors: Mapping[str, Values]) -> Values:
    # The largest input is subtracted first, so that no exponential overflows.
    powers = np.exp(inputs[0] - inputs[0].max(axis=1, keepdims=True))
    result: Values = powers / powers.sum(axis=1, keepdims=True)
    return result


_APPLY: Mapping[type[Op], Callable[[Any, Sequence[Values], Mapping[str, Values]], Values]] = {
    Conv2d: _conv2d,
    Linear: _linear,
    BatchNorm: _batchnorm,
    Relu: lambda op, inputs, tensors: activate(inputs[0], Activation.RELU),
    Relu6: lambda op, inputs, tensors: activate(inputs[0], Activation.RELU6),
    MaxPool2d: _maxpool2d,
    AvgPool2d: _avgpool2d,
    GlobalAvgPool: _globalavgpool,
    Add: _add,
    Concat: lambda op, inputs, tensors: np.concatenate(inputs, axis=1),
    Flatten: lambda op, inputs, tensors: inputs[0].reshape(len(inputs[0]), -1),
    Softmax: _softmax,
    MatMul: matmul,
    Recurrent: recurrent,
    LstmCell: lstm_cell,
    GroupSoftmax: group_softmax,
    LayerNorm: layer_norm,
    Gelu: gelu,
}
