"""The low-rank study on a network of a second: every point has a row, conv1 stays whole, and tables do not mix."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from hwsim.network import fold
from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.lowrank.truncate import RankRule
from models.compression.step import Training
from models.compression.studies import STUDIES, lowrank_series
from models.compression.studies import lowrank_lenet5 as study
from models.compression.studies.cases import Case
from models.data import hold_out

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("committed")
pytest.importorskip("matplotlib")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    train, validation = hold_out(load_data("digits", "train").subset(300), 60)
    asked = Case(fold(load_network("digits-cnn")), train, validation, load_data("digits", "test").subset(50))
    monkeypatch.setattr(study, "case", lambda name, root: asked)
    monkeypatch.setattr(study, "SAMPLES", 100)
    monkeypatch.setattr(study, "TRAINING", Training(epochs=1, learning_rate=0.01))
    monkeypatch.setattr(study, "RETRAINING", Training(epochs=2, learning_rate=0.01))
    kept = ("plain", "nuclear", "as it is, by output")
    curves = {name: lowrank_series.SERIES[name] for name in kept}
    nothing = {"energy 1": RankRule(energy=1.0, skip=("conv1", "conv2", "classify"))}
    curves["plain"] = replace(curves["plain"], rules={"energy 0.2": curves["plain"].rules["energy 0.2"], **nothing})
    curves["nuclear"] = replace(curves["nuclear"], rules={"energy 0.2": curves["nuclear"].rules["energy 0.2"]})
    curves["as it is, by output"] = replace(
        curves["as it is, by output"],
        rules={"output energy 0.5": RankRule(energy=0.5, data_aware=True, samples=100, skip=("conv1",))},
    )
    monkeypatch.setattr(study, "SERIES", curves)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_point_has_a_row_and_a_stopped_study_goes_on(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(study, "save_figure", stopped)
        with pytest.raises(KeyboardInterrupt):
            study.run(tmp_path, None, lambda line: None)
    rows = {(row["series"], row["threshold"]): row for row in read(tmp_path / "rows.csv")}
    assert set(rows) == set(lowrank_series.points(study.SERIES)) and len(rows) == 7
    assert all("conv1=" not in row["ranks"] for row in rows.values())
    epochs = {key: int(row["epochs"]) for key, row in rows.items()}
    # A rule that cuts nothing is trained on like the others, and what it was before is kept.
    assert epochs["plain", "energy 0.2"] == epochs["plain", "energy 1"] == 3
    assert (epochs["whole", "-"], epochs["plain", "uncut"], epochs["as it is, by output", "output energy 0.5"]) == (
        0,
        1,
        0,
    )
    nothing, uncut = rows["plain", "energy 1"], rows["plain", "uncut"]
    assert nothing["ranks"] == "" and nothing["cut_correct"] == uncut["validation_correct"]
    untrained = rows["as it is, by output", "output energy 0.5"]
    assert untrained["cut_correct"] == untrained["validation_correct"] and untrained["ranks"]
    probes = read(tmp_path / "conv1.csv")
    assert {probe["order"] for probe in probes} == {"weights", "output"}
    assert all(int(probe["validation_correct"]) <= 60 for probe in probes)
    before = (tmp_path / "rows.csv").read_bytes()
    (tmp_path / "rows.csv").write_bytes(b"".join(before.splitlines(keepends=True)[:-2]))
    again: list[str] = []
    study.run(tmp_path, None, again.append)
    assert [row for row in again if row.startswith("training")] == []
    assert list(tmp_path.glob("*.npz")) == [], "trained networks lie there until the last row is made"
    strip = [{**row, "seconds": ""} for row in read(tmp_path / "rows.csv")]
    assert strip == [{**row, "seconds": ""} for row in rows.values()]


def test_rows_of_another_training_are_refused(small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "SERIES", {"nuclear": study.SERIES["nuclear"]})
    study.run(tmp_path, None, lambda line: None)
    monkeypatch.setattr(study, "TRAINING", Training(epochs=1, learning_rate=0.02))
    with pytest.raises(CompressionError, match="series nuclear, threshold uncut was made by"):
        study.run(tmp_path, None, lambda line: None)


def test_no_rule_and_no_penalty_touches_the_first_layer() -> None:
    assert STUDIES["lowrank-lenet5"].module == study.__name__
    for series in lowrank_series.SERIES.values():
        assert series.penalties is None or series.penalties.skip == ("conv1",)
        assert all(rule.skip == ("conv1",) for rule in series.rules.values())
    by_weights = [lowrank_series.SERIES[name].rules for name in ("plain", "nuclear", "nuclear + group")]
    assert by_weights[0] == by_weights[1] == by_weights[2]
    assert lowrank_series.SERIES["plain, by output"].rules == lowrank_series.SERIES["nuclear, by output"].rules
