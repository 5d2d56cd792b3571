"""The SystemVerilog files that come with the package, in the order in which tools read them."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from hwsim.rtl.errors import RtlError

#: Included by the modules; never named on a command line.
HEADERS = ("mac_parameters.svh", "cores.svh")
#: The cores, lowest first.
CORES = (
    "fixed_round.sv",
    "fixed_accumulate.sv",
    "fixed_product.sv",
    "mac_shift_add.sv",
    "shift_place.sv",
    "shift_term.sv",
    "mac_multi_shift_add.sv",
    "int_rows.sv",
    "mac_int.sv",
    "float_lead.sv",
    "float_align.sv",
    "float_operand.sv",
    "float_round.sv",
    "mac_float.sv",
    "mac_core.sv",
)
#: The processing elements: a core and its registers.
ELEMENTS = ("pe_held.sv", "pe_os.sv")
#: The arrays of elements.
ARRAYS = ("delay_line.sv", "sa_held.sv", "sa_os.sv")


def sv_folder() -> Path:
    """Return the folder of the SystemVerilog files.

    Raises:
        RtlError: the package is installed without them, or inside an archive.

    >>> (sv_folder() / "mac_core.sv").is_file()
    True
    """
    folder = Path(str(resources.files("hwsim.rtl") / "sv"))
    if not folder.is_dir():
        raise RtlError(f"the SystemVerilog files are not at {folder}: install the package unpacked, with pip")
    return folder


def element_sources() -> tuple[Path, ...]:
    """Return the files that the processing elements consist of.

    >>> element_sources()[-1].name
    'pe_os.sv'
    """
    return tuple(sv_folder() / name for name in (*CORES, *ELEMENTS))


def array_sources() -> tuple[Path, ...]:
    """Return the files that the arrays consist of, elements included.

    >>> array_sources()[-1].name
    'sa_os.sv'
    """
    return *element_sources(), *(sv_folder() / name for name in ARRAYS)


def testbench(name: str) -> Path:
    """Return the file of the testbench module ``name``; it is no part of the hardware.

    >>> testbench("tb_os").is_file()
    True
    """
    return sv_folder().parent / "tb" / f"{name}.sv"
