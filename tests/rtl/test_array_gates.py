"""The arrays as other tools see them: no complaint of Verilator, and Yosys' gates compute what the text says."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from array_cases import cached_case, needs_yosys

from hwsim.array import Machine, layer_cycles, parse_machine
from hwsim.rtl import CoreParameters, array_sources, sv_folder
from hwsim.rtl.cosim import Cosimulator, array_parameters
from hwsim.rtl.icarus import run_tool
from hwsim.rtl.top import top_module

TOPS = {"ws": "sa_held", "is": "sa_held", "os": "sa_os"}
MACHINES = ["2x3-ws", "3x2-is,outreg,shadow", "2x3-os,outreg,overlap", "3x2-os", "2x2-os,direct"]


@pytest.mark.skipif(shutil.which("verilator") is None, reason="Verilator is not installed")
@pytest.mark.parametrize(("text", "gate"), list(itertools.product(MACHINES, (0, 1))))
def test_verilator_has_no_complaint(text: str, gate: int, tmp_path: Path) -> None:
    machine = parse_machine(text)
    parameters = cached_case("int", 1, 1, 1).core.as_dict() | array_parameters(machine) | {"GATE_ZERO": gate}
    top = TOPS[machine.array.dataflow.value]
    command = ["verilator", "--lint-only", "-Wall", "-Wno-UNUSEDPARAM", "--top-module", top, f"-I{sv_folder()}"]
    run_tool([*command, *(f"-G{k}={v}" for k, v in parameters.items()), *map(str, array_sources())], tmp_path, 120)


def gates_of(machine: Machine, core: CoreParameters, folder: Path) -> Path:
    """Synthesise the array into generic gates; return a file with its module, under its own name and parameters."""
    array = array_parameters(machine)
    (folder / "top.sv").write_text(top_module(machine, core, array, ["An array to synthesise."]))
    sources = " ".join(map(str, (*array_sources(), folder / "top.sv")))
    script = (
        f"read_verilog -sv -I {sv_folder()} {sources}; synth -flatten -top hwsim_array; check -assert; "
        "write_verilog -noattr gates.v"
    )
    run_tool(["yosys", "-q", "-p", script], folder, 300)
    text = (folder / "gates.v").read_text()
    assert text.count("module hwsim_array(") == 1
    values = core.as_dict() | array
    header = ", ".join(f"parameter integer {name} = {value}" for name, value in values.items())
    target = folder / "array.v"
    name = TOPS[machine.array.dataflow.value]
    target.write_text(text.replace("module hwsim_array(", f"module {name} #({header}) ("))
    return target


@needs_yosys
@pytest.mark.parametrize(
    ("text", "kind"), [*((text, "shift_add") for text in MACHINES), ("2x3-ws", "int"), ("3x2-os", "int")]
)
def test_gates_compute_what_the_text_says(text: str, kind: str, tmp_path: Path) -> None:
    """Integer multipliers in their structural form; a netlist with an undriven output would give undefined bits."""
    layer, machine = cached_case(kind, 5, 4, 5), parse_machine(text)
    core = dataclasses.replace(layer.core, style=1)
    netlist = gates_of(machine, core, tmp_path)
    with Cosimulator("icarus", [netlist]) as simulator:
        result = simulator.run(machine, core, layer.codes)
    assert np.array_equal(result.outputs, layer.expected)
    assert result.cycles == layer_cycles(machine, layer.codes.workload).total
