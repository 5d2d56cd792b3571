"""Entropy-constrained training as a step of a recipe."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from hwsim.errors import all_faults
from hwsim.network import Network
from models.compression.errors import CompressionError
from models.compression.hessian.importance import FLOOR
from models.compression.quantize.groups import importance_of
from models.compression.quantize.hooks import CentresHook
from models.compression.quantize.joint import CodeState, JointCode, JointHook
from models.compression.quantize.quantizer import Importance, Scope, importance_faults
from models.compression.retrain import report_left
from models.compression.step import Step, Training, Work, recorded
from models.compression.weights import flat_weights, weight_names, with_tensors

_TRAINING = Training(epochs=10)
_TUNING = Training(weight_decay=0.0)


@dataclass(frozen=True)
class EcsqTrain(Step):
    """Trains weights and their entropy-constrained code together; what does not earn its bits is pruned.

    Attributes:
        multiplier: What a bit may cost, in squared weight (the mean importance is 1), at the end of the ramp.
        step: Distance of the first centres, its multiples, in the unit of the weights.
        centres: They follow the means of their members, or stay on the grid: codes are integers, no table is needed.
        regrow: Whether weights that are 0 at the start may come back.
        scope: One codebook for the whole network, or one for each layer.
        importance: What errors are weighted with, taken at the start: see ``kmeans``.
        samples: Training images for it; 0 for all of them.
        floor: Smallest importance, as a share of the mean over all weights, pruned ones included.
        every: Steps of training from one assignment to the next.
        ramp: Share of the training over which the multiplier rises from 0.
        training: Of the weights, through their quantised values.
        tuning: Of the centres and biases afterwards, with the code as it is (of the biases alone on the grid).
    """

    method: ClassVar[str] = "ecsq-train"
    restricts = "weights"
    multiplier: float
    step: float
    centres: Literal["mean", "grid"] = "mean"
    regrow: bool = True
    scope: Scope = "network"
    importance: Importance = "ones"
    samples: int = 1000
    floor: float = FLOOR
    every: int = 4
    ramp: float = 0.5
    training: Training = _TRAINING
    tuning: Training = _TUNING

    def __post_init__(self) -> None:
        checks = (
            ("multiplier", 0 <= self.multiplier < math.inf, "at least 0, in squared weight per bit"),
            ("step", 0 < self.step < math.inf, "above 0, in the unit of the weights"),
            ("centres", self.centres in ("mean", "grid"), "mean or grid"),
            ("every", self.every >= 1, "at least 1 step"),
            ("ramp", 0 <= self.ramp <= 1, "0 to 1, a share of the training"),
            ("training.epochs", self.training.epochs >= 1, "at least 1"),
            ("training.averaging", self.training.averaging == 0, "0: an average of quantised weights is not quantised"),
        )
        faults = importance_faults(self.scope, self.importance, self.samples, self.floor)
        faults += [f"{name} is {self._value(name)}; needed: {need}" for name, good, need in checks if not good]
        if faults:
            raise CompressionError(all_faults(f"method {self.method!r}", faults))

    def _value(self, name: str) -> object:
        value: object = self
        for part in name.split("."):
            value = getattr(value, part)
        return value

    def apply(self, network: Network, work: Work) -> Network:
        """Return the network with few distinct weights, many of them 0."""
        report_left(network, work, ("biases",))
        flat = importance_of(network, work, self.importance, self.samples, self.floor)
        live = flat_weights(network) != 0
        flat = flat / flat[live].mean() if live.any() else flat
        names = weight_names(network)
        ends = np.cumsum([network.tensors[name].size for name in names])[:-1]
        parts = zip(names, np.split(flat, ends), strict=True)
        importance = {name: part.reshape(network.tensors[name].shape) for name, part in parts}
        hook = JointHook(self._code(network, work), importance, lambda epoch, state: work.report(_line(state)))
        fitted = work.retrain(network, self.training, [hook])
        result = with_tensors(network, {**fitted.tensors, **hook.quantised()})
        if self.tuning.epochs:
            tuner = CentresHook(self.scope, centres=self.centres == "mean")
            result = with_tensors(result, work.retrain(result, self.tuning, [tuner]).tensors)
        state = hook.state()
        facts = {"clusters": state.clusters, "bits_per_weight": round(state.entropy_bits, 5), "nonzero": state.nonzero}
        return recorded(result, self, {**facts, "weights": state.weights})

    def _code(self, network: Network, work: Work) -> JointCode:
        recipe = work.recipe(network, self.training)
        ramp = round(self.ramp * recipe.epochs * (len(work.train) // recipe.batch))
        grid, shared = self.centres == "grid", self.scope == "network"
        return JointCode(self.multiplier, self.step, grid, self.regrow, shared, self.every, ramp)


def _line(state: CodeState) -> str:
    share = 100 * state.nonzero / state.weights
    bits = state.entropy_bits
    return f"    {share:.2f} % not 0, {state.clusters} centres, {bits:.4f} bits per weight"
