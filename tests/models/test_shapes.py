"""Networks as shapes alone, against counts that others published."""

from __future__ import annotations

import math

import pytest

from hwsim.errors import NetworkError
from hwsim.network import Network, fold_shapes, gemm_shape
from models import SHAPES, load_network, load_shape_network

#: Parameters ("num_params") and billions of multiply-accumulates ("_ops") of torchvision 0.15 and later, in the
#: metadata of the IMAGENET1K_V1 weights: torchvision/models/{alexnet,vgg,googlenet,resnet,mobilenetv2}.py.
TORCHVISION = {
    "alexnet": (61_100_840, 0.714),
    "vgg16": (138_357_544, 15.47),
    "googlenet": (6_624_904, 1.498),
    "resnet18": (11_689_512, 1.814),
    "resnet50": (25_557_032, 4.089),
    "mobilenetv2": (3_504_872, 0.301),
}


def macs(network: Network) -> int:
    return sum(gemm_shape(network, layer).macs for layer in network.product_layers)


def parameters(network: Network) -> int:
    """Trained values; a batch-norm's mean and variance are statistics."""
    shapes = network.tensor_shapes.items()
    return sum(math.prod(shape) for name, shape in shapes if not name.endswith((".mean", ".variance")))


@pytest.mark.parametrize("name", SHAPES)
def test_every_network_is_sound_and_folds(name: str) -> None:
    network = SHAPES[name]()
    network.validate_shapes()
    folded = fold_shapes(network)
    assert macs(folded) == macs(network)
    assert folded.shapes[folded.output] == network.shapes[network.output]
    assert network.is_shape_only
    assert network.metadata["source"]


@pytest.mark.parametrize("name", TORCHVISION)
def test_counts_are_those_that_torchvision_publishes(name: str) -> None:
    network = SHAPES[name]()
    trained, billions = TORCHVISION[name]
    assert parameters(network) == trained
    assert round(macs(network) / 1e9, len(str(billions).partition(".")[2])) == billions


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lenet5", 2_293_000),
        ("alexnet", 714_188_480),
        ("vgg16", 15_470_264_320),
        ("googlenet", 1_498_376_192),
        ("resnet18", 1_814_073_344),
        ("resnet50", 4_089_184_256),
        ("mobilenetv2", 300_774_272),  # "300M" in Sandler et al. 2018, Table 4
    ],
)
def test_multiply_accumulates_to_the_last_one(name: str, expected: int) -> None:
    assert macs(SHAPES[name]()) == expected


def test_lenet5_is_the_trained_network_without_its_weights() -> None:
    trained, shapes = load_network("lenet5"), SHAPES["lenet5"]()
    assert shapes.layers == trained.layers
    assert {name: tensor.shape for name, tensor in trained.tensors.items()} == dict(shapes.tensor_shapes)


def test_a_bert_layer_is_a_twelfth_of_what_bert_base_has() -> None:
    # bert-base-uncased has 109,482,240: 30,522 + 512 + 2 embeddings of 768 and their norm, 12 layers, a pooler.
    embeddings, pooler = (30_522 + 512 + 2 + 2) * 768, 768 * 768 + 768
    layer = SHAPES["bert-layer"]()
    assert 12 * parameters(layer) + embeddings + pooler == 109_482_240
    # Projections and feed-forward on 128 tokens; queries times keys and probabilities times values in 12 heads of 64.
    assert macs(layer) == 128 * (4 * 768 * 768 + 2 * 768 * 3072) + 2 * 12 * 128 * 128 * 64
    products = {each.name: gemm_shape(layer, each) for each in layer.product_layers}
    assert (products["scores"].m, products["scores"].n, products["scores"].k, products["scores"].groups) == (
        128,
        128,
        64,
        12,
    )
    assert (products["context"].m, products["context"].n, products["context"].k) == (128, 64, 128)


def test_an_lstm_has_the_parameters_of_torch() -> None:
    # torch.nn.LSTM(650, 650): weight_ih and weight_hh of 4 H x H, two biases of 4 H.
    network = SHAPES["lstm"]()
    assert parameters(network) == 4 * 650 * (650 + 650) + 2 * 4 * 650
    assert macs(network) == 35 * 4 * 650 * (650 + 650)


def test_frameworks_floor_where_a_window_does_not_fit() -> None:
    shapes = SHAPES["alexnet"]().shapes
    assert [shapes[name][1] for name in ("conv1", "pool1", "conv2", "pool2", "pool5")] == [55, 27, 27, 13, 6]
    assert SHAPES["resnet50"]().shapes["conv1"] == (64, 112, 112), "(224 + 6 - 7) / 2 + 1 = 112.5"
    ceiled = SHAPES["googlenet"]().shapes
    assert [ceiled[name][1] for name in ("pool1", "pool2", "pool3b", "pool4e")] == [56, 28, 14, 7]


def test_names_are_found_or_the_nearest_is_said() -> None:
    assert load_shape_network("digits-cnn").tensors
    with pytest.raises(NetworkError, match="did you mean 'resnet50'"):
        load_shape_network("resnet-50")
