"""The study of schedules, on a network of a second: its rows, and that it goes on from those it has."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from models import load_data, load_network
from models.compression.studies import pruning_lenet5 as study
from models.compression.studies import study as study_of

torch = pytest.importorskip("torch")


@pytest.fixture
def small(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(study, "load_network", lambda name: load_network("digits-cnn"))
    monkeypatch.setattr(study, "load_data", lambda name, split, root: load_data("digits", split).subset(200))
    monkeypatch.setattr(study, "VALIDATION", 50)
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


def test_it_has_a_name_and_equal_epochs():
    assert study_of("pruning-lenet5").module == study.__name__
    assert {step.rounds * step.training.epochs for step in study.SCHEDULES.values()} == {study.EPOCHS}
