"""The step ``prune``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from hwsim.network import Network
from models.compression.errors import raise_faults
from models.compression.pruning.budget import Budget, Share, budget_of, kept_counts
from models.compression.pruning.masks import deviation_masks, masks_of
from models.compression.pruning.options import Criterion, Schedule, Scope, Surgery, prune_checks, prune_conflicts
from models.compression.step import Step, Training, Work, recorded
from models.compression.weights import weight_names


@dataclass(frozen=True)
class Prune(Step):
    """Prune weights to exact zeros and train those that stay, at once, in rounds, or while training.

    An option that the others leave without effect is refused.

    Attributes:
        keep: Fraction of the weights that stays, of the layers that ``layers`` does not name.
        criterion: What is compared: magnitude; scaled (over the layer's root mean square); lamp (layer-adaptive);
            saliency (1/2 h w^2 with the diagonal of the Hessian).
        scope: Whether the weights of all layers compete (network) or those of each layer among themselves (layer).
        layers: Fractions of single layers: [["conv1", 0.66], …].
        quality: Above 0 each layer keeps the weights above so many standard deviations of it (Han et al. 2015), in
            place of ``keep``, ``layers`` and ``scope``, which cannot be given with it.
        schedule: one-shot: prune, then train. iterative: in rounds, each keeps the same part of what is left and
            trains. gradual: in one training, on the cubic schedule (Zhu & Gupta 2017). surgery: the same, and pruned
            weights may come back (Guo et al. 2016) under thresholds that hit ``keep``. dns: surgery by the published
            thresholds, which decide how many weights stay.
        rounds: Of schedule iterative; each has ``training``.
        ramp: Part of the steps of a gradual pruning or a surgery until ``keep`` is reached.
        interval: Optimiser steps between two masks on the way.
        idle_first: Whether, on the way, weights that no gradient has reached since the mask before go first: behind
            units that nobody reads any more (gradual and surgery).
        l1: Strength of an l1 penalty on all weights during ``training``, in nats per unit of weight.
        samples: Training images for the Hessian of criterion saliency.
        surgery: How connections come back.
        training: Of schedule iterative the training of each round.
        finish: Trained after that, with the mask fixed.
    """

    method: ClassVar[str] = "prune"
    keeps_batch_norms: ClassVar[bool] = True
    keep: float = 0.1
    criterion: Criterion = "magnitude"
    scope: Scope = "network"
    layers: tuple[tuple[str, float], ...] = ()
    quality: float = 0.0
    schedule: Schedule = "one-shot"
    rounds: int = 1
    ramp: float = 0.7
    interval: int = 16
    idle_first: bool = True
    l1: float = 0.0
    samples: int = 1000
    surgery: Surgery = field(default_factory=Surgery)
    training: Training = field(default_factory=Training)
    finish: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        raise_faults("pruning", prune_conflicts(self), prune_checks(self))

    def apply(self, network: Network, work: Work) -> Network:
        """Return ``network`` with zeros for what is pruned; the card lists what stays of each layer.

        Raises:
            CompressionError: for layers that it does not have, and fewer weights that are not 0 than are to stay.
        """
        from models.compression.pruning.schedules import SCHEDULES
        from models.compression.retrain import trained

        pruned, facts = SCHEDULES[self.schedule](self, network, work)
        pruned = trained(pruned, work, self.finish)
        counts = kept_counts(masks_of(pruned))
        kept, total = (sum(column) for column in zip(*counts.values(), strict=True))
        work.report(f"  {kept} of {total} weights stay ({kept / total:.2%})")
        layers = {layer: {"kept": left, "weights": size} for layer, (left, size) in counts.items()}
        found = {"kept": kept, "weights": total, "kept_fraction": kept / total, "layers": layers, **facts}
        return recorded(pruned, self, found)

    def budget(self, network: Network) -> Budget:
        """Return how many weights of ``network`` are to stay."""
        if not self.quality:
            budget = budget_of(network, self.keep, dict(self.layers), self.scope)
        else:
            masks = deviation_masks(network, self.quality)
            budget = Budget(tuple(Share((name,), int(mask.sum())) for name, mask in masks.items()))
        budget.check({name: network.tensors[name] for name in weight_names(network)})
        return budget
