"""How long a layer takes with its memories: the array's own cycles, and what it waits for, each by its name."""

from __future__ import annotations

from dataclasses import replace

from hwsim.array.blocks import block_axis
from hwsim.array.cycles import Cycles, fold_cycles, fold_interval, layer_cycles
from hwsim.array.machine import Machine
from hwsim.array.mapping import map_layer
from hwsim.array.stalls import layer_waits
from hwsim.array.tiling import FIXED, Tiling
from hwsim.array.workload import Workload


def layer_time(machine: Machine, workload: Workload, tiling: Tiling = FIXED) -> Cycles:
    """Return the cycles of a layer, all groups, waits included.

    Raises:
        InfeasibleError: a scratchpad cannot hold what a step of the array needs.

    >>> from hwsim.array.machine import parse_machine
    >>> cycles = layer_time(parse_machine("8x8-ws,double,dram=1GB/s"), Workload.gemm(64, 24, 40))
    >>> cycles.total - cycles.stall, dict(cycles.waits)["first fill"]
    (1290, 304)
    """
    cycles = array_time(machine, workload, tiling)
    named = layer_waits(machine, workload, tiling).named
    return replace(cycles, stall=sum(count for _, count in named), waits=named) if named else cycles


def array_time(machine: Machine, workload: Workload, tiling: Tiling) -> Cycles:
    """Return the array's own cycles, without waits: each block of the stream is a fold of its own."""
    if tiling.blocks == 1:
        return layer_cycles(machine, workload)
    pieces = block_axis(machine, workload, tiling)
    each = map_layer(machine.array, workload).folds * workload.groups
    steady = each * pieces.extent
    last = fold_cycles(machine, pieces.pieces[-1])
    if not (machine.shadow_registers or machine.drain_registers):
        folds = each * pieces.folds
        return Cycles(folds, folds * last.fill, steady, folds * last.drain)
    intervals = each * sum(count * fold_interval(machine, size) for size, count in pieces.sizes)
    gap = intervals - fold_interval(machine, pieces.pieces[-1]) + last.steady - steady
    return Cycles(each * pieces.folds, last.fill, steady, last.drain, gap=gap)
