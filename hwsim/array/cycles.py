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
    """Cycles of a whole layer, all groups.

    Attributes:
        folds: tiles on the array, all groups.
        fill: as in ``FoldCycles``; once a fold, or once a layer where folds overlap.
        steady: the same; always once a fold.
        drain: the same as fill.
        stall: waiting for a memory.
        gap: folds overlap, and between two of them the stream pauses: the next operand is not yet loaded, or the sums
            before are still in the drain registers.
        waits: what ``stall`` is made of, as (name, cycles); see ``hwsim.array.stalls``.
    """

    folds: int
    fill: int
    steady: int
    drain: int
    stall: int = 0
    gap: int = 0
    waits: tuple[tuple[str, int], ...] = ()

    @property
    def total(self) -> int:
        """Cycles of the layer."""
        return self.fill + self.steady + self.drain + self.stall + self.gap


def fold_cycles(machine: Machine, stream: int) -> FoldCycles:
    """Return the cycles of one fold whose streamed dimension is ``stream`` long.

    Weight and input stationary: 2R + C + T - 2. Output stationary: 2R + C + K - 3, or R + C + K - 2 with direct
    outputs. One more with an output register. Register-transfer-level arrays take the same.

    >>> from hwsim.array.machine import parse_machine
    >>> fold_cycles(parse_machine("4x3-ws"), stream=10)
    FoldCycles(fill=7, steady=10, drain=2)
    >>> fold_cycles(parse_machine("4x3-os"), stream=10)
    FoldCycles(fill=5, steady=10, drain=3)
    """
    rows, columns = machine.array.rows, machine.array.columns
    extra = int(machine.output_register)
    if machine.array.dataflow is Dataflow.OUTPUT_STATIONARY:
        drain = 0 if machine.direct_outputs else rows - 1 + extra
        return FoldCycles(fill=rows + columns - 2, steady=stream, drain=drain)
    return FoldCycles(fill=rows + rows - 1 + extra, steady=stream, drain=columns - 1)


def fold_interval(machine: Machine, stream: int) -> int:
    """Return the cycles from the start of one fold to the start of the next.

    Without overlap those of a whole fold. Shadow registers: max(T, R + C - 2 + max(R, 1 + output register)), since the
    tile after next can be loaded (R cycles) once the last PE has taken its operand (R + C - 2 cycles after the first),
    and a sum must be at the bottom of the last column before it re-enters at the top. Drain registers: max(K, R),
    since the R sums of a column leave it one a cycle.

    >>> from hwsim.array.machine import parse_machine
    >>> [fold_interval(parse_machine(f"4x3-{text}"), stream=8) for text in ("ws", "ws,shadow", "os,overlap")]
    [17, 9, 8]
    """
    rows, columns = machine.array.rows, machine.array.columns
    if machine.shadow_registers:
        return max(stream, rows + columns - 2 + max(rows, 1 + machine.output_register))
    if machine.drain_registers:
        return max(stream, rows)
    return fold_cycles(machine, stream).total


def layer_cycles(machine: Machine, workload: Workload) -> Cycles:
    """Return the cycles of all folds and groups of a layer.

    (F - 1) times the interval, and one whole fold. Where folds do not overlap that is F times a fold.

    >>> from hwsim.array.machine import parse_machine
    >>> layer_cycles(parse_machine("8x8-ws"), Workload.gemm(64, 24, 40)).total
    1290
    >>> layer_cycles(parse_machine("8x8-ws,shadow"), Workload.gemm(64, 24, 40)).total
    982
    """
    mapping = map_layer(machine.array, workload)
    fold = fold_cycles(machine, mapping.stream)
    folds = mapping.folds * workload.groups
    if machine.shadow_registers or machine.drain_registers:
        gap = (folds - 1) * (fold_interval(machine, mapping.stream) - fold.steady)
        return Cycles(folds, fold.fill, folds * fold.steady, fold.drain, gap=gap)
    return Cycles(folds, folds * fold.fill, folds * fold.steady, folds * fold.drain)


def utilisation(machine: Machine, workload: Workload, cycles: Cycles) -> float:
    """Return the share of PE cycles that do a multiply-accumulate of the layer (padding counts as work).

    >>> from hwsim.array.machine import parse_machine
    >>> machine, layer = parse_machine("1x1-os"), Workload.gemm(1, 1, 8)
    >>> utilisation(machine, layer, layer_cycles(machine, layer))
    1.0
    """
    return workload.macs / (cycles.total * machine.array.pes)
