"""Judging a recipe on the training images alone, so that the test images play no part in choosing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hwsim.errors import DataError
from hwsim.network import Network
from models.data.dataset import Dataset
from models.training.loop import count_correct, fit
from models.training.recipe import Recipe
from models.training.settings import torch_settings


@dataclass(frozen=True)
class Fold:
    """One block of training images, held out: how many of them the network trained on the others gets right."""

    fold: int
    correct: int
    total: int


def fold_of(train: Dataset, fold: int, folds: int) -> tuple[Dataset, Dataset]:
    """Return (the other images, block ``fold``) of ``folds`` contiguous blocks, in stored order.

    The blocks are contiguous because neighbours are often by the same writer.

    Raises:
        DataError: when ``folds`` is not in 2..len(train).
    """
    if not 2 <= folds <= len(train):
        raise DataError(f"{folds} folds asked for; {train.name} {train.split} allows 2..{len(train)}")
    blocks = np.array_split(np.arange(len(train)), folds)
    rest = np.concatenate([block for i, block in enumerate(blocks) if i != fold])
    parts = (
        (name, train.images[chosen], train.labels[chosen])
        for name, chosen in (("fit", rest), ("held-out", blocks[fold]))
    )
    fitted, held_out = (Dataset(train.name, *part) for part in parts)
    return fitted, held_out


def cross_validate(
    network: Network, train: Dataset, recipe: Recipe, folds: int, on_fold: Callable[[Fold], None] = lambda fold: None
) -> tuple[Fold, ...]:
    """Train once per block on the other blocks, from the same initial weights, and count on the block.

    Args:
        network: Structure and initial weights.
        train: The training images; the test images are not needed and must not be given.
        recipe: How to train; its own ``validation`` is not used.
        folds: Number of blocks.
        on_fold: Called after each block.
    """
    import torch

    done = []
    for fold in range(folds):
        fitted, held_out = fold_of(train, fold, folds)
        with torch_settings(recipe.threads):
            trained = fit(network, fitted, replace(recipe, validation=0))
            tensors = {name: torch.tensor(array) for name, array in trained.tensors.items()}
            done.append(Fold(fold + 1, count_correct(network, tensors, held_out), len(held_out)))
        on_fold(done[-1])
    return tuple(done)
