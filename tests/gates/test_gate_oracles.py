"""Whole netlists against tools that others wrote: Icarus Verilog for toggles, OpenSTA for delays."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from gate_helpers import TINY, random_inputs, random_netlist, tiny
from gate_verilog import icarus

from hwsim.gates import NetlistError, WireModel, read_netlist, simulate, static_timing
from hwsim.gates.stimulus import to_bits

needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="iverilog is not installed")
needs_yosys = pytest.mark.skipif(shutil.which("yosys") is None, reason="yosys is not installed")
needs_sta = pytest.mark.skipif(shutil.which("sta") is None, reason="OpenSTA (sta) is not installed")

MAC = """
module top(input clk, input signed [3:0] a, input signed [3:0] w, output reg signed [11:0] y);
  reg signed [3:0] held;
  always @(posedge clk) begin held <= w; y <= y + a * held; end
endmodule
"""


def synthesise(folder: Path) -> Path:
    """A multiply-accumulate unit with registers, mapped to the tiny library; top.json and top.v."""
    (folder / "rtl.v").write_text(MAC)
    script = (
        f"read_verilog -sv rtl.v; synth -flatten -top top; dfflibmap -liberty {TINY}; abc -liberty {TINY} -D 10000; "
        "splitnets; opt_clean -purge; rename -enumerate; write_json top.json; write_verilog -noattr top.v"
    )
    subprocess.run(["yosys", "-q", "-p", script], cwd=folder, check=True, capture_output=True)
    return folder / "top.json"


def same_as_icarus(folder: Path, netlist, library, inputs) -> int:
    timing = static_timing(netlist, library, wire=WireModel("default"))
    result = simulate(netlist, library, inputs, timing=timing, per_pin=False, period_ns=0.5, input_delay_ns=0.05)
    nets, bits = to_bits(netlist, inputs)
    toggles, rows = icarus(netlist, timing, bits, nets, folder, 250_000, 50_000)
    np.testing.assert_array_equal(toggles, result.toggles)
    place = 0
    for name, port in netlist.outputs.items():
        weights = 1 << np.arange(len(port), dtype=np.int64)
        np.testing.assert_array_equal(
            rows[:, place : place + len(port)] @ weights, result.outputs[name].astype(np.int64)
        )
        place += len(port)
    return int(result.toggles.sum())


@needs_icarus
@pytest.mark.parametrize("seed", [0, 1])
def test_every_toggle_of_random_gates_as_icarus_counts_it(tmp_path: Path, seed: int) -> None:
    netlist, library = random_netlist(tmp_path, seed, gates=120, registers=0)
    assert same_as_icarus(tmp_path, netlist, library, random_inputs(netlist, seed, 60)) > 2000


@needs_icarus
@needs_yosys
def test_every_toggle_of_a_synthesised_unit_as_icarus_counts_it(tmp_path: Path) -> None:
    library = tiny()
    netlist = read_netlist(synthesise(tmp_path), library)
    rng = np.random.default_rng(0)
    a, w = rng.integers(-8, 8, (2, 100))
    assert same_as_icarus(tmp_path, netlist, library, {"a": a, "w": w}) > 5000
    result = simulate(netlist, library, {"a": a, "w": w})
    # held takes w of the cycle before, y the product of the cycle before: cycle 0 only rests.
    held = np.concatenate([[0], w[:-1]])
    expected = np.concatenate([[0], np.cumsum(a[:-1] * held[:-1])]) & 0xFFF
    np.testing.assert_array_equal(result.outputs["y"].astype(np.int64), expected)


@needs_yosys
def test_a_netlist_that_is_not_mapped_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rtl.v").write_text(MAC)
    script = "read_verilog -sv rtl.v; synth -flatten -top top; write_json raw.json"
    subprocess.run(["yosys", "-q", "-p", script], cwd=tmp_path, check=True, capture_output=True)
    with pytest.raises(NetlistError, match=r"cells of type \$_\w+_, which the library tiny does not have"):
        read_netlist(tmp_path / "raw.json", tiny())


@needs_sta
@needs_yosys
@pytest.mark.parametrize("slew", [0.0, 0.03, 0.3])
def test_the_longest_path_is_that_of_opensta(tmp_path: Path, slew: float) -> None:
    """OpenSTA with lumped capacitances, which is this model: equal to its printed digits, wire load table included."""
    library = tiny()
    netlist = read_netlist(synthesise(tmp_path), library)
    commands = f"""read_liberty {TINY}
read_verilog top.v
link_design top
set_delay_calculator lumped_cap
create_clock -name c -period 50 [get_ports clk]
set_input_transition {slew} [all_inputs]
set_input_delay 0 -clock c [all_inputs]
set_output_delay 0 -clock c [all_outputs]
set_load 0.002 [all_outputs]
report_checks -digits 6 -format full_clock_expanded
exit
"""
    (tmp_path / "sta.tcl").write_text(commands)
    run = subprocess.run(["sta", "-exit", "sta.tcl"], cwd=tmp_path, check=True, capture_output=True, text=True)
    arrival = float(re.search(r"([\d.]+)\s+data arrival time", run.stdout)[1])
    setup = -float(re.search(r"(-?[\d.]+)\s+-?[\d.]+\s+library setup", run.stdout)[1])
    timing = static_timing(
        netlist, library, wire=WireModel("default"), input_slew_ns=slew, clock_slew_ns=0.0, output_load_ff=2.0
    )
    assert timing.delay_ns == pytest.approx(arrival + setup, abs=3e-6)
