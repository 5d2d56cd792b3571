"""Libraries of four foundries and studies, read from a folder of the user's: numbers copied by eye from the files.

None of them comes with the package. Set HWSIM_LIBERTY_DIR to a folder that holds their .lib or .lib.xz files.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hwsim.gates import Library, WireModel, read_liberty, read_netlist, simulate, static_timing
from hwsim.gates.models import cell_model
from hwsim.gates.syntax import read_bytes

FOLDER = os.environ.get("HWSIM_LIBERTY_DIR")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="HWSIM_LIBERTY_DIR names no folder with .lib or .lib.xz files")

FILES = {
    "nangate45": "nangate45_typ",
    "sky130": "sky130_fd_sc_hd__tt_025C_1v80",
    "ihp": "sg13g2_stdcell_typ_1p20V_25C",
    "asap7": "asap7sc7p5t_",
}
CELLS = {"nangate45": 134, "sky130": 428, "ihp": 84, "asap7": 202}


def paths(name: str) -> list[Path]:
    found = sorted(path for path in Path(str(FOLDER)).glob(f"{FILES[name]}*") if ".lib" in path.suffixes)
    if not found:
        pytest.skip(f"{FOLDER} has no {FILES[name]}*.lib or .lib.xz")
    return found


@pytest.fixture(scope="module")
def libraries() -> dict[str, Library]:
    return {}


def load(libraries: dict[str, Library], name: str) -> Library:
    if name not in libraries:
        libraries[name] = read_liberty(*paths(name))
    return libraries[name]


@pytest.mark.parametrize("name", FILES)
def test_every_cell_can_be_read(libraries: dict[str, Library], name: str) -> None:
    library = load(libraries, name)
    assert len(library.cells) == CELLS[name]
    cells = [library.cell(cell) for cell in library.cells]
    assert all(cell.area_um2 >= 0 for cell in cells)
    gates = [cell for cell in cells if cell.register is None and not cell.statetable and cell.outputs and cell.inputs]
    usable = 0
    for cell in gates:
        if all(cell.pins[out].function and not cell.pins[out].three_state for out in cell.outputs):
            assert cell_model(cell).truth.shape == (len(cell.outputs), 1 << len(cell.inputs))
            usable += 1
    assert usable > 0.6 * len(cells)


def test_nangate45(libraries: dict[str, Library]) -> None:
    library = load(libraries, "nangate45")
    assert (library.voltage_v, library.default_wire_load) == (1.1, "5K_hvratio_1_1")
    flop = library.cell("DFF_X1")
    assert (flop.area_um2, flop.leakage_w) == (4.522, pytest.approx(79.112308e-9))
    assert (flop.pins["D"].capacitance_ff, flop.pins["D"].fall_ff) == (1.14029, 1.062342)
    clock = flop.pins["CK"].power[0]
    assert clock.when.text == "!D & !Q & QN"
    assert clock.fall.lookup(0.00117378, 0.0) == pytest.approx(4.497803e-3)  # fJ
    assert flop.pins["CK"].power[1].rise.lookup(0.1, 0.0) == 0.0
    delay = flop.pins["Q"].timing[0].fall[0]
    assert delay.lookup(0.00117378, delay.second[0]) == pytest.approx(0.0766596)


def test_sky130(libraries: dict[str, Library]) -> None:
    library = load(libraries, "sky130")
    assert (library.voltage_v, library.default_wire_load) == (1.8, "Small")
    flop = library.cell("sky130_fd_sc_hd__dfxtp_1")
    assert (flop.area_um2, flop.leakage_w) == (20.0192, pytest.approx(8.438635e-12))
    assert flop.pins["CLK"].capacitance_ff == pytest.approx(1.794)  # pF in the file
    assert flop.pins["CLK"].power[0].fall.lookup(0.01, 0.0) == pytest.approx(0.0227158)  # pJ
    power = flop.pins["Q"].power[0]
    # With its 0.5 C V^2 the library's rise and fall together hold C V^2 less what the load takes.
    assert power.rise.lookup(0.01, 162.0583) == pytest.approx(0.2778807, rel=1e-5)
    assert power.fall.lookup(0.01, 162.0583) == pytest.approx(-0.2408877, rel=1e-5)


def test_ihp(libraries: dict[str, Library]) -> None:
    library = load(libraries, "ihp")
    assert (library.voltage_v, library.default_wire_load) == (1.2, "1k")
    inverter = library.cell("sg13g2_inv_1")
    assert (inverter.area_um2, inverter.leakage_w) == (5.4432, pytest.approx(63.0032e-12))
    assert inverter.pins["Y"].timing[0].rise[0].lookup(0.0186, 1.0) == pytest.approx(0.0205647)
    assert not [name for name in library.cells if "_fa" in name or "_ha" in name]


def test_asap7(libraries: dict[str, Library]) -> None:
    library = load(libraries, "asap7")
    assert (library.voltage_v, library.default_wire_load) == (0.7, None)
    inverter = library.cell("INVx1_ASAP7_75t_R")
    assert (inverter.area_um2, inverter.leakage_w) == (0.04374, pytest.approx(51.1588e-12))
    assert inverter.pins["A"].capacitance_ff == 0.619928
    assert inverter.pins["Y"].timing[0].rise[0].lookup(0.005, 2.88) == pytest.approx(0.0155755)  # ps in the file
    assert [round(p.rise.lookup(0.005, 2.88), 9) for p in inverter.pins["Y"].power] == [0.126906e-3]  # VDD alone
    adder = cell_model(library.cell("FAx1_ASAP7_75t_R"))
    total = sum(np.arange(8) >> k & 1 for k in range(3))
    truth = dict(zip(adder.outputs, adder.truth.tolist(), strict=True))
    assert truth["CON"] == (total < 2).astype(int).tolist()
    assert truth["SN"] == (total % 2 == 0).astype(int).tolist()


def test_the_ground_pin_tells_the_same_energy_again() -> None:
    """ASAP7 gives energies at VDD and at VSS: over a rise and a fall they agree, so one of them is the energy."""
    text = b"".join(map(read_bytes, paths("asap7"))).decode()
    body = text[text.index("cell (INVx1_ASAP7_75t_R)") :]
    pattern = r"internal_power.*?related_pg_pin : (V\w\w);.*?values \((.*?)\);.*?values \((.*?)\);"
    blocks = re.findall(pattern, body, re.DOTALL)
    sums = {}
    for pin, rise, fall in blocks[:2]:
        values = [np.array([float(v) for v in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", part)]) for part in (rise, fall)]
        sums[pin] = values[0] + values[1]
    assert set(sums) == {"VDD", "VSS"}
    assert np.abs(sums["VDD"][:28] / sums["VSS"][:28] - 1).max() < 0.12
    assert abs(sums["VDD"][:28].mean() / sums["VSS"][:28].mean() - 1) < 0.02


MAC = """
module top(input clk, input signed [7:0] a, input signed [7:0] w, output reg signed [23:0] y);
  reg signed [7:0] held;
  always @(posedge clk) begin held <= w; y <= y + a * held; end
