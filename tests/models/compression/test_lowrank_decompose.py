"""Cuts: nearest in the weights, or in what the layer gives on images."""

import numpy as np
import pytest

from hwsim.network import Conv2d, Layer, Network
from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.lowrank.array_cost import ArrayChoice
from models.compression.lowrank.cut import Cutter
from models.compression.lowrank.decompose import decompose, mean_square
from models.compression.lowrank.matrix import (
    Form,
    Split,
    as_matrices,
    as_weight,
    checked_split,
    forms_of,
    largest_saving_rank,
    matrix_shape,
)
from models.compression.lowrank.moments import input_moments, sum_inputs
from models.compression.lowrank.steps import splits_of

GENERATOR = np.random.default_rng(11)


@pytest.mark.parametrize("shape, groups", [((6, 4, 3, 3), 1), ((6, 2, 3, 2), 2), ((5, 1, 3, 3), 5)])
@pytest.mark.parametrize("form", Form)
def test_matrices_are_the_weights_in_another_order(shape, groups, form):
    weight = GENERATOR.standard_normal(shape)
    matrices = as_matrices(weight, groups, form)
    assert matrices.shape == (groups, *matrix_shape(shape, groups, form))
    np.testing.assert_array_equal(as_weight(matrices, shape, form), weight)


def test_spatial_matrix_has_unit_and_column_by_channel_and_row():
    weight = GENERATOR.standard_normal((3, 2, 4, 5))
    matrix = as_matrices(weight, 1, Form.SPATIAL)[0]
    for n, c, i, j in np.ndindex(*weight.shape):
        assert matrix[n * 5 + j, c * 4 + i] == weight[n, c, i, j]


@pytest.mark.parametrize("shape", [(50, 20, 5, 5), (500, 800), (16, 1, 3, 3), (10, 500)])
@pytest.mark.parametrize("form", Form)
def test_largest_saving_rank_is_where_saving_ends(shape, form):
    if len(shape) == 2 and form is Form.SPATIAL:
        return
    rows, columns = matrix_shape(shape, 1, form)
    rank = largest_saving_rank(shape, 1, form)
    assert rank * (rows + columns) < rows * columns <= (rank + 1) * (rows + columns)


def test_forms_that_are_the_same_matrix_count_once():
    assert forms_of(Conv2d(4, (1, 1))) == (Form.CHANNEL,) == forms_of(Conv2d(4, (3, 1)))
    assert forms_of(Conv2d(4, (1, 3))) == (Form.CHANNEL, Form.SPATIAL)


@pytest.mark.parametrize(
    "name, split, words",
    [
        ("conv2", Split(Form.CHANNEL, 33), "rank is 33; needed: 1 to 32"),
        ("conv2", Split(Form.CHANNEL, 0), "rank is 0"),
        ("classify", Split(Form.SPATIAL, 1), "no spatial form"),
        ("pool1", Split(Form.CHANNEL, 1), "maxpool2d"),
    ],
)
def test_splits_that_do_not_exist_are_refused(name, split, words):
    with pytest.raises(CompressionError, match=words):
        checked_split(load_network("digits-cnn"), name, split)


@pytest.mark.parametrize("form", Form)
def test_without_images_a_cut_is_the_best_of_its_rank(form):
    weight = GENERATOR.standard_normal((6, 4, 3, 3))
    found = decompose(weight, 1, form)
    sigma = np.linalg.svd(as_matrices(weight, 1, form)[0], compute_uv=False)
    for rank in range(1, found.components + 1):
        cut = found.truncated(rank)
        assert np.linalg.matrix_rank(as_matrices(cut, 1, form)[0], tol=1e-9) == rank
        lost = float(((weight - cut) ** 2).sum())
        assert lost == pytest.approx(float((sigma[rank:] ** 2).sum()), abs=1e-9)
        assert found.error(rank) == pytest.approx(lost / float((weight**2).sum()), abs=1e-12)


def inputs_of(shape, count=400, groups=1):
    """Correlated inputs with a mean, as a layer has them."""
    size = int(np.prod(shape[1:]))
    mixing = GENERATOR.standard_normal((groups, size, size)) * np.geomspace(1, 0.05, size)
    return GENERATOR.standard_normal((groups, count, size)) @ mixing + 0.5


