"""The networks that studies ask about, with their data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hwsim.network import Activation, Conv2d, Flatten, Layer, Linear, MaxPool2d, Network, fold
from models.data.dataset import Dataset, hold_out

SMALL = "digits-small"


@dataclass(frozen=True)
class Case:
    """A folded network and its images.

    Attributes:
        network: Trained, by ``train`` alone for the networks on digits. ``lenet5`` and ``lenet300`` were not trained on
            ``validation`` either, but their epoch was chosen by it; ``resnet20`` was trained on it.
        train: To train on, and to take a Hessian over.
        validation: Held out of the training images; what is chosen is chosen by them.
        test: To report; nothing is chosen by them.
    """

    network: Network
    train: Dataset
    validation: Dataset
    test: Dataset


def case(name: str, root: Path | None) -> Case:
    """Return a network of the registry with its images, or ``digits-small``; those on digits are trained here.

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

    stored = None if name == SMALL else load_network(name)
    data = "digits" if stored is None else data_for(stored)
    validation = load_data(data, "validation", root)
    train = hold_out(load_data(data, "train", root), len(validation))[0]
    # The stored network on digits has seen the validation images: they could choose nothing.
    network = fold(stored) if stored is not None and data != "digits" else trained_on(train, name)
    return Case(network, train, validation, load_data(data, "test", root))


def trained_on(train: Dataset, name: str, seed: int = 1) -> Network:
    """Return ``digits-cnn``, or ``digits-small`` after half as many epochs of its recipe, folded.

    Raises:
        MissingExtraError: when torch is not installed.
    """
    from models.training.loop import fit
    from models.training.recipe import RECIPES
    from models.zoo import ZOO

    recipe = replace(RECIPES["digits-cnn"], seed=seed)
    start = fold(_small(seed) if name == SMALL else ZOO[name](seed))
    fitted = fit(start, train, replace(recipe, epochs=recipe.epochs // 2) if name == SMALL else recipe)
    return replace(start, tensors=fitted.tensors)


def _small(seed: int) -> Network:
    """Return two convolutions and a linear layer, 1,182 weights, untrained."""
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
    return Network(SMALL, shape, layers, initial_tensors(shape, layers, seed), {"dataset": "digits"})
