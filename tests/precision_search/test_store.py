import contextlib
import dataclasses
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_engine import FakeEngine

from precision_search.errors import StoreError
from precision_search.evaluate import Item, Outcome, evaluate
from precision_search.records import Failure, NumericsRecord, Status, unpack_mask
from precision_search.results import Results
from precision_search.runner import plan
from precision_search.schema import APPLICATION_ID, SCHEMA_VERSION
from precision_search.space import Same, Space
from precision_search.store import Store
from precision_search.task import Task

SPACE = Space("s", "net", (Same(("float<{1..3},{1..3}>", "boom<1>", "nan<1>", "huge<2>")),), ("2x2-ws",), ("t1",))


def outcomes() -> Iterator[Outcome]:
    engine = FakeEngine()
    for task in plan(SPACE, engine.open()):
        yield from evaluate((Item(engine, (task,)),))


def filled(path: Path) -> Path:
    with Store(path, "test") as store:
        for outcome in outcomes():
            store.add(outcome)
    return path


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def first_good() -> tuple[Task, Outcome]:
    outcome = next(outcomes())
    return outcome.tasks[0], outcome


def test_what_was_stored_comes_back(tmp_path: Path) -> None:
    task, outcome = first_good()
    with Store(tmp_path / "a.sqlite", "test") as store:
        store.add(outcome)
        assert store.numerics(task.numerics_key) == outcome.numerics
        assert store.numerics("unknown") is None
        assert store.hardware_statuses() == {task.hardware_key: Status.OK}
    assert isinstance(outcome.numerics, NumericsRecord)
    mask = Results(tmp_path / "a.sqlite").masks([task.numerics_key])
    assert mask.tolist() == [unpack_mask(outcome.numerics.mask, outcome.numerics.total).tolist()]


def test_each_failure_is_a_row_with_its_status_and_reason(tmp_path: Path) -> None:
    path = filled(tmp_path / "a.sqlite")
    found = rows(path, "SELECT weights, h.status, h.error FROM hardware h JOIN numerics USING (numerics_key)")
    failures = {name: (status, error) for name, status, error in found if status != "ok"}
    assert failures["boom<1>"] == ("error", "a fault in the middle")
    assert failures["nan<1>"][0] == "nan"
    assert "energy_total_pj" in str(failures["nan<1>"][1])
    assert failures["huge<2>"][0] == "infeasible"
    assert "use a wider machine" in str(failures["huge<2>"][1])
    assert len(found) == 12


def test_no_metric_is_null_where_the_status_is_ok(tmp_path: Path) -> None:
    path = filled(tmp_path / "a.sqlite")
    nulls = "correct IS NULL OR cycles IS NULL OR runtime_s IS NULL OR power_w IS NULL OR area_um2 IS NULL"
    query = f"SELECT count(*) FROM hardware h JOIN numerics n USING (numerics_key) WHERE h.status = 'ok' AND ({nulls})"
    assert rows(path, query) == [(0,)]


def test_the_schema_itself_refuses_a_nan_in_an_ok_row(tmp_path: Path) -> None:
    task, outcome = first_good()
    bad = dataclasses.replace(outcome.hardware[0], power_w=float("nan"))  # type: ignore[type-var]
    with Store(tmp_path / "a.sqlite", "test") as store:
        with pytest.raises(StoreError, match="CHECK"):
            store.add(dataclasses.replace(outcome, hardware=(bad,)))
        assert store.hardware_statuses() == {}
        assert store.numerics(task.numerics_key) is None, "the inference of a refused outcome was kept: a half row"


def test_a_retry_replaces_a_failure(tmp_path: Path) -> None:
    task, outcome = first_good()
    failure = Failure(Status.ERROR, "E", "once")
    with Store(tmp_path / "a.sqlite", "test") as store:
        store.add(dataclasses.replace(outcome, numerics=failure, hardware=(failure,)))
        assert store.numerics(task.numerics_key) == failure
        store.add(outcome)
        assert store.numerics(task.numerics_key) == outcome.numerics
    assert rows(tmp_path / "a.sqlite", "SELECT status, error, error_type FROM numerics") == [("ok", None, None)]


