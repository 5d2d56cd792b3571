"""Networks as values: immutable, equal by content, picklable; their shapes and matrix products."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsim.errors import NetworkError
from hwsim.network import Conv2d, Flatten, Gemm, Layer, Linear, Network, Relu, gemm_shape

Build = Callable[..., Network]


def test_the_callers_arrays_are_not_the_networks(chain: Build) -> None:
    weights = np.ones((2, 3), np.float32)
    network = Network("n", (3,), (Layer("fc", Linear(2, bias=False), ("input",)),), {"fc.weight": weights})
    weights[0, 0] = 7
    assert network.weight("fc")[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        network.weight("fc")[0, 0] = 3
    with pytest.raises(TypeError):
        network.tensors["fc.weight"] = weights  # type: ignore[index]


def test_read_only_arrays_are_shared_not_copied(chain: Build) -> None:
    network = chain(Flatten(), Linear(4))
    assert replace(network, name="other").weight("op1") is network.weight("op1")


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_copies_are_equal_and_stay_read_only(every_op: Network, duplicate: Callable[[Network], Network]) -> None:
    again = duplicate(every_op)
    assert again == every_op
    assert hash(again) == hash(every_op)
    assert again.shapes == every_op.shapes
    assert not again.weight("fc").flags.writeable


def changed(network: Network, name: str, index: tuple[int, ...], value: float) -> Network:
    tensor = network.tensors[name].copy()
    tensor[index] = value
    return replace(network, tensors={**network.tensors, name: tensor})


def test_the_hash_changes_with_everything_that_changes_an_answer(every_op: Network) -> None:
    layers = every_op.layers
    others = [
        changed(every_op, "fc.weight", (0, 0), float(np.nextafter(every_op.weight("fc")[0, 0], np.float32(9)))),
        changed(changed(every_op, "fc.bias", (0,), 0.0), "fc.bias", (0,), -0.0),
        changed(every_op, "fc.bias", (0,), 0.0),
        replace(every_op, input_shape=(3, 8, 9)),
        replace(every_op, layers=(replace(layers[0], name="other"), *layers[1:])),
        replace(every_op, layers=(*layers[:-1], replace(layers[-1], inputs=("flat",)))),
        replace(every_op, tensors={k: v for k, v in every_op.tensors.items() if k != "fc.bias"}),
        replace(every_op, tensors={**every_op.tensors, "fc.weight": every_op.weight("fc").reshape(12, 5)}),
    ]
    hashes = {network.content_hash for network in [every_op, *others]}
    assert len(hashes) == len(others) + 1
    assert all(network != every_op for network in others)


def test_the_hash_does_not_change_with_name_card_or_order_of_tensors(every_op: Network) -> None:
    reordered = replace(every_op, tensors=dict(reversed(list(every_op.tensors.items()))))
    renamed = replace(every_op, name="other")
    card = replace(every_op, metadata={})
    assert {n.content_hash for n in (reordered, renamed, card)} == {every_op.content_hash}
    assert reordered == every_op
    assert renamed != every_op
    assert card != every_op


def test_the_repr_does_not_print_the_weights(every_op: Network) -> None:
    assert repr(every_op) == "<Network 'test': 13 layers, 311 parameters>"


def test_equality_with_something_else(every_op: Network) -> None:
    assert every_op != "network"


def test_shapes_and_look_ups(every_op: Network) -> None:
    assert every_op.shapes["input"] == (3, 8, 8)
    assert every_op.shapes["both"] == (12, 5, 4)
    assert every_op.output == "prob"
    assert every_op.shapes["prob"] == (5,)
    assert [layer.name for layer in every_op.mac_layers] == ["conv", "depthwise", "fc"]
    assert every_op.bias("conv") is None
    assert every_op.bias("fc") is every_op.tensors["fc.bias"]


@pytest.mark.parametrize(
    ("look_up", "words"),
    [
        (lambda n: n.layer("conf"), ["unknown layer 'conf'", "'conv'"]),
        (lambda n: n.bias("conf"), ["unknown layer 'conf'"]),
        (lambda n: n.weight("flat"), ["unknown tensor 'flat.weight'"]),
        (lambda n: gemm_shape(n, n.layer("act")), ["'act' is relu6", "no matrix product"]),
    ],
)
def test_look_ups_that_fail_name_the_nearest(
    every_op: Network, look_up: Callable[[Network], Any], words: list[str]
) -> None:
    with pytest.raises(NetworkError) as caught:
        look_up(every_op)
    assert all(word in str(caught.value) for word in words)


def test_shapes_of_a_wrong_graph_list_every_fault() -> None:
    layers = (Layer("a", Linear(3), ("input",)), Layer("b", Relu(), ("c",)))
    with pytest.raises(NetworkError) as caught:
        _ = Network("bad", (3, 4, 4), layers, {}).shapes
    assert "2 faults" in str(caught.value)
    assert "'c'" in str(caught.value)
    assert "flatten" in str(caught.value)


def test_gemm_of_lenet5_is_the_published_one(chain: Build) -> None:
    """Caffe's LeNet-5: 2,293,000 multiply-accumulates per image."""
    from hwsim.network import MaxPool2d

    pool = MaxPool2d((2, 2), (2, 2))
    ops = [Conv2d(20, (5, 5)), pool, Conv2d(50, (5, 5)), pool, Flatten(), Linear(500), Linear(10)]
    network = chain(*ops, input_shape=(1, 28, 28))
    gemms = [gemm_shape(network, layer) for layer in network.mac_layers]
    assert gemms == [Gemm(576, 20, 25), Gemm(64, 50, 500), Gemm(1, 500, 800), Gemm(1, 10, 500)]
    assert sum(gemm.macs for gemm in gemms) == 2_293_000
    assert sum(tensor.size for tensor in network.tensors.values()) == 431_080


def test_gemm_counts_every_multiplication_of_a_convolution(every_op: Network) -> None:
    for layer in every_op.mac_layers:
        gemm, weight = gemm_shape(every_op, layer), every_op.weight(layer.name)
        assert gemm.groups * gemm.n * gemm.k == weight.size
        assert gemm.m * gemm.n * gemm.groups == np.prod(every_op.shapes[layer.name])
