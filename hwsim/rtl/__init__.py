"""The accelerator as SystemVerilog: elements and arrays whose parameters come from the number formats, and their check.

Names are imported on first use, so that the command line starts at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.lazy import lazy_names

if TYPE_CHECKING:
    from hwsim.rtl.cosim import Cosimulator
    from hwsim.rtl.emit import core_parameters
    from hwsim.rtl.errors import RtlError, ToolError
    from hwsim.rtl.parameters import CoreParameters
    from hwsim.rtl.refusals import core_faults
    from hwsim.rtl.sources import array_sources, element_sources, sv_folder

_HOMES = {
    "CoreParameters": "hwsim.rtl.parameters",
    "Cosimulator": "hwsim.rtl.cosim",
    "RtlError": "hwsim.rtl.errors",
    "ToolError": "hwsim.rtl.errors",
    "array_sources": "hwsim.rtl.sources",
    "core_faults": "hwsim.rtl.refusals",
    "core_parameters": "hwsim.rtl.emit",
    "element_sources": "hwsim.rtl.sources",
    "sv_folder": "hwsim.rtl.sources",
}

__all__ = [
    "CoreParameters",
    "Cosimulator",
    "RtlError",
    "ToolError",
    "array_sources",
    "core_faults",
    "core_parameters",
    "element_sources",
    "sv_folder",
]

__getattr__ = lazy_names(__name__, _HOMES)
