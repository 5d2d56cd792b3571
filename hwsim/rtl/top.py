"""The top module of an exported array: fixed widths, the parameters of one design, a comment for every port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwsim.array import Dataflow, Machine
from hwsim.rtl.parameters import CoreParameters

Port = tuple[str, str, int, str]  #: direction, name, bits, comment


def top_module(machine: Machine, core: CoreParameters, array: Mapping[str, int], comment: Sequence[str]) -> str:
    """Return the text of ``hwsim_array``: one instance of ``sa_held`` or ``sa_os``.

    Args:
        machine: the array.
        core: parameters of the processing elements.
        array: parameters of the array beside those of the core.
        comment: lines for the head of the file.
    """
    ports = array_ports(machine, core)
    module = "sa_os" if machine.array.dataflow is Dataflow.OUTPUT_STATIONARY else "sa_held"
    values = core.as_dict() | dict(array)
    lines = [f"// {line}" for line in comment]
    lines += [
        "module hwsim_array #(",
        "    parameter integer STYLE = 1  // 1 structural multipliers, 0 behavioural ones",
    ]
    lines += [") (", *_port_lines(ports), ");"]
    lines += [f"  {module} #("]
    given = [f"      .{name}({'STYLE' if name == 'STYLE' else value})" for name, value in values.items()]
    lines += [",\n".join(given), "  ) array ("]
    lines += [",\n".join(f"      .{name}({name})" for _, name, _, _ in ports), "  );", "endmodule"]
    return "\n".join(lines) + "\n"


def array_ports(machine: Machine, core: CoreParameters) -> list[Port]:
    """Return the ports of the array with their widths in bits.

    >>> from hwsim.array import parse_machine
    >>> [(name, bits) for _, name, bits, _ in array_ports(parse_machine("2x3-os"), CoreParameters())][5:]
    [('acts_in', 16), ('weights_in', 12), ('starts_in', 72), ('sums_out', 72), ('valid_out', 3)]
    """
    rows, columns, acc = machine.array.rows, machine.array.columns, core.acc_bits
    control = [("input", "clk", 1, "rising edge"), ("input", "rst", 1, "synchronous, of the control flags only")]
    if machine.array.dataflow is Dataflow.OUTPUT_STATIONARY:
        ports = rows * columns if machine.direct_outputs else columns
        return [
            *control,
            ("input", "valid_in", 1, "operands of one k enter"),
            ("input", "first_in", 1, "they are those of k = 0"),
            ("input", "last_in", 1, "they are those of the last k"),
            ("input", "acts_in", rows * core.act_bits, "activations, row 0 in the lowest bits"),
            ("input", "weights_in", columns * core.weight_bits, "weights, column 0 in the lowest bits"),
            (
                "input",
                "starts_in",
                columns * acc,
                "where sums start (biases), read c cycles after first_in in column c",
            ),
            ("output", "sums_out", ports * acc, "finished sums, port 0 in the lowest bits"),
            ("output", "valid_out", ports, "the port has a sum"),
        ]
    held, moving = held_and_moving(machine, core)
    return [
        *control,
        ("input", "load", 1, "held_in enters the top row, all rows move down; last row of a tile first"),
        ("input", "swap", 1, "with shadow registers: the loaded tile becomes the held one; else ignored"),
        ("input", "held_in", columns * held, "a row of the held tile, column 0 in the lowest bits"),
        ("input", "valid_in", 1, "a vector of moving operands enters"),
        ("input", "moving_in", rows * moving, "its words, row 0 in the lowest bits"),
        ("input", "sums_in", columns * acc, "where its sums start: biases, or partial sums of the tile before"),
        ("output", "sums_out", columns * acc, "sums at the bottom edge, column 0 in the lowest bits"),
        ("output", "valid_out", columns, "sums_out of the column is a sum"),
    ]


def held_and_moving(machine: Machine, core: CoreParameters) -> tuple[int, int]:
    """Return the bits of the operand that stays and of the one that moves (weight- and input-stationary)."""
    if machine.array.dataflow is Dataflow.INPUT_STATIONARY:
        return core.act_bits, core.weight_bits
    return core.weight_bits, core.act_bits


def _port_lines(ports: Sequence[Port]) -> list[str]:
    texts = [
        (f"{way:<6} logic {f'[{bits - 1}:0] {name}' if bits > 1 else name}", note) for way, name, bits, note in ports
    ]
    width = max(len(text) for text, _ in texts)
    last = len(texts) - 1
    return [f"    {text + (',' if i < last else ''):<{width + 1}}  // {note}" for i, (text, note) in enumerate(texts)]