def test_readers_see_finished_rows_while_a_writer_is_open(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with Store(path, "test") as store:
        for number, outcome in enumerate(outcomes(), start=1):
            store.add(outcome)
            assert len(Results(path).frame()) == number


def test_a_second_writer_is_refused_and_told_who_is_first(tmp_path: Path) -> None:
    with Store(tmp_path / "a.sqlite", "test"):
        with pytest.raises(StoreError, match=f"being written by process {os.getpid()} on"):
            Store(tmp_path / "a.sqlite", "test")
        Store(tmp_path / "b.sqlite", "test").close()
    Store(tmp_path / "a.sqlite", "test").close()


def test_a_disk_that_fills_up_loses_nothing_finished(tmp_path: Path) -> None:
    path = filled(tmp_path / "a.sqlite")
    before = Results(path).frame()
    pages = rows(path, "PRAGMA page_count")[0][0]
    other = dataclasses.replace(SPACE, grids=(Same(("float<{4..9},{1..9}>",)),))
    engine = FakeEngine()
    stored = 0
    with Store(path, "test") as store:
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match=r"full.*free some and run the same command again"):  # noqa: PT012
            for task in plan(other, engine.open()):
                store.add(*evaluate((Item(engine, (task,)),)))
                stored += 1
    after = Results(path).frame()
    assert len(after) == len(before) + stored
    assert set(before["hardware_key"]) <= set(after["hardware_key"])
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []


@pytest.mark.parametrize("open_it", [lambda path: Store(path, "test"), lambda path: Results(path).frame()])
class TestWhatIsNotAStore:
    """Each fault, for writers and for readers: one StoreError, and the file is left as it was."""

    @staticmethod
    def refuses(path: Path, open_it: object, words: str) -> None:
        before = path.read_bytes()
        with pytest.raises(StoreError, match=words) as caught:
            open_it(path)  # type: ignore[operator]
        assert str(path) in str(caught.value)
        assert path.read_bytes() == before
        assert not path.with_name(path.name + "-wal").exists()

    def test_text(self, tmp_path: Path, open_it: object) -> None:
        path = tmp_path / "a.sqlite"
        path.write_text("correct,total\n" * 400)
        self.refuses(path, open_it, "not an SQLite database")

    def test_truncated(self, tmp_path: Path, open_it: object) -> None:
        path = filled(tmp_path / "a.sqlite")
        path.write_bytes(path.read_bytes()[: 4096 * 3])
        self.refuses(path, open_it, "damaged|malformed")

    def test_another_programs_database(self, tmp_path: Path, open_it: object) -> None:
        path = tmp_path / "a.sqlite"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE bookmarks (url TEXT)")
        self.refuses(path, open_it, "not a result store")

    def test_a_newer_schema(self, tmp_path: Path, open_it: object) -> None:
        path = filled(tmp_path / "a.sqlite")
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        self.refuses(path, open_it, f"schema version {SCHEMA_VERSION + 1}.*upgrade hwsim")


def test_a_damaged_page_is_found_before_writing(tmp_path: Path) -> None:
    path = filled(tmp_path / "a.sqlite")
    content = bytearray(path.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 64] = b"\xa5" * 64
    path.write_bytes(bytes(content))
    with pytest.raises(StoreError, match=r"damaged|malformed"):
        Store(path, "test")


def test_readers_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist; make it with"):
        Results(tmp_path / "none.sqlite").frame()
    (tmp_path / "empty.sqlite").touch()
    with pytest.raises(StoreError, match="is empty"):
        Results(tmp_path / "empty.sqlite").frame()


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "empty.sqlite").touch()
    filled(tmp_path / "empty.sqlite")
    assert rows(tmp_path / "empty.sqlite", "PRAGMA application_id") == [(APPLICATION_ID,)]


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="choose a writable place"):
        Store(tmp_path / "file" / "a.sqlite", "test")


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Permissions do not bind root: become nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_folder_can_be_read_and_says_so_when_written() -> None:
    with tempfile.TemporaryDirectory(prefix="hwsim-read-only-") as name:
        folder = Path(name)
        store = filled(folder / "a.sqlite")
        (folder / "a.sqlite.lock").unlink()
        Results(store).frame()  # imports pandas while we may
        store.chmod(0o444)
        folder.chmod(0o555)
        with unprivileged():
            assert len(Results(store).frame()) == 12
            for place in (store, folder / "new.sqlite", folder / "new" / "a.sqlite"):
                with pytest.raises(StoreError, match="choose a writable place"):
                    Store(place, "test")
        folder.chmod(0o755)


def test_readers_leave_no_files_behind(tmp_path: Path) -> None:
    path = filled(tmp_path / "a.sqlite")
    Results(path).frame()
    assert {file.name for file in tmp_path.iterdir()} == {"a.sqlite", "a.sqlite.lock"}
