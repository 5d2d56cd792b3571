"""Layers of a network through the RTL: operands as the network has them, and a check that can fail."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

import numpy as np
import pytest
from array_cases import needs_icarus

from hwsim.arith import reference
from hwsim.array import parse_machine
from hwsim.cli import main
from hwsim.errors import NetworkError
from hwsim.network import Activation, Conv2d, Flatten, Layer, Linear, MaxPool2d, Network
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.network.run import run_numerics
from hwsim.rtl import verify as verify_module
from hwsim.rtl.cases import LayerCase, codes_of, layer_cases
from hwsim.rtl.cosim import Cosimulator
from hwsim.rtl.verify import check_layer, verify

FORMATS = {
    "shift_add": ("pow2<4>", "fixed<6,3>", "fixed<10,6>"),
    "int": ("int5", "int6", "int12"),
    "sums of powers": ("apot<4>", "fixed<6,3>", "fixed<10,6>"),
    "float": ("float<3,2>", "float<3,2>", "float<4,4>"),
}


@pytest.fixture(scope="module")
def network() -> Network:
    """A convolution of three groups with padding and stride, a pooling, and a linear layer."""
    layers = (
        Layer("grouped", Conv2d(6, (3, 3), (2, 2), (1, 1), groups=3, activation=Activation.RELU), ("input",)),
        Layer("pool", MaxPool2d((2, 2), (2, 2)), ("grouped",)),
        Layer("flat", Flatten(), ("pool",)),
        Layer("linear", Linear(5), ("flat",)),
    )
    random = np.random.default_rng(3)
    shapes = {"grouped.weight": (6, 2, 3, 3), "grouped.bias": (6,), "linear.weight": (5, 24), "linear.bias": (5,)}
    tensors = {name: random.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}
    return Network("small", (6, 8, 8), layers, tensors)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(5).normal(0, 1, (2, 6, 8, 8)).astype(np.float32)


def assignment(kind: str) -> Assignment:
    return Assignment(LayerFormats.of(*FORMATS[kind]))


@pytest.fixture(scope="module")
def icarus() -> Iterator[Cosimulator]:
    with Cosimulator() as simulator:
        yield simulator


@pytest.mark.parametrize("kind", FORMATS)
def test_operands_are_those_of_the_network(network: Network, images: np.ndarray, kind: str) -> None:
    """Products of the codes, added up one by one by the reference, give the sums that the network's answer is."""
    cases = {case.name: case for case in layer_cases(network, assignment(kind), images, images)}
    slow = {c.name: c for c in layer_cases(network, assignment(kind), images, images, arithmetic=reference)}
    assert list(cases) == ["grouped", "linear"]
    assert cases["grouped"].codes.acts.shape == (3, 2 * 16, 18)
    assert cases["grouped"].codes.weights.shape == (3, 18, 2)
    for name, case in cases.items():
        assert np.array_equal(case.expected, slow[name].expected)
        assert np.array_equal(case.codes.acts, slow[name].codes.acts)
        assert case.is_whole
    answer = run_numerics(network, assignment(kind), images, np.zeros(2, dtype=np.int64), images)
    linear = cases["linear"]
    assert np.array_equal(codes_of(np.asarray(answer.logits), linear.formats.acc), linear.expected[0])


@needs_icarus
@pytest.mark.parametrize(
    ("kind", "machine"),
    [
        ("shift_add", "4x3-ws"), ("shift_add", "3x2-os"), ("int", "3x5-is,shadow"),
        ("sums of powers", "5x2-os,overlap"), ("float", "4x3-ws"), ("float", "5x2-os,overlap"),
    ],
)  # fmt: skip
def test_whole_layers_in_every_bit(
    network: Network, images: np.ndarray, kind: str, machine: str, icarus: Cosimulator
) -> None:
    cases = layer_cases(network, assignment(kind), images, images)
    checks = list(verify(cases, [parse_machine(machine)], icarus))
    assert [(check.layer, check.passed, check.mismatches) for check in checks] == [
        ("grouped", True, 0),
        ("linear", True, 0),
    ]
    assert [check.outputs for check in checks] == [2 * 16 * 6, 2 * 5]
    assert all(check.cycles_stepper == check.cycles_rtl for check in checks)


