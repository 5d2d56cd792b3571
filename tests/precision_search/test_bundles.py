"""Configurations that share work travel together; nothing else about a sweep changes."""

import os
from pathlib import Path

import pandas as pd
import pytest
from fake_engine import FakeEngine

from precision_search.bundles import MOST, bundles
from precision_search.evaluate import Item, evaluate
from precision_search.pool import run_bundles
from precision_search.results import Results
from precision_search.runner import plan, run
from precision_search.space import Same, Space

VOLATILE = ["numerics_wall_s", "hardware_wall_s", "stored_at", "code_version"]


def space(*formats: str) -> Space:
    return Space("s", "net", (Same(formats),), ("2x2-ws", "8x8-os"), ("t1",))


def items(engine: FakeEngine, *formats: str) -> list[Item]:
    tasks = plan(Space("s", "net", (Same(formats),), ("2x2-ws",), ("t1",)), engine.open())
    return [Item(engine, (task,)) for task in tasks]


@pytest.mark.parametrize("jobs", [1, 2])
def test_bundles_cover_everything_in_order_share_a_prefix_and_are_bounded(jobs: int) -> None:
    engine = FakeEngine(bundles="yes")
    work = items(engine, "float<1,{1..100}>", "float<{2..9},{1..10}>")
    found = bundles(work, engine.open(), jobs)
    assert [item for bundle in found for item in bundle] == work
    assert max(map(len, found)) <= min(MOST, len(work) // (4 * jobs))
    firsts = [{item.tasks[0].configuration.formats.weights.partition(",")[0] for item in bundle} for bundle in found]
    assert all(len(first) == 1 for first in firsts)
    assert len(found) < len(work) / 5


def test_what_shares_nothing_travels_alone() -> None:
    engine = FakeEngine()
    work = items(engine, "float<{1..9},{1..9}>")
    assert bundles(work, engine.open(), 2) == tuple((item,) for item in work)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("kind", ["yes", "fragile"])
def test_the_table_is_the_same_with_and_without_bundles(tmp_path: Path, jobs: int, kind: str) -> None:
    formats = ("float<{1..3},{1..30}>", "boom<2>", "nan<2>", "huge<3>")
    tables = []
    for bundled in ("", kind):
        engine = FakeEngine(str(tmp_path), bundles=bundled)
        store = tmp_path / f"{bundled}.sqlite"
        result = run(space(*formats), store, engine, jobs=jobs)
        assert result.progress.failed == 6
        tables.append(Results(store, result.keys).frame().drop(columns=VOLATILE))
    pd.testing.assert_frame_equal(*tables)
    assert " bundle " in (tmp_path / "trace.txt").read_text()


def test_a_bundle_that_kills_its_worker_is_run_one_by_one(tmp_path: Path) -> None:
    engine = FakeEngine(str(tmp_path), driver=os.getpid(), bundles="yes")
    formats = ("float<1,{1..30}>", "kill<1>", "float<2,{1..30}>", "once<2>")
    result = run(space(*formats), tmp_path / "a.sqlite", engine, jobs=2)
    frame = Results(tmp_path / "a.sqlite", result.keys).frame()
    killers = frame["weights"].str.startswith("kill")
    assert len(frame) == 2 * 62
    assert (frame.loc[killers, "error_type"] == "WorkerCrash").all()
    assert (frame.loc[~killers, "status"] == "ok").all()


def test_a_resumed_sweep_bundles_what_is_left(tmp_path: Path) -> None:
    engine = FakeEngine(str(tmp_path), bundles="yes")
    run(space("float<1,{1..10}>"), tmp_path / "a.sqlite", engine)
    before = (tmp_path / "trace.txt").read_text().count(" numerics ")
    result = run(space("float<1,{1..30}>"), tmp_path / "a.sqlite", engine)
    assert (result.progress.stored, result.progress.done) == (20, 40)
    assert (tmp_path / "trace.txt").read_text().count(" numerics ") - before == 20


def test_outcomes_carry_what_was_computed() -> None:
    engine = FakeEngine(bundles="yes")
    bundle = tuple(items(engine, "float<1,{1..4}>"))
    found = list(run_bundles([bundle], 1, evaluate))
    assert [outcome.computed_macs for outcome in found] == [1000] * 4
    assert [outcome.key for outcome in found] == [item.key for item in bundle]
