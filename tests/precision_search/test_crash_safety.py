"""What users trust: any way of stopping a sweep, then the same line again, gives the same table."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from precision_search.results import Results

DRIVE = str(Path(__file__).with_name("drive.py"))
FORMATS = ("float<{1..5},{1..8}>", "boom<1>", "nan<2>")
COUNT = 2 * 42
VOLATILE = ["numerics_wall_s", "hardware_wall_s", "stored_at", "code_version"]


def command(store: Path, jobs: int, sleep_s: float = 0.0, formats: tuple[str, ...] = FORMATS) -> list[str]:
    return [sys.executable, DRIVE, str(store), str(jobs), str(sleep_s), str(store.parent), *formats]


def finish(store: Path, jobs: int, formats: tuple[str, ...] = FORMATS) -> pd.DataFrame:
    subprocess.run(command(store, jobs, formats=formats), check=True, capture_output=True, timeout=60)
    return Results(store).frame().drop(columns=VOLATILE)


def evaluations(store: Path) -> list[str]:
    """Which formats were run, from the traces that the fake engine leaves."""
    lines = (store.parent / "trace.txt").read_text().split("\n")
    return [line.split()[2] for line in lines if " numerics " in line]


def sound(store: Path) -> None:
    with contextlib.closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        orphans = "SELECT count(*) FROM numerics WHERE numerics_key NOT IN (SELECT numerics_key FROM hardware)"
        assert connection.execute(orphans).fetchone() == (0,)


@contextlib.contextmanager
def driving(store: Path, jobs: int, sleep_s: float, until: int) -> Iterator[subprocess.Popen[str]]:
    """A running sweep that has stored at least ``until`` configurations."""
    process = subprocess.Popen(
        command(store, jobs, sleep_s), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if int(line) >= until:
                break
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def children(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(status.parent.name))
    return found


def workers(pid: int) -> list[int]:
    """The pool's processes that evaluate, without its resource tracker."""
    return [child for child in children(pid) if "popen_loky" in Path(f"/proc/{child}/cmdline").read_text()]


def alive(pid: int) -> bool:
    """True unless the process is gone or a zombie that nobody has collected."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return finish(tmp_path_factory.mktemp("whole") / "a.sqlite", jobs=1)


def test_one_job_and_two_jobs_give_the_same_table(tmp_path: Path, expected: pd.DataFrame) -> None:
    assert len(expected) == COUNT
    pd.testing.assert_frame_equal(finish(tmp_path / "a.sqlite", jobs=2), expected)


@pytest.mark.parametrize("jobs", [1, 2])
def test_killing_the_driver_and_starting_again(tmp_path: Path, expected: pd.DataFrame, jobs: int) -> None:
    store = tmp_path / "a.sqlite"
    with driving(store, jobs, 0.03, until=10) as process:
        process.kill()
        process.wait()
        assert 10 <= len(Results(store).frame()) < COUNT
        sound(store)
    before = len(evaluations(store))
    done = len(Results(store).frame()) // 2
    pd.testing.assert_frame_equal(finish(store, jobs), expected)
    assert len(evaluations(store)) - before == 42 - done, "resuming evaluated something that was stored"
    sound(store)


def test_workers_of_a_killed_driver_exit(tmp_path: Path) -> None:
    with driving(tmp_path / "a.sqlite", 2, 0.03, until=8) as process:
        found = workers(process.pid)
        assert len(found) == 2
        process.kill()
        process.wait()
        deadline = time.monotonic() + 20
        while any(map(alive, found)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(map(alive, found)), "orphaned workers are still there"


def test_killing_a_worker_changes_nothing(tmp_path: Path, expected: pd.DataFrame) -> None:
    store = tmp_path / "a.sqlite"
    with driving(store, 2, 0.03, until=8) as process:
        os.kill(workers(process.pid)[0], signal.SIGKILL)
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    pd.testing.assert_frame_equal(Results(store).frame().drop(columns=VOLATILE), expected)


def test_killing_both_workers_changes_nothing(tmp_path: Path, expected: pd.DataFrame) -> None:
    store = tmp_path / "a.sqlite"
    with driving(store, 2, 0.03, until=8) as process:
        for worker in workers(process.pid):
            os.kill(worker, signal.SIGKILL)
        assert process.communicate(timeout=60) is not None
        assert process.returncode == 0
    pd.testing.assert_frame_equal(Results(store).frame().drop(columns=VOLATILE), expected)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_politely_and_starting_again(tmp_path: Path, expected: pd.DataFrame, number: signal.Signals) -> None:
    store = tmp_path / "a.sqlite"
    with driving(store, 2, 0.03, until=8) as process:
        os.killpg(process.pid, number)  # as a terminal does: to driver and workers alike
        _, errors = process.communicate(timeout=60)
        assert process.returncode in (130, -signal.SIGTERM)
        assert "Traceback" not in errors
    sound(store)
    pd.testing.assert_frame_equal(finish(store, 2), expected)


def test_a_format_that_kills_its_worker_is_an_error_row_and_its_neighbours_are_not(tmp_path: Path) -> None:
    formats = ("float<{1..2},{1..3}>", "kill<1>", "once<2>", "float<3,{1..3}>", "kill<2>")
    frame = finish(tmp_path / "a.sqlite", 2, formats)
    killers = frame["weights"].str.startswith("kill")
    assert len(frame) == 2 * 12
    assert (frame.loc[killers, "error_type"] == "WorkerCrash").all()
    assert frame.loc[killers, "error"].str.contains("died 2 times with nothing else running").all()
    assert (frame.loc[~killers, "status"] == "ok").all()
