"""Training with quantised weights whose code is made anew all along: the rate takes part in the training.

The network computes with quantised weights; the gradient goes to the weights behind them (straight-through: Bengio et
al., arXiv:1308.3432). Every few steps each weight is given to the centre with the least h (w - c)^2 - multiplier log2 p
(the assignment of ECSQ), zero among them, and centres and shares p follow: what does not earn its bits is pruned, and
comes back when its gradient insists (Guo et al., "Dynamic network surgery", NIPS 2016). This goes beyond Choi et al.,
who quantise once and train the centres alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.compression.errors import CompressionError
from models.compression.quantize.clusters import Float64, Int32, weighted_means
from models.compression.quantize.ecsq import cheapest, ideal_lengths
from models.compression.quantize.uniform import uniform
from models.training.hooks import Hook

if TYPE_CHECKING:
    import torch

    from models.training.hooks import Tensors

_UNSEEN = 0.5  #: members that a centre without any counts for in a tensor, so that it can be chosen again


@dataclass(frozen=True)
class JointCode:
    """How weights and their code are found together.

    Attributes:
        multiplier: What a bit may cost, in importance times squared weight, at the end of the ramp.
        step: Distance of the first centres, which are its multiples.
        grid: The centres stay multiples of ``step``; else they follow the means of their members.
        regrow: Whether weights that are 0 at the start may come back.
        shared: One codebook for all tensors; shares p are those of each tensor either way.
        every: Steps of training from one assignment to the next.
        ramp: Steps over which the multiplier rises linearly from 0.
    """

    multiplier: float
    step: float
    grid: bool = False
    regrow: bool = True
    shared: bool = True
    every: int = 4
    ramp: int = 0

    def multiplier_at(self, step: int) -> float:
        """Return the multiplier after ``step`` steps.

        >>> [JointCode(0.8, 1.0, ramp=4).multiplier_at(step) for step in (0, 2, 4, 9)]
        [0.0, 0.4, 0.8, 0.8]
        """
        return self.multiplier * min(1.0, step / self.ramp) if self.ramp else self.multiplier


@dataclass(frozen=True)
class CodeState:
    """How a code stands: weights that are not 0, all weights, centres, and bits per weight with a code per tensor."""

    nonzero: int
    weights: int
    clusters: int
    entropy_bits: float


class JointHook(Hook):
    """Trains weights through their quantised values.

    Args:
        code: Its options.
        importance: Of each weight, by the names of the tensors to quantise, in the tensors' shapes.
        report: Called with the epoch and the state of the code after each epoch.
    """

    def __init__(
        self,
        code: JointCode,
        importance: Mapping[str, Float64],
        report: Callable[[int, CodeState], None] = lambda epoch, state: None,
    ) -> None:
        self._code, self._report, self._steps = code, report, 0
        names = list(importance)
        self._books = [
            _Book({name: importance[name] for name in part})
            for part in ([names] if code.shared else [[name] for name in names])
        ]
        self._seen: dict[str, torch.Tensor] = {}

    def begin(self, weights: Tensors) -> None:
        """Make the first code."""
        for book in self._books:
            book.start(_arrays(weights, book.names), self._code.step, self._code.regrow)
        self._assign(weights)

    def seen(self, weights: Tensors) -> Tensors:
        """Return the quantised weights, with gradients to the weights behind them."""
        # The sum is the quantised value exactly, and its gradient that of the weight.
        through = {name: value + (weights[name] - weights[name].detach()) for name, value in self._seen.items()}
        return {**weights, **through}

    def after_step(self, weights: Tensors, rate: float) -> None:
        """Make the code anew where it is due."""
        self._steps += 1
        if self._steps % self._code.every == 0:
            self._assign(weights)

    def after_epoch(self, weights: Tensors, rate: float, epoch: int) -> None:
        """Make the code anew and report it."""
        self._assign(weights)
        self._report(epoch, self.state())

    def quantised(self) -> dict[str, NDArray[np.float32]]:
        """Return the tensors that the network computes with now."""
        return {name: value for book in self._books for name, value in book.quantised().items()}

    def state(self) -> CodeState:
        """Return how the code stands now."""
        counts = [count for book in self._books for count in book.counts.values()]
        total = sum(int(count.sum()) for count in counts)
        bits = sum(float((count[count > 0] * ideal_lengths(count[count > 0])).sum()) for count in counts)
        live = sum(book.nonzero for book in self._books)
        return CodeState(live, total, sum(book.centres.size for book in self._books), bits / total)

    def _assign(self, weights: Tensors) -> None:
        import torch

        multiplier = self._code.multiplier_at(self._steps)
        for book in self._books:
            book.assign(_arrays(weights, book.names), multiplier, moving=not self._code.grid)
            for name, value in book.quantised().items():
                self._seen[name] = torch.from_numpy(value).to(weights[name].device)


class _Book:
    """One codebook, and the tensors that use it; a centre at 0 is among its centres and stays there."""

    def __init__(self, importance: Mapping[str, Float64]) -> None:
        self.names = list(importance)
        self._shapes = {name: value.shape for name, value in importance.items()}
        self._importance = {name: np.ascontiguousarray(value, np.float64).ravel() for name, value in importance.items()}
        self.centres: Float64 = np.zeros(1)
        self.counts: dict[str, Float64] = {}
        self._chosen: dict[str, Int32] = {}
        self._dead: dict[str, NDArray[np.bool_]] = {}

    def start(self, values: Mapping[str, Float64], step: float, regrow: bool) -> None:
        """Put centres at all multiples of ``step`` that are nearest to a value."""
        joined = np.concatenate(list(values.values()))
        found = uniform(joined, step, offset=0.5, centres="grid").centres
        self.centres = np.union1d(found, 0.0)
        self._dead = {} if regrow else {name: flat == 0 for name, flat in values.items()}
        for name, flat in values.items():
            free = cheapest(flat, np.ones(flat.size), self.centres, np.zeros(self.centres.size))
            self._count(name, free)

    def assign(self, values: Mapping[str, Float64], multiplier: float, moving: bool) -> None:
        """Give each value to its cheapest centre; then centres and counts follow, and unused centres go."""
        for name, flat in values.items():
            prices = multiplier * ideal_lengths(np.maximum(self.counts[name], _UNSEEN))
            chosen = cheapest(flat, self._importance[name], self.centres, prices)
            if name in self._dead:
                chosen[self._dead[name]] = np.searchsorted(self.centres, 0.0)
            self._count(name, chosen)
        if moving:
            self._move(values)
        self._drop()

    def quantised(self) -> dict[str, NDArray[np.float32]]:
        """Return the centre of each weight, by tensor."""
        centres = self.centres.astype(np.float32)
        return {name: centres[chosen].reshape(self._shapes[name]) for name, chosen in self._chosen.items()}

    @property
    def nonzero(self) -> int:
        """How many weights are not 0."""
        return int(sum(count[self.centres != 0].sum() for count in self.counts.values()))

    def _count(self, name: str, chosen: Int32) -> None:
        self._chosen[name] = chosen
        self.counts[name] = np.bincount(chosen, minlength=self.centres.size).astype(np.float64)

    def _move(self, values: Mapping[str, Float64]) -> None:
        flat = np.concatenate([values[name] for name in self.names])
        weights = np.concatenate([self._importance[name] for name in self.names])
        chosen = np.concatenate([self._chosen[name] for name in self.names])
        means = weighted_means(flat, weights, chosen, self.centres.size)
        self.centres = np.where((self.centres == 0) | np.isnan(means), self.centres, means)

    def _drop(self) -> None:
        used = sum(self.counts.values()) + (self.centres == 0)
        kept = np.flatnonzero(used)
        kept = kept[np.argsort(self.centres[kept], kind="stable")]
        place = np.zeros(self.centres.size, np.int32)
        place[kept] = np.arange(kept.size, dtype=np.int32)
        self.centres = self.centres[kept]
        for name in self.names:
            self._chosen[name] = place[self._chosen[name]]
            self.counts[name] = self.counts[name][kept]


def _arrays(weights: Tensors, names: list[str]) -> dict[str, Float64]:
    values = {name: weights[name].detach().cpu().numpy().ravel().astype(np.float64) for name in names}
    diverged = [name for name, flat in values.items() if not np.isfinite(flat).all()]
    if diverged:
        raise CompressionError(
            f"training diverged: {', '.join(diverged)} hold values that are not finite. Lower training.learning_rate, "
            "or step: weights nearer to zero than half of it are 0 from the first step on"
        )
    return values
