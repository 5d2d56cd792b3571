"""Trained networks by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from hwsim.errors import NetworkError, unknown_name
from hwsim.network import Network, load_network_file
from models.shapes import SHAPES


@dataclass(frozen=True)
class NetworkEntry:
    """A trained network that travels with the package.

    Attributes:
        name: Its name.
        dataset: Name of the data set that it is trained and measured on.
        file: File name in ``models/weights``.
        description: One line.
    """

    name: str
    dataset: str
    file: str
    description: str


NETWORKS: Mapping[str, NetworkEntry] = MappingProxyType(
    {
        "digits-cnn": NetworkEntry(
            name="digits-cnn",
            dataset="digits",
            file="digits-cnn.npz",
            description="two convolutions and a linear layer on 8x8 digits; 84,224 MACs, runs offline",
        ),
        "lenet5": NetworkEntry(
            name="lenet5",
            dataset="mnist",
            file="lenet5.npz",
            description="LeNet-5 as in Caffe (20-50-500-10) on MNIST; 2,293,000 MACs",
        ),
        "lenet300": NetworkEntry(
            name="lenet300",
            dataset="mnist",
            file="lenet300.npz",
            description="LeNet-300-100, two hidden layers, on MNIST; 266,200 MACs",
        ),
        "resnet20": NetworkEntry(
            name="resnet20",
            dataset="cifar10",
            file="resnet20.npz",
            description="ResNet-20 with projection shortcuts and batch-norms on CIFAR-10; 40,813,184 MACs",
        ),
    }
)


def load_network(name_or_path: str) -> Network:
    """Return a trained network, validated, batch-norms not folded.

    Args:
        name_or_path: A key of ``NETWORKS``, or the path of a ``.npz`` file written by ``hwsim.network.files`` or of a
            ``.hwz`` file written by ``models.compression.container``.

    >>> load_network("digits-cnn").input_shape
    (1, 8, 8)

    Raises:
        NetworkError: for an unknown name (with the nearest ones) and for a file that is missing or malformed.
        CompressionError: for a ``.hwz`` file that is missing or malformed.
    """
    if name_or_path.endswith(".npz"):
        return load_network_file(Path(name_or_path))
    if name_or_path.endswith(".hwz"):
        from models.compression.container import load_compressed

        return load_compressed(name_or_path)
    if name_or_path not in NETWORKS:
        raise NetworkError(f"{unknown_name('network', name_or_path, NETWORKS)}; or the path of a .npz or .hwz file")
    weights = resources.files("models") / "weights" / NETWORKS[name_or_path].file
    with resources.as_file(weights) as path:
        return load_network_file(path)


def load_shape_network(name_or_path: str) -> Network:
    """Return a network for pricing: known by its shapes alone, or trained, or from a file.

    >>> load_shape_network("resnet50").is_shape_only
    True

    Raises:
        NetworkError: for an unknown name (with the nearest ones) and for a file that is missing or malformed.
    """
    if name_or_path in SHAPES:
        return SHAPES[name_or_path]()
    if name_or_path in NETWORKS or name_or_path.endswith((".npz", ".hwz")):
        return load_network(name_or_path)
    known = [*SHAPES, *(name for name in NETWORKS if name not in SHAPES)]
    others = "or the path of a .npz or .hwz file, or of a .csv list"
    raise NetworkError(f"{unknown_name('network', name_or_path, known)}; {others}")


def data_for(network: Network) -> str:
    """Return the name of the data set that the card of ``network`` names.

    >>> data_for(load_network("digits-cnn"))
    'digits'

    Raises:
        NetworkError: when the card names none.
    """
    name = network.metadata.get("dataset")
    if not isinstance(name, str):
        raise NetworkError(
            f"network {network.name!r} names no data set: add 'dataset' to its metadata, or name the data"
        )
    return name
