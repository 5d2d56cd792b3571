"""The chosen point becomes hardware: an array, its testbench with vectors of a layer, and the commands, as a folder."""

from __future__ import annotations

import shutil
import string
from dataclasses import dataclass
from pathlib import Path

from hwsim import __version__
from hwsim.array import Dataflow, Machine, layer_cycles
from hwsim.formats import FloatFormat, NumberFormat, Specials
from hwsim.formats.pe_kinds import element_of
from hwsim.rtl.cases import LayerCase
from hwsim.rtl.cosim import array_parameters
from hwsim.rtl.drive import Drive, drive_layer
from hwsim.rtl.emit import core_parameters
from hwsim.rtl.errors import RtlError
from hwsim.rtl.expected import Expected, expected_words
from hwsim.rtl.parameters import CoreParameters
from hwsim.rtl.sources import HEADERS, array_sources, sv_folder, testbench
from hwsim.rtl.top import array_ports, top_module

MAX_ELEMENTS = 65_536  #: processing elements: 256 x 256
_FLOWS = {
    Dataflow.WEIGHT_STATIONARY: "weight-stationary",
    Dataflow.INPUT_STATIONARY: "input-stationary",
    Dataflow.OUTPUT_STATIONARY: "output-stationary",
}


@dataclass(frozen=True)
class ExportedDesign:
    """What was written.

    Attributes:
        folder: where.
        files: paths relative to it.
        core: parameters of a processing element.
        outputs: sums that the testbench compares.
        cycles: that it expects, from the closed form.
    """

    folder: Path
    files: tuple[str, ...]
    core: CoreParameters
    outputs: int
    cycles: int


def export_design(folder: Path, machine: Machine, case: LayerCase, network: str) -> ExportedDesign:
    """Write the array of ``machine`` for the formats of ``case``, with a testbench that drives ``case`` through it.

    Args:
        folder: new or empty.
        machine: the array; its memories and clock are not part of the RTL.
        case: a layer with its operands and the sums of the bit-accurate kernels.
        network: a label for the texts.

    Raises:
        RtlError: formats that the RTL does not do, an array too large, or a folder that holds something.
    """
    elements = machine.array.rows * machine.array.columns
    if elements > MAX_ELEMENTS:
        raise RtlError(f"{elements} processing elements: at most {MAX_ELEMENTS} are written; use a smaller array")
    formats = case.formats
    core = core_parameters(formats.weights, formats.acts, formats.acc, formats.product).structural()
    array = array_parameters(machine) | {"GATE_ZERO": int(gates_zero(machine, case))}
    drive = drive_layer(machine, case.codes, (core.act_bits, core.weight_bits, core.acc_bits))
    expected = expected_words(machine, case, drive)
    cycles = layer_cycles(machine, case.codes.workload).total
    title = f"{formats.weights} x {formats.acts} -> {formats.acc} on {machine}"
    comment = [f"{title}", f"Written by hwsim {__version__} for layer {case.name} of network {network}."]
    codes, checked = expected.hex_texts(core.acc_bits)
    texts = {
        "hwsim_array.sv": top_module(machine, core, array, comment),
        "check.sv": testbench("check_os" if _stays(machine) else "check_held").read_text(),
        "design.svh": _sizes(machine, core, drive, expected, cycles),
        "vectors/drive.txt": drive.text,
        "vectors/expected.hex": codes,
        "vectors/checked.hex": checked,
    }
    texts |= {f"rtl/{path.name}": path.read_text() for path in (*array_sources(), *(sv_folder() / h for h in HEADERS))}
    texts |= _templates(_words(machine, case, core, expected.outputs, cycles, network, title))
    _write(folder, texts)
    return ExportedDesign(folder, tuple(sorted(texts)), core, expected.outputs, cycles)


def gates_zero(machine: Machine, case: LayerCase) -> bool:
    """Return whether the elements may hold still at a zero operand: the machine does, and 0 * x is 0 for every code."""
    formats = case.formats
    return machine.zero_gating and not any(_has_infinity(fmt) for fmt in (formats.weights, formats.acts))


def _has_infinity(fmt: NumberFormat) -> bool:
    element = element_of(fmt)
    return isinstance(element, FloatFormat) and element.specials is not Specials.NONE


def _stays(machine: Machine) -> bool:
    return machine.array.dataflow is Dataflow.OUTPUT_STATIONARY


def _sizes(machine: Machine, core: CoreParameters, drive: Drive, expected: Expected, cycles: int) -> str:
    """Return design.svh: what the testbench must know of this design."""
    words, ports = expected.codes.shape
    widths = {name: bits for _, name, bits, _ in array_ports(machine, core)}
    values = {"PORTS": ports, "WORDS": words, "OUTPUTS": expected.outputs, "CYCLES": cycles, "ACC_BITS": core.acc_bits}
    if _stays(machine):
        values |= {f"{name.upper()}_BITS": widths[f"{name}_in"] for name in ("acts", "weights", "starts")}
    else:
        values |= {"STREAM": drive.stream}
        values |= {f"{name.upper()}_BITS": widths[f"{name}_in"] for name in ("held", "moving")}
    lines = [f"`define DESIGN_{name} {value}" for name, value in values.items()]
    return "\n".join(["// Sizes of the design that check.sv tests.", *lines]) + "\n"


def _words(
    machine: Machine, case: LayerCase, core: CoreParameters, outputs: int, cycles: int, network: str, title: str
) -> dict[str, object]:
    """Return what the templates are filled with."""
    formats, array = case.formats, machine.array
    product = "exact" if formats.product is None else f"`{formats.product}`, {core.product_bits} bits"
    gated = gates_zero(machine, case)
    gating = "\nElements hold still where an operand is zero (GATE_ZERO).\n" if gated else ""
    if machine.zero_gating and not gated:
        gating = (
            "\nThe machine's zero gating is left out: a format has infinities or NaN, and 0 times those is not 0.\n"
        )
    return {
        "title": title,
        "version": __version__,
        "machine": machine,
        "rows": array.rows,
        "columns": array.columns,
        "dataflow": _FLOWS[array.dataflow],
        "weights": formats.weights,
        "acts": formats.acts,
        "acc": formats.acc,
        "product": product,
        "weight_bits": core.weight_bits,
        "act_bits": core.act_bits,
        "acc_bits": core.acc_bits,
        "core": core.core,
        "layer": case.name,
        "network": network,
        "part": "all of it" if case.is_whole else "outputs spread over positions and filters, with all their terms",
        "outputs": outputs,
        "cycles": cycles,
        "gating": gating,
        "sources": " ".join(f"rtl/{path.name}" for path in array_sources()),
    }


def _templates(words: dict[str, object]) -> dict[str, str]:
    folder = sv_folder().parent / "templates"
    names = ("Makefile", "README.md", "synth.ys")
    return {name: string.Template((folder / f"{name}.in").read_text()).substitute(words) for name in names}


def _write(folder: Path, texts: dict[str, str]) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RtlError(f"{folder} is not an empty folder: name a new one, or remove it")
    staging = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(staging, ignore_errors=True)
    for name, text in texts.items():
        (staging / name).parent.mkdir(parents=True, exist_ok=True)
        (staging / name).write_text(text)
    if folder.exists():
        folder.rmdir()
    staging.rename(folder)
