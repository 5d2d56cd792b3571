"""The training loop (torch): a network and images in, trained tensors and the curve out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import DataError
from models.data.dataset import Dataset
from models.training.augment import random_affine
from models.training.forward import forward
from models.training.recipe import Recipe

if TYPE_CHECKING:
    import torch

    from hwsim.network import Network

_EVALUATION_BATCH = 500


@dataclass(frozen=True)
class Epoch:
    """One row of the curve: the mean training loss in nats and the images of the validation split that are correct."""

    epoch: int
    learning_rate: float
    train_loss: float
    validation_correct: int
    validation_total: int


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
    if count == 0:
        return train, None
    if count >= len(train):
        raise DataError(f"validation holds out {count} images; {train.name} has {len(train)} to train and validate on")
    cut = len(train) - count
    return train.subset(cut), Dataset(train.name, "validation", train.images[cut:], train.labels[cut:])


def fit(
    network: Network, train: Dataset, recipe: Recipe, on_epoch: Callable[[Epoch], None] = lambda epoch: None
) -> Fit:
    """Train ``network`` from the tensors that it holds.

    Args:
        network: Structure and initial weights.
        train: All images that training may see; the recipe says how many of them validate.
        recipe: How to train.
        on_epoch: Called after each epoch.
    """
    import torch

    torch.set_num_threads(recipe.threads)
    torch.use_deterministic_algorithms(True)
    fitted, validation = split_off(train, recipe.validation)
    run = _Run(network, fitted, recipe)
    curve, best, kept_epoch, kept = [], -1, 0, dict(run.averaged)
    for epoch in range(recipe.epochs):
        loss = run.epoch(epoch)
        correct = count_correct(network, run.averaged, validation) if validation else 0
        curve.append(Epoch(epoch + 1, run.rate, loss, correct, len(validation) if validation else 0))
        on_epoch(curve[-1])
        if correct >= best:
            best, kept_epoch, kept = correct, epoch + 1, {n: t.clone() for n, t in run.averaged.items()}
    return Fit({name: tensor.numpy() for name, tensor in kept.items()}, kept_epoch, tuple(curve))


def count_correct(network: Network, tensors: Mapping[str, torch.Tensor], data: Dataset) -> int:
    """Return how many images of ``data`` get their largest output at their label, in torch float32."""
    import torch

    images, labels = torch.tensor(data.images), torch.tensor(data.labels)
    with torch.no_grad():
        parts = torch.split(images, _EVALUATION_BATCH)
        guesses = torch.cat([forward(network, tensors, part).argmax(1) for part in parts])
    return int((guesses == labels).sum())


class _Run:
    """The moving state of a training: weights, their average, the optimiser and the random numbers."""

    def __init__(self, network: Network, data: Dataset, recipe: Recipe) -> None:
        import torch

        if len(data) < recipe.batch:
            raise DataError(f"a batch is {recipe.batch} images; {data.name} leaves {len(data)} to train on")
        self.network, self.recipe, self.rate = network, recipe, 0.0
        self.images, self.labels = torch.tensor(data.images), torch.tensor(data.labels)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.weights = {name: torch.tensor(array, requires_grad=True) for name, array in network.tensors.items()}
        self.averaged = {name: tensor.detach().clone() for name, tensor in self.weights.items()}
        self.steps_per_epoch = len(data) // recipe.batch
        self.optimizer = self._optimizer()

    def _optimizer(self) -> torch.optim.Optimizer:
        import torch

        decayed = [tensor for tensor in self.weights.values() if tensor.ndim > 1]
        plain = [tensor for tensor in self.weights.values() if tensor.ndim <= 1]
        groups: list[dict[str, Any]] = [{"params": decayed}, {"params": plain, "weight_decay": 0.0}]
        recipe = self.recipe
        return torch.optim.SGD(
            groups,
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
            nesterov=recipe.momentum > 0,
        )

    def epoch(self, number: int) -> float:
        """Run one epoch (``number`` from 0) and return the mean loss."""
        total = 0.0
        for index, (images, labels) in enumerate(self._batches()):
            self.rate = self.recipe.rate_at(number * self.steps_per_epoch + index, self.steps_per_epoch)
            total += self._step(images, labels)
        return total / self.steps_per_epoch

    def _batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        import torch

        order = torch.randperm(len(self.labels), generator=self.generator)
        for step in range(self.steps_per_epoch):
            chosen = order[step * self.recipe.batch : (step + 1) * self.recipe.batch]
            yield random_affine(self.images[chosen], self.recipe.augmentation, self.generator), self.labels[chosen]

    def _step(self, images: torch.Tensor, labels: torch.Tensor) -> float:
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        self.optimizer.zero_grad()
        outputs = forward(self.network, self.weights, images)
        smoothing = self.recipe.label_smoothing
        loss = torch.nn.functional.cross_entropy(outputs, labels, label_smoothing=smoothing)
        torch.autograd.backward(loss)
        self.optimizer.step()
        with torch.no_grad():
            for name, tensor in self.weights.items():
                self.averaged[name].lerp_(tensor, 1 - self.recipe.averaging)
        return float(loss.detach())
