"""How many weights are left at each moment of a pruning that takes time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.compression.pruning.budget import Budget


def cubic_sparsity(progress: float, final: float, initial: float = 0.0) -> float:
    """Return the sparsity at ``progress`` (0 to 1) of a gradual pruning.

    Source: Zhu & Gupta 2017, arXiv:1710.01878, eq. 1: s = s_f + (s_i - s_f) (1 - (t - t_0) / (n dt))^3.

    >>> [round(cubic_sparsity(progress, 0.9), 4) for progress in (0, 0.5, 1)]
    [0.0, 0.7875, 0.9]
    """
    return final + (initial - final) * (1 - progress) ** 3


def geometric_keep(progress: float, final: float, initial: float = 1.0) -> float:
    """Return the kept fraction at ``progress`` (0 to 1) when each round keeps the same part of what is left.

    >>> [round(geometric_keep(done / 2, 0.01), 4) for done in (0, 1, 2)]
    [1.0, 0.1, 0.01]
    """
    return float(initial * (final / initial) ** progress)


def cubic_budget(start: Budget, end: Budget, progress: float) -> Budget:
    """Return what stays at ``progress`` on the cubic way from ``start`` to ``end``, share by share."""
    return end.with_counts(
        first - _rounded(cubic_sparsity(progress, first - final))
        for first, final in zip(start.counts, end.counts, strict=True)
    )


def geometric_budget(start: Budget, end: Budget, progress: float) -> Budget:
    """Return what stays at ``progress`` on the geometric way from ``start`` to ``end``, share by share."""
    return end.with_counts(
        _rounded(geometric_keep(progress, final, first)) for first, final in zip(start.counts, end.counts, strict=True)
    )


@dataclass(frozen=True)
class Ramp:
    """When masks are made anew in one training, in steps of the optimiser.

    Attributes:
        steps: Until the final number of weights is reached.
        interval: Between two masks.
    """

    steps: int
    interval: int = 16

    def progress(self, step: int) -> float:
        """Return how far the pruning is after ``step`` steps: 0 to 1."""
        return min(1.0, step / self.steps) if self.steps else 1.0

    def due(self, step: int) -> bool:
        """Return whether masks are made after ``step`` steps: every interval, and as the ramp ends."""
        return step == self.steps or (step < self.steps and step % self.interval == 0)


def splice_probability(step: int, gamma: float = 1e-4, power: float = 1.0) -> float:
    """Return the probability that masks are made anew at ``step`` of a dynamic surgery: (1 + gamma step)^-power.

    Source: Guo et al. 2016, arXiv:1608.04493, section 3.3, and its released code (``compress_conv_layer.cpp``).

    >>> splice_probability(10_000)
    0.5
    """
    return float((1 + gamma * step) ** -power)


def _rounded(value: float) -> int:
    return math.floor(value + 0.5)
