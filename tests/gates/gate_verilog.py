"""A netlist as behavioural Verilog with a delay per output and edge: what Icarus Verilog simulates as the oracle.

Shares with the package the delays and the functions' text; connections, evaluation and event handling are Icarus's.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from hwsim.gates.boolean import Boolean
from hwsim.gates.events import event_delays
from hwsim.gates.netlist import Netlist
from hwsim.gates.slots import delay_slots
from hwsim.gates.timing import Timing


def expression(function: Boolean, names: dict[str, str]) -> str:
    """The function as a constant that its inputs index: one step, where and/or would pulse between their parts."""
    pins = function.names
    if not pins:
        return f"1'b{int(function.table([])[0])}"
    table = "".join(str(int(value)) for value in function.table(pins)[::-1])
    return f"{len(table)}'b{table} >> {{{','.join(names[pin] for pin in reversed(pins))}}}"


def edge_delays(netlist: Netlist, timing: Timing) -> dict[int, tuple[int, int]]:
    """(rise, fall) in ticks by place in output_nets; one per edge and output (per_pin=False)."""
    values = event_delays(netlist, timing, per_pin=False)
    found: dict[int, tuple[int, int]] = {}
    for cell in range(netlist.cells):
        model = netlist.model(cell)
        slots = delay_slots(model).slots
        for output in range(len(model.outputs)):
            pair = []
            for edge in (True, False):
                places = [k for k, slot in enumerate(slots) if (slot.output, slot.output_rises) == (output, edge)]
                pair.append(int(values.values[values.value_start[cell] + 1 + places[0]]) if places else 1)
            found[int(netlist.output_start[cell]) + output] = (pair[0], pair[1])
    return found


def module_text(netlist: Netlist, timing: Timing) -> str:
    delays = edge_delays(netlist, timing)
    lines = ["`timescale 1fs/1fs", "module dut(input clk);"]
    ports = {int(net) for nets in netlist.inputs.values() for net in nets}
    for net in range(netlist.nets):
        initial = {0: " = 1'b0", 1: " = 1'b1"}.get(net, "")
        lines.append(f"{'reg' if net in ports else 'wire'} n{net}{initial};")
    if netlist.clock_net >= 0:
        lines.append(f"always @(clk) n{netlist.clock_net} = clk;")
    for cell in range(netlist.cells):
        model = netlist.model(cell)
        names = {pin: f"n{net}" for pin, net in zip(model.inputs, netlist.cell_inputs(cell), strict=True)}
        register = model.cell.register
        if register is not None:
            names |= {register.state: f"q{cell}", register.inverse: f"(~q{cell})"}
            edge = "posedge" if model.rising else "negedge"
            lines.append(f"reg q{cell} = 0; always @({edge} clk) q{cell} <= {expression(register.next_state, names)};")
        for output, pin in enumerate(model.outputs):
            place = int(netlist.output_start[cell]) + output
            rise, fall = delays[place]
            function = model.cell.pins[pin].function
            assert function is not None
            lines.append(f"assign #({rise},{fall}) n{netlist.output_nets[place]} = {expression(function, names)};")
    lines.append("endmodule")
    return "\n".join(lines) + "\n"


def bench_text(netlist: Netlist, bits: np.ndarray, nets: np.ndarray, period: int, half: int, arrival: int) -> str:
    outputs = [int(net) for nets_ in netlist.outputs.values() for net in nets_]
    cycles, width = bits.shape
    lines = [
        "`timescale 1fs/1fs",
        "module bench; reg clk = 0; dut d(clk);",
        f"reg [{width - 1}:0] stim [0:{cycles - 1}];",
    ]
    lines += [f"integer t{net} = 0; always @(d.n{net}) t{net} = t{net} + 1;" for net in range(2, netlist.nets)]
    lines += ["task drive(input integer k); begin"]
    lines += [f"d.n{net} = stim[k][{place}];" for place, net in enumerate(nets)]
    lines += ["end endtask", "integer k; initial begin", '$readmemb("stim.txt", stim); drive(0);', f"#{period};"]
    lines += [f"t{net} = 0;" for net in range(2, netlist.nets)]
    show = "{" + ",".join(f"d.n{net}" for net in reversed(outputs)) + "}"
    lines += [f'$display("O %b", {show});', f"for (k = 1; k < {cycles}; k = k + 1) begin"]
    early, late = sorted([(arrival, "drive(k);"), (half, "clk = 0;")])
    lines += [f"clk = 1; #{early[0]} {early[1]} #{late[0] - early[0]} {late[1]} #{period - late[0]};"]
    lines += [f'$display("O %b", {show});', "end"]
    lines += [f'$display("T {net} %0d", t{net});' for net in range(2, netlist.nets)]
    return "\n".join([*lines, "$finish; end endmodule", ""])


def icarus(
    netlist: Netlist, timing: Timing, bits: np.ndarray, nets: np.ndarray, folder: Path, half: int, arrival: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return (toggles per net, output bits per cycle) as Icarus Verilog simulates them."""
    period = int(4e6 * max(1.0, timing.delay_ns)) + half + arrival
    (folder / "dut.v").write_text(module_text(netlist, timing))
    (folder / "bench.v").write_text(bench_text(netlist, bits, nets, period, half, arrival))
    (folder / "stim.txt").write_text("\n".join("".join(str(int(b)) for b in row[::-1]) for row in bits) + "\n")
    subprocess.run(["iverilog", "-g2012", "-o", "sim", "dut.v", "bench.v"], cwd=folder, check=True, capture_output=True)
    text = subprocess.run(["vvp", "-n", "sim"], cwd=folder, check=True, capture_output=True, text=True).stdout
    toggles = np.zeros(netlist.nets, dtype=np.int64)
    rows = []
    for line in text.splitlines():
        if line.startswith("T "):
            _, net, count = line.split()
            toggles[int(net)] = int(count)
        elif line.startswith("O "):
            rows.append([int(c) for c in line[2:].strip()[::-1]])
    return toggles, np.array(rows, dtype=np.uint8)
