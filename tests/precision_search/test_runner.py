import dataclasses
from pathlib import Path

import pytest
from fake_engine import FakeEngine, FakeSession

from hwsim.errors import FormatError, NetworkError
from precision_search import Results, sweep
from precision_search.errors import SpaceError, StoreError
from precision_search.evaluate import failure_of
from precision_search.records import NumericsRecord, Status
from precision_search.runner import Progress, run
from precision_search.space import Same, Space
from precision_search.task import Configuration

SPACE = Space("s", "net", (Same(("float<{1..3},{1..3}>", "boom<1>")),), ("2x2-ws",), ("t1",))


def traced(folder: Path) -> dict[str, int]:
    words = [line.split()[1] for line in (folder / "trace.txt").read_text().splitlines()]
    return {word: words.count(word) for word in set(words)}


@pytest.fixture
def engine(tmp_path: Path) -> FakeEngine:
    return FakeEngine(str(tmp_path))


def test_a_sweep_gives_its_results_in_the_order_of_the_space(tmp_path: Path, engine: FakeEngine) -> None:
    frame = sweep(SPACE, tmp_path / "a.sqlite", engine=engine).frame()
    assert frame["weights"].tolist() == [c.formats.weights for c in SPACE.configurations(FakeEngine().open())]
    assert frame["status"].tolist() == ["ok"] * 9 + ["error"]


def test_the_second_run_does_nothing(tmp_path: Path, engine: FakeEngine) -> None:
    first = run(SPACE, tmp_path / "a.sqlite", engine)
    before = traced(tmp_path)
    second = run(SPACE, tmp_path / "a.sqlite", engine)
    assert traced(tmp_path) == before
    assert (first.progress.done, first.progress.stored, first.progress.failed) == (10, 0, 1)
    assert (second.progress.done, second.progress.stored) == (0, 10)
    assert first.keys == second.keys


def test_a_new_machine_or_table_is_priced_without_inference(tmp_path: Path, engine: FakeEngine) -> None:
    run(SPACE, tmp_path / "a.sqlite", engine)
    before = traced(tmp_path)["numerics"]
    more = dataclasses.replace(SPACE, machines=("2x2-ws", "8x8-os"), tables=("t1", "t2"))
    result = run(more, tmp_path / "a.sqlite", engine)
    assert traced(tmp_path)["numerics"] == before
    assert (result.progress.total, result.progress.stored, result.progress.done) == (40, 10, 30)
    whole = sweep(more, tmp_path / "b.sqlite", engine=engine).frame()
    resumed = Results(tmp_path / "a.sqlite", result.keys).frame()
    columns = ["weights", "machine", "price_table", "status", "correct", "cycles", "energy_pj", "power_w"]
    assert resumed[columns].equals(whole[columns])


def test_changed_prices_or_simulator_are_priced_again_and_shown_alone(tmp_path: Path, engine: FakeEngine) -> None:
    store = tmp_path / "a.sqlite"
    run(SPACE, store, engine)
    before = traced(tmp_path)["numerics"]
    for change in ({"table_hash": "new"}, {"simulator": "2"}):
        changed = dataclasses.replace(engine, **change)
        assert run(SPACE, store, changed).progress.done == 10
        assert traced(tmp_path)["numerics"] == before
        assert len(Results(store).frame()) == 10, "rows of an older generation are mixed in"


def test_changed_kernels_are_run_again(tmp_path: Path, engine: FakeEngine) -> None:
    run(SPACE, tmp_path / "a.sqlite", engine)
    assert run(SPACE, tmp_path / "a.sqlite", dataclasses.replace(engine, kernels="2")).progress.done == 10
    assert traced(tmp_path)["numerics"] == 20


def test_failures_stay_until_a_retry_is_asked_for(tmp_path: Path, engine: FakeEngine) -> None:
    run(SPACE, tmp_path / "a.sqlite", engine)
    retried = run(SPACE, tmp_path / "a.sqlite", engine, retry=True)
    assert (retried.progress.done, retried.progress.failed) == (1, 1)
    assert traced(tmp_path)["numerics"] == 11


def test_one_inference_serves_all_machines(tmp_path: Path, engine: FakeEngine) -> None:
    run(dataclasses.replace(SPACE, machines=("2x2-ws", "4x4-ws", "8x8-os")), tmp_path / "a.sqlite", engine)
    assert traced(tmp_path)["numerics"] == 10


def test_progress_is_told_in_order_and_ends_complete(tmp_path: Path, engine: FakeEngine) -> None:
    seen: list[Progress] = []
    result = run(SPACE, tmp_path / "a.sqlite", engine, listener=seen.append)
    stages = list(dict.fromkeys(progress.stage.split()[0] for progress in seen))
    assert stages == ["loading", "planned:", "classifying", "compiling", "sweeping"]
    assert [progress.done for progress in seen[-11:]] == list(range(11))
    assert seen[-1] == result.progress
    assert result.progress.images == 900
    assert result.progress.macs == 900_000


def test_the_baseline_is_stored_once(tmp_path: Path, engine: FakeEngine) -> None:
    results = sweep(SPACE, tmp_path / "a.sqlite", engine=engine)
    assert results.baseline(results.frame()) == (98, 100)


@pytest.mark.parametrize(
    ("change", "error"),
    [({"network": "nte"}, NetworkError), ({"grids": ()}, SpaceError), ({"machines": ("x",)}, SpaceError)],
)
def test_what_concerns_the_whole_sweep_is_raised_before_a_file_is_made(
    tmp_path: Path, engine: FakeEngine, change: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        run(dataclasses.replace(SPACE, **change), tmp_path / "a.sqlite", engine)  # type: ignore[arg-type]
    assert not (tmp_path / "a.sqlite").exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_store_fault_ends_the_sweep_and_keeps_what_is_stored(
    tmp_path: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    from precision_search.store import Store

    add, count = Store.add, iter(range(100))

    def failing(self: Store, outcome: object) -> None:
        if next(count) == 4:
            raise StoreError("no space left")
        add(self, outcome)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "add", failing)
    with pytest.raises(StoreError, match="no space left"):
        run(SPACE, tmp_path / "a.sqlite", engine, jobs=jobs)
    monkeypatch.undo()
    result = run(SPACE, tmp_path / "a.sqlite", engine, jobs=jobs)
    assert (result.progress.stored, result.progress.done) == (4, 6)


def test_a_warm_up_that_fails_leaves_the_error_to_the_row(
    tmp_path: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: FakeSession, configuration: Configuration) -> None:
        raise FormatError("cannot")

    monkeypatch.setattr(FakeSession, "warm_up", refuse)
    assert run(SPACE, tmp_path / "a.sqlite", engine).progress.done == 10


def test_interrupts_are_not_swallowed(tmp_path: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: FakeSession, *arguments: object) -> NumericsRecord:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeSession, "numerics", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(SPACE, tmp_path / "a.sqlite", engine)
    monkeypatch.undo()
    assert run(SPACE, tmp_path / "a.sqlite", engine).progress.done == 10


def test_formats_that_cannot_be_used_are_infeasible() -> None:
    assert failure_of(FormatError("no")).status is Status.INFEASIBLE
    assert failure_of(MemoryError()).message == "MemoryError()"
