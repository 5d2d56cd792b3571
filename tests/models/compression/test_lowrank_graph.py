"""A factorised network is the truncated one, everywhere that a network goes: floats, files, the array."""

from dataclasses import replace

import numpy as np
import pytest

from hwsim.costing import cost
from hwsim.network import (
    Activation,
    Add,
    Conv2d,
    Flatten,
    Layer,
    Linear,
    Network,
    fold,
    forward_float,
    load_network_file,
    save_network,
)
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.simulation import run_numerics, simulate
from models import load_data, load_network
from models.compression.container import pack, unpack
from models.compression.errors import CompressionError
from models.compression.lowrank.cut import Cutter
from models.compression.lowrank.graph import factor_weights, factorise
from models.compression.lowrank.matrix import Form, Split, as_matrices
from models.zoo.initial import initial_tensors

CONVOLUTIONS = {
    "plain": (Conv2d(6, (3, 3)), (4, 9, 8)),
    "strided, padded": (Conv2d(6, (3, 3), (2, 1), (1, 0), activation=Activation.RELU), (4, 9, 8)),
    "other strides": (Conv2d(6, (5, 3), (1, 3), (2, 1)), (4, 9, 8)),
    "grouped": (Conv2d(6, (3, 2), (1, 2), (0, 1), groups=2), (4, 9, 8)),
    "depthwise": (Conv2d(4, (3, 3), padding=(1, 1), groups=4), (4, 9, 8)),
    "without bias": (Conv2d(6, (3, 3), bias=False), (4, 9, 8)),
    "pointwise": (Conv2d(6, (1, 1)), (4, 9, 8)),
    "horizontal": (Conv2d(6, (1, 5), (1, 2), (0, 2)), (4, 9, 8)),
}


def single(op, shape):
    layers = (Layer("c", op, ("input",)),)
    network = Network("single", shape, layers, initial_tensors(shape, layers, 3))
    bias = np.linspace(-1, 1, op.out_channels).astype(np.float32)
    return replace(network, tensors=dict(network.tensors) | ({"c.bias": bias} if op.bias else {}))


def images_for(network, count=3):
    return np.random.default_rng(8).standard_normal((count, *network.input_shape)).astype(np.float32)


@pytest.mark.parametrize("case", CONVOLUTIONS)
@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("rank", [1, 2])
def test_factorised_equals_truncated(case, form, rank):
    op, shape = CONVOLUTIONS[case]
    if form is Form.SPATIAL and op.kernel[1] == 1:
        return
    network = single(op, shape)
    rank = min(rank, min(as_matrices(network.weight("c"), op.groups, form).shape[1:]))
    split = {"c": Split(form, rank)}
    cut, factorised = Cutter(network).cut(split), factorise(network, split)
    factorised.validate()
    images = images_for(network)
    np.testing.assert_allclose(forward_float(factorised, images), forward_float(cut, images), atol=3e-6)
    assert factorised.shapes["c.v"] == network.shapes["c"]


@pytest.mark.parametrize("case", CONVOLUTIONS)
@pytest.mark.parametrize("form", Form)
def test_full_rank_keeps_the_function(case, form):
    op, shape = CONVOLUTIONS[case]
    if form is Form.SPATIAL and op.kernel[1] == 1:
        return
    network = single(op, shape)
    rank = min(as_matrices(network.weight("c"), op.groups, form).shape[1:])
    factorised = factorise(network, {"c": Split(form, rank)})
    images = images_for(network)
    np.testing.assert_allclose(forward_float(factorised, images), forward_float(network, images), atol=1e-5)


def test_the_pair_has_the_shapes_of_the_paper():
    network = load_network("digits-cnn")
    channel = factorise(network, {"conv2": Split(Form.CHANNEL, 5), "classify": Split(Form.CHANNEL, 4)})
    shapes = {name: channel.tensors[name].shape for name in channel.tensors if name.startswith(("conv2", "class"))}
    assert shapes == {
        "conv2.u.weight": (5, 16, 3, 3),
        "conv2.v.weight": (32, 5, 1, 1),
        "conv2.v.bias": (32,),
        "classify.u.weight": (4, 128),
        "classify.v.weight": (10, 4),
        "classify.v.bias": (10,),
    }
    spatial = factorise(network, {"conv2": Split(Form.SPATIAL, 5)})
    assert spatial.weight("conv2.u").shape == (5, 16, 3, 1)
    assert spatial.weight("conv2.v").shape == (32, 5, 1, 3)
    assert spatial.layer("conv2.u").op.activation is Activation.NONE
    assert spatial.layer("conv2.v").op.activation is Activation.RELU


def test_both_factors_carry_the_same_energy():
    weight = np.random.default_rng(2).standard_normal((8, 3, 3, 3)).astype(np.float32)
    first, second = factor_weights(weight, 1, Split(Form.CHANNEL, 4))
    np.testing.assert_allclose(
        np.linalg.norm(first.reshape(4, -1), axis=1), np.linalg.norm(second.reshape(8, 4), axis=0), rtol=1e-5
    )


