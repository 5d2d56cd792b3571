"""Dynamic network surgery (torch): weights are pruned and spliced back while the whole network goes on training.

Source: Guo, Yao & Chen 2016, "Dynamic Network Surgery for Efficient DNNs", arXiv:1608.04493, and its released code.
The forward pass sees W * T (eq. 1), the gradient with respect to W * T updates all of W (eq. 2), also where T is 0, and
T follows |W| with two thresholds a < b (eq. 3): 0 where |W| < a, 1 where |W| > b, as it was in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from models.compression.pruning.budget import Arrays, Budget, Masks
from models.compression.pruning.criteria import scores
from models.compression.pruning.hooks import Reached, as_tensor
from models.compression.pruning.schedule import Ramp, cubic_budget, splice_probability
from models.training.hooks import Hook

if TYPE_CHECKING:
    import torch

    Tensors = Mapping[str, torch.Tensor]

LOWER, UPPER = 0.9, 1.1  #: a and b over mu + c sigma, in the released code


class SurgeryRule(Protocol):
    """What T becomes."""

    def first(self, weights: Arrays) -> Masks:
        """Return T before the first step."""
        ...

    def masks(self, weights: Arrays, masks: Masks, step: int, reached: Reached | None = None) -> Masks:
        """Return T after ``step`` steps from ``masks``, the one before; ``reached`` by gradients since then."""
        ...


@dataclass(frozen=True)
class Splicing:
    """When T is made anew: with a probability that falls, as in the paper.

    Attributes:
        gamma: Per step.
        power: See ``schedule.splice_probability``.
        stop: Step from which T stays as it is.
        interval: Steps between two chances; 1 in the paper.
        seed: Of the draws.
    """

    stop: int
    gamma: float = 1e-4
    power: float = 1.0
    interval: int = 1
    seed: int = 1

    def steps(self, ramp: Ramp | None = None) -> Callable[[int], bool]:
        """Return whether T is made anew after a step, asked for in rising order; always where ``ramp`` is due."""
        generator = np.random.default_rng(self.seed)
        ramp_end = 0 if ramp is None else ramp.steps

        def chosen(step: int) -> bool:
            if ramp is not None and step <= ramp_end:
                return ramp.due(step)
            if step >= self.stop or step % self.interval:
                return False
            return bool(generator.random() < splice_probability(step - ramp_end, self.gamma, self.power))

        return chosen


class SurgeryHook(Hook):
    """Trains all weights while the network sees those that T keeps.

    The tensors that training hands back are the whole W: ``pruning.masked`` with ``masks`` makes W * T of them.

    Args:
        rule: What T becomes.
        due: Whether T is made anew after a step (from 1).
        idle_first: Whether the rule learns which weights no gradient has reached since the T before.
    """

    def __init__(self, rule: SurgeryRule, due: Callable[[int], bool], idle_first: bool = False) -> None:
        self.masks: Masks = {}
        self.spliced = 0  #: weights that came back, summed over all changes of T
        self._rule, self._due, self._step = rule, due, 0
        self._kept: dict[str, torch.Tensor] = {}
        self._reached = Reached(idle_first)

    def begin(self, weights: Tensors) -> None:
        """Make the first T."""
        self.spliced = self._step = 0
        self.masks = self._rule.first(_arrays(weights))
        self._use(weights)

    def seen(self, weights: Tensors) -> Tensors:
        """Return W * T, through which gradients flow to all of W."""
        masked = {name: weights[name] + _hole(weights[name], kept) for name, kept in self._kept.items()}
        return {**weights, **masked}

    def after_backward(self, weights: Tensors, rate: float) -> None:
        """Note which weights a gradient reaches."""
        self._reached.note(weights)

    def after_step(self, weights: Tensors, rate: float) -> None:
        """Make T anew where it is due."""
        self._step += 1
        if not self._due(self._step):
            return
        before = self.masks
        chosen = {name: weights[name] for name in before}
        self.masks = self._rule.masks(_arrays(chosen), before, self._step, self._reached)
        self.spliced += sum(int(np.count_nonzero(self.masks[name] & ~mask)) for name, mask in before.items())
        self._use(weights)

    def _use(self, weights: Tensors) -> None:
        self._kept = {name: as_tensor(mask, weights[name]) for name, mask in self.masks.items()}
        self._reached.reset(weights, tuple(self.masks))


@dataclass(frozen=True)
class TargetRule:
    """T keeps a number of weights that falls to the target on the cubic schedule; a kept weight has an advantage.

    A pruned weight comes back when its score is above ``ratio`` times the score of the kept weight whose place it
    takes. With t the score of the last place this is eq. 3 with a = t / ratio and b = t: the thresholds are
    quantiles, so that T always keeps the number wanted.

    Attributes:
        end: What stays at last.
        ramp: When the number falls.
        criterion: See ``criteria.scores``.
        ratio: b / a; 1 is no hysteresis.
    """

    end: Budget
    ramp: Ramp
    start: Budget
    criterion: str = "magnitude"
    ratio: float = UPPER / LOWER

    def first(self, weights: Arrays) -> Masks:
        """Return T that keeps what is not 0, or no more than the target where the ramp has no steps."""
        budget = cubic_budget(self.start, self.end, self.ramp.progress(0))
        return budget.masks(scores(self._own(weights), self.criterion))

    def masks(self, weights: Arrays, masks: Masks, step: int, reached: Reached | None = None) -> Masks:
        """Return T that keeps as many weights as the schedule says."""
        budget = cubic_budget(self.start, self.end, self.ramp.progress(step))
        worth = scores(weights, self.criterion)
        if reached is not None:
            worth = reached.idle_last(worth)
        return budget.masks({name: np.where(masks[name], self.ratio, 1.0) * score for name, score in worth.items()})

    def _own(self, weights: Arrays) -> Arrays:
        return {name: array for name, array in weights.items() if name in self.end.names}


@dataclass(frozen=True)
class ThresholdRule:
    """T by the paper's thresholds: a = 0.9 (mu + c sigma), b = 1.1 (mu + c sigma), both at least 0.

    mu and sigma are mean and standard deviation of |w| over the layer's weights that are not 0, before the first step;
    the released code takes the biases in, here only weights are pruned.

    Attributes:
        limits: mu + c sigma of each tensor.
    """

    limits: Mapping[str, float]

    @classmethod
    def of(cls, weights: Arrays, crates: Mapping[str, float]) -> ThresholdRule:
        """Return the rule for ``weights`` with the c of each tensor."""
        limits = {}
        for name, crate in crates.items():
            magnitudes = np.abs(weights[name][weights[name] != 0].astype(np.float64))
            limits[name] = max(0.0, float(magnitudes.mean() + crate * magnitudes.std())) if magnitudes.size else 0.0
        return cls(limits)

    def first(self, weights: Arrays) -> Masks:
        """Return T that keeps what is not 0."""
        return {name: weights[name] != 0 for name in self.limits}

    def masks(self, weights: Arrays, masks: Masks, step: int, reached: Reached | None = None) -> Masks:
        """Return T by eq. 3."""
        found = {}
        for name, limit in self.limits.items():
            magnitude = np.abs(weights[name].astype(np.float64))
            found[name] = np.where(masks[name], magnitude > LOWER * limit, magnitude > UPPER * limit)
        return found


def _hole(weight: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Return -w where T is 0 and 0 where it is 1, without a gradient: added to w it gives w * T exactly."""
    return -weight.detach().masked_fill(kept, 0.0)


def _arrays(weights: Tensors) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in weights.items()}
