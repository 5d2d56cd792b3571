"""The study on its small parts: splits that keep test images out of choices, a table that resumes, and a chain."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsim.errors import DataError
from hwsim.network import fold
from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.recipe import load_recipe
from models.compression.step import Work
from models.compression.studies import STUDIES, orthoreg

pytestmark = pytest.mark.usefixtures("committed")

pytest.importorskip("torch")

TINY = orthoreg.Case("digits-cnn", "digits", 100, 1, 50, 180)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Two cases, one beta's choice each, two seeds; returns what was trained."""
    cases = {"tiny": TINY, "again": replace(TINY, images=150, betas_of="tiny")}
    monkeypatch.setattr(orthoreg, "CASES", cases)
    monkeypatch.setattr(orthoreg, "FURTHER_ARMS", {})
    monkeypatch.setattr(orthoreg, "REPORT_SEEDS", (1, 2))
    monkeypatch.setattr(orthoreg, "SELECT_SEEDS", (101,))
    calls, real = [], orthoreg.trained

    def counted(*arguments: object) -> tuple[float, ...]:
        calls.append(arguments)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(orthoreg, "trained", counted)
    return calls


def test_the_study_is_there_by_name() -> None:
    assert STUDIES["orthoreg"].module == orthoreg.__name__


def test_choosing_never_sees_test_images_nor_trains_on_what_it_counts() -> None:
    train, test = load_data("digits", "train"), load_data("digits", "test")
    chosen_on = train.images[-180:]
    for images in (0, 100):
        case = replace(TINY, images=images)
        fitted, judge = orthoreg.split_for(case, orthoreg.SELECT, 3, None)
        np.testing.assert_array_equal(judge.images, chosen_on)
        assert len(fitted) == (images or 718)
        seen = {image.tobytes() for image in fitted.images}
        allowed = {image.tobytes() for image in train.images[:-180]}
        assert seen <= allowed
        fitted, judge = orthoreg.split_for(case, orthoreg.REPORT, 3, None)
        assert judge.sha256 == test.sha256 and len(fitted) == (images or 898)
        assert images == 0 or {image.tobytes() for image in fitted.images} <= allowed


def test_images_are_drawn_by_the_seed() -> None:
    one, again, other = (orthoreg.split_for(TINY, orthoreg.REPORT, seed, None)[0].sha256 for seed in (1, 1, 2))
    assert one == again != other


def test_it_writes_its_tables_and_resumes(tiny: list[tuple[object, ...]], tmp_path: Path) -> None:
    lines: list[str] = []
    orthoreg.run(tmp_path, None, lines.append)
    expected = 2 * 4 + 2 * 3 * 2  # betas of two arms on one seed; two cases, three arms, two seeds
    assert len(tiny) == len(lines) == expected
    names = {"runs.csv", "summary.csv", "orthoreg.png", "orthoreg.svg", "provenance.json"}
    assert {path.name for path in tmp_path.iterdir()} == names
    with (tmp_path / "runs.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == expected and {row["case"] for row in rows if row["purpose"] == "select"} == {"tiny"}
    betas = {(row["case"], row["arm"]): row["beta"] for row in rows if row["purpose"] == "report"}
    assert betas["tiny", "local"] == betas["again", "local"] and betas["tiny", "none"] == "0.0"
    before = (tmp_path / "summary.csv").read_bytes()
    cut = (tmp_path / "runs.csv").read_text().splitlines(keepends=True)[:-3]
    (tmp_path / "runs.csv").write_text("".join(cut))
    orthoreg.run(tmp_path, None, lines.append)
    assert len(tiny) == expected + 3 and (tmp_path / "summary.csv").read_bytes() == before


def test_the_summary_is_the_mean_over_seeds_and_of_differences_seed_by_seed(
    tiny: list[tuple[object, ...]], tmp_path: Path
) -> None:
    orthoreg.run(tmp_path, None, lambda line: None)
    with (tmp_path / "runs.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["purpose"] == "report" and row["case"] == "tiny"]
    errors = {
        arm: [100 * (1 - int(row["correct"]) / 899) for row in rows if row["arm"] == arm] for arm in ("none", "global")
    }
    with (tmp_path / "summary.csv").open() as stream:
        found = {(row["case"], row["arm"]): row for row in csv.DictReader(stream)}
    line = found["tiny", "global"]
    change = np.subtract(errors["global"], errors["none"])
    assert float(line["test_error_percent_mean"]) == pytest.approx(np.mean(errors["global"]), rel=1e-4)
    assert float(line["test_error_percent_std"]) == pytest.approx(np.std(errors["global"], ddof=1), rel=1e-3, abs=1e-6)
    assert float(line["change_percent_points_mean"]) == pytest.approx(change.mean(), rel=1e-3, abs=1e-6)
    assert float(found["tiny", "none"]["change_percent_points_mean"]) == 0


def test_another_table_and_missing_data_are_one_message(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CompressionError, match=r"runs\.csv has other columns"):
        orthoreg.run(tmp_path, None, lambda line: None)
    with pytest.raises(DataError, match="models fetch mnist"):
        orthoreg.run(tmp_path / "new", tmp_path, lambda line: None)


def test_runs_of_other_settings_are_refused(
    tiny: list[tuple[object, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = orthoreg.Runs(tmp_path / "runs.csv", None, lambda line: None)
    runs.get("tiny", "local", orthoreg.ARMS["local"], 1.0, orthoreg.REPORT, 1)
    cases = {**orthoreg.CASES, "tiny": replace(TINY, epochs=2)}
    monkeypatch.setattr(orthoreg, "CASES", cases)
    with pytest.raises(CompressionError, match="case tiny, arm local, beta 1.0, purpose report, seed 1 was made by"):
        orthoreg.run(tmp_path, None, lambda line: None)
    monkeypatch.setattr(orthoreg, "CASES", {"again": orthoreg.CASES["again"]})
    with pytest.raises(CompressionError, match="1 rows that this study does not make"):
        orthoreg.run(tmp_path, None, lambda line: None)


RECIPE = """
name = "apart"
network = "digits-cnn"

[[step]]
method = "prune"
keep = 0.4

[[step]]
method = "orthoreg"
decorrelation = { kind = "local", form = "penalty", beta = 0.1 }
training = { epochs = 2, learning_rate = 0.01 }

[[step]]
method = "kmeans"
clusters = 8
"""


def test_before_quantization_in_a_recipe(tmp_path: Path) -> None:
    (tmp_path / "apart.toml").write_text(RECIPE)
    recipe = load_recipe(str(tmp_path / "apart.toml"))
    network = fold(load_network(recipe.network))
    work = Work(load_data("digits", "train").subset(320), threads=1)
    zeros = []
    for step in recipe.steps:
        network = step.apply(network, work)
        zeros.append({name: tensor == 0 for name, tensor in network.tensors.items() if tensor.ndim > 1})
    for name, first in zeros[0].items():
        assert first.any()
        np.testing.assert_array_equal(zeros[1][name], first)
        assert (zeros[2][name] | ~first).all()
    assert [entry["method"] for entry in network.metadata["compression"]] == ["prune", "orthoreg", "kmeans"]
