"""The moving state of a training and its steps (torch)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import DataError
from models.data.dataset import Dataset
from models.training.augment import augmented
from models.training.forward import forward
from models.training.hooks import Hook
from models.training.recipe import Recipe
from models.training.settings import training_device

if TYPE_CHECKING:
    import torch

    from hwsim.network import Network

STATISTICS = (".mean", ".variance")  #: endings of the tensors that a batch-norm stores and no gradient reaches
_MOMENTUM = "momentum_buffer"
_RANDOM = "random"


class TrainingRun:
    """Weights, their average, the optimiser and the random numbers of one training.

    Attributes:
        network: The structure.
        recipe: How to train.
        weights: Tensors being trained, by name.
        averaged: Their exponential average, the ones to evaluate and keep.
        rate: Learning rate of the last step.

    Raises:
        DataError: fewer images than a batch, or hooks that act after an epoch on weights of which an average is kept.
    """

    def __init__(self, network: Network, data: Dataset, recipe: Recipe, hooks: Sequence[Hook] = ()) -> None:
        import torch

        if len(data) < recipe.batch:
            raise DataError(f"a batch is {recipe.batch} images; {data.name} leaves {len(data)} to train on")
        self.network, self.recipe, self.hooks, self.rate = network, recipe, tuple(hooks), 0.0
        _check_hooks(self.hooks, recipe)
        self.device = training_device(recipe.reduced)
        self.images, self.labels = torch.tensor(data.images).to(self.device), torch.tensor(data.labels).to(self.device)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.weights = {name: self._leaf(name, array) for name, array in network.tensors.items()}
        with torch.no_grad():
            for hook in self.hooks:
                hook.begin(self.weights)
        self.averaged = {name: tensor.detach().clone() for name, tensor in self.weights.items()}
        self.steps_per_epoch = len(data) // recipe.batch
        self.optimizer = self._optimizer()

    def _leaf(self, name: str, array: NDArray[np.float32]) -> torch.Tensor:
        import torch

        tensor = torch.tensor(array).to(self.device)
        if self.recipe.reduced and tensor.ndim == 4:
            tensor = tensor.contiguous(memory_format=torch.channels_last)
        return tensor.requires_grad_(not name.endswith(STATISTICS))

    def _optimizer(self) -> torch.optim.Optimizer:
        import torch

        trained = [tensor for tensor in self.weights.values() if tensor.requires_grad]
        decayed = [tensor for tensor in trained if tensor.ndim > 1]
        plain = [tensor for tensor in trained if tensor.ndim <= 1]
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
        """Run one epoch (``number`` from 0) and return the mean loss in nats, penalties left out."""
        import torch

        losses = []
        for index, (images, labels) in enumerate(self._batches()):
            self.rate = self.recipe.rate_at(number * self.steps_per_epoch + index, self.steps_per_epoch)
            losses.append(self._step(images, labels))
        with torch.no_grad():
            for hook in self.hooks:
                hook.after_epoch(self.weights, self.rate, number + 1)
            if self.hooks and self.recipe.averaging == 0:
                # The kept weights are then the current ones, with what was done to them after the epoch.
                for name, tensor in self.weights.items():
                    self.averaged[name].copy_(tensor)
        # Read at once: asked for in every step, a GPU would have to finish it before the next one is given to it.
        values: list[float] = torch.stack(losses).tolist()
        return sum(values) / self.steps_per_epoch

    def _batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        import torch

        order = torch.randperm(len(self.labels), generator=self.generator).to(self.device)
        for step in range(self.steps_per_epoch):
            chosen = order[step * self.recipe.batch : (step + 1) * self.recipe.batch]
            yield augmented(self.images[chosen], self.recipe.augmentation, self.generator), self.labels[chosen]

    def _step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        self.optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(
            self._logits(images), labels, label_smoothing=self.recipe.label_smoothing
        )
        whole = loss
        for hook in self.hooks:
            penalty = hook.penalty(self.weights)
            whole = whole if penalty is None else whole + penalty
        torch.autograd.backward(whole)
        for hook in self.hooks:
            hook.after_backward(self.weights, self.rate)
        if self.recipe.clip:
            torch.nn.utils.clip_grad_norm_([w for w in self.weights.values() if w.requires_grad], self.recipe.clip)
        self.optimizer.step()
        self._after_step()
        return loss.detach()

    def _logits(self, images: torch.Tensor) -> torch.Tensor:
        import torch

        seen: Mapping[str, torch.Tensor] = self.weights
        for hook in self.hooks:
            seen = hook.seen(seen)
        view = self._view if any(type(hook).view is not Hook.view for hook in self.hooks) else None
        if not self.recipe.reduced:
            return forward(self.network, seen, images, training=True, view=view)
        images = images.contiguous(memory_format=torch.channels_last)
        # A sum that bfloat16 has rounded already would be rounded to another activation than the array's.
        short = view is None and has_bfloat16(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=short):
            return forward(self.network, seen, images, training=True, view=view).float()

    def _view(self, name: str, value: torch.Tensor) -> torch.Tensor:
        for hook in self.hooks:
            value = hook.view(name, value)
        return value

    def _after_step(self) -> None:
        import torch

        with torch.no_grad():
            for hook in self.hooks:
                hook.after_step(self.weights, self.rate)
            names = list(self.weights)
            current = [self.weights[name] for name in names]
            torch._foreach_lerp_([self.averaged[name] for name in names], current, 1 - self.recipe.averaging)

    def averages(self) -> dict[str, NDArray[np.float32]]:
        """Return a copy of the averaged tensors."""
        return {name: tensor.cpu().contiguous().numpy().copy() for name, tensor in self.averaged.items()}

    def state(self) -> dict[str, NDArray[Any]]:
        """Return everything that the next step depends on, as arrays of float32 and uint8."""
        arrays: dict[str, NDArray[Any]] = {_RANDOM: self.generator.get_state().numpy()}
        for name, tensor in self.weights.items():
            arrays[f"weights/{name}"] = tensor.detach().cpu().contiguous().numpy()
            arrays[f"averaged/{name}"] = self.averaged[name].cpu().contiguous().numpy()
            momentum = self.optimizer.state.get(tensor, {}).get(_MOMENTUM)
            if momentum is not None:
                arrays[f"momentum/{name}"] = momentum.cpu().contiguous().numpy()
        return arrays

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` returned."""
        import torch

        self.generator.set_state(torch.tensor(state[_RANDOM]))
        with torch.no_grad():
            for name, tensor in self.weights.items():
                tensor.copy_(torch.tensor(state[f"weights/{name}"]))
                self.averaged[name].copy_(torch.tensor(state[f"averaged/{name}"]))
                if f"momentum/{name}" in state:
                    momentum = torch.zeros_like(tensor).copy_(torch.tensor(state[f"momentum/{name}"]))
                    self.optimizer.state[tensor] = {_MOMENTUM: momentum}


def _check_hooks(hooks: Sequence[Hook], recipe: Recipe) -> None:
    """Raise where a hook's last word on the weights would not reach the average that is kept."""
    late = [type(hook).__name__ for hook in hooks if type(hook).after_epoch is not Hook.after_epoch]
    if late and recipe.averaging:
        raise DataError(
            f"averaging is {recipe.averaging}; needed: 0 with {', '.join(late)}, which changes weights after an epoch:"
            " the average that is kept would not see it"
        )


def has_bfloat16(device: torch.device) -> bool:
    """Return whether products in bfloat16 are fast on ``device``: a GPU, or a CPU with instructions for them."""
    import torch

    return device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
