"""What a network costs on the array with some of its layers as two, known before any weight is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import Literal

from hwsim.array import parse_machine
from hwsim.cost import find_table
from hwsim.errors import HwsimError
from hwsim.network import Network, fold_shapes
from hwsim.network.assignment import LayerFormats
from hwsim.sweep import QuickCost
from models.compression.errors import raise_faults
from models.compression.lowrank.graph import factorised_layers
from models.compression.lowrank.matrix import Split
from models.compression.recipe import ArraySettings

Objective = Literal["parameters", "cycles", "energy", "balanced"]


@dataclass(frozen=True)
class ArrayChoice:
    """What decides between forms and ranks.

    Attributes:
        objective: parameters (weights and biases), cycles or energy (pJ) of one inference on the array; or balanced,
            the mean of the shares of parameters and cycles that are left, percent.
        machine: The array, as ``hwsim run --machine`` takes it.
        weights: Format of the weights.
        acts: Format of the activations.
        acc: Format of the sums.
        table: The prices, as ``hwsim run --table`` takes them.
    """

    objective: Objective = "cycles"
    machine: str = ArraySettings.machine
    weights: str = "int8"
    acts: str = ArraySettings.acts
    acc: str = ArraySettings.acc
    table: str = ArraySettings.table

    def __post_init__(self) -> None:
        faults = []
        if self.objective not in ("parameters", "cycles", "energy", "balanced"):
            faults.append(f"objective is {self.objective!r}; needed: parameters, cycles, energy or balanced")
        for read in (
            lambda: parse_machine(self.machine),
            lambda: LayerFormats.of(self.weights, self.acts, self.acc),
            lambda: find_table(self.table),
        ):
            try:
                read()
            except HwsimError as error:
                faults.append(str(error))
        raise_faults("the array that decides", faults)


class ArrayCost:
    """The cost of a network with any of its layers split, one inference, from shapes alone.

    Args:
        network: Folded.
        choice: What counts, and on which array.

    >>> from models import load_network
    >>> from models.compression.lowrank.matrix import Form
    >>> cost = ArrayCost(load_network("digits-cnn"), ArrayChoice("parameters"))
    >>> cost({}), cost({"conv2": Split(Form.CHANNEL, 8)})
    (6090.0, 2890.0)
    """

    def __init__(self, network: Network, choice: ArrayChoice) -> None:
        self._network, self._choice = network, choice
        self._of = lru_cache(maxsize=1 << 16)(self._compute)

    def __call__(self, splits: Mapping[str, Split]) -> float:
        """Return the cost in the unit of the objective. Raises HwsimError where a layer cannot be split so."""
        return self._of(tuple(sorted(splits.items(), key=lambda item: item[0])))

    @cached_property
    def whole(self) -> float:
        """The cost of the network as it is."""
        return self({})

    def _compute(self, splits: tuple[tuple[str, Split], ...]) -> float:
        network, choice = self._network, self._choice
        layers = factorised_layers(network, dict(splits))
        shapes = Network(network.name, network.input_shape, layers, {})
        if choice.objective != "balanced":
            return _cost(shapes, choice, choice.objective)
        return 50 * sum(own / whole for own, whole in zip(_both(shapes, choice), self._whole, strict=True))

    @cached_property
    def _whole(self) -> tuple[float, float]:
        return _both(self._network, self._choice)


def _both(network: Network, choice: ArrayChoice) -> tuple[float, float]:
    return _cost(network, choice, "parameters"), _cost(network, choice, "cycles")


def _cost(shapes: Network, choice: ArrayChoice, objective: Objective) -> float:
    if objective == "parameters":
        return float(sum(prod(shape) for shape in shapes.tensor_shapes.values()))
    formats = LayerFormats.of(choice.weights, choice.acts, choice.acc)
    outcome = QuickCost(fold_shapes(shapes), find_table(choice.table))(parse_machine(choice.machine), formats)
    return float(outcome.cycles) if objective == "cycles" else outcome.energy_total_pj
