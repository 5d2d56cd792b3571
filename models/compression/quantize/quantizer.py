"""What quantisers share as steps of a recipe."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from hwsim.errors import all_faults, unknown_name
from hwsim.network import Network
from models.compression.errors import CompressionError
from models.compression.hessian.importance import FLOOR
from models.compression.quantize.clusters import Clusters
from models.compression.quantize.groups import Group, facts_of, groups_of, importance_of, rebuilt
from models.compression.quantize.hooks import CentresHook
from models.compression.quantize.target import rate_bits
from models.compression.retrain import report_left
from models.compression.step import Step, Training, Work, recorded
from models.compression.weights import with_tensors

Scope = Literal["network", "layer"]
Importance = Literal["ones", "exact", "exact-root", "backprop", "hutchinson", "adam", "fisher"]
Found = tuple[Mapping[str, object], Sequence[Clusters]]
_TUNING = Training(weight_decay=0.0)
_MISS = 0.01  #: bits per weight below what is asked for that want a reason


def importance_faults(scope: str, importance: str, samples: int, floor: float) -> list[str]:
    """Return what is wrong with options that every step with a codebook has."""
    faults = [
        unknown_name(name, value, known)
        for name, value, known in (("scope", scope, get_args(Scope)), ("importance", importance, get_args(Importance)))
        if value not in known
    ]
    if samples < 0:
        faults.append(f"samples is {samples}; needed: at least 0 images, 0 for all")
    if not 0 < floor <= 1:
        faults.append(f"floor is {floor}; needed: above 0, at most 1, a share of the mean")
    return faults


def _reached(asked: float, bits: float, coarse: str) -> str:
    why = f": {coarse}" if asked - bits > _MISS else ""
    return f"{asked:g} bits per weight asked for, {bits:.4f} reached{why}"


@dataclass(frozen=True)
class Quantizer(Step):
    """What all quantisers share.

    Attributes:
        scope: One codebook for the whole network, as published, or one for each layer.
        importance: What errors are weighted with: nothing (``ones``), the diagonal of the Hessian (``exact``), its
            root, its estimate by ``backprop`` (Becker & LeCun) or by ``hutchinson``'s probes, the root of ``adam``'s
            second moment, or squared gradients (``fisher``).
        samples: Training images for it; 0 for all of them.
        floor: Smallest importance, as a share of the mean over all weights, pruned ones included.
        gradient: Of a centre in training: the mean of its members' or, as published, the sum, which wants a smaller
            learning rate.
        biases: Whether biases are trained with the centres.
        training: Fine-tuning of the centres.
    """

    restricts = "weights"

    scope: Scope = "network"
    importance: Importance = "ones"
    samples: int = 1000
    floor: float = FLOOR
    gradient: Literal["mean", "sum"] = "mean"
    biases: bool = True
    training: Training = _TUNING

    def __post_init__(self) -> None:
        if faults := [*self._shared_faults(), *self._faults()]:
            raise CompressionError(all_faults(f"method {self.method!r}", faults))

    def apply(self, network: Network, work: Work) -> Network:
        """Return the network with few distinct weights; zeros stay, biases change only in training."""
        weights = importance_of(network, work, self.importance, self.samples, self.floor)
        groups = groups_of(network, self.scope, weights)
        facts, parts = self.quantised(groups)
        result = rebuilt(network, groups, parts)
        facts = {**facts, **facts_of(network, groups, parts)}
        work.report(f"  {', '.join(f'{name} {value}' for name, value in facts.items())}")
        if asked := self._asked_bits():
            work.report(f"  {_reached(asked, rate_bits(parts), self._coarse())}")
        if self.training.epochs:
            if self.biases:
                report_left(network, work, ("biases",))
            hook = CentresHook(self.scope, self.gradient, self.biases, self._trains_centres())
            result = with_tensors(result, work.retrain(result, self.training, [hook]).tensors)
        return recorded(result, self, facts)

    def _trains_centres(self) -> bool:
        return True

    def _asked_bits(self) -> float:
        """Return the entropy per weight that is asked for, in bits; 0 where another option decides."""
        return float(getattr(self, "rate_bits", 0.0))

    def _coarse(self) -> str:
        """Return why a rate may be missed."""
        return ""

    @abstractmethod
    def quantised(self, groups: Sequence[Group]) -> Found:
        """Return what was found out, and the clusters of each group of ``groups_of``."""

    @abstractmethod
    def _faults(self) -> list[str]:
        """Return what is wrong with a method's own options."""

    def _shared_faults(self) -> list[str]:
        known = ("mean", "sum")
        own = [] if self.gradient in known else [unknown_name("gradient", self.gradient, known)]
        return [*importance_faults(self.scope, self.importance, self.samples, self.floor), *own]

    def _one_of(self, **choices: float) -> list[str]:
        """Return the fault of giving none or several of the options that steer the rate; 0 is not given."""
        given = [name for name, value in choices.items() if value != 0]
        bad = [f"{name} is {value}; needed: above 0" for name, value in choices.items() if not 0 <= value < math.inf]
        if len(given) != 1:
            names = ", ".join(choices)
            bad.append(f"exactly one of {names} is to be given; given: {', '.join(given) or 'none'}")
        return bad