endmodule
"""
ONE_FILE = ["nangate45", "sky130", "ihp"]


@pytest.mark.skipif(shutil.which("yosys") is None, reason="yosys is not installed")
@pytest.mark.parametrize("name", ONE_FILE)
def test_a_multiply_accumulate_unit_in_each_library(libraries: dict[str, Library], name: str, tmp_path: Path) -> None:
    library = load(libraries, name)
    (tmp_path / "cells.lib").write_bytes(read_bytes(paths(name)[0]))
    (tmp_path / "rtl.v").write_text(MAC)
    script = (
        "read_verilog -sv rtl.v; synth -flatten -top top; dfflibmap -liberty cells.lib; "
        "abc -liberty cells.lib -D 10000; splitnets; opt_clean -purge; rename -enumerate; "
        "write_json top.json; write_verilog -noattr top.v"
    )
    subprocess.run(["yosys", "-q", "-p", script], cwd=tmp_path, check=True, capture_output=True)
    netlist = read_netlist(tmp_path / "top.json", library)
    rng = np.random.default_rng(0)
    a, w = rng.integers(-128, 128, (2, 200))
    inputs = {port: {"a": a, "w": w}.get(port, np.ones(200, dtype=int)) for port in netlist.inputs if port != "clk"}
    held = np.concatenate([[0], w[:-1]])
    expected = np.concatenate([[0], np.cumsum(a[:-1] * held[:-1])]) & 0xFFFFFF
    for glitches in (False, True):
        result = simulate(netlist, library, inputs, glitches=glitches, wire=WireModel("default"))
        np.testing.assert_array_equal(result.outputs["y"].astype(np.int64), expected)
        assert min(result.combinational_pj, result.register_pj, result.clock_pj, result.leakage_w) > 0
    if shutil.which("sta") is None:
        return
    commands = (
        "read_liberty cells.lib\nread_verilog top.v\nlink_design top\nset_delay_calculator lumped_cap\n"
        "create_clock -name c -period 50 [get_ports clk]\nset_input_transition 0.05 [all_inputs]\n"
        "set_input_delay 0 -clock c [all_inputs]\nset_output_delay 0 -clock c [all_outputs]\n"
        "report_checks -digits 6 -format full_clock_expanded\nexit\n"
    )
    (tmp_path / "sta.tcl").write_text(commands)
    run = subprocess.run(["sta", "-exit", "sta.tcl"], cwd=tmp_path, check=True, capture_output=True, text=True)
    arrival = float(re.search(r"([\d.]+)\s+data arrival time", run.stdout)[1])
    setup = -float(re.search(r"(-?[\d.]+)\s+-?[\d.]+\s+library setup", run.stdout)[1])
    timing = static_timing(netlist, library, wire=WireModel("default"), input_slew_ns=0.05, clock_slew_ns=0.0)
    assert timing.delay_ns == pytest.approx(arrival + setup, abs=3e-6)
