"""Each operation against PyTorch in float64, and against loops where PyTorch is not installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.errors import NetworkError
from hwsim.network import (
    Activation,
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
from hwsim.network.float_ops import activate, apply

RANDOM = np.random.default_rng(5)
SMALL = st.integers(1, 3)


def close(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-12, atol=1e-12)


def test_convolution_equals_loops_exactly() -> None:
    op = Conv2d(4, (3, 2), (2, 1), (1, 0), groups=2, activation=Activation.RELU)
    images = RANDOM.integers(-9, 9, (2, 6, 5, 4)).astype(np.float64)
    weight = RANDOM.integers(-9, 9, (4, 3, 3, 2)).astype(np.float64)
    bias = RANDOM.integers(-9, 9, 4).astype(np.float64)
    result = apply(op, [images], {"weight": weight, "bias": bias})
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (0, 0)))
    assert result.shape == (2, 4, 3, 3)
    for b, f, i, j in np.ndindex(*result.shape):
        total = bias[f]
        for c, y, x in np.ndindex(3, 3, 2):
            total += weight[f, c, y, x] * padded[b, 3 * (f // 2) + c, 2 * i + y, j + x]
        assert result[b, f, i, j] == max(total, 0)


@given(SMALL, SMALL, SMALL, SMALL, st.integers(0, 2), st.booleans())
@settings(max_examples=60, deadline=None)
def test_convolution_equals_torch(
    groups: int, kernel: int, stride: int, per_group: int, padding: int, bias: bool
) -> None:
    torch = pytest.importorskip("torch")
    op = Conv2d(2 * groups, (kernel, 2), (1, stride), (padding, 1), groups, bias)
    images = RANDOM.normal(size=(2, groups * per_group, 6, 5))
    weight, added = RANDOM.normal(size=(2 * groups, per_group, kernel, 2)), RANDOM.normal(size=2 * groups)
    theirs = torch.nn.functional.conv2d(
        *map(torch.from_numpy, (images, weight)),
        torch.from_numpy(added) if bias else None,
        (1, stride),
        (padding, 1),
        1,
        groups,
    )
    close(apply(op, [images], {"weight": weight, "bias": added} if bias else {"weight": weight}), theirs)


@given(st.tuples(SMALL, SMALL), st.tuples(SMALL, SMALL), st.booleans(), st.booleans(), st.integers(1, 7), st.data())
@settings(max_examples=150, deadline=None)
def test_pooling_equals_torch(
    kernel: tuple[int, int], stride: tuple[int, int], ceil: bool, include: bool, size: int, data: st.DataObject
) -> None:
    torch = pytest.importorskip("torch")
    padding = (data.draw(st.integers(0, kernel[0] // 2)), data.draw(st.integers(0, kernel[1] // 2)))
    # All negative, so that padding would win a maximum if it took part.
    images = RANDOM.normal(size=(2, 3, size, 6)) - 9
    largest, mean = MaxPool2d(kernel, stride, padding, ceil), AvgPool2d(kernel, stride, padding, ceil, include)
    try:
        theirs = torch.nn.functional.max_pool2d(torch.from_numpy(images), kernel, stride, padding, ceil_mode=ceil)
    except RuntimeError:
        with pytest.raises(NetworkError):
            apply(largest, [images], {})
        return
    assert np.array_equal(apply(largest, [images], {}), theirs.numpy())
    close(
        apply(mean, [images], {}),
        torch.nn.functional.avg_pool2d(torch.from_numpy(images), kernel, stride, padding, ceil, include),
    )


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3, 2)])
def test_batchnorm_equals_torch(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    values = RANDOM.normal(size=shape)
    parts = {name: RANDOM.random(5) + 0.1 for name in ("gamma", "beta", "mean", "variance")}
    tensors = [torch.from_numpy(parts[name]) for name in ("mean", "variance", "gamma", "beta")]
    theirs = torch.nn.functional.batch_norm(torch.from_numpy(values), *tensors, eps=0.01)
    close(apply(BatchNorm(0.01), [values], parts), theirs)


def test_the_rest_by_formula() -> None:
    a, b = RANDOM.normal(size=(2, 3, 4, 5)), RANDOM.normal(size=(2, 3, 4, 5))
    rows = RANDOM.normal(size=(2, 6)) * 9
    weight, bias = RANDOM.normal(size=(4, 6)), RANDOM.normal(size=4)
    close(apply(Linear(4), [rows], {"weight": weight, "bias": bias}), rows @ weight.T + bias)
    close(apply(Linear(4, bias=False), [rows], {"weight": weight}), rows @ weight.T)
    close(apply(Add(), [a, b, b], {}), a + b + b)
    close(apply(Add(Activation.RELU6), [9 * a, b], {}), np.clip(9 * a + b, 0, 6))
    assert np.array_equal(apply(Concat(), [a, b], {})[:, 3:], b)
    assert np.array_equal(apply(Flatten(), [a], {})[1], a[1].ravel())
    close(apply(GlobalAvgPool(), [a], {}), a.mean((2, 3), keepdims=True))
    assert np.array_equal(apply(Relu(), [a], {}), np.where(a > 0, a, 0))
    assert np.array_equal(apply(Relu6(), [9 * a], {}), np.minimum(np.where(a > 0, 9 * a, 0), 6))
    close(apply(Softmax(), [rows], {}), np.exp(rows) / np.exp(rows).sum(1, keepdims=True))


def test_softmax_of_large_values_does_not_overflow() -> None:
    assert apply(Softmax(), [np.array([[1e4, 0.0, -1e4]])], {}).tolist() == [[1, 0, 0]]


def test_an_activation_leaves_the_argument_alone() -> None:
    values = np.array([-1.0, 9.0])
    assert activate(values, Activation.RELU).tolist() == [0, 9]
    assert activate(values, Activation.NONE) is values
    assert values.tolist() == [-1, 9]
