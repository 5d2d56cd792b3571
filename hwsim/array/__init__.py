"""The machine in time: how a layer is laid on a systolic array, how long it takes and what it moves."""

from hwsim.array.clocking import array_registers, idle_clock_counts
from hwsim.array.counts import Action, ActionCount, Component
from hwsim.array.cycles import Cycles, FoldCycles, fold_cycles, fold_interval, layer_cycles, utilisation
from hwsim.array.dram import fits_on_chip
from hwsim.array.machine import Machine, parse_machine
from hwsim.array.mapping import Mapping, Tile, map_layer
from hwsim.array.parts import Dataflow, Dram, Memory, PeArray
from hwsim.array.shortfall import InfeasibleError, Shortfall
from hwsim.array.tiling import FIXED, Tiling, legal_tilings
from hwsim.array.timing import layer_time
from hwsim.array.traffic import layer_traffic
from hwsim.array.vector import VectorWork, vector_cycles, vector_time, vector_traffic
from hwsim.array.workload import Workload

__all__ = [
    "FIXED",
    "Action",
    "ActionCount",
    "Component",
    "Cycles",
    "Dataflow",
    "Dram",
    "FoldCycles",
    "InfeasibleError",
    "Machine",
    "Mapping",
    "Memory",
    "PeArray",
    "Shortfall",
    "Tile",
    "Tiling",
    "VectorWork",
    "Workload",
    "array_registers",
    "fits_on_chip",
    "fold_cycles",
    "fold_interval",
    "idle_clock_counts",
    "layer_cycles",
    "layer_time",
    "layer_traffic",
    "legal_tilings",
    "map_layer",
    "parse_machine",
    "utilisation",
    "vector_cycles",
    "vector_time",
    "vector_traffic",
]
