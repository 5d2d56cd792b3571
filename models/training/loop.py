"""The training loop (torch): a network and images in, trained tensors and the curve out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import DataError, require_extra
from models.data.dataset import Dataset, hold_out
from models.training.checkpoint import Epoch, Progress, load_progress, save_progress, training_key
from models.training.forward import forward
from models.training.hooks import Hook
from models.training.recipe import Recipe
from models.training.settings import torch_settings
from models.training.step import TrainingRun

if TYPE_CHECKING:
    import torch

    from hwsim.network import Network

__all__ = ["Epoch", "Fit", "count_correct", "fit", "split_off"]

_EVALUATION_BATCH = 500


@dataclass(frozen=True)
class Fit:
    """Trained float32 tensors by name, the epoch that they are from, and the whole curve."""

    tensors: Mapping[str, NDArray[np.float32]]
    kept_epoch: int
    curve: tuple[Epoch, ...]


def split_off(train: Dataset, count: int) -> tuple[Dataset, Dataset | None]:
    """Return ``train`` without its last ``count`` images, and those images (None when ``count`` is 0).

    Raises:
        DataError: when nothing would be left to train on.
    """
    return hold_out(train, count) if count else (train, None)


def fit(
    network: Network,
    train: Dataset,
    recipe: Recipe,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    hooks: Sequence[Hook] = (),
    checkpoint: Path | None = None,
) -> Fit:
    """Train ``network`` from the tensors that it holds; torch's threads and modes are put back afterwards.

    Args:
        network: Structure and initial weights.
        train: All images that training may see; the recipe says how many of them validate.
        recipe: How to train.
        on_epoch: Called after each epoch, and for those that a checkpoint remembers.
        hooks: What takes part in every step; with any, no checkpoint can be kept.
        checkpoint: A file that holds the state after each epoch; a training that was stopped goes on from there and
            gives the same bits as one that was not.

    Raises:
        DataError: fewer images than a batch; a checkpoint of another training; hooks and a checkpoint together;
            hooks that change tensors after an epoch and an average of the weights together.
        MissingExtraError: torch is not installed.
    """
    if find_spec("torch") is None:
        raise require_extra("torch", "train", "training")
    if checkpoint is not None and hooks:
        raise DataError("a training with hooks keeps no checkpoint: their own state would be lost. Name none")
    with torch_settings(recipe.threads):
        return _fit(network, train, recipe, on_epoch, hooks, checkpoint)


def _fit(
    network: Network,
    train: Dataset,
    recipe: Recipe,
    on_epoch: Callable[[Epoch], None],
    hooks: Sequence[Hook],
    checkpoint: Path | None,
) -> Fit:
    fitted, validation = split_off(train, recipe.validation)
    run = TrainingRun(network, fitted, recipe, hooks)
    key = training_key(network, train, recipe, run.device.type) if checkpoint is not None else ""
    progress = load_progress(checkpoint, key) if checkpoint is not None else None
    if progress is None:
        progress = Progress((), -1, 0, run.averages())
    else:
        run.restore(progress.state)
        for epoch in progress.curve:
            on_epoch(epoch)
    for number in range(len(progress.curve), recipe.epochs):
        progress = _next_epoch(run, number, progress, validation)
        if checkpoint is not None:
            save_progress(checkpoint, key, progress, run.state())
        on_epoch(progress.curve[-1])
    return Fit(progress.kept, progress.kept_epoch, progress.curve)


def _next_epoch(run: TrainingRun, number: int, before: Progress, validation: Dataset | None) -> Progress:
    loss = run.epoch(number)
    correct = count_correct(run.network, run.averaged, validation, run.recipe.reduced) if validation else 0
    epoch = Epoch(number + 1, run.rate, loss, correct, len(validation) if validation else 0)
    curve = (*before.curve, epoch)
    if correct < before.best:
        return Progress(curve, before.best, before.kept_epoch, before.kept)
    return Progress(curve, correct, epoch.epoch, run.averages())


def count_correct(
    network: Network, tensors: Mapping[str, torch.Tensor], data: Dataset, channels_last: bool = False
) -> int:
    """Return how many images of ``data`` get their largest output at their label, in torch float32."""
    import torch

    device = next(iter(tensors.values())).device if tensors else torch.device("cpu")
    images, labels = torch.tensor(data.images), torch.tensor(data.labels)
    order = torch.channels_last if channels_last else torch.contiguous_format
    with torch.no_grad():
        parts = (part.to(device, memory_format=order) for part in torch.split(images, _EVALUATION_BATCH))
        guesses = torch.cat([forward(network, tensors, part).argmax(1).cpu() for part in parts])
    return int((guesses == labels).sum())
