"""hwsim: a cycle- and energy-model simulator of a shift-add MAC array that runs networks bit-accurately.

Names are imported on first use, so that ``import hwsim`` and ``hwsim --help`` cost nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.lazy import lazy_names

if TYPE_CHECKING:
    from hwsim.array import Machine, parse_machine
    from hwsim.cost import load_table
    from hwsim.errors import HwsimError
    from hwsim.formats import NumberFormat, parse
    from hwsim.network import Network, load_network_file, save_network
    from hwsim.network.assignment import Assignment, LayerFormats
    from hwsim.simulation import SimulationReport, run_hardware, run_numerics, simulate

__version__ = "0.1.0"

_HOMES = {
    "Assignment": "hwsim.network.assignment",
    "HwsimError": "hwsim.errors",
    "LayerFormats": "hwsim.network.assignment",
    "Machine": "hwsim.array",
    "Network": "hwsim.network",
    "NumberFormat": "hwsim.formats",
    "SimulationReport": "hwsim.simulation",
    "load_network_file": "hwsim.network",
    "load_table": "hwsim.cost",
    "parse": "hwsim.formats",
    "parse_machine": "hwsim.array",
    "run_hardware": "hwsim.simulation",
    "run_numerics": "hwsim.simulation",
    "save_network": "hwsim.network",
    "simulate": "hwsim.simulation",
}

__all__ = [
    "Assignment",
    "HwsimError",
    "LayerFormats",
    "Machine",
    "Network",
    "NumberFormat",
    "SimulationReport",
    "__version__",
    "load_network_file",
    "load_table",
    "parse",
    "parse_machine",
    "run_hardware",
    "run_numerics",
    "save_network",
    "simulate",
]

__getattr__ = lazy_names(__name__, _HOMES)
