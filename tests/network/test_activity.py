"""Toggles of the buses: a slow twin that steps through the sample one code at a time, from reference arithmetic."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import models
from hwsim import Assignment, LayerFormats
from hwsim.arith.codes import codes_of
from hwsim.arith.dot_formats import DotFormats
from hwsim.formats import NumberFormat, parse
from hwsim.formats.base import Special
from hwsim.network.activity import BUSES, FLOWS, Activity, ActivityCounts
from hwsim.network.bus_counts import TAP_RUNS, Operands, count_activity, runs_of, sample_images
from hwsim.network.run import LayerNumerics
from hwsim.network.shared_run import run_many

NETWORK = models.load_network("digits-cnn")
TEST = models.load_data("digits", "test").subset(40)
SPELLED = ["fixed<8,4>", "ufixed<6,2>", "int8@2^-3", "pow2<4>@2^-2", "apot<5>@2^1", "shiftcnn<2,3>@2^0", "e4m3", "e5m2",
           "fp16", "float<4,3,ftz>", "float<3,2>@2^3", "codebook<3,fixed<8,4>>{-1;0;0.5}"]  # fmt: skip


@pytest.mark.parametrize("text", SPELLED)
def test_codes_of_arrays_are_the_formats_own(text: str) -> None:
    fmt = parse(text)
    values = [fmt.decode(code) for code in fmt.codes()]
    floats = {Special.NAN: np.nan, Special.POSITIVE_INFINITY: np.inf, Special.NEGATIVE_INFINITY: -np.inf}
    numbers = np.array([floats[v] if isinstance(v, Special) else float(v) for v in values])
    assert codes_of(numbers, fmt).tolist() == [fmt.code_of(value) for value in values]


def test_codes_of_blocks_are_those_at_the_blocks_own_scale() -> None:
    fmt: Any = parse("mxfp8e4m3")
    values = np.array([3.0, -0.5, 0.0] + [0.0] * 29 + [96.0, 1.5])
    scales = [2.0 ** (1 - 8)] * 32 + [2.0 ** (6 - 8)] * 2  # 2^(floor(log2 of the largest) - 8)
    wanted = [fmt.element.code_of(Fraction(v / s)) for v, s in zip(values, scales, strict=True)]
    assert codes_of(values, fmt).tolist() == wanted


def distance(one: int, other: int) -> int:
    return bin(one ^ other).count("1")


def code(value: Fraction, fmt: NumberFormat) -> int:
    return fmt.code_of(value)


def twin(operands: Operands, formats: DotFormats) -> dict[tuple[str, str, bool], float]:
    """Every stream of the sample, one word after another, with sums added and rounded by the formats themselves."""
    taps, tap_runs = runs_of(operands.acts.shape[0], TAP_RUNS)
    filters, positions, images = len(operands.weights), operands.acts.shape[1], operands.acts.shape[2]
    words: dict[tuple[int, int, int, int], tuple[int, int, int, bool]] = {}
    for n, p, image in itertools.product(range(filters), range(positions), range(images)):
        total = Fraction(float(operands.bias[n]))
        for k in range(operands.acts.shape[0]):
            act, weight = Fraction(float(operands.acts[k, p, image])), Fraction(float(operands.weights[n, k]))
            if k in taps:
                place = taps.tolist().index(k)
                buses = code(act, formats.acts), code(weight, formats.weights), code(total, formats.acc)
                words[place, n, p, image] = (*buses, bool(act and weight))
            product = act * weight
            if formats.product is not None:
                product = formats.product.grid().round(product)  # type: ignore[union-attr, assignment]
            total = formats.acc.grid().round(total + product)  # type: ignore[union-attr, assignment]
    shape, runs = (len(taps), filters, positions, images), (operands.position_runs, tap_runs, operands.filter_runs)
    streams = operands.positions, operands.acts.shape[0], operands.filters
    by_flow = dict(zip(FLOWS, runs, strict=True)), dict(zip(FLOWS, streams, strict=True))
    return {
        (flow, bus, held): mean_toggles(words, shape, flow, BUSES.index(bus), held, *by_flow)
        for flow in FLOWS for bus in BUSES for held in (False, True)
    }  # fmt: skip


def mean_toggles(
    words: dict[tuple[int, int, int, int], tuple[int, int, int, bool]], shape: tuple[int, int, int, int], flow: str,
    bus: int, held: bool, runs: dict[str, int], streams: dict[str, int],
) -> float:  # fmt: skip
    axis = {"ws": 2, "os": 0, "is": 1}[flow]
    others = [range(length) for place, length in enumerate(shape) if place != axis]
    within = []
    for lane in itertools.product(*others):
        previous = None
        for t in range(shape[axis]):
            if t % (shape[axis] // runs[flow]) == 0:
                previous = None
            word = words[(*lane[:axis], t, *lane[axis:])]  # type: ignore[index]
            if held and not word[3]:
                continue
            within += [] if previous is None else [distance(previous, word[bus])]
            previous = word[bus]
    apart = []
    for image in range(shape[3]):
        order = itertools.product(range(shape[0]), range(shape[1]), range(shape[2]))
        column = [words[k, n, p, image] for k, n, p in order]
        codes = [word[bus] for word in column if word[3] or not held]
        apart += [distance(codes[i], codes[i - len(codes) // 2]) for i in range(len(codes))]
    between = sum(apart) / len(apart) if apart else 0.0
    if not within:
        return between
    return ((streams[flow] - 1) * sum(within) / len(within) + between) / streams[flow]


def operands(formats: DotFormats, shape: tuple[int, int, int, int], seed: int = 0) -> Operands:
    """Random operands of the formats: K taps, filters, positions, images; a third of the activations is zero."""
    from hwsim.arith.quantize import quantize

    random = np.random.default_rng(seed)
    taps, filters, positions, images = shape
    acts = random.standard_normal((taps, positions, images)) * (random.random((taps, positions, images)) > 1 / 3)
    if not getattr(formats.acts, "signed", True):
        acts = abs(acts)
    acts = quantize(acts, formats.acts)
    weights = quantize(random.standard_normal((filters, taps)), formats.weights)
    bias = quantize(random.standard_normal(filters), formats.acc)
    _, position_runs = runs_of(positions, 2)
    _, filter_runs = runs_of(filters, 1)
    return Operands(acts, weights, bias, codes_of(acts, formats.acts), position_runs, filter_runs, positions, filters)


CASES = [
    ("pow2<4>@2^0", "ufixed<8,4>", "fixed<24,12>", None),
    ("int8@2^-6", "fixed<8,4>", "fixed<10,3>", None),  # sums are rounded and clamped
    ("fixed<5,2>", "fixed<8,4>", "fixed<10,3,wrap>", None),
    ("fixed<5,2>", "fixed<8,4>", "fixed<12,6,rtz>", "fixed<9,4>"),
    ("e4m3", "e4m3", "fp16", None),
    ("fp16", "fp16", "fp16", None),
    ("bf16", "bf16", "fp32", None),
    ("fp32", "fp32", "fp32", None),
]


@pytest.mark.parametrize("shape", [(5, 3, 4, 2), (40, 2, 3, 1), (1, 1, 1, 1), (9, 9, 17, 1)])
@pytest.mark.parametrize(("weights", "acts", "acc", "product"), CASES)
def test_counts_are_those_of_the_slow_twin(
    weights: str, acts: str, acc: str, product: str | None, shape: tuple[int, int, int, int]
) -> None:
    formats = DotFormats(parse(weights), parse(acts), parse(acc), None if product is None else parse(product))
    own = operands(formats, shape)
    found = count_activity(own, formats).activity()
    for (flow, bus, held), mean in twin(own, formats).items():
        toggles = found.flows[flow].core if held else found.flows[flow].wires
        assert getattr(toggles, bus) == pytest.approx(mean, abs=1e-4), (flow, bus, held)


def test_the_twin_notices_faults() -> None:
    """Planted: a stream in the wrong direction, zeros not held, sums after the tap, a code off by one bit."""
    formats = DotFormats(parse("fixed<5,2>"), parse("fixed<8,4>"), parse("fixed<16,8>"))
    own = operands(formats, (9, 4, 6, 2))
    right = count_activity(own, formats).activity().flows
    assert right["ws"] != right["is"] != right["os"]
    assert right["os"].wires != right["os"].core
    moved = Operands(**{**own.__dict__, "acts": own.acts[::-1]})
    assert count_activity(moved, formats).activity().flows["os"].wires.sum != right["os"].wires.sum
    flipped = Operands(**{**own.__dict__, "act_codes": own.act_codes ^ (own.act_codes & 1)})
    assert count_activity(flipped, formats).activity().flows["ws"].wires.act != right["ws"].wires.act


def run(**options: Any) -> tuple[LayerNumerics, ...]:
    formats = LayerFormats.of("pow2<4>", "fixed<8,4>", "fixed<24,12>")
    (found,) = run_many(NETWORK, [Assignment(formats)], TEST.images, TEST.labels, TEST.images, **options)
    assert not isinstance(found, Exception)
    return found.layers


def test_it_does_not_depend_on_batches_threads_or_company() -> None:
    wanted = [layer.activity for layer in run()]
    assert any(wanted)
    assert [layer.activity for layer in run(batch=7, threads=2)] == wanted
    other = Assignment(LayerFormats.of("int8", "fixed<8,4>", "fixed<24,12>"))
    same = Assignment(LayerFormats.of("pow2<4>", "fixed<8,4>", "fixed<24,12>"))
    found = run_many(NETWORK, [other, same], TEST.images, TEST.labels, TEST.images)
    assert [layer.activity for layer in found[1].layers] == wanted  # type: ignore[union-attr]


def test_only_products_have_it_and_nobody_needs_to_look() -> None:
    assert [layer.name for layer in run() if layer.activity] == [layer.name for layer in NETWORK.mac_layers]
    assert not any(layer.activity for layer in run(activity_images=0))


def test_records_with_and_without_it_are_read_back() -> None:
    layers = run()
    stored = json.loads(json.dumps([layer.to_dict() for layer in layers]))
    assert tuple(LayerNumerics.from_dict(layer) for layer in stored) == layers
    old = [{key: value for key, value in layer.items() if key != "activity"} for layer in stored]
    assert all(LayerNumerics.from_dict(layer).activity is None for layer in old)
    assert "activity" not in run(activity_images=0)[0].to_dict()


def test_counts_add_up() -> None:
    formats = DotFormats(parse("fixed<5,2>"), parse("fixed<8,4>"), parse("fixed<16,8>"))
    both = operands(formats, (9, 4, 6, 2))
    parts = [
        Operands(**{**both.__dict__, "acts": both.acts[..., i : i + 1], "act_codes": both.act_codes[..., i : i + 1]})
        for i in range(2)
    ]
    total = ActivityCounts()
    for part in parts:
        total = total.plus(count_activity(part, formats))
    assert total.activity() == count_activity(both, formats).activity()


def test_zeros_are_counted_and_samples_are_spread() -> None:
    formats = DotFormats(parse("fixed<5,2>"), parse("fixed<8,4>"), parse("fixed<16,8>"))
    own = operands(formats, (8, 4, 6, 2))
    found = count_activity(own, formats).activity()
    assert found.act_zeros == pytest.approx(float((own.acts == 0).mean()), abs=1e-4)
    assert isinstance(found, Activity)
    assert sample_images(3, 8) == (0, 1, 2)
    assert len(set(sample_images(10_000, 8))) == 8
