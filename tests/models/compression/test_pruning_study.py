"""The study of schedules, on a network of a second: its rows, and that it goes on from those it has."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from hwsim.network import fold
from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.studies import pruning_lenet5 as study
from models.compression.studies import study as study_of
from models.compression.studies.cases import Case
from models.data import hold_out

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def small(monkeypatch):
    torch.set_num_threads(1)
    train, validation = hold_out(load_data("digits", "train").subset(200), 50)
    asked = Case(fold(load_network("digits-cnn")), train, validation, load_data("digits", "test").subset(200))
    monkeypatch.setattr(study, "case", lambda name, root: asked)
    monkeypatch.setattr(study, "THREADS", 1)
    monkeypatch.setattr(study, "KEPT", (0.2, 0.1))
    short = {"one-shot": study.SCHEDULES["one-shot"], "iterative": study.SCHEDULES["iterative"]}
    training = replace(study.TRAINING, epochs=1)
    monkeypatch.setattr(study, "SCHEDULES", {name: replace(step, training=training) for name, step in short.items()})


def test_rows_counts_and_going_on(small, tmp_path):
    lines: list[str] = []
    study.run(tmp_path, None, lines.append)
    with (tmp_path / "rows.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["schedule"], row["keep"], row["kept"], row["epochs"]) for row in rows] == [
        ("one-shot", "0.2", "1206", "1"),
        ("iterative", "0.2", "1206", "4"),
        ("one-shot", "0.1", "603", "1"),
        ("iterative", "0.1", "603", "4"),
    ]
    assert all(int(row["validation_correct"]) > 5 and row["validation_images"] == "50" for row in rows)
    assert (tmp_path / "accuracy.png").exists()
    assert (tmp_path / "provenance.json").exists()
    before = (tmp_path / "rows.csv").read_text(encoding="utf-8")
    again: list[str] = []
    study.run(tmp_path, None, again.append)
    assert again == []
    assert (tmp_path / "rows.csv").read_text(encoding="utf-8") == before
    assert (tmp_path / "log.txt").read_text(encoding="utf-8").splitlines() == lines


def test_rows_of_another_training_are_refused(small, tmp_path, monkeypatch):
    study.run(tmp_path, None, lambda line: None)
    longer = {name: replace(step, training=replace(step.training, epochs=2)) for name, step in study.SCHEDULES.items()}
    monkeypatch.setattr(study, "SCHEDULES", longer)
    with pytest.raises(CompressionError, match=r"rows\.csv: schedule one-shot, keep 0\.2 was made by"):
        study.run(tmp_path, None, lambda line: None)


def test_it_has_a_name_and_equal_epochs():
    assert study_of("pruning-lenet5").module == study.__name__
    assert {step.rounds * step.training.epochs for step in study.SCHEDULES.values()} == {study.EPOCHS}