def residual():
    layers = (
        Layer("a", Conv2d(4, (3, 3), padding=(1, 1), activation=Activation.RELU), ("input",)),
        Layer("b", Conv2d(4, (3, 3), padding=(1, 1)), ("a",)),
        Layer("sum", Add(activation=Activation.RELU), ("a", "b")),
        Layer("flat", Flatten(), ("sum",)),
        Layer("out", Linear(3), ("flat",)),
    )
    return Network("residual", (2, 4, 4), layers, initial_tensors((2, 4, 4), layers, 1))


def test_every_reader_reads_the_second_of_the_pair():
    network = residual()
    factorised = factorise(network, {"a": Split(Form.SPATIAL, 6), "out": Split(Form.CHANNEL, 3)})
    assert factorised.layer("b").inputs == ("a.v",)
    assert factorised.layer("sum").inputs == ("a.v", "b")
    assert factorised.output == "out.v"
    images = images_for(network)
    np.testing.assert_allclose(forward_float(factorised, images), forward_float(network, images), atol=1e-5)


def test_faults_are_listed_at_once():
    network = residual()
    splits = {"nowhere": Split(Form.CHANNEL, 1), "sum": Split(Form.CHANNEL, 1), "a": Split(Form.CHANNEL, 9)}
    with pytest.raises(CompressionError) as error:
        factorise(network, splits)
    for words in ("no layer 'nowhere'", "'sum' is add", "rank is 9; needed: 1 to 4"):
        assert words in str(error.value)


def test_names_that_are_taken_are_refused():
    layers = (Layer("x.u", Flatten(), ("input",)), Layer("x", Linear(3), ("x.u",)))
    network = Network("taken", (1, 2, 2), layers, initial_tensors((1, 2, 2), layers, 1))
    with pytest.raises(CompressionError, match=r"'x\.u' is taken"):
        factorise(network, {"x": Split(Form.CHANNEL, 1)})


def test_a_pair_can_be_split_again():
    twice = factorise(
        factorise(load_network("digits-cnn"), {"conv2": Split(Form.CHANNEL, 8)}), {"conv2.u": Split(Form.SPATIAL, 4)}
    )
    assert [layer.name for layer in twice.mac_layers][1:4] == ["conv2.u.u", "conv2.u.v", "conv2.v"]


@pytest.fixture(scope="module")
def low_rank_digits():
    network, images = load_network("digits-cnn"), load_data("digits", "train").images[:300]
    splits = {"conv1": Split(Form.SPATIAL, 3), "conv2": Split(Form.CHANNEL, 16), "classify": Split(Form.CHANNEL, 9)}
    return factorise(Cutter(network, images).cut(splits), splits)


def test_files_keep_it(low_rank_digits, tmp_path):
    save_network(low_rank_digits, tmp_path / "low.npz")
    assert load_network_file(tmp_path / "low.npz") == low_rank_digits
    assert fold(low_rank_digits) == low_rank_digits
    assert unpack(pack(low_rank_digits)).content_hash == low_rank_digits.content_hash


@pytest.mark.parametrize(
    "formats", [("int8", "int8", "int32"), ("int8", "fixed<8,4>", "fixed<24,12>"), ("fp16", "fp16", "fp16")]
)
def test_the_array_runs_it(low_rank_digits, formats):
    test, calibration = load_data("digits", "test").subset(200), load_data("digits", "calibration")
    assignment = Assignment(LayerFormats.of(*formats))
    report = simulate(low_rank_digits, assignment, "16x16-ws", test.images, test.labels, calibration.images)
    assert report.accuracy > 0.9
    names = [layer.name for layer in report.hardware.layers]
    assert names.index("conv2.v") == names.index("conv2.u") + 1
    priced = cost(low_rank_digits, assignment, "16x16-ws").hardware
    assert (
        priced.cycles
        == report.hardware.cycles
        < cost(load_network("digits-cnn"), assignment, "16x16-ws").hardware.cycles
    )


def test_sums_between_the_two_keep_their_sign(low_rank_digits):
    """Nothing clips between the factors, so their map needs a signed format; the fitted one has room for both signs."""
    calibration = load_data("digits", "calibration")
    numerics = run_numerics(
        low_rank_digits,
        Assignment(LayerFormats.of("int8", "int8", "int32")),
        calibration.images,
        calibration.labels,
        calibration.images,
    )
    by_name = {layer.name: layer for layer in numerics.layers}
    assert by_name["conv2.u"].output == by_name["conv2.v"].inputs[0]
    assert by_name["conv2.u"].output.startswith("int8@")
    between = forward_float(
        Network(
            "half",
            low_rank_digits.input_shape,
            low_rank_digits.layers[: [layer.name for layer in low_rank_digits.layers].index("conv2.u") + 1],
            {name: t for name, t in low_rank_digits.tensors.items() if name.startswith(("conv1", "conv2.u"))},
        ),
        calibration.images,
    )
    assert between.min() < 0 < between.max()
