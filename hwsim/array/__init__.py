"""The machine in time: how a layer is laid on a systolic array, how long it takes and what it moves."""

from hwsim.array.clocking import array_registers, idle_clock_counts
from hwsim.array.counts import Action, ActionCount, Component
from hwsim.array.cycles import Cycles, FoldCycles, fold_cycles, fold_interval, layer_cycles, utilisation
from hwsim.array.dram import fits_on_chip
from hwsim.array.machine import Machine, parse_machine
from hwsim.array.mapping import Mapping, Tile, map_layer
from hwsim.array.parts import Dataflow, Dram, Memory, PeArray
from hwsim.array.traffic import layer_traffic
from hwsim.array.vector import VectorWork, vector_cycles, vector_traffic
from hwsim.array.workload import Workload

__all__ = [
    "Action",
    "ActionCount",
    "Component",
    "Cycles",
    "Dataflow",
    "Dram",
    "FoldCycles",
    "Machine",
    "Mapping",
    "Memory",
    "PeArray",
    "Tile",
    "VectorWork",
    "Workload",
    "array_registers",
    "fits_on_chip",
    "fold_cycles",
    "fold_interval",
    "idle_clock_counts",
    "layer_cycles",
    "layer_traffic",
    "map_layer",
    "parse_machine",
    "utilisation",
    "vector_cycles",
    "vector_traffic",
]
