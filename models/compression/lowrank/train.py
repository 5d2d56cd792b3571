"""The step that trains a network towards low rank and few units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from hwsim.network import Network, fold
from models.compression.errors import Idle, idle_faults, raise_faults
from models.compression.lowrank.cut import Cutter, skip_faults
from models.compression.lowrank.hooks import GroupLassoHook, NuclearProxHook, ProximalHook
from models.compression.lowrank.matrix import Form, groups_of, matrix_shape
from models.compression.lowrank.prox import nuclear_norm
from models.compression.pruning.masks import masks_of
from models.compression.retrain import trained
from models.compression.step import Step, Training, Work, recorded


@dataclass(frozen=True)
class Penalties:
    """What pulls a training towards low rank and few units.

    Before a batch-norm only the directions of a layer's weights matter to the function: the pull is then against their
    length as well, and one ``tau`` means different things to networks that compute the same. A network that ``group``
    acts on is therefore folded first.

    Attributes:
        tau: Of the nuclear norm, nats per unit of a singular value; 0 leaves it out.
        group: lambda of the sparse group lasso over output units, nats per unit of its norm; 0 leaves it out.
        alpha: Its share of the 1-norm, 0 to 1.
        form: channel, spatial, or for each layer the form with fewer parameters to a component.
        every: Steps between two proximal steps; 0 is after every epoch, as in the paper.
        skip: Layers that no penalty acts on; the group lasso leaves the last layer alone in any case.
    """

    tau: float = 0.0
    group: float = 0.0
    alpha: float = 0.0
    form: Literal["channel", "spatial", "cheapest"] = "channel"
    every: int = 0
    skip: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checks = (
            ("tau", self.tau, self.tau >= 0, "at least 0"),
            ("group", self.group, self.group >= 0, "at least 0"),
            ("alpha", self.alpha, 0 <= self.alpha <= 1, "0 to 1"),
            ("form", self.form, self.form in ("channel", "spatial", "cheapest"), "channel, spatial or cheapest"),
            ("every", self.every, self.every >= 0, "at least 0 steps"),
        )
        idle: tuple[Idle, ...] = (
            (self.tau == 0, "tau = 0", self, ("form",)),
            (self.group == 0, "group = 0", self, ("alpha",)),
            (self.tau == self.group == 0, "tau = group = 0", self, ("every",)),
        )
        raise_faults("the penalties", idle_faults(idle), checks)


@dataclass(frozen=True)
class LowRankTrain(Step):
    """Train with the nuclear norm, the sparse group lasso, or both, by proximal steps.

    Attributes:
        penalties: What pulls.
        training: How.
    """

    method: ClassVar[str] = "low-rank-train"
    keeps_batch_norms: ClassVar[bool] = True
    version: ClassVar[int] = 2  # 2: batch-norms stay

    penalties: Penalties = field(default_factory=lambda: Penalties(tau=1e-3))
    training: Training = field(default_factory=lambda: Training(epochs=10))

    def __post_init__(self) -> None:
        raise_faults("low-rank-train", training_faults(self.penalties, self.training))

    def apply(self, network: Network, work: Work) -> Network:
        """See the base class."""
        result = train_low_rank(ready(network, self.penalties), work, self.penalties, self.training)
        return recorded(result, self, {"norms": spectra_facts(result, self.penalties)})


def training_faults(penalties: Penalties, training: Training) -> list[str]:
    """Return what is wrong with a training under ``penalties``."""
    if not (training.averaging and (penalties.tau or penalties.group)):
        return []
    why = "averages of low rank have a higher one"
    return [f"training.averaging is {training.averaging}; needed: 0 with a penalty: {why}"]


def ready(network: Network, penalties: Penalties) -> Network:
    """Return ``network`` as ``penalties`` can act on it: folded for the group lasso."""
    return fold(network) if penalties.group else network


def train_low_rank(network: Network, work: Work, penalties: Penalties, training: Training) -> Network:
    """Return the network trained with the penalties; without any it is trained all the same. Zeros stay zeros."""
    if not training.epochs:
        return network
    zeros = sum(int(np.count_nonzero(~mask)) for mask in masks_of(network).values())
    if zeros and penalties.tau:
        work.report(f"  {zeros} zeros are put back after each proximal step: ranks can stay higher than without them")
    return trained(network, work, training, penalty_hooks(network, work, penalties, training))


def penalty_hooks(network: Network, work: Work, penalties: Penalties, training: Training) -> tuple[ProximalHook, ...]:
    """Return the hooks for the penalties that are not 0: the nuclear norm before the group lasso.

    Raises:
        CompressionError: averaged weights are to be kept, which are not low in rank when the weights are; ``skip``
            names no layer.
    """
    raise_faults("the penalties", [*training_faults(penalties, training), *skip_faults(network, penalties.skip)])
    momentum = work.recipe(network, training).momentum
    hooks: list[ProximalHook] = []
    if penalties.tau:
        forms = penalised_forms(network, penalties)
        hooks.append(NuclearProxHook(network, forms, penalties.tau, penalties.every, momentum, masks_of(network)))
    if penalties.group:
        names = tuple(layer.name for layer in network.mac_layers if layer.name not in penalties.skip)
        grouped = tuple(name for name in names if name != network.mac_layers[-1].name)
        hooks.append(GroupLassoHook(grouped, penalties.group, penalties.alpha, penalties.every, momentum))
    return tuple(hooks)


def penalised_forms(network: Network, penalties: Penalties) -> Mapping[str, Form]:
    """Return which matrix of each layer the nuclear norm is of."""
    cutter = Cutter(network, None, penalties.skip)

    def sides(name: str, form: Form) -> int:
        return sum(matrix_shape(network.tensor_shapes[f"{name}.weight"], groups_of(cutter.layers[name]), form))

    return {name: min(cutter.forms(name, penalties.form), key=lambda form: sides(name, form)) for name in cutter.layers}


def spectra_facts(network: Network, penalties: Penalties) -> dict[str, list[float]]:
    """Return for each layer the rank, the nuclear norm and the number of units that are not 0."""
    cutter, facts = Cutter(network, None, penalties.skip), {}
    for name, form in penalised_forms(network, penalties).items():
        weight = network.weight(name)
        units = int(np.any(weight.reshape(len(weight), -1) != 0, axis=1).sum())
        norm = nuclear_norm(cutter.decomposition(name, form).matrices)
        facts[name] = [cutter.numerical_rank(name, form), round(norm, 4), units]
    return facts
