"""Whole networks, bit for bit: kernels against the reference, and the reference against arithmetic done by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from hwsim.arith import reference
from hwsim.errors import DataError, FormatError
from hwsim.network import (
    Activation,
    Add,
    AvgPool2d,
    Concat,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    Relu,
    Relu6,
    Softmax,
    forward_float,
)
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.network.run import LayerNumerics, run_numerics

RNG = np.random.default_rng(20240)


def build(*layers: Layer, shape: tuple[int, ...] = (3, 7, 6), scale: float = 0.5) -> Network:
    """A network with these layers and random weights of the shapes that they need."""
    empty = Network("net", shape, layers, {})
    tensors = {}
    for layer in layers:
        needed = layer.op.tensor_shapes(tuple(empty.shapes[name] for name in layer.inputs))
        tensors |= {f"{layer.name}.{k}": (RNG.standard_normal(v) * scale).astype(np.float32) for k, v in needed.items()}
    return Network("net", shape, layers, tensors)


def every_op() -> Network:
    return build(
        Layer("conv", Conv2d(6, (3, 2), (2, 1), (1, 1), activation=Activation.RELU), ("input",)),
        Layer("deep", Conv2d(6, (3, 3), (1, 1), (1, 1), groups=6, bias=False), ("conv",)),
        Layer("pair", Conv2d(4, (1, 1), groups=2, activation=Activation.RELU6), ("deep",)),
        Layer("pool", MaxPool2d((3, 2), (2, 2), (1, 0), ceil_mode=True), ("pair",)),
        Layer("mean", AvgPool2d((3, 2), (2, 2), (1, 0), ceil_mode=True, count_include_pad=False), ("pair",)),
        Layer("sum", Add(Activation.RELU), ("pool", "mean")),
        Layer("clip", Relu6(), ("sum",)),
        Layer("both", Concat(), ("clip", "pool", "sum")),
        Layer("act", Relu(), ("both",)),
        Layer("global", GlobalAvgPool(), ("act",)),
        Layer("flat", Flatten(), ("global",)),
        Layer("out", Linear(5), ("flat",)),
    )


def images(network: Network, count: int = 5) -> np.ndarray:
    return (RNG.standard_normal((count, *network.input_shape)) * 1.5).astype(np.float32)


ASSIGNMENTS = {
    "float everywhere": Assignment.uniform("float<5,4>"),
    "narrow float, flush": Assignment.uniform("float<3,2,ftz>"),
    "toward zero": Assignment.uniform("float<4,5,rtz>"),
    "fixed everywhere": Assignment.uniform("fixed<10,5>"),
    "fixed, floor and wrap": Assignment.uniform("fixed<9,5,rtn,wrap>"),
    "stochastic": Assignment.uniform("fixed<9,5,sr,seed=7>"),
    "shift-add": Assignment(LayerFormats.of("pow2<4>", "fixed<8,4>", "fixed<24,12>")),
    "two shifts": Assignment(LayerFormats.of("apot<5>", "int8", "int32")),
    "int8": Assignment(LayerFormats.of("int8", "int8", "int32")),
    "fp8 into fp16": Assignment(LayerFormats.of("e4m3", "e5m2", "fp16", "fp16")),
    "fp32": Assignment.uniform("fp32"),
    "codebook": Assignment(LayerFormats.of("codebook<8>", "fixed<8,4>", "fixed<20,10>")),
    "first layer wide": Assignment(
        LayerFormats.of("pow2<3>", "fixed<6,4>", "fixed<16,8>", bias="fixed<4,2>"),
        (
            ("input", LayerFormats.of("int8", "fixed<12,4>", "int32")),
            ("conv", LayerFormats.of("int8", "fixed<9,5>", "int32")),
        ),
    ),
}


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_kernels_equal_the_reference_on_every_operation(name: str) -> None:
    network = every_op()
    pixels = images(network)
    labels = np.zeros(len(pixels), dtype=np.int64)
    fast = run_numerics(network, ASSIGNMENTS[name], pixels, labels, pixels, batch=2)
    slow = run_numerics(network, ASSIGNMENTS[name], pixels, labels, pixels, arithmetic=reference)
    np.testing.assert_array_equal(fast.logits.astype(np.float64), slow.logits)
    assert fast.correct == slow.correct
    assert [layer.effectual_macs for layer in fast.layers] == [layer.effectual_macs for layer in slow.layers]
    assert [layer.output for layer in fast.layers] == [layer.output for layer in slow.layers]


def test_block_formats_equal_the_reference() -> None:
    network = build(
        Layer("conv", Conv2d(40, (2, 2), activation=Activation.RELU), ("input",)),
        Layer("flat", Flatten(), ("conv",)),
        Layer("out", Linear(3), ("flat",)),
        shape=(3, 4, 3),
    )
    pixels = images(network, 3)
    labels = np.zeros(3, dtype=np.int64)
    formats = Assignment(LayerFormats.of("mxfp4", "mxfp8e4m3", "fp32"))
    fast = run_numerics(network, formats, pixels, labels, pixels, batch=1)
    slow = run_numerics(network, formats, pixels, labels, pixels, arithmetic=reference)
    np.testing.assert_array_equal(fast.logits.astype(np.float64), slow.logits)


@pytest.mark.parametrize("batch", [1, 2, 3, 64])
@pytest.mark.parametrize("name", ["stochastic", "narrow float, flush", "shift-add"])
def test_the_batch_size_changes_nothing(name: str, batch: int) -> None:
    network = every_op()
    pixels = images(network, 7)
    labels = np.arange(7) % 5
    whole = run_numerics(network, ASSIGNMENTS[name], pixels, labels, pixels)
    parts = run_numerics(network, ASSIGNMENTS[name], pixels, labels, pixels, batch=batch)
    np.testing.assert_array_equal(whole.logits, parts.logits)
    assert [layer.to_dict() for layer in whole.layers] == [layer.to_dict() for layer in parts.layers]


def test_wide_formats_approach_the_float_network() -> None:
    network = every_op()
    pixels = images(network, 20)
    expected = forward_float(network, pixels)
    result = run_numerics(network, Assignment.uniform("fixed<40,12>"), pixels, np.zeros(20, np.int64), pixels)
    np.testing.assert_allclose(result.logits, expected, atol=2.0**-20)


def test_a_sum_is_rounded_after_every_step_in_the_order_of_the_weights() -> None:
    # By hand, quarter units: bias 0.25; the sums are 0.25 -> 3.25 -> saturates at 3.75 -> 3.75 - 2 = 1.75.
    network = Network(
        "hand",
        (3,),
        (Layer("out", Linear(1), ("input",)),),
        {"out.weight": np.array([[1.5, 1.0, -1.0]], np.float32), "out.bias": np.array([0.25], np.float32)},
    )
    pixels = np.array([[2.0, 2.0, 2.0]], np.float32)
    result = run_numerics(network, Assignment.uniform("fixed<5,3>"), pixels, np.zeros(1, np.int64), pixels)
    assert result.logits[0, 0] == 1.75


def test_an_average_is_one_rounding_of_the_quotient() -> None:
    network = build(Layer("mean", AvgPool2d((1, 3), (1, 3)), ("input",)), Layer("flat", Flatten(), ("mean",)),
                    Layer("out", Linear(1, bias=False), ("flat",)), shape=(1, 1, 3))  # fmt: skip
    network = Network("mean", (1, 1, 3), network.layers, {"out.weight": np.ones((1, 1), np.float32)})
    pixels = np.array([[[[1.0, 1.0, 0.5]]]], np.float32)
    formats = Assignment(LayerFormats.of("fixed<4,2>", "fixed<8,4>", "fixed<12,6>"))
    result = run_numerics(network, formats, pixels, np.zeros(1, np.int64), pixels)
    assert Fraction(float(result.logits[0, 0])) == Fraction(round(Fraction(5, 6) * 16), 16)
    same = run_numerics(network, Assignment.uniform("fixed<8,4>"), pixels, np.zeros(1, np.int64), pixels)
    assert Fraction(float(same.logits[0, 0])) == Fraction(round(Fraction(5, 6) * 16), 16)


def test_the_answer_leaves_the_accumulator_unrounded() -> None:
    network = every_op()
    pixels = images(network, 2)
    result = run_numerics(network, ASSIGNMENTS["shift-add"], pixels, np.zeros(2, np.int64), pixels)
    assert result.layers[-1].output == "fixed<24,12>"
    assert [layer.output for layer in result.layers[:-1]] == ["fixed<8,4>"] * (len(result.layers) - 1)


def test_a_softmax_is_said_to_run_on_the_host_and_changes_no_answer() -> None:
    network = every_op()
    longer = Network("net", network.input_shape, (*network.layers, Layer("p", Softmax(), ("out",))), network.tensors)
    pixels = images(network, 6)
    labels = np.arange(6) % 5
    plain = run_numerics(network, ASSIGNMENTS["int8"], pixels, labels, pixels)
    soft = run_numerics(longer, ASSIGNMENTS["int8"], pixels, labels, pixels)
    assert soft.layers[-1].output == "binary64 on the host"
    assert soft.layers[-2].output == plain.layers[-1].output
    np.testing.assert_array_equal(soft.correct_mask, plain.correct_mask)
    np.testing.assert_allclose(soft.logits.sum(axis=1), 1)


def test_nothing_runs_without_a_format() -> None:
    network = every_op()
    pixels = images(network, 2)
    result = run_numerics(network, ASSIGNMENTS["int8"], pixels, np.zeros(2, np.int64), pixels)
    for layer in result.layers:
        assert layer.inputs
        assert layer.output
        matrix = layer.op in ("conv2d", "linear")
        sums = matrix or layer.op in ("add", "avgpool2d", "globalavgpool")
        assert (layer.weights is not None) == matrix
        assert (layer.acc is not None) == sums == bool(layer.path)
    assert [layer.bias is None for layer in result.layers if layer.op == "conv2d"] == [False, True, False]


def test_effectual_macs_count_products_of_two_nonzero_numbers() -> None:
    network = build(Layer("conv", Conv2d(4, (3, 3), padding=(1, 1)), ("input",)), shape=(2, 5, 4))
    weight = network.tensors["conv.weight"] * (RNG.random((4, 2, 3, 3)) < 0.6)
    network = Network("net", (2, 5, 4), network.layers, {**network.tensors, "conv.weight": weight.astype(np.float32)})
    pixels = (images(network, 3) * (RNG.random((3, 2, 5, 4)) < 0.7)).astype(np.float32)
    result = run_numerics(network, Assignment.uniform("fp16"), pixels, np.zeros(3, np.int64), pixels)
    padded = np.pad(pixels, ((0, 0), (0, 0), (1, 1), (1, 1)))
    expected = sum(
        np.count_nonzero(padded[b, :, y : y + 3, x : x + 3] * weight[n]) for b, y, x, n in np.ndindex(3, 5, 4, 4)
    )
    assert result.layers[0].effectual_macs == expected
    assert result.layers[0].macs == 3 * 5 * 4 * 4 * 2 * 9
    assert result.layers[0].weight_zeros == np.count_nonzero(weight == 0)


def test_nan_counts_as_wrong_and_is_reported() -> None:
    network = build(Layer("a", Linear(4), ("input",)), Layer("out", Linear(2), ("a",)), shape=(3,), scale=200.0)
    pixels = np.full((4, 3), 200.0, np.float32)
    result = run_numerics(network, Assignment.uniform("e4m3<inf>"), pixels, np.zeros(4, np.int64), pixels)
    assert result.nan_images == 4
    assert result.correct == 0


def test_layers_come_back_from_json() -> None:
    network = every_op()
    pixels = images(network, 2)
    result = run_numerics(network, ASSIGNMENTS["int8"], pixels, np.zeros(2, np.int64), pixels)
    assert tuple(LayerNumerics.from_dict(layer.to_dict()) for layer in result.layers) == result.layers


def test_assignments_come_back_from_json() -> None:
    for assignment in ASSIGNMENTS.values():
        assert Assignment.from_dict(assignment.to_dict()) == assignment


def test_bad_input_is_refused_with_the_way_out() -> None:
    network = every_op()
    pixels = images(network, 2)
    labels = np.zeros(2, np.int64)
    good = ASSIGNMENTS["int8"]
    with pytest.raises(DataError, match="takes at least one image of shape"):
        run_numerics(network, good, pixels[:, :1], labels, pixels)
    with pytest.raises(DataError, match="one label per image"):
        run_numerics(network, good, pixels, labels[:1], pixels)
    with pytest.raises(DataError, match="1 pixels are not finite"):
        run_numerics(network, good, np.where(pixels == pixels[0, 0, 0, 0], np.nan, pixels), labels, pixels)
    unknown = Assignment(good.default, (("convv", good.default), ("pool", good.default)))
    with pytest.raises(FormatError, match=r"2 faults(.|\n)*did you mean 'conv'"):
        run_numerics(network, unknown, pixels, labels, pixels)
    with pytest.raises(FormatError, match="cannot be added in"):
        run_numerics(network, Assignment(LayerFormats.of("int8", "int8", "pow2<4>@2^0")), pixels, labels, pixels)
    with pytest.raises(FormatError, match="needs a scale of its own"):
        run_numerics(network, Assignment(LayerFormats.of("int8", "int8", "e5m2@auto")), pixels, labels, pixels)


def test_every_fault_of_an_assignment_is_listed() -> None:
    with pytest.raises(
        FormatError, match=r"3 faults(.|\n)*acc is missing(.|\n)*weights: unknown(.|\n)*acts: .Q4.4. is ambiguous"
    ):
        LayerFormats.from_dict({"weights": "fixd<8,4>", "acts": "Q4.4", "product": None})
