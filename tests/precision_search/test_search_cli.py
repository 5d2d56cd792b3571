import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fake_engine import FakeEngine

from precision_search import hwsim_engine
from precision_search.cli import main
from precision_search.cli_parser import build_parser
from precision_search.cli_space import space_from
from precision_search.errors import SpaceError
from precision_search.progress import ProgressLine
from precision_search.runner import Progress
from precision_search.space import Grid, Same

ROOT = Path(__file__).parents[2]
FORMATS = ["--network", "net", "--machine", "16x16-ws", "--table", "t1", "--all", "float<{1..3},{1..4}>", "boom<1>"]


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Runs use the fake engine, in a folder of their own."""
    monkeypatch.setattr(hwsim_engine, "HwsimEngine", lambda data_root: FakeEngine())
    monkeypatch.chdir(tmp_path)


def swept() -> None:
    assert main(["run", *FORMATS, "--name", "study", "--jobs", "1"]) == 0


def test_a_run_prints_the_frontier_and_says_where_everything_is(capsys: pytest.CaptureFixture[str]) -> None:
    swept()
    out, err = capsys.readouterr()
    assert "13 configurations: 13 evaluated" in out
    assert "(1 without numbers)" in out
    assert "accuracy against average power, prices t1" in out
    paths = re.findall(r"^(database|table|picture|manifest) +(\S+)$", out, re.M)
    assert len(paths) == 5
    assert all(Path(path).stat().st_size > 0 for _, path in paths)
    assert "compiling" in err
    manifest = json.loads(Path("sweeps/study.json").read_text())
    assert manifest["configurations"]["by status"] == {"ok": 12, "error": 1}


def test_the_same_line_again_computes_nothing_and_keeps_the_manifest(capsys: pytest.CaptureFixture[str]) -> None:
    swept()
    manifest = Path("sweeps/study.json").read_text()
    swept()
    assert "13 configurations: 0 evaluated" in capsys.readouterr().out
    assert Path("sweeps/study.json").read_text() == manifest


def test_reading_commands(capsys: pytest.CaptureFixture[str]) -> None:
    swept()
    capsys.readouterr()
    assert main(["frontier", "--cost", "area_um2"]) == 0
    assert "accuracy against area" in capsys.readouterr().out
    assert main(["plot", "--cost", "energy_pj", "-o", "figures/energy.png"]) == 0
    assert Path("figures/energy.svg").exists()
    assert main(["export", "all.csv"]) == 0
    assert main(["export", "all.json"]) == 0
    assert len(json.loads(Path("all.json").read_text())) == 13 == Path("all.csv").read_text().count("\n") - 1
    assert main(["status"]) == 0
    assert "a fault in the middle" in capsys.readouterr().out


def test_the_csv_does_not_depend_on_jobs() -> None:
    def stable(name: str, jobs: str) -> list[list[str]]:
        assert main(["run", *FORMATS, "--name", name, "--jobs", jobs, "--no-plot"]) == 0
        lines = [line.split(",") for line in Path(f"sweeps/{name}.csv").read_text().splitlines()]
        keep = [place for place, column in enumerate(lines[0]) if "wall" not in column and column != "stored_at"]
        return [[line[place] for place in keep] for line in lines]

    assert stable("one", "1") == stable("two", "2")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "none.toml"], "cannot be read"),
        (["run", *FORMATS, "--network", "nte"], "unknown network 'nte'"),
        (["run", *FORMATS, "--acts", "x"], "--weights and --acc missing"),
        (["run", "a.toml", "--all", "x"], "formats come from 'a.toml' and from --all"),
        (["run", *FORMATS, "--all", "flaot<1,2>"], "unknown number format 'flaot<1,2>'"),
        (["run", *FORMATS, "--store", "/proc/nowhere/a.sqlite"], "choose a writable place"),
        (["frontier"], "name the result file with --store"),
        (["status", "--store", "none.sqlite"], "does not exist"),
    ],
)
def test_user_errors_are_one_message_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert words in err
    assert "Traceback" not in err


def test_wrong_endings_and_ambiguous_stores(capsys: pytest.CaptureFixture[str]) -> None:
    swept()
    assert main(["export", "all.xlsx"]) == 2
    assert "'.xlsx'" in capsys.readouterr().err
    assert main(["run", *FORMATS, "--name", "other", "--no-plot", "--jobs", "1"]) == 0
    assert main(["frontier"]) == 2
    assert "study.sqlite" in capsys.readouterr().err


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("precision_search.runner.run", interrupted)
    assert main(["run", *FORMATS]) == 130
    assert "the same line again continues" in capsys.readouterr().err


def test_flags_become_a_space() -> None:
    options = build_parser().parse_args(
        ["run", "--preset", "hill340", "--weights", "w", "--acts", "a", "--acc", "c", "--product", "p", "--images", "9"]
    )
    space = space_from(options)
    assert (space.name, space.network, space.images) == ("digits-cnn-hill340", "digits-cnn", 9)
    assert space.grids[2:] == (Grid(("w",), ("a",), ("c",), ("p",), (None,)),)
    assert space_from(build_parser().parse_args(["run"])).name == "digits-cnn-default"


def test_flags_replace_what_a_file_says() -> None:
    Path("study.toml").write_text('images = 5\nmachines = ["a"]\n[[grid]]\nall = ["f"]\n')
    space = space_from(build_parser().parse_args(["run", "study.toml", "--images", "7", "--machine", "b", "c"]))
    assert (space.name, space.images, space.machines, space.grids) == ("study", 7, ("b", "c"), (Same(("f",)),))
    with pytest.raises(SpaceError):
        space_from(build_parser().parse_args(["run", "study.toml", "--preset", "pow2"]))


class Screen:
    """A terminal that remembers."""

    def __init__(self, terminal: bool) -> None:
        self.text, self._terminal = "", terminal

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        """Nothing is held back."""


@pytest.mark.parametrize(("terminal", "lines"), [(True, 101), (False, 10)])
def test_progress_moves_on_a_terminal_and_is_short_in_a_log(terminal: bool, lines: int) -> None:
    screen = Screen(terminal)
    line = ProgressLine(screen)  # type: ignore[arg-type]
    for done in range(101):
        line(Progress("sweeping", total=100, done=done, elapsed_s=done / 10))
    line.close()
    assert len(re.findall(r"\d+/100", screen.text)) == lines
    assert screen.text.endswith("\n")


def test_importing_the_command_line_is_light() -> None:
    heavy = "[name for name in ('pandas', 'matplotlib', 'joblib', 'torch', 'numba') if name in sys.modules]"
    script = f"import sys, precision_search.cli; sys.exit(' '.join({heavy}) or 0)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    swept()
    script = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); from precision_search.cli import main; "
    )
    script += "sys.exit(main(['status']))"
    command = f'{sys.executable} -c "{script}" | true; test ${{PIPESTATUS[0]}} -eq 0'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_a_negative_number_of_jobs_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *FORMATS, "--jobs", "-3"]) == 2
    assert "--jobs -3" in capsys.readouterr().err
