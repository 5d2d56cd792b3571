"""What a network costs on the array with some of its layers as two, known before any weight is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import Literal

from hwsim.array import parse_machine
from hwsim.cost import find_table
from hwsim.costing import cost
from hwsim.errors import HwsimError
from hwsim.network import Network, fold_shapes
from hwsim.network.assignment import Assignment, LayerFormats
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
        machine: The array, as ``hwsim run --machine`` takes it, but no area; without ``compress=layers``, which needs
            weights.
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
        if "compress=layers" in self.machine:
            faults.append(f"machine is {self.machine!r}; needed: none of compress=layers, which depends on the weights")
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
        network: Folded or not; batch-norms cost nothing, they will be folded.
        choice: What counts, and on which array.

    >>> from models import load_network
    >>> from models.compression.lowrank.matrix import Form
    >>> cost = ArrayCost(load_network("digits-cnn"), ArrayChoice("parameters"))
    >>> cost({}), cost({"conv2": Split(Form.CHANNEL, 8)})
    (6090.0, 2890.0)
    """

    def __init__(self, network: Network, choice: ArrayChoice) -> None:
        self._network, self._choice = network, choice
        self._machine, self._table = parse_machine(choice.machine), find_table(choice.table)
        self._assignment = Assignment(LayerFormats.of(choice.weights, choice.acts, choice.acc))
        self._of = lru_cache(maxsize=1 << 16)(self._compute)

    def __call__(self, splits: Mapping[str, Split]) -> float:
        """Return the cost in the unit of the objective. Raises HwsimError where a layer cannot be split so."""
        return self._of(tuple(sorted(splits.items(), key=lambda item: item[0])))

    @cached_property
    def whole(self) -> float:
        """The cost of the network as it is."""
        return self({})

    def _compute(self, splits: tuple[tuple[str, Split], ...]) -> float:
        network = self._network
        layers = factorised_layers(network, dict(splits))
        shapes = fold_shapes(Network(network.name, network.input_shape, layers, {}))
        if self._choice.objective != "balanced":
            return self._in(self._choice.objective, shapes)
        return 50 * sum(own / whole for own, whole in zip(self._both(shapes), self._whole, strict=True))

    @cached_property
    def _whole(self) -> tuple[float, float]:
        return self._both(fold_shapes(self._network))

    def _both(self, shapes: Network) -> tuple[float, float]:
        return self._in("parameters", shapes), self._in("cycles", shapes)

    def _in(self, objective: Objective, shapes: Network) -> float:
        if objective == "parameters":
            return float(sum(prod(shape) for shape in shapes.tensor_shapes.values()))
        found = cost(shapes, self._assignment, self._machine, self._table).hardware
        return float(found.cycles) if objective == "cycles" else found.energy_total_pj
