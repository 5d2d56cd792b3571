"""Faults planted in the text of the arrays: each one must be noticed on a small layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from array_cases import cached_case, needs_icarus, needs_verilator

from hwsim.array import layer_cycles, parse_machine
from hwsim.rtl import sources
from hwsim.rtl.cosim import Cosimulator
from hwsim.rtl.errors import ToolError

#: (what is wrong, file, text, text in its place, machines that must notice)
FAULTS = [
    (
        "skew register of the rows dropped",
        "sa_held",
        ".WIDTH(MOVING_BITS), .LENGTH(r)",
        ".WIDTH(MOVING_BITS), .LENGTH(r / 2)",
        ("ws", "is"),
    ),
    (
        "skew register of the rows dropped",
        "sa_os",
        ".WIDTH(ACT_BITS), .LENGTH(r)",
        ".WIDTH(ACT_BITS), .LENGTH(r / 2)",
        ("os", "os,overlap"),
    ),
    (
        "skew register of the columns dropped",
        "sa_held",
        ".WIDTH(ACC_BITS), .LENGTH(c)",
        ".WIDTH(ACC_BITS), .LENGTH(c / 2)",
        ("ws", "is"),
    ),
    (
        "skew register of the columns dropped",
        "sa_os",
        ".WIDTH(WEIGHT_BITS), .LENGTH(c)",
        ".WIDTH(WEIGHT_BITS), .LENGTH(c / 2)",
        ("os",),
    ),
    (
        "pass register bypassed",
        "pe_held",
        "always_ff @(posedge clk) if (!moving_zero) moving_out <= moving_in;",
        "assign moving_out = moving_in;",
        ("ws", "is"),
    ),
    (
        "swap a cycle early",
        "sa_held",
        ".swap(wave[r+c])",
        ".swap(wave[(r+c > 0) ? r+c-1 : 0])",
        ("ws,shadow", "is,shadow"),
    ),
    (
        "swap a cycle late",
        "sa_held",
        ".swap(wave[r+c])",
        ".swap((r+c < ROWS+COLUMNS-2) ? wave[r+c+1] : wave[r+c])",
        ("ws,shadow", "is,shadow"),
    ),
    ("all swap at once", "sa_held", ".swap(wave[r+c])", ".swap(swap)", ("ws,shadow",)),
    ("swap misses the load of its cycle", "pe_held", "load ? held_in : shadow", "shadow", ("ws,shadow", "is,shadow")),
    (
        "tile upside down",
        "sa_held",
        "moving_in[r*MOVING_BITS+:MOVING_BITS]",
        "moving_in[(ROWS-1-r)*MOVING_BITS+:MOVING_BITS]",
        ("ws", "is"),
    ),
    (
        "columns exchanged",
        "sa_held",
        "held_in[c*HELD_BITS+:HELD_BITS]",
        "held_in[(COLUMNS-1-c)*HELD_BITS+:HELD_BITS]",
        ("ws", "is"),
    ),
    (
        "rows exchanged",
        "sa_os",
        "acts_in[r*ACT_BITS+:ACT_BITS]",
        "acts_in[(ROWS-1-r)*ACT_BITS+:ACT_BITS]",
        ("os", "os,direct"),
    ),
    (
        "rows for columns at the bottom",
        "sa_held",
        "g_row[ROWS-1].g_column[c].sum_below), .out",
        "g_row[(c<ROWS)?c:0].g_column[c].sum_below), .out",
        ("ws", "is"),
    ),
    ("partial sums do not come back", "tb_held", "if (flags[3])", "if (1'b0)", ("ws", "is", "ws,shadow")),
    (
        "sums do not go down",
        "sa_held",
        "assign sum_above  = g_row[r-1].g_column[c].sum_below;",
        "assign sum_above  = {ACC_BITS{1'b0}};",
        ("ws",),
    ),
    (
        "start left out",
        "sa_held",
        "assign sum_above  = g_top[c].word;",
        "assign sum_above  = {ACC_BITS{1'b0}};",
        ("ws", "is"),
    ),
    (
        "drain a cycle early",
        "sa_os",
        "g_row[ROWS-1].g_column[COLUMNS-1].flags_right[0]",
        "g_row[ROWS-1].g_column[COLUMNS-1].flags_left[0]",
        ("os",),
    ),
    (
        "columns drain a cycle early",
        "sa_os",
        "g_row[ROWS-1].g_column[c].flags_right[0] :",
        "g_row[ROWS-1].g_column[c].flags_left[0] :",
        ("os,overlap",),
    ),
    (
        "rows shift once too often",
        "sa_os",
        "assign takes[i] = |leaving[i-1:0];",
        "assign takes[i] = |leaving;",
        ("os,overlap",),
    ),
    (
        "rows shift once too seldom",
        "sa_os",
        "assign takes[i] = |leaving[i-1:0];",
        "assign takes[i] = (i < ROWS - 1) & |leaving[i-1:0];",
        ("os", "os,overlap"),
    ),
    (
        "the last product is not in the drained sum",
        "pe_os",
        "if (finish) drained <= sum_next;",
        "if (finish) drained <= total;",
        ("os,overlap",),
    ),
    ("sums are not started anew", "pe_os", "first_in ? start_in : total", "total", ("os", "os,overlap", "os,direct")),
    (
        "all rows start with the first",
        "sa_os",
        "assign start = g_top[c].bias;",
        "assign start = starts_in[c*ACC_BITS+:ACC_BITS];",
        ("os", "os,overlap"),
    ),
    (
        "output register forgotten",
        "sa_held",
        ".WIDTH(ACC_BITS), .LENGTH(OUTREG)",
        ".WIDTH(ACC_BITS), .LENGTH(0)",
        ("ws,outreg", "is,outreg"),
    ),
    (
        "output register forgotten",
        "sa_os",
        ".WIDTH(ACC_BITS), .LENGTH(OUTREG)",
        ".WIDTH(ACC_BITS), .LENGTH(0)",
        ("os,outreg", "os,outreg,overlap"),
    ),
    ("output register for the sum and its flag", "sa_os", ".LENGTH(OUTREG)", ".LENGTH(OUTREG+1)", ("os",)),
    ("flags wake up undefined", "delay_line", "out <= rst ? {WIDTH{1'b0}} : in;", "out <= in;", ("ws", "is")),
    ("flags wake up undefined", "pe_os", "last_out <= last_in & ~rst;", "last_out <= last_in;", ("os", "os,direct")),
    (
        "one more register on the way of sums and flags",
        "sa_held",
        "valid_lane[ROWS+c+OUTREG]",
        "valid_lane[ROWS+c+OUTREG-1]",
        ("ws", "is"),
    ),
]


#: (M, N, K) of several ragged folds, and where another one shows more.
SIZES = {
    "os,overlap": (7, 6, 2),  # a stream shorter than the rows: the drain registers are in use throughout
    **dict.fromkeys(("ws,shadow", "is,shadow"), (12, 12, 8)),  # longer than the interval: tiles follow at once
}


def passes(
    text: str,
    folder: Path,
    replaced: dict[str, tuple[str, str]],
    engine: str = "icarus",
    size: tuple[int, int, int] | None = None,
) -> bool:
    """Whether a layer gives the right bits in the right time on the changed text."""
    machine, layer = parse_machine(f"3x5-{text}"), cached_case("int", *(size or SIZES.get(text, (7, 6, 8))))
    changed = []
    for source in (*sources.array_sources(), sources.testbench("tb_held"), sources.testbench("tb_os")):
        target = folder / source.name
        content = source.read_text()
        old, new = replaced.get(source.stem, ("", ""))
        assert old in content, f"{source.name} no longer has {old!r}"
        target.write_text(content.replace(old, new) if old else content)
        changed.append(target)
    try:
        with Cosimulator(engine, changed[:-2], testbenches=folder) as simulator:
            result = simulator.run(machine, layer.core, layer.codes)
    except ToolError as error:
        assert "undefined bits" in str(error), error
        return False
    right = np.array_equal(result.outputs, layer.expected)
    return bool(right and result.cycles == layer_cycles(machine, layer.codes.workload).total)


@needs_icarus
@pytest.mark.parametrize("text", sorted({text for fault in FAULTS for text in fault[-1]}))
def test_the_text_as_it_is_passes(text: str, tmp_path: Path) -> None:
    assert passes(text, tmp_path, {})


@needs_icarus
@pytest.mark.parametrize(
    ("file", "old", "new", "machines"), [f[1:] for f in FAULTS], ids=[f"{f[1]}: {f[0]}" for f in FAULTS]
)
def test_planted_fault_in_an_array_is_noticed(
    file: str, old: str, new: str, machines: tuple[str, ...], tmp_path: Path
) -> None:
    assert [text for text in machines if passes(text, tmp_path, {file: (old, new)})] == []


@needs_icarus
def test_a_flag_that_stays_too_long_is_noticed_in_a_layer_of_one_fold(tmp_path: Path) -> None:
    """Nothing comes after the sum too many, and other columns are busy meanwhile: only the count of sums tells."""
    flag = "valid_lane[ROWS+c+OUTREG]"
    fault = flag, f"({flag} | ((c == 0) & valid_lane[ROWS+1+OUTREG]))"
    assert passes("ws", tmp_path, {}, size=(7, 5, 3))
    assert not passes("ws", tmp_path, {"sa_held": fault}, size=(7, 5, 3))


@needs_verilator
@pytest.mark.slow
def test_verilator_notices_what_wakes_up_undefined(tmp_path: Path) -> None:
    """It has no x: registers wake up at random in its place."""
    fault = next((old, new) for what, file, old, new, _ in FAULTS if "wake" in what and file == "delay_line")
    assert not passes("ws", tmp_path, {"delay_line": fault}, "verilator")
