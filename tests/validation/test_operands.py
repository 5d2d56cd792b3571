"""Streams cut out of real layers: they are what the layer multiplies, in order, with the sums that it has."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from hwsim.array.parts import Dataflow
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.network.run import run_numerics
from hwsim.rtl.cases import LayerCase
from hwsim.synth.point import make_point
from hwsim.validation.cli import _sample
from hwsim.validation.measure import Sample
from hwsim.validation.operands import layer_stream

FORMATS = ("int8", "int8", "int24")
POINT = make_point(*FORMATS)
WS, OS = Dataflow.WEIGHT_STATIONARY, Dataflow.OUTPUT_STATIONARY


@cache
def sample() -> Sample:
    return _sample("digits-cnn", 16)


@cache
def cases() -> dict[str, LayerCase]:
    return {case.name: case for case in sample().cases(FORMATS)}


def signed(codes: np.ndarray, bits: int) -> np.ndarray:
    return codes - ((codes >> (bits - 1)) << bits)


@pytest.mark.parametrize("name", ["conv1", "conv2", "classify"])
def test_sums_under_os_are_products_added_up(name: str) -> None:
    stream = layer_stream(POINT, cases()[name], OS, 400, 0)
    taps = cases()[name].codes.acts.shape[2]
    acts, weights = signed(stream.act, 8), signed(stream.weight, 8)
    for start in range(0, 400, taps):
        own = slice(start, start + taps)
        sums = np.cumsum(acts[own] * weights[own])
        assert np.array_equal(signed(stream.sum_out[own], 24), sums)
        assert signed(stream.sum_in[own], 24)[0] == 0
        assert np.array_equal(signed(stream.sum_in[own], 24)[1:], sums[:-1])


@pytest.mark.parametrize("flow", [WS, OS])
def test_operands_are_the_layer_s_in_its_order(flow: Dataflow) -> None:
    case = cases()["conv2"]
    acts, weights = case.codes.acts[0], case.codes.weights[0]
    stream = layer_stream(POINT, case, flow, 300, 1)
    if flow is OS:
        rows = {row.tobytes() for row in acts}
        columns = {column.tobytes() for column in np.ascontiguousarray(weights.T)}
        assert stream.act[:144].tobytes() in rows
        assert stream.weight[:144].tobytes() in columns
        return
    held = stream.weight[0]
    run = int(np.argmax(stream.weight != held)) or len(stream.weight)
    columns = np.ascontiguousarray(acts.T)
    assert any(stream.act[:run].tobytes() in column.tobytes() for column in columns), "one tap, positions in order"
    assert held in weights


def test_streams_are_those_of_the_seed() -> None:
    one, same, other = (layer_stream(POINT, cases()["conv1"], WS, 200, seed) for seed in (0, 0, 1))
    assert np.array_equal(one.act, same.act)
    assert not np.array_equal(one.act, other.act)


@pytest.mark.parametrize("name", ["conv1", "conv2", "classify"])
def test_toggles_agree_with_the_activity_that_a_run_reports(name: str) -> None:
    """Two samples of the same layer by two rooms that share no code; a few hundred words of each."""
    chosen = Assignment(LayerFormats.from_dict(dict(zip(("weights", "acts", "acc"), FORMATS, strict=True))))
    images = sample().images
    found = run_numerics(sample().network, chosen, images, np.zeros(len(images), dtype=np.int64), sample().calibration)
    (activity,) = (layer.activity for layer in found.layers if layer.name == name)
    assert activity is not None
    for flow in (WS, OS):
        act, weight, total = layer_stream(POINT, cases()[name], flow, 4000, 0).toggles()
        wires = activity.flows[flow.value].wires
        assert act == pytest.approx(wires.act, rel=0.35)
        assert total == pytest.approx(wires.sum, rel=0.55)
        if flow is OS:
            assert weight == pytest.approx(wires.weight, rel=0.1)
