"""A mapped netlist as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.gates.models import CellModel

Ints = NDArray[np.int32]
ZERO, ONE = 0, 1
"""The nets of the two constants."""


@dataclass(frozen=True, eq=False)
class Netlist:
    """Cells and nets; net 0 is constant 0 and net 1 is constant 1.

    Attributes:
        top: Name of the module.
        net_names: One name per net.
        inputs: Input ports: nets, least significant bit first.
        outputs: Output ports: nets, least significant bit first.
        cell_names: One name per cell.
        models: The distinct cell types, by name.
        kinds: Index into ``models``, one per cell.
        input_start: First place of each cell's inputs in ``input_nets``. Shape [cells + 1].
        input_nets: Net on each input pin, in the order of its model.
        output_start: First place of each cell's outputs in ``output_nets``. Shape [cells + 1].
        output_nets: Net on each output pin; one that is not connected has a net of its own.
        order: Combinational cells, each after those that drive it.
        registers: Flip-flops.
        clock_net: The net that clocks them, or -1 where there are none.
    """

    top: str
    net_names: tuple[str, ...]
    inputs: Mapping[str, Ints]
    outputs: Mapping[str, Ints]
    cell_names: tuple[str, ...]
    models: tuple[CellModel, ...]
    kinds: Ints
    input_start: Ints
    input_nets: Ints
    output_start: Ints
    output_nets: Ints
    order: Ints
    registers: Ints
    clock_net: int

    @property
    def nets(self) -> int:
        """Number of nets, constants included."""
        return len(self.net_names)

    @property
    def cells(self) -> int:
        """Number of cells."""
        return len(self.cell_names)

    @property
    def clock_port(self) -> str | None:
        """Name of the input port that clocks the flip-flops, or None where there are none."""
        return next((name for name, nets in self.inputs.items() if self.clock_net in nets), None)

    def model(self, cell: int) -> CellModel:
        """Return the model of a cell."""
        return self.models[int(self.kinds[cell])]

    def cell_inputs(self, cell: int) -> Ints:
        """Return the nets on the inputs of a cell."""
        return self.input_nets[self.input_start[cell] : self.input_start[cell + 1]]

    def cell_outputs(self, cell: int) -> Ints:
        """Return the nets on the outputs of a cell."""
        return self.output_nets[self.output_start[cell] : self.output_start[cell + 1]]

    def counts(self) -> dict[str, int]:
        """Return how many cells there are of each type, by name."""
        numbers = np.bincount(self.kinds, minlength=len(self.models))
        return {model.cell.name: int(n) for model, n in zip(self.models, numbers, strict=True)}
