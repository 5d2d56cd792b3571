"""Gates: liberty cell libraries, mapped netlists, static timing, and gate-level simulation with energies."""

from hwsim.gates.faults import LibertyError, NetlistError, StimulusError
from hwsim.gates.library import Library, read_liberty
from hwsim.gates.netlist import Netlist
from hwsim.gates.simulation import Area, SimulationResult, cell_area, cell_leakage_w, simulate
from hwsim.gates.timing import Step, Timing, static_timing
from hwsim.gates.wires import WireModel
from hwsim.gates.yosys_json import read_netlist

__all__ = [
    "Area",
    "LibertyError",
    "Library",
    "Netlist",
    "NetlistError",
    "SimulationResult",
    "Step",
    "StimulusError",
    "Timing",
    "WireModel",
    "cell_area",
    "cell_leakage_w",
    "read_liberty",
    "read_netlist",
    "simulate",
    "static_timing",
]
