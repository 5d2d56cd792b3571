"""Training of a pruned network (torch): what is pruned stays exactly 0, and more may be pruned on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from models.compression.pruning.budget import Budget, Masks
from models.compression.pruning.criteria import Scores, scores
from models.compression.pruning.schedule import Ramp, cubic_budget
from models.training.hooks import Hook

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    Tensors = Mapping[str, torch.Tensor]

_IDLE = 1e-100  #: what an idle weight's score is multiplied by


class MaskHook(Hook):
    """Keeps pruned weights at exactly 0.0 (never -0.0): values and gradients are masked, in every step.

    A gradient of 0 on a weight of 0 leaves momentum and weight decay at 0 too, so that the average of the weights
    over the steps is 0 there as well.

    Args:
        masks: True for the weights that stay, by tensor; tensors that are not named are trained as they are.
    """

    def __init__(self, masks: Masks) -> None:
        self.masks = {name: mask.copy() for name, mask in masks.items()}
        self._pruned: dict[str, torch.Tensor] = {}

    def begin(self, weights: Tensors) -> None:
        """Set what is pruned to 0."""
        self._use(self.masks, weights)

    def after_backward(self, weights: Tensors, rate: float) -> None:
        """Set the gradients of what is pruned to 0."""
        for name, pruned in self._pruned.items():
            gradient = weights[name].grad
            if gradient is not None:
                gradient.masked_fill_(pruned, 0.0)

    def after_step(self, weights: Tensors, rate: float) -> None:
        """Set what is pruned to 0."""
        for name, pruned in self._pruned.items():
            weights[name].masked_fill_(pruned, 0.0)

    def _use(self, masks: Masks, weights: Tensors) -> None:
        self.masks = masks
        self._pruned = {name: as_tensor(~mask, weights[name]) for name, mask in masks.items()}
        MaskHook.after_step(self, weights, 0.0)


class GradualHook(MaskHook):
    """Prunes while it trains: the fewest weights that the cubic schedule allows, of those that are left.

    What was pruned stays pruned; the last mask leaves exactly ``end``. The momentum of a weight that is pruned on the
    way dies out without moving it.

    Args:
        end: What stays at last.
        ramp: When masks are made.
        criterion: See ``criteria.scores``; ``saliency`` is not for this.
        idle_first: Whether weights that no gradient has reached since the mask before go first.
        report: Called with what is left in each share, after each mask.
    """

    def __init__(
        self,
        end: Budget,
        ramp: Ramp,
        criterion: str = "magnitude",
        idle_first: bool = True,
        report: Callable[[int, Budget], None] = lambda step, budget: None,
    ) -> None:
        super().__init__({})
        self._end, self._ramp, self._criterion, self._report = end, ramp, criterion, report
        self._reached = Reached(idle_first)
        self._start = end
        self._step = 0

    def begin(self, weights: Tensors) -> None:
        """Take what is not 0 as the start."""
        values = arrays(weights, self._end)
        self._end.check(values)
        self._start, self._step = self._end.nonzero(values), 0
        self._reached.reset(weights, self._end.names)
        self._use({name: value != 0 for name, value in values.items()}, weights)
        if self._ramp.steps == 0:
            self._prune(weights)

    def after_backward(self, weights: Tensors, rate: float) -> None:
        """Note which weights a gradient reaches, then set the gradients of what is pruned to 0."""
        self._reached.note(weights)
        super().after_backward(weights, rate)

    def after_step(self, weights: Tensors, rate: float) -> None:
        """Set what is pruned to 0, and prune more where a mask is due."""
        super().after_step(weights, rate)
        self._step += 1
        if self._ramp.due(self._step):
            self._prune(weights)

    def _prune(self, weights: Tensors) -> None:
        budget = cubic_budget(self._start, self._end, self._ramp.progress(self._step))
        worth = scores(arrays(weights, budget), self._criterion)
        self._use(budget.masks(self._reached.idle_last(worth)), weights)
        self._reached.reset(weights, budget.names)
        self._report(self._step, budget)


class Reached:
    """Remembers which weights a gradient has reached, to tell those that the output does not depend on.

    A weight behind a unit whose readers are all pruned takes a place, and a code in the file, for nothing.

    Args:
        used: Whether it remembers at all.
    """

    def __init__(self, used: bool) -> None:
        self._used, self._steps = used, 0
        self._found: dict[str, torch.Tensor] = {}

    def reset(self, weights: Tensors, names: tuple[str, ...]) -> None:
        """Forget, and look at the tensors ``names`` from now on."""
        import torch

        self._steps = 0
        self._found = {name: torch.zeros_like(weights[name], dtype=torch.bool) for name in names if self._used}

    def note(self, weights: Tensors) -> None:
        """Take in the gradients of a step."""
        self._steps += 1
        for name, found in self._found.items():
            gradient = weights[name].grad
            if gradient is not None:
                found.logical_or_(gradient != 0)

    def idle_last(self, scores: Scores) -> Scores:
        """Return ``scores`` with weights that nothing has reached below all others, in their own order."""
        if not self._steps:
            return scores
        reached = {name: found.cpu().numpy() for name, found in self._found.items()}
        return {
            name: np.where(reached[name], score, score * _IDLE) if name in reached else score
            for name, score in scores.items()
        }


class AbsoluteDecayHook(Hook):
    """Pulls every weight towards 0 by the same force: the subgradient of ``strength`` times the sum of |w|.

    Args:
        strength: In nats per unit of weight.
        names: Tensors that it acts on.
    """

    def __init__(self, strength: float, names: tuple[str, ...]) -> None:
        self._strength, self._names = strength, names

    def after_backward(self, weights: Tensors, rate: float) -> None:
        """Add the force to the gradients."""
        for name in self._names:
            gradient = weights[name].grad
            if gradient is not None:
                gradient.add_(weights[name].detach().sign(), alpha=self._strength)


def as_tensor(mask: NDArray[np.bool_], like: torch.Tensor) -> torch.Tensor:
    """Return ``mask`` as a tensor on the device of ``like``."""
    import torch

    return torch.from_numpy(mask).to(like.device)


def arrays(weights: Tensors, budget: Budget) -> dict[str, NDArray[np.float32]]:
    """Return copies of the tensors that ``budget`` names."""
    return {name: weights[name].detach().cpu().numpy().copy() for name in weights if name in budget.names}
