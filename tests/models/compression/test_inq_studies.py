"""The studies on INQ: which runs they make, that a stopped one goes on, and that equal runs are made once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from models import load_data, load_network
from models.compression.inq import Inq, Pow2
from models.compression.step import Training, Work
from models.compression.studies import inq_partition, inq_schedule
from models.compression.studies.inq_runs import Case, Row, Subject, run_cases, stored, summary

SUBJECT = Subject(load_network("digits-cnn"), load_data("digits", "train"), load_data("digits", "test").subset(50), 1)


def some_cases() -> Iterator[Case]:
    still = Training(epochs=0)
    for seed in (1, 2):
        yield Case("a", "1", 3, "initial", seed, Inq(bits=3, portions=(1.0,), training=still, seed=seed))
        yield Case("b", "x", 3, "initial", seed, Inq(bits=3, portions=(1.0,), training=still, seed=seed))
    yield Case("c", "pow2", 3, "initial", 1, Pow2(3))


def test_a_stopped_study_goes_on_to_the_same_rows(tmp_path: Path) -> None:
    whole = run_cases(SUBJECT, some_cases(), tmp_path / "whole.csv", lambda line: None)
    path = tmp_path / "parts.csv"
    run_cases(SUBJECT, list(some_cases())[:2], path, lambda line: None)
    lines: list[str] = []
    parts = run_cases(SUBJECT, some_cases(), path, lines.append)
    assert len(lines) == 3 and [replace(row, seconds=0) for row in parts] == [replace(row, seconds=0) for row in whole]
    assert stored(path) == parts
    # Without retraining, INQ of one step is the conversion.
    assert len({row.test_correct for row in parts}) == 1 and parts[0].test_images == 50


def test_the_same_step_in_two_groups_runs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Inq] = []
    apply = Inq.apply

    def counted(self: Inq, network: object, work: Work) -> object:
        calls.append(self)
        return apply(self, network, work)  # type: ignore[arg-type]

    monkeypatch.setattr(Inq, "apply", counted)
    rows = run_cases(SUBJECT, some_cases(), tmp_path / "rows.csv", lambda line: None)
    assert len(rows) == 5 and len(calls) == 2


def test_mean_and_spread_over_seeds() -> None:
    rows = [Row("n", "g", label, 3, "initial", seed, 2, 90 + seed, 100, 1) for label in "ab" for seed in (1, 3)]
    assert [entry[-3:] for entry in summary(rows)] == [(2, 8.0, 1.4142)] * 2
    assert summary(rows[:1])[0][-3:] == (1, 9.0, 0.0)


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
        correct = 800 + case.seed + len(case.group)
        rows.append(Row("digits-cnn", case.group, case.label, case.bits, case.scale, case.seed, 12, correct, 899, 1))
    monkeypatch.setattr(inq_schedule, "run_cases", lambda *_: rows)
    inq_schedule.run(tmp_path, None, lambda line: None)
    names = {"summary.csv", "steps.png", "steps.svg", "first-portion.png", "first-portion.svg", "provenance.json"}
    assert {path.name for path in tmp_path.iterdir()} == names