def first(network: Network, images: np.ndarray) -> LayerCase:
    return next(iter(layer_cases(network, assignment("int"), images, images, macs=600)))


@needs_icarus
def test_one_wrong_bit_is_a_mismatch(network: Network, images: np.ndarray, icarus: Cosimulator) -> None:
    case = first(network, images)
    expected = case.expected.copy()
    expected[1, 0, 1] ^= 1
    check = check_layer(dataclasses.replace(case, expected=expected), parse_machine("3x2-ws"), icarus)
    assert (check.mismatches, check.passed) == (1, False)


@needs_icarus
@pytest.mark.parametrize("count", ["layer_cycles", "stepped_cycles"])
def test_one_wrong_cycle_fails(
    network: Network, images: np.ndarray, icarus: Cosimulator, monkeypatch: pytest.MonkeyPatch, count: str
) -> None:
    original = getattr(verify_module, count)
    late = {
        "layer_cycles": lambda *args: dataclasses.replace(original(*args), drain=original(*args).drain + 1),
        "stepped_cycles": lambda *args: original(*args) + 1,
    }
    monkeypatch.setattr(verify_module, count, late[count])
    check = check_layer(first(network, images), parse_machine("3x2-os"), icarus)
    assert (check.mismatches, check.passed) == (0, False)


def test_a_part_of_a_layer_keeps_its_corners(network: Network, images: np.ndarray) -> None:
    whole = next(iter(layer_cases(network, assignment("int"), images, images)))
    part = first(network, images)
    assert not part.is_whole
    assert part.expected.size * part.codes.acts.shape[2] <= 600
    assert part.whole == whole.expected.shape[1:]
    for group in range(3):
        assert part.expected[group, 0, 0] == whole.expected[group, 0, 0]
        assert np.array_equal(part.codes.acts[group, -1], whole.codes.acts[group, -1])
        assert set(part.expected[group].flat) <= set(whole.expected[group].flat)


def test_unknown_layers_are_all_named(network: Network, images: np.ndarray) -> None:
    with pytest.raises(NetworkError, match=r"2 faults[\s\S]*'lienar'[\s\S]*'pool'"):
        list(layer_cases(network, assignment("int"), images, images, layers=["lienar", "pool", "grouped"]))


@needs_icarus
def test_command_prints_a_table_and_its_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["verify", "digits-cnn", "--layers", "classify", "--machine", "5x4-ws,shadow", "--macs", "500"]
    assert main(options) == 0
    shown = capsys.readouterr().out
    assert "classify" in shown
    assert "0 mismatches" in shown
    assert main([*options, "--json"]) == 0
    (check,) = json.loads(capsys.readouterr().out)
    assert check["cycles_rtl"] == check["cycles_formula"] == check["cycles_stepper"]
    assert (check["machine"], check["passed"], check["mismatches"]) == ("5x4-ws,shadow", True, 0)


@needs_icarus
def test_command_fails_on_a_difference(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(verify_module, "stepped_cycles", lambda *_: 1)
    assert main(["verify", "--layers", "classify", "--machine", "5x4-os", "--macs", "500"]) == 1
    assert "DIFFERS" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--macs", "0"], "at least 1"),
        (["--machine", "5x4-os,shadow"], "shadow"),
        (["--layers", "fc"], "classify"),
        (["--engine", "vcs"], "icarus"),
        (["--weights", "codebook<8>", "--macs", "500"], "codebook"),
        (["--weights", "mxfp4", "--macs", "500"], "has a scale per block, which an element of the array does not see"),
    ],
)
def test_command_refuses_with_the_way_out(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", *options]) == 2
    assert message in capsys.readouterr().err
