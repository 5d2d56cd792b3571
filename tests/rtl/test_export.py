"""The exported design simulates, synthesises and notices what is wrong with it, as written."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from hwsim.array import parse_machine
from hwsim.cli import main
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.rtl import RtlError
from hwsim.rtl.cases import LayerCase, layer_cases
from hwsim.rtl.export import ExportedDesign, export_design, gates_zero
from models import load_data, load_network

needs_simulator = pytest.mark.skipif(
    shutil.which("iverilog") is None or shutil.which("make") is None,
    reason="Icarus Verilog (iverilog) or make is not installed",
)
needs_yosys = pytest.mark.skipif(shutil.which("yosys") is None, reason="Yosys (yosys) is not installed")
needs_verilator = pytest.mark.skipif(shutil.which("verilator") is None, reason="Verilator (verilator) is not installed")

POW2 = ("pow2<4>", "fixed<8,4>", "fixed<16,8>", None)
APOT = ("apot<5>", "ufixed<6,3>", "fixed<16,8,rtz>", None)
INT8 = ("int8", "int8", "fixed<20,8>", None)
ROUNDED = ("int6", "fixed<8,4>", "fixed<14,6,wrap>", "fixed<10,4,rhu>")
FLOAT = ("e4m3", "e4m3", "float<5,6>", None)
DESIGNS = [
    ("3x4-ws", POW2),
    ("4x3-ws,shadow", INT8),
    ("3x2-ws,outreg,nogating", FLOAT),
    ("2x5-is", APOT),
    ("4x3-is,shadow", ROUNDED),
    ("3x4-os", POW2),
    ("5x2-os,overlap", INT8),
    ("2x3-os,direct", APOT),
    ("3x2-os,overlap,outreg", ROUNDED),
    ("2x3-os", FLOAT),
]
SYNTHESISED = [
    ("2x3-ws", POW2),
    ("2x2-is,shadow", ROUNDED),
    ("2x2-os,overlap", INT8),
    ("2x1-ws", FLOAT),
    ("1x2-os", APOT),
]


@cache
def layer(formats: tuple[str, str, str, str | None], macs: int = 4000) -> LayerCase:
    roles = LayerFormats.from_dict(dict(zip(("weights", "acts", "acc", "product"), formats, strict=True)))
    network, images = load_network("digits-cnn"), load_data("digits", "test").subset(1).images
    calibration = load_data("digits", "calibration").images
    return next(layer_cases(network, Assignment(roles), images, calibration, macs=macs, layers=["conv1"]))


def design(folder: Path, machine: str, formats: tuple[str, str, str, str | None], macs: int = 4000) -> ExportedDesign:
    return export_design(folder / "design", parse_machine(machine), layer(formats, macs), "digits-cnn")


def make(made: ExportedDesign, *targets: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "-s", *targets], cwd=made.folder, capture_output=True, text=True, timeout=300)


@needs_simulator
@pytest.mark.parametrize(("machine", "formats"), DESIGNS)
def test_it_simulates_and_every_flipped_bit_is_noticed(machine: str, formats: tuple, tmp_path: Path) -> None:
    made = design(tmp_path, machine, formats)
    passed = make(made, "sim")
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert f"PASS: {made.outputs} outputs equal in every bit, {made.cycles} cycles as predicted" in passed.stdout
    assert made.outputs == layer(formats).expected.size
    flip_first_output(made)
    failed = make(made, "sim")
    assert failed.returncode != 0
    assert f"FAIL: 1 of {made.outputs} outputs differ" in failed.stdout


def flip_first_output(made: ExportedDesign) -> None:
    """Flip the lowest bit of the first word that is an output."""
    checked = (made.folder / "vectors/checked.hex").read_text().split()
    line = next(i for i, flags in enumerate(checked) if int(flags, 16))
    port = (int(checked[line], 16) & -int(checked[line], 16)).bit_length() - 1
    path = made.folder / "vectors/expected.hex"
    words = path.read_text().split()
    words[line] = f"{int(words[line], 16) ^ (1 << (port * made.core.acc_bits)):x}"
    path.write_text("\n".join(words) + "\n")


@needs_simulator
@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("design.svh", r"(DESIGN_CYCLES) (\d+)", r"\1 1\2", "FAIL: 0 of"),
        ("design.svh", r"(DESIGN_OUTPUTS) (\d+)", r"\1 1\2", "FAIL: 0 of"),
        ("hwsim_array.sv", r"\.OUTREG\(0\)", ".OUTREG(1)", "FAIL: 0 of"),
        ("hwsim_array.sv", r"\.SHIFTS\(4\)", ".SHIFTS(3)", "outputs differ"),
        ("hwsim_array.sv", r"\.SATURATE\(1\)", ".SATURATE(1), .ACC_SIGNED(0)", ""),
        ("vectors/drive.txt", r"\n.*\n$", "\n", ""),
    ],
)
def test_what_is_wrong_elsewhere_is_noticed(file: str, old: str, new: str, said: str, tmp_path: Path) -> None:
    made = design(tmp_path, "3x4-ws", POW2)
    path = made.folder / file
    text = path.read_text()
    assert re.search(old, text)
    if file == "vectors/drive.txt":
        new = text[: len(text) // 2]
        path.write_text(new[: new.rindex("\n") + 1])
    else:
        path.write_text(re.sub(old, new, text))
    failed = make(made, "sim")
    assert failed.returncode != 0
    assert said in failed.stdout


@needs_simulator
@pytest.mark.parametrize("seed", range(6))
def test_random_machines_and_formats(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    flow = draw.choice(["ws", "is", "os"])
    flags = [flag for flag in ("overlap" if flow == "os" else "shadow", "outreg", "nogating") if draw.random() < 0.4]
    machine = ",".join([f"{draw.randint(1, 6)}x{draw.randint(1, 6)}-{flow}", *flags])
    rounding, overflow = draw.choice(["", ",rtz", ",rtn", ",rhu", ",rtp"]), draw.choice(["", ",wrap"])
    formats = (
        draw.choice(["pow2<3>", "pow2<5>", "apot<4>", "apot<7>", "shiftcnn<2,3>", "int4", "int8", "fixed<6,2>"]),
        draw.choice(["fixed<8,4>", "ufixed<6,2>", "int8", "uint5"]),
        f"fixed<{draw.randint(10, 26)},{draw.randint(6, 10)}{rounding}{overflow}>",
        draw.choice([None, f"fixed<10,5{rounding}>"]),
    )
    made = design(tmp_path, machine, formats, draw.choice([500, 3000]))
    done = make(made, "sim", f"STYLE={draw.randint(0, 1)}")
    assert f"PASS: {made.outputs} outputs" in done.stdout, f"{machine} {formats}: {done.stdout}{done.stderr}"


@needs_simulator
def test_the_synthesised_style_gives_the_same(tmp_path: Path) -> None:
    made = design(tmp_path, "2x3-ws", INT8)
    assert "PASS" in make(made, "sim", "STYLE=1").stdout


@needs_simulator
@needs_yosys
@pytest.mark.parametrize(("machine", "formats"), SYNTHESISED)
def test_its_gates_give_the_same(machine: str, formats: tuple, tmp_path: Path) -> None:
    made = design(tmp_path, machine, formats, 600)
    synthesised = make(made, "synth")
    assert synthesised.returncode == 0, synthesised.stdout + synthesised.stderr
    assert "hwsim_array" in synthesised.stdout
    gates = make(made, "gates")
    assert gates.returncode == 0, gates.stdout + gates.stderr
    assert f"PASS: {made.outputs} outputs equal" in gates.stdout


@needs_verilator
@pytest.mark.parametrize(("machine", "formats"), DESIGNS[::2])
def test_verilator_finds_nothing_to_say(machine: str, formats: tuple, tmp_path: Path) -> None:
    made = design(tmp_path, machine, formats)
    linted = make(made, "lint")
    assert linted.returncode == 0, linted.stderr


def test_zero_gating_is_left_out_where_zero_times_a_code_is_not_zero() -> None:
    gated = parse_machine("2x2-ws")
    assert gates_zero(gated, layer(POW2))
    assert not gates_zero(parse_machine("2x2-ws,nogating"), layer(POW2))
    assert not gates_zero(gated, layer(FLOAT))  # e4m3 has a NaN


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "design").mkdir()
    (tmp_path / "design" / "mine.txt").write_text("mine")
    with pytest.raises(RtlError, match="not an empty folder"):
        design(tmp_path, "2x2-ws", POW2)
    assert [path.name for path in (tmp_path / "design").iterdir()] == ["mine.txt"]


def test_an_array_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RtlError, match="at most 65536"):
        design(tmp_path, "512x512-ws", POW2)


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"
    formats = ["--weights", "pow2<4>", "--acts", "fixed<8,4>", "--acc", "fixed<16,8>"]
    arguments = ["--machine", "2x3-os", "--layer", "conv2", "--macs", "2000", "-o", str(folder)]
    assert main(["rtl", *formats, *arguments]) == 0
    assert "layer conv2" in capsys.readouterr().out
    readme = (folder / "README.md").read_text()
    assert all(word in readme for word in ("2x3-os", "pow2<4>", "conv2", "make sim", "make synth"))
    assert "$" not in readme
    assert main(["rtl", *formats, *arguments]) == 2
    assert main(["rtl", "--all", "mxfp8e4m3", "-o", str(tmp_path / "other")]) == 2
    assert not (tmp_path / "other").exists()
