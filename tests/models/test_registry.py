"""Trained networks: they load, they are what they claim, and they reach what their cards say."""

import shlex
from pathlib import Path

import numpy as np
import pytest

from hwsim.errors import DataError, NetworkError
from hwsim.network import Network, save_network
from models import NETWORKS, data_for, load_data, load_network
from models.accuracy import count_correct_float
from models.data import DATASETS, cifar10, mnist
from models.zoo import ZOO

HAVE_MNIST = all((mnist.data_root() / "mnist" / file.name).is_file() for file in mnist.FILES)
HAVE_CIFAR10 = all((cifar10.data_root() / "cifar10" / file.name).is_file() for file in cifar10.FILES)
needs_cifar10 = pytest.mark.skipif(
    not HAVE_CIFAR10, reason="CIFAR-10 is not here: run `models fetch cifar10` or set HWSIM_DATA"
)
needs_mnist = pytest.mark.skipif(not HAVE_MNIST, reason="MNIST is not here: run `models fetch mnist` or set HWSIM_DATA")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_entry_loads_and_agrees_with_its_card_and_its_zoo(name: str) -> None:
    network, entry = load_network(name), NETWORKS[name]
    network.validate()
    assert network.name == name == entry.name and entry.dataset in DATASETS
    assert data_for(network) == entry.dataset
    untrained = ZOO[name](1)
    assert network.layers == untrained.layers and network.input_shape == untrained.input_shape
    assert {n: t.shape for n, t in network.tensors.items()} == {n: t.shape for n, t in untrained.tensors.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_cards_are_complete_and_name_no_private_path(name: str) -> None:
    card = load_network(name).metadata
    needed = {"dataset", "data_sha256", "float_accuracy", "kept_epoch", "recipe", "licence", "torch", "command"}
    assert needed <= set(card)
    assert card["recipe"]["seed"] == 1
    assert not [word for word in shlex.split(card["command"]) if word.startswith("/")]


def test_parameter_counts() -> None:
    counts = {name: sum(t.size for t in load_network(name).tensors.values()) for name in NETWORKS}
    assert counts == {"digits-cnn": 6_090, "lenet5": 431_080, "lenet300": 266_610, "resnet20": 274_042}


def test_digits_cnn_reaches_what_its_card_says() -> None:
    network, data = load_network("digits-cnn"), load_data("digits", "test")
    correct = count_correct_float(network, data)
    assert network.metadata["float_accuracy"] == {"split": "test", "correct": correct, "total": len(data)}
    assert network.metadata["data_sha256"]["test"] == data.sha256
    assert correct / len(data) >= 0.965


def test_lenet5_claims_at_least_the_published_accuracy() -> None:
    claim = load_network("lenet5").metadata["float_accuracy"]
    assert claim["split"] == "test" and claim["total"] == 10_000 and claim["correct"] >= 9_925


def test_lenet300_claims_at_least_the_published_accuracy() -> None:
    """98.36 % (Han et al., arXiv:1510.00149, table 1)."""
    claim = load_network("lenet300").metadata["float_accuracy"]
    assert claim["split"] == "test" and claim["total"] == 10_000 and claim["correct"] >= 9_836


def test_resnet20_claims_90_percent_of_the_batch_that_it_never_saw() -> None:
    claim = load_network("resnet20").metadata["float_accuracy"]
    assert claim["split"] == "test" and claim["total"] == 10_000 and claim["correct"] >= 9_000


@needs_mnist
@pytest.mark.parametrize("name", ["lenet300", "lenet5"])
def test_mnist_networks_reach_what_their_cards_say(name: str) -> None:
    network, data = load_network(name), load_data("mnist", "test")
    assert network.metadata["data_sha256"]["test"] == data.sha256
    assert count_correct_float(network, data) == network.metadata["float_accuracy"]["correct"]


@needs_cifar10
def test_resnet20_is_near_what_its_card_says() -> None:
    """On 200 of the 10,000 images, to stay quick: within 4 standard deviations of 4 images."""
    network, data = load_network("resnet20"), load_data("cifar10", "test")
    assert network.metadata["data_sha256"]["test"] == data.sha256
    assert count_correct_float(network, data.subset(200)) == pytest.approx(182, abs=16)


@pytest.mark.parametrize("name", ["lenet", "digits_cnn", "lenet5 "])
def test_unknown_name_gives_the_nearest(name: str) -> None:
    with pytest.raises(NetworkError, match="unknown network .*did you mean .*or the path of a .npz or .hwz file"):
        load_network(name)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    network = ZOO["digits-cnn"](5)
    save_network(network, tmp_path / "mine.npz")
    assert load_network(str(tmp_path / "mine.npz")) == network
    with pytest.raises(NetworkError):
        load_network(str(tmp_path / "absent.npz"))


@pytest.mark.parametrize("card", [{}, {"dataset": 3}])
def test_a_network_without_data_says_so(card: dict[str, object]) -> None:
    network = ZOO["digits-cnn"](1)
    nameless = Network("mine", network.input_shape, network.layers, network.tensors, card)
    with pytest.raises(NetworkError, match="'mine' names no data set"):
        data_for(nameless)


def test_accuracy_counts_the_argmax_at_the_label() -> None:
    network, data = load_network("digits-cnn"), load_data("digits", "test").subset(50)
    wrong = type(data)(data.name, data.split, data.images, (data.labels + 1) % 10)
    right = count_correct_float(network, data)
    assert right > 45 and count_correct_float(network, wrong) <= 50 - right


def test_accuracy_refuses_images_of_another_shape() -> None:
    with pytest.raises(DataError, match="images of shape .*takes"):
        count_correct_float(load_network("lenet5"), load_data("digits", "test"))


def test_zoo_draws_by_seed() -> None:
    first, again, other = ZOO["lenet5"](1), ZOO["lenet5"](1), ZOO["lenet5"](2)
    assert first.content_hash == again.content_hash != other.content_hash
    for name, tensor in first.tensors.items():
        if name.endswith("bias"):
            assert not tensor.any()
        else:
            bound = np.sqrt(6 / np.prod(tensor.shape[1:]))
            assert 0.9 * bound < np.abs(tensor).max() <= bound
