"""How long a layer takes, in closed form, each part of the time by its name.

Derivations and drawings are in ``docs/timing.md``; ``hwsim.array.stepper`` clocks the same array register by register
and must agree. A part of a tile costs what a whole one costs: the array waits for its farthest PE.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwsim.array.machine import Machine
from hwsim.array.mapping import map_layer
from hwsim.array.parts import Dataflow
from hwsim.array.workload import Workload


@dataclass(frozen=True)
class FoldCycles:
    """Cycles of one fold.

    Attributes:
        fill: before the array is in step. Weight and input stationary: loading the stationary tile and carrying the
            first sum to the bottom of the first column. Output stationary: until the last PE gets its first operands.
        steady: the stream passes. Weight and input stationary: the first column delivers a sum each cycle. Output
            stationary: the last PE accumulates each cycle.
        drain: after that, until the last sum is at the bottom edge.
    """

    fill: int
    steady: int
    drain: int

    @property
    def total(self) -> int:
        """Cycles from the first operand that enters to the last sum at the bottom edge."""
        return self.fill + self.steady + self.drain


@dataclass(frozen=True)
class Cycles:
    """Cycles of a whole layer, all groups; ``stall`` is waiting for a memory (none is modelled yet, so 0)."""

    folds: int
    fill: int
    steady: int
    drain: int
    stall: int = 0

    @property
    def total(self) -> int:
        """Cycles of the layer."""
        return self.fill + self.steady + self.drain + self.stall


def fold_cycles(machine: Machine, stream: int) -> FoldCycles:
    """Return the cycles of one fold whose streamed dimension is ``stream`` long.

    Weight and input stationary: 2R + C + T - 2. Output stationary: 2R + C + K - 3. One more with an output register.
    Both are what register-transfer-level arrays of this kind were measured to take.

    >>> from hwsim.array.machine import parse_machine
    >>> fold_cycles(parse_machine("4x3-ws"), stream=10)
    FoldCycles(fill=7, steady=10, drain=2)
    >>> fold_cycles(parse_machine("4x3-os"), stream=10)
    FoldCycles(fill=5, steady=10, drain=3)
    """
    rows, columns = machine.array.rows, machine.array.columns
    extra = int(machine.output_register)
    if machine.array.dataflow is Dataflow.OUTPUT_STATIONARY:
        return FoldCycles(fill=rows + columns - 2, steady=stream, drain=rows - 1 + extra)
    return FoldCycles(fill=rows + rows - 1 + extra, steady=stream, drain=columns - 1)


def layer_cycles(machine: Machine, workload: Workload) -> Cycles:
    """Return the cycles of all folds and groups of a layer; folds do not overlap.

    >>> from hwsim.array.machine import parse_machine
    >>> layer_cycles(parse_machine("8x8-ws"), Workload.gemm(64, 24, 40)).total
    1290
    """
    mapping = map_layer(machine.array, workload)
    fold = fold_cycles(machine, mapping.stream)
    folds = mapping.folds * workload.groups
    return Cycles(folds, folds * fold.fill, folds * fold.steady, folds * fold.drain)


def utilisation(machine: Machine, workload: Workload, cycles: Cycles) -> float:
    """Return the share of PE cycles that do a multiply-accumulate of the layer (padding counts as work).

    >>> from hwsim.array.machine import parse_machine
    >>> machine, layer = parse_machine("1x1-os"), Workload.gemm(1, 1, 8)
    >>> utilisation(machine, layer, layer_cycles(machine, layer))
    1.0
    """
    return workload.macs / (cycles.total * machine.array.pes)
