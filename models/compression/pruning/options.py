"""The options of pruning, checked all at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from models.compression.errors import Check, Idle, idle_faults, raise_faults
from models.compression.pruning.surgery import LOWER, UPPER

if TYPE_CHECKING:
    from models.compression.pruning.prune import Prune

Criterion = Literal["magnitude", "scaled", "lamp", "saliency"]
Scope = Literal["network", "layer"]
Schedule = Literal["one-shot", "iterative", "gradual", "surgery", "dns"]


@dataclass(frozen=True)
class Surgery:
    """How connections come back, in the schedules ``surgery`` and ``dns``.

    Attributes:
        hysteresis: In ``surgery``, by what factor a pruned weight must beat the kept one whose place it takes.
        stop: Part of the training's steps after which no connection changes.
        gamma: In (1 + gamma step)^-power, the probability that connections change at a step after the ramp.
        power: In the same.
        crate: In ``dns``, c of the thresholds mu + c sigma of |w|, for layers that ``crates`` does not name.
        crates: In ``dns``, c of single layers: [["conv1", 0.5], …].
    """

    hysteresis: float = UPPER / LOWER
    stop: float = 0.9
    gamma: float = 1e-4
    power: float = 1.0
    crate: float = 1.0
    crates: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        raise_faults("surgery", (), self._checks())

    def _checks(self) -> Sequence[Check]:
        return (
            ("hysteresis", self.hysteresis, 1 <= self.hysteresis < math.inf, "at least 1"),
            ("stop", self.stop, 0 < self.stop <= 1, "above 0, at most 1"),
            ("gamma", self.gamma, 0 <= self.gamma < math.inf, "at least 0"),
            ("power", self.power, 0 <= self.power < math.inf, "at least 0"),
            ("crate", self.crate, math.isfinite(self.crate), "a number"),
            *((f"crates[{layer}]", c, math.isfinite(c), "a number") for layer, c in self.crates),
            ("crates", self.crates, _once(self.crates), "each layer once"),
        )


def prune_checks(step: Prune) -> Sequence[Check]:
    """Return what the options of a pruning must be."""
    trains = step.schedule not in ("gradual", "surgery", "dns") or step.training.epochs > 0
    measured = step.criterion != "saliency" or step.schedule in ("one-shot", "iterative")
    return (
        ("keep", step.keep, 0 < step.keep <= 1, "above 0, at most 1"),
        *((f"layers[{layer}]", part, 0 < part <= 1, "above 0, at most 1") for layer, part in step.layers),
        ("layers", step.layers, _once(step.layers), "each layer once"),
        ("quality", step.quality, 0 <= step.quality < math.inf, "at least 0 (0: by keep)"),
        ("rounds", step.rounds, step.rounds >= 1, "at least 1"),
        ("rounds", step.rounds, step.rounds == 1 or step.schedule == "iterative", "1, except in schedule 'iterative'"),
        ("ramp", step.ramp, 0 <= step.ramp <= 1, "0 to 1"),
        ("interval", step.interval, step.interval >= 1, "at least 1 step"),
        ("l1", step.l1, 0 <= step.l1 < math.inf, "at least 0"),
        ("samples", step.samples, step.samples >= 1, "at least 1"),
        ("training.epochs", step.training.epochs, trains, f"at least 1 in schedule {step.schedule!r}"),
        ("criterion", step.criterion, measured, "another than 'saliency', except in 'one-shot' and 'iterative'"),
    )


def prune_conflicts(step: Prune) -> list[str]:
    """Return a fault for every option that is given and that another one leaves without effect."""
    schedule, own = f"schedule = {step.schedule!r}", step.surgery
    rows: tuple[Idle, ...] = (
        (step.quality > 0, "quality", step, ("keep", "layers", "scope")),
        (step.schedule not in ("gradual", "surgery"), schedule, step, ("ramp", "interval", "idle_first")),
        (step.schedule == "dns", schedule, step, ("keep", "layers", "scope", "quality", "criterion")),
        (step.schedule not in ("surgery", "dns"), schedule, step, ("surgery",)),
        (step.schedule == "surgery", schedule, own, ("crate", "crates")),
        (step.schedule == "dns", schedule, own, ("hysteresis",)),
        (step.training.epochs == 0 and step.l1 > 0, "training.epochs = 0", step, ("l1",)),
    )
    return idle_faults(rows)


def _once(pairs: Sequence[tuple[str, float]]) -> bool:
    return len(dict(pairs)) == len(pairs)
