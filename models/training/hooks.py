"""Where a method may take part in a training step: one object per method, called in a fixed order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    Tensors = Mapping[str, torch.Tensor]


class Hook:
    """Takes part in training; every method does nothing unless a subclass says otherwise.

    ``weights`` are the tensors being trained, by name: leaves that require gradients, except stored statistics of
    batch-norms. A step is: ``seen``, forward, loss + ``penalty``, backward, ``after_backward``, the optimiser's step,
    ``after_step``. Hooks of one training are called in their order.
    """

    def begin(self, weights: Tensors) -> None:
        """Look at the tensors before the first step; they may be changed in place (no gradients are recorded)."""

    def seen(self, weights: Tensors) -> Tensors:
        """Return the tensors that the forward pass uses in place of ``weights``; gradients flow back through it."""
        return weights

    def view(self, name: str, value: torch.Tensor) -> torch.Tensor:
        """Return what goes on from layer ``name`` in place of its output ``value``."""
        return value

    def penalty(self, weights: Tensors) -> torch.Tensor | None:
        """Return a scalar to add to the loss, or None for nothing."""
        return None

    def after_backward(self, weights: Tensors, rate: float) -> None:
        """Change gradients (``weights[name].grad``) in place; ``rate`` is the learning rate of the step."""

    def after_step(self, weights: Tensors, rate: float) -> None:
        """Change the tensors in place after the optimiser has (no gradients are recorded)."""

    def after_epoch(self, weights: Tensors, rate: float, epoch: int) -> None:
        """Change the tensors in place after epoch ``epoch`` (from 1); ``rate`` is that of its last step.

        A training with a hook that overrides this keeps the current weights: an average of them is refused.
        """