@pytest.mark.parametrize("shape, groups", [((6, 4, 3, 3), 1), ((6, 2, 3, 3), 2), ((8, 20), 1)])
def test_with_images_the_channel_cut_loses_least_of_the_output(shape, groups):
    weight, inputs = GENERATOR.standard_normal(shape), inputs_of(shape, groups=groups)
    second = inputs.transpose(0, 2, 1) @ inputs / inputs.shape[1]
    aware, plain = decompose(weight, groups, Form.CHANNEL, second), decompose(weight, groups, Form.CHANNEL)
    rows = weight.reshape(groups, shape[0] // groups, -1)
    for rank in range(1, aware.components):
        outputs = [
            np.mean(np.sum((inputs @ (rows - d.truncated(rank).reshape(rows.shape)).transpose(0, 2, 1)) ** 2, axis=2))
            for d in (aware, plain)
        ]
        assert outputs[0] <= outputs[1] * (1 + 1e-9)
        whole = np.mean(np.sum((inputs @ rows.transpose(0, 2, 1)) ** 2, axis=2))
        assert aware.error(rank) == pytest.approx(outputs[0] / whole, rel=1e-6)
        if groups == 1:
            sums = inputs[0] @ rows[0].T
            tail = np.linalg.svd(sums, compute_uv=False)[rank:]
            assert outputs[0] == pytest.approx(float((tail**2).sum()) / len(sums), rel=1e-6)


def test_with_images_the_spatial_cut_has_its_rank_and_beats_the_plain_one():
    weight, inputs = GENERATOR.standard_normal((6, 4, 3, 3)), inputs_of((6, 4, 3, 3))
    second = inputs.transpose(0, 2, 1) @ inputs / inputs.shape[1]
    aware, plain = decompose(weight, 1, Form.SPATIAL, second), decompose(weight, 1, Form.SPATIAL)
    for rank in range(1, aware.components + 1):
        cut = aware.truncated(rank)
        assert np.linalg.matrix_rank(as_matrices(cut, 1, Form.SPATIAL)[0], tol=1e-8) <= rank
        assert (
            aware.error(rank) * mean_square(weight, 1, second)
            <= mean_square(weight - plain.truncated(rank), 1, second) * (1 + 1e-6) + 1e-12
        )
    assert aware.error(aware.components) < 1e-8


def test_horizontal_filters_are_a_least_squares_solution():
    """At the optimum the error of the outputs is orthogonal to what the vertical filters hand on."""
    weight, inputs = GENERATOR.standard_normal((5, 3, 3, 3)), inputs_of((5, 3, 3, 3))
    second = inputs.transpose(0, 2, 1) @ inputs / inputs.shape[1]
    found = decompose(weight, 1, Form.SPATIAL, second)
    vertical = (found.left[:, :, :2].transpose(0, 2, 1) @ found.matrices)[0]
    between = np.einsum("npj,rp->nrj", inputs[0].reshape(-1, 9, 3), vertical).reshape(len(inputs[0]), -1)
    error = inputs[0] @ (weight - found.truncated(2)).reshape(5, -1).T
    scale = np.linalg.norm(between) * np.linalg.norm(error)
    assert np.abs(between.T @ error).max() < 1e-6 * scale


def test_moments_are_those_of_the_windows():
    network, images = load_network("digits-cnn"), load_data("digits", "train").images[:60]
    found = input_moments(network, images, ["conv1", "classify"])
    padded = np.pad(images.astype(float), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = [padded[:, 0, i : i + 3, j : j + 3].reshape(60, 9) for i in range(8) for j in range(8)]
    rows = np.concatenate(windows)
    np.testing.assert_allclose(found["conv1"].mean[0], rows.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(found["conv1"].covariance[0], np.cov(rows.T, bias=True), atol=1e-12)
    assert found["classify"].second.shape == (1, 128, 128)


def test_biases_keep_the_mean_of_every_sum():
    network, images = load_network("digits-cnn"), load_data("digits", "train").images[:100]
    cutter = Cutter(network, images)
    cut = cutter.cut({"conv1": Split(Form.CHANNEL, 3)})
    layer = network.layer("conv1")
    rows = sum_inputs(network, layer, images.astype(np.float64))[0]
    sums = [rows @ n.weight("conv1").reshape(16, -1).T + n.bias("conv1") for n in (network, cut)]
    np.testing.assert_allclose(sums[0].mean(axis=0), sums[1].mean(axis=0), atol=1e-5)
    assert np.abs(sums[0] - sums[1]).max() > 1e-3


def test_depthwise_convolutions_split_in_space_alone():
    op = Conv2d(4, (3, 3), groups=4)
    assert largest_saving_rank((4, 1, 3, 3), 4, Form.CHANNEL) == 0
    assert largest_saving_rank((4, 1, 3, 3), 4, Form.SPATIAL) == 1
    layers, tensors = (Layer("c", op, ("input",)),), {"c.weight": np.ones((4, 1, 3, 3), np.float32)}
    network = Network("deep", (4, 5, 5), layers, tensors | {"c.bias": np.zeros(4, np.float32)})
    assert Cutter(network).numerical_rank("c", Form.SPATIAL) == 1
    assert splits_of(network, ArrayChoice("parameters")) == {"c": Split(Form.SPATIAL, 1)}
