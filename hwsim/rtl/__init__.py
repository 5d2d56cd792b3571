"""The accelerator as SystemVerilog: processing elements whose parameters come from the number formats."""

from hwsim.rtl.emit import core_parameters
from hwsim.rtl.errors import RtlError, ToolError
from hwsim.rtl.parameters import CoreParameters
from hwsim.rtl.refusals import core_faults
from hwsim.rtl.sources import element_sources, sv_folder

__all__ = [
    "CoreParameters",
    "RtlError",
    "ToolError",
    "core_faults",
    "core_parameters",
    "element_sources",
    "sv_folder",
]
