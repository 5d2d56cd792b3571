"""Operations: shapes against PyTorch, parameters out of bounds, the way to JSON and back."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
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
    Op,
    Relu,
    Relu6,
    Softmax,
    op_from_dict,
)

PAIRS = st.tuples(st.integers(1, 9), st.integers(1, 9))
ACTIVATIONS = st.sampled_from(Activation)
OPS = st.one_of(
    st.builds(Conv2d, st.integers(1, 99), PAIRS, PAIRS, PAIRS, st.just(1), st.booleans(), ACTIVATIONS),
    st.builds(Linear, st.integers(1, 99), st.booleans(), ACTIVATIONS),
    st.builds(BatchNorm, st.floats(1e-9, 0.5)),
    st.builds(MaxPool2d, PAIRS, PAIRS, st.just((0, 0)), st.booleans()),
    st.builds(AvgPool2d, PAIRS, PAIRS, st.just((0, 0)), st.booleans(), st.booleans()),
    st.builds(Add, ACTIVATIONS),
    st.sampled_from([Relu(), Relu6(), GlobalAvgPool(), Concat(), Flatten(), Softmax()]),
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(OPS)
def test_json_brings_back_the_same_operation(op: Op) -> None:
    assert op_from_dict(json.loads(json.dumps(op.to_dict()))) == op


@given(OPS, st.data())
def test_a_hostile_field_is_refused_or_harmless(op: Op, data: st.DataObject) -> None:
    values = op.to_dict()
    values[data.draw(st.sampled_from([*values, "extra"]))] = data.draw(JUNK)
    message, again = "", op
    try:
        again = op_from_dict(values)
    except NetworkError as error:
        message = str(error)
    assert len(message) < 1000
    assert op_from_dict(json.loads(json.dumps(again.to_dict()))) == again


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Conv2d(0, (3, 3)), ["out_channels is 0", "from 1 to"]),
        (lambda: Conv2d(10**5000, (3, 3)), ["out_channels", "bits"]),
        (lambda: Conv2d(True, (3, 3)), ["out_channels is True", "integer"]),
        (lambda: Conv2d("x" * 10**6, (3, 3)), ["out_channels is 'xxx", "...; it must be"]),  # type: ignore[arg-type]
        (lambda: Conv2d(4, (3,)), ["kernel is (3,)", "pair"]),  # type: ignore[arg-type]
        (lambda: Conv2d(4, (3, 3), padding=(-1, 0)), ["padding is -1", "from 0"]),
        (lambda: Conv2d(4, (3, 3), stride=(0, 1), groups=0), ["2 faults", "stride is 0", "groups is 0"]),
        (lambda: Conv2d(4, (3, 3), groups=3), ["out_channels is 4", "multiple of groups, 3"]),
        (lambda: Conv2d(4, (3, 3), activation="relu"), ["'relu'", "none, relu, relu6"]),  # type: ignore[arg-type]
        (lambda: Linear(4, bias=1), ["bias is 1", "true or false"]),  # type: ignore[arg-type]
        (lambda: BatchNorm(0.0), ["epsilon is 0.0", "between 0 and 1"]),
        (lambda: BatchNorm(float("nan")), ["epsilon is nan"]),
        (lambda: MaxPool2d((3, 3), (1, 1), (2, 0)), ["padding is (2, 0)", "half of the kernel"]),
        (lambda: op_from_dict({"kind": "conv3d"}), ["'conv3d'", "did you mean 'conv2d'"]),
        (lambda: op_from_dict({}), ["unknown operation 'None'"]),
        (
            lambda: op_from_dict({"kind": "linear", "feature": 3}),
            ["2 faults", "'feature'", "'out_features' is missing"],
        ),
    ],
)
def test_parameters_out_of_bounds_are_named(make: Any, words: list[str]) -> None:
    with pytest.raises(NetworkError) as caught:
        make()
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("op", "inputs", "words"),
    [
        (Conv2d(4, (3, 3)), ((5,),), ["feature map", "(5,)"]),
        (Conv2d(4, (3, 3), groups=2), ((3, 8, 8),), ["3 input channels", "groups, 2"]),
        (Conv2d(4, (9, 3)), ((3, 8, 8),), ["9x3 window", "8x8 input"]),
        (Linear(4), ((3, 8, 8),), ["vector", "flatten"]),
        (MaxPool2d((9, 9), (1, 1)), ((3, 8, 8),), ["does not fit"]),
        (Add(), ((3, 8, 8),), ["at least 2", "not 1"]),
        (Add(), ((3, 8, 8), (3, 8, 7)), ["one shape", "(3, 8, 7)"]),
        (Concat(), ((3, 8, 8), (3, 8, 7)), ["channels only"]),
        (Relu(), ((3,), (3,)), ["takes 1", "not 2"]),
        (Softmax(), ((3, 1, 1),), ["vector"]),
        (GlobalAvgPool(), ((3,),), ["feature map"]),
    ],
)
def test_shapes_that_an_operation_cannot_take(op: Op, inputs: Any, words: list[str]) -> None:
    with pytest.raises(NetworkError) as caught:
        op.output_shape(inputs)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_shapes_of_windows_equal_those_of_torch() -> None:
    torch = pytest.importorskip("torch")
    checked = 0
    for size, kernel, stride, padding, ceil in product(range(1, 8), range(1, 5), range(1, 4), range(3), (False, True)):
        image, weight = torch.zeros(1, 1, size, size + 1), torch.zeros(1, 1, kernel, kernel)
        window: dict[str, Any] = {"kernel": (kernel, kernel), "stride": (stride, stride), "padding": (padding, padding)}
        ops: list[Op] = []
        if not ceil:
            ops.append(Conv2d(1, **window))
        if 2 * padding <= kernel:
            ops += [MaxPool2d(**window, ceil_mode=ceil), AvgPool2d(**window, ceil_mode=ceil)]
        for op in ops:
            checked += 1
            expected = _torch_shape(torch.nn.functional, op, image, weight)
            if expected is None:
                with pytest.raises(NetworkError, match="does not fit"):
                    op.output_shape(((1, size, size + 1),))
            else:
                assert op.output_shape(((1, size, size + 1),)) == expected, (op, size)
    assert checked > 800


def _torch_shape(functional: Any, op: Any, image: Any, weight: Any) -> tuple[int, ...] | None:
    """Return PyTorch's output shape, or None where it refuses."""
    try:
        if isinstance(op, Conv2d):
            return tuple(functional.conv2d(image, weight, None, op.stride, op.padding).shape[1:])
        pool = functional.max_pool2d if isinstance(op, MaxPool2d) else functional.avg_pool2d
        return tuple(pool(image, op.kernel, op.stride, op.padding, ceil_mode=op.ceil_mode).shape[1:])
    except RuntimeError:
        return None
