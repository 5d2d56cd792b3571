"""The studies on INQ: which runs they make, that a stopped one goes on, and that equal runs are made once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.inq import Inq, Pow2
from models.compression.step import Training, Work
from models.compression.studies import cases, inq_partition, inq_schedule
from models.compression.studies.inq_runs import KEY, Case, Row, Subject, run_cases, summary
from models.compression.studies.tables import Table
from models.data import hold_out

pytestmark = pytest.mark.usefixtures("committed")

SUBJECT = Subject(
    cases.Case(
        load_network("digits-cnn"), *hold_out(load_data("digits", "train"), 30), load_data("digits", "test").subset(50)
    ),
    threads=1,
)


def some_cases() -> Iterator[Case]:
    still = Training(epochs=0)
    for seed in (1, 2):
        yield Case("a", "1", 3, "initial", seed, Inq(bits=3, portions=(1.0,), training=still, seed=seed))
        yield Case("b", "x", 3, "initial", seed, Inq(bits=3, portions=(1.0,), training=still, seed=seed))
    yield Case("c", "pow2", 3, "initial", 1, Pow2(3))


def made(path: Path, wanted: list[Case], subject: Subject = SUBJECT) -> tuple[list[Row], list[str]]:
    table, lines = Table(path, Row, KEY), list[str]()
    run_cases(subject, wanted, table, lines.append)
    return table.rows, lines


def test_a_stopped_study_goes_on_to_the_same_rows(tmp_path: Path) -> None:
    whole, _ = made(tmp_path / "whole.csv", list(some_cases()))
    path = tmp_path / "parts.csv"
    made(path, list(some_cases())[:2])
    parts, lines = made(path, list(some_cases()))
    assert len(lines) == 3 and [replace(row, seconds=0) for row in parts] == [replace(row, seconds=0) for row in whole]
    assert Table(path, Row, KEY).rows == parts
    # Without retraining, INQ of one step is the conversion.
    assert len({row.test_correct for row in parts}) == len({row.validation_correct for row in parts}) == 1
    assert {(row.validation_images, row.test_images) for row in parts} == {(30, 50)}


def test_rows_of_other_options_images_or_networks_are_not_taken(tmp_path: Path) -> None:
    case = next(some_cases())
    assert isinstance(case.step, Inq)
    made(tmp_path / "rows.csv", [case])
    before = (tmp_path / "rows.csv").read_bytes()
    other = replace(case, step=replace(case.step, rounding="nearest"))
    fewer = replace(SUBJECT, asked=replace(SUBJECT.asked, train=SUBJECT.asked.train.subset(800)))
    judged = replace(SUBJECT, asked=replace(SUBJECT.asked, test=SUBJECT.asked.test.subset(49)))
    for wanted, subject in ((other, SUBJECT), (case, fewer), (case, judged), (case, replace(SUBJECT, threads=2))):
        with pytest.raises(CompressionError, match="label 1.* made by"):
            made(tmp_path / "rows.csv", [wanted], subject)
    assert (tmp_path / "rows.csv").read_bytes() == before and made(tmp_path / "rows.csv", [case])[1] == []


def test_the_same_step_in_two_groups_runs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Work] = []
    apply = Inq.apply

    def counted(self: Inq, network: object, work: Work) -> object:
        calls.append(work)
        return apply(self, network, work)  # type: ignore[arg-type]

    monkeypatch.setattr(Inq, "apply", counted)
    rows, _ = made(tmp_path / "rows.csv", list(some_cases()))
    assert len(rows) == 5 and len(calls) == 2
    assert all(work.train is SUBJECT.asked.train for work in calls)


def test_mean_and_spread_over_seeds() -> None:
    rows = [Row("n", "g", name, 3, "initial", s, 2, 40 + s, 50, 90 + s, 100, 1) for name in "ab" for s in (1, 3)]
    assert [entry[-5:] for entry in summary(rows)] == [(2, 16.0, 2.8284, 8.0, 1.4142)] * 2
    assert summary(rows[:1])[0][-5:] == (1, 18.0, 0.0, 9.0, 0.0)


def test_networks_on_digits_have_not_seen_the_images_that_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    def spied(start: object, train: object, recipe: object) -> object:
        seen.extend(image.tobytes() for image in train.images)  # type: ignore[attr-defined]
        return start  # has tensors, as a result of training has

    monkeypatch.setattr("models.training.loop.fit", spied)
    for name in ("digits-cnn", cases.SMALL):
        seen.clear()
        asked = cases.case(name, None)
        held = {image.tobytes() for image in asked.validation.images}
        assert len(asked.validation) == 180 and len(seen) == len(asked.train) == 718 and not held & set(seen)


def test_every_schedule_of_the_study_costs_what_it_says() -> None:
    cases = list(inq_schedule.cases())
    assert len({(case.group, case.label, case.bits, case.seed) for case in cases}) == len(cases)
    for case in cases:
        if isinstance(case.step, Pow2):
            assert case.step.training.epochs == inq_schedule.TOTAL
            continue
        assert isinstance(case.step, Inq)
        epochs = (len(case.step.schedule) - 1) * case.step.training.epochs
        if case.group in (inq_schedule.EQUAL_COST, inq_schedule.EQUAL_PARTS, inq_schedule.FIRST_PORTION):
            assert epochs == inq_schedule.TOTAL
        else:
            assert epochs == inq_schedule.EACH * (int(case.label) - 1)
    seeds = {(case.step.seed, case.step.training.seed) for case in cases if isinstance(case.step, Inq)}
    assert len(seeds) == len(inq_schedule.SEEDS)


def test_partitions_are_compared_in_pairs_that_differ_in_nothing_else() -> None:
    for setting in inq_partition.SETTINGS:
        cases = [case for case in inq_partition.cases(setting) if case.group == inq_partition.PARTITION]
        assert len(cases) == 30
        for one, other in zip(cases[::2], cases[1::2], strict=True):
            assert isinstance(one.step, Inq) and isinstance(other.step, Inq)
            assert replace(one.step, partition="random") == other.step and one.label != other.label


def test_the_whole_study_with_its_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    rows = []
    for case in inq_schedule.cases():
        key = ("digits-cnn", case.group, case.label, case.bits, case.scale, case.seed)
        rows.append(Row(*key, 12, 150 + case.seed, 180, 800 + case.seed, 899, 1))
    monkeypatch.setattr(inq_schedule, "case", lambda *_: SUBJECT.asked)
    monkeypatch.setattr(inq_schedule, "run_cases", lambda subject, wanted, table, report: table.add(rows, "s"))
    inq_schedule.run(tmp_path, None, lambda line: None)
    names = {
        "rows.csv",
        "summary.csv",
        "steps.png",
        "steps.svg",
        "first-portion.png",
        "first-portion.svg",
        "provenance.json",
    }
    assert {path.name for path in tmp_path.iterdir()} == {*names, "provenance.json"}
