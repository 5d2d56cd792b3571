"""The float64 forward pass of whole networks."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsim.errors import DataError, NetworkError
from hwsim.network import (
    Activation,
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    Network,
    Relu6,
    activations_float,
    forward_float,
)
from hwsim.network.float_run import bytes_per_image

Build = Callable[..., Network]


def images_for(network: Network, count: int) -> Any:
    return np.random.default_rng(3).normal(size=(count, *network.input_shape)).astype(np.float32)


def test_a_whole_network_equals_torch(every_op: Network) -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    t = {name: torch.from_numpy(tensor.astype(np.float64)) for name, tensor in every_op.tensors.items()}
    images = images_for(every_op, 5)
    x = functional.conv2d(torch.from_numpy(images).double(), t["conv.weight"], padding=1)
    norm = (t[f"norm.{part}"] for part in ("mean", "variance", "gamma", "beta"))
    x = functional.relu6(functional.batch_norm(x, *norm, eps=1e-3))
    y = functional.relu(functional.conv2d(x, t["depthwise.weight"], t["depthwise.bias"], padding=1, groups=6))
    x = functional.relu(x + y)
    largest = functional.max_pool2d(x, (3, 2), (2, 2), (1, 0), ceil_mode=True)
    mean = functional.avg_pool2d(x, (3, 2), (2, 2), (1, 0), ceil_mode=True, count_include_pad=False)
    x = torch.cat([largest, mean], 1).mean((2, 3))
    x = torch.softmax(functional.linear(x, t["fc.weight"], t["fc.bias"]), 1)
    np.testing.assert_allclose(forward_float(every_op, images), x.numpy(), rtol=1e-12)


def test_batching_changes_nothing_but_the_last_bits(every_op: Network) -> None:
    images = images_for(every_op, 23)
    whole = forward_float(every_op, images, limit_bytes=1 << 40)
    for limit in (1, 5 * bytes_per_image(every_op)):
        np.testing.assert_allclose(forward_float(every_op, images, limit), whole, rtol=1e-13)


def test_activations_are_those_of_the_forward_pass(every_op: Network) -> None:
    images = images_for(every_op, 7)
    values = activations_float(every_op, images, limit_bytes=3 * bytes_per_image(every_op))
    assert {name: array.shape[1:] for name, array in values.items()} == every_op.shapes
    assert np.array_equal(values["input"], images.astype(np.float64))
    np.testing.assert_allclose(values["prob"], forward_float(every_op, images), rtol=1e-13)
    np.testing.assert_allclose(values["flat"], values["global"][:, :, 0, 0])
    assert values["act"].min() == 0
    assert values["norm"].min() < 0


def test_memory_is_bounded_whatever_the_number_of_images(chain: Build) -> None:
    network = chain(
        Conv2d(16, (5, 5)), MaxPool2d((2, 2), (2, 2)), Conv2d(16, (5, 5)), Flatten(), Linear(3), input_shape=(3, 24, 24)
    )
    images = np.zeros((400, 3, 24, 24), np.float32)
    tracemalloc.start()
    forward_float(network, images, limit_bytes=8 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 400 * bytes_per_image(network) > 100 << 20
    assert peak < 24 << 20  # half as much again for temporaries would do; twice leaves room for other numpys


def test_values_that_nobody_reads_any_more_are_freed(chain: Build) -> None:
    network = chain(*[Relu6()] * 20, input_shape=(1 << 18,))
    tracemalloc.start()
    forward_float(network, np.ones((1, 1 << 18), np.float32))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * 8 << 18


def test_no_images_give_no_results(every_op: Network) -> None:
    assert forward_float(every_op, images_for(every_op, 0)).shape == (0, 5)


def test_images_are_not_changed(chain: Build) -> None:
    network = chain(Relu6(), Flatten(), Linear(2, activation=Activation.RELU6))
    images = images_for(network, 3)
    before = images.copy()
    assert forward_float(network, images).max() <= 6
    assert np.array_equal(images, before)


@pytest.mark.parametrize("shape", [(), (3, 8, 8), (2, 1, 8, 8), (2, 192)])
def test_images_of_the_wrong_shape(every_op: Network, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError) as caught:
        forward_float(every_op, np.zeros(shape, np.float32))
    assert str(shape) in str(caught.value)
    assert "3, 8, 8" in str(caught.value)


def test_non_finite_images_are_counted(every_op: Network) -> None:
    images = images_for(every_op, 6)
    images[2, 0, 0, 0], images[5, 1, 1, 1] = np.nan, np.inf
    with pytest.raises(DataError, match="2 of 6 images have non-finite values, the first is image 2"):
        forward_float(every_op, images)


def test_an_invalid_network_is_not_run(every_op: Network) -> None:
    with pytest.raises(NetworkError, match="is missing"):
        forward_float(replace(every_op, tensors={}), images_for(every_op, 1))
