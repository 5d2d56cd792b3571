"""Every tool takes every file, every port and parameter is explained, and the gates are those of the text."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from core_cases import BENCH, Case, answers, exhaustive

from hwsim.rtl import CoreParameters, element_sources, sv_folder
from hwsim.rtl.icarus import hex_lines, icarus_model, read_hex, run_tool

needs_verilator = pytest.mark.skipif(shutil.which("verilator") is None, reason="Verilator (verilator) is not installed")
needs_yosys = pytest.mark.skipif(
    shutil.which("yosys") is None or shutil.which("iverilog") is None,
    reason="Yosys (yosys) or iverilog is not installed",
)

CASES = [
    Case("pow2<2>@2^0", "ufixed<4,4>", "fixed<7,4,wrap>"),
    Case("pow2<4>@2^0", "fixed<4,4>", "fixed<6,5,rhu>"),
    Case("shiftcnn<1,4>@2^0", "fixed<3,3>", "fixed<6,4>", "fixed<5,4,rtp>"),
    Case("apot<6>@2^0", "fixed<3,3>", "fixed<6,4>"),
    Case("shiftcnn<2,3>@2^0", "ufixed<2,2>", "ufixed<5,4,rtz,wrap>"),
    Case("fixed<4,4>", "fixed<3,3>", "fixed<6,6>"),
    Case("ufixed<3,3>", "fixed<4,2>", "fixed<5,5,rtz,wrap>"),
    Case("fixed<3,1>", "fixed<3,1>", "fixed<6,2>", "ufixed<4,2,rhu>"),
    Case("float<2,1>", "float<2,1>", "float<3,1>"),
    Case("float<2,1,ftz>", "float<2,1,ftz>", "float<2,2,ftz>", "float<2,1,ftz>"),
    Case("float<2,1,ieee>", "float<2,1,ieee>", "float<2,2,ieee,rtn>", "float<3,1,fn,inf>"),
    Case("float<3,0>", "float<2,0>", "float<4,0>"),
    Case("pow2<4>@2^1", "fixed<3,2>", "float<3,2>"),
]
WIDE = [
    Case("pow2<6>@2^0", "ufixed<8,8>", "fixed<48,20>"),
    Case("int16@2^-8", "int16@2^-8", "fixed<40,24>"),
    Case("shiftcnn<4,3>@2^-1", "fixed<16,4>", "fixed<48,12>"),
    Case("fp32", "fp32", "fp32", "fp32"),
    Case("bf16", "int8@2^-3", "fp32"),
    Case("e5m2@2^-60", "e4m3@2^60", "float<8,0>"),
]
PE_OPTIONS = [
    ("pe_held", {"HELD_ACT": 0, "SHADOW": 0, "GATE_ZERO": 0}),
    ("pe_held", {"HELD_ACT": 1, "SHADOW": 1, "GATE_ZERO": 1}),
    ("pe_os", {"OVERLAP": 0, "GATE_ZERO": 1}),
    ("pe_os", {"OVERLAP": 1, "GATE_ZERO": 0}),
]
DECLARED = re.compile(r"^\s*(input|output|parameter)\b.*", re.MULTILINE)


@needs_verilator
@pytest.mark.parametrize("case", CASES + WIDE, ids=str)
def test_verilator_has_no_complaint_about_a_core(case: Case) -> None:
    for style in (0, 1) if case.parameters.core == "mac_int" else (0,):
        lint("mac_core", case.parameters.as_dict() | {"STYLE": style})


@needs_verilator
@pytest.mark.parametrize(("top", "options"), PE_OPTIONS)
def test_verilator_has_no_complaint_about_an_element(top: str, options: dict[str, int]) -> None:
    lint(top, CoreParameters().as_dict() | options)


def lint(top: str, parameters: dict[str, int]) -> None:
    command = ["verilator", "--lint-only", "-Wall", "-sv", f"-I{sv_folder()}", "--top-module", top]
    command += [f"-G{name}={value}" for name, value in parameters.items()]
    done = subprocess.run([*command, *map(str, element_sources())], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@needs_yosys
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_gates_of_a_core_compute_the_same(case: Case, tmp_path: Path) -> None:
    """Yosys accepts constructs that it then leaves undriven: only the netlist shows it."""
    core = case.parameters.structural()
    top = tmp_path / "core_top.sv"  # parameters below 0 are none that Yosys takes from a command
    top.write_text(
        f"module core_top (input logic [{core.act_bits - 1}:0] act, input logic [{core.weight_bits - 1}:0] weight,\n"
        f"  input logic [{core.acc_bits - 1}:0] sum_in, output logic [{core.acc_bits - 1}:0] sum_out);\n"
        f"  mac_core #({core.defines()}) core (.act(act), .weight(weight), .sum_in(sum_in), .sum_out(sum_out));\n"
        "endmodule\n"
    )
    sources = " ".join(map(str, (*element_sources(), top)))
    script = [
        f"read_verilog -sv -I{sv_folder()} {sources}",
        "hierarchy -check -top core_top",
        "synth -flatten -top core_top -run begin:check",
        "check -assert",
        "write_verilog -noattr netlist.v",
    ]
    run_tool(["yosys", "-q", "-p", "; ".join(script)], tmp_path, 120.0)
    netlist = (tmp_path / "netlist.v").read_text()
    bench = tmp_path / "bench.sv"
    bench.write_text(BENCH.read_text().replace("mac_core #(`MAC_PASS) core", "core_top core"))
    assert "`MAC_PASS" not in bench.read_text()
    vectors = exhaustive(case)[::3]
    wanted = answers(case, tuple(vectors))
    vectors = [v for v, code in zip(vectors, wanted, strict=True) if code is not None]
    lines = [(a << (core.weight_bits + core.acc_bits)) | (w << core.acc_bits) | s for a, w, s in vectors]
    text = hex_lines(lines, core.act_bits + core.weight_bits + core.acc_bits)
    parameters = core.as_dict() | {"COUNT": len(vectors)}
    with icarus_model([tmp_path / "netlist.v", bench], "core_bench", parameters) as model:
        got = read_hex(model.run({"vectors.hex": text}, ["results.hex"]).files["results.hex"])
    assert got == [code for code in wanted if code is not None]
    assert "always" not in netlist  # a latch would show here


@pytest.mark.parametrize("path", sorted(sv_folder().glob("*.sv")), ids=lambda path: path.name)
def test_every_port_and_parameter_has_a_comment(path: Path) -> None:
    header = path.read_text().partition(");\n")[0]
    declared = [match.group() for match in DECLARED.finditer(header)]
    silent = [line.strip() for line in declared if "//" not in line]
    assert declared
    assert not [line for line in silent if not re.search(r"\b(clk|rst)\b", line)]


@pytest.mark.parametrize("path", sorted(sv_folder().glob("*.sv*")), ids=lambda path: path.name)
def test_files_say_what_they_are_and_lines_are_short(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0].startswith("// ")
    assert max(map(len, lines)) <= 125
    assert not [line for line in lines if line != line.rstrip() or "\t" in line]


def test_one_module_a_file_named_after_it() -> None:
    for path in sv_folder().glob("*.sv"):
        assert re.findall(r"^module (\w+)", path.read_text(), flags=re.MULTILINE) == [path.stem]
