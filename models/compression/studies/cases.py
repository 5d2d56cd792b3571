"""The networks that studies ask about, with their data."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from hwsim.network import Activation, Conv2d, Flatten, Layer, Linear, MaxPool2d, Network, fold
from models.compression.errors import CompressionError
from models.compression.studies.writing import write_csv
from models.data.dataset import Dataset

SMALL = "digits-small"

Row = TypeVar("Row")


@dataclass(frozen=True)
class Case:
    """A folded network, its training images and the images that it is judged on."""

    network: Network
    train: Dataset
    test: Dataset


def case(name: str, root: Path | None) -> Case:
    """Return a network of the registry, or ``digits-small``, which is trained here.

    Args:
        name: Of the network.
        root: Folder of the data; None: the usual place.

    Raises:
        NetworkError: for an unknown name.
        DataError: when its data were not fetched.
        MissingExtraError: when torch is needed and not installed.
    """
    from models.data import load_data
    from models.registry import data_for, load_network

    if name == SMALL:
        train = load_data("digits", "train", root)
        return Case(small(train), train, load_data("digits", "test", root))
    network = fold(load_network(name))
    data = data_for(network)
    return Case(network, load_data(data, "train", root), load_data(data, "test", root))


def small(train: Dataset, seed: int = 1) -> Network:
    """Return two convolutions and a linear layer, 1,182 weights, trained for 60 epochs on ``train``.

    Raises:
        MissingExtraError: when torch is not installed.
    """
    from models.training.loop import fit
    from models.training.recipe import RECIPES
    from models.zoo.initial import initial_tensors

    shape, relu = (1, 8, 8), Activation.RELU
    layers = (
        Layer("conv1", Conv2d(6, (3, 3), padding=(1, 1), activation=relu), ("input",)),
        Layer("pool1", MaxPool2d((2, 2), (2, 2)), ("conv1",)),
        Layer("conv2", Conv2d(12, (3, 3), padding=(1, 1), activation=relu), ("pool1",)),
        Layer("pool2", MaxPool2d((2, 2), (2, 2)), ("conv2",)),
        Layer("flatten", Flatten(), ("pool2",)),
        Layer("classify", Linear(10), ("flatten",)),
    )
    start = Network(SMALL, shape, layers, initial_tensors(shape, layers, seed), {"dataset": "digits"})
    fitted = fit(start, train, replace(RECIPES["digits-cnn"], epochs=60, seed=seed))
    return replace(start, tensors=fitted.tensors)


def write_rows(path: Path, rows: Sequence[Any]) -> None:
    """Write dataclasses of one kind as CSV, a column for each field, floats in six digits.

    Raises:
        CompressionError: the file cannot be written.
    """
    header = [field.name for field in fields(rows[0])]
    write_csv(path, header, [[_short(value) for value in astuple(row)] for row in rows])


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """Return what ``write_rows`` wrote, none when there is no such file; a study that was stopped goes on from there.

    Raises:
        CompressionError: the columns are not the fields of ``kind``.
    """
    if not path.exists():
        return []
    hints = get_type_hints(kind)
    with path.open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    if any(set(line) != set(hints) for line in lines):
        raise CompressionError(f"{path} has other columns than {', '.join(hints)}: remove it, or name another folder")
    return [kind(**{name: hints[name](value) for name, value in line.items()}) for line in lines]


def _short(value: object) -> object:
    return float(f"{value:.6g}") if isinstance(value, float) else value
