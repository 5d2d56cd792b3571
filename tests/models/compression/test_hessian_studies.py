"""The studies of the Hessian and of the quantisers: their measures, and that a small run leaves what it should."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hessian_networks import images, pooled
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hwsim.network import fold
from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.hessian import diagonal
from models.compression.hessian.importance import importance
from models.compression.quantize import entropy_bits
from models.compression.quantize.groups import groups_of
from models.compression.studies import ecsq_convergence, hessian_methods, hessian_offdiagonal, hessian_samples
from models.compression.studies import quantizer_sweep as sweep
from models.compression.studies.cases import Case, read_rows, write_rows
from models.compression.studies.importances import ecsq_at, judged, ranks, spearman
from models.compression.weights import flat_weights

torch = pytest.importorskip("torch")
torch.set_num_threads(1)


def digits(train: int = 40, test: int = 60) -> Case:
    network = fold(load_network("digits-cnn"))
    return Case(network, load_data("digits", "train").subset(train), load_data("digits", "test").subset(test))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@given(arrays(np.float64, st.integers(1, 30), elements=st.integers(-5, 5).map(float)))
def test_ranks_are_scipys(values: np.ndarray) -> None:
    stats = pytest.importorskip("scipy.stats")
    np.testing.assert_array_equal(ranks(values), stats.rankdata(values))


@given(arrays(np.float64, (2, 20), elements=st.integers(-5, 5).map(float)))
def test_the_rank_correlation_is_scipys(pair: np.ndarray) -> None:
    stats = pytest.importorskip("scipy.stats")
    found = spearman(*pair)
    if np.isnan(found):
        assert np.ptp(pair[0]) == 0 or np.ptp(pair[1]) == 0
    else:
        assert found == pytest.approx(stats.spearmanr(*pair).statistic, abs=1e-9)


def test_blocks_add_up_to_the_whole() -> None:
    random = np.random.default_rng(1)
    matrix, change = random.normal(size=(9, 9)), random.normal(size=9)
    groups = np.array([0, 0, 1, 1, 1, 2, 2, 2, 2])
    masked = matrix * (groups[:, None] == groups)
    assert hessian_offdiagonal.within(change, matrix, groups) == pytest.approx(0.5 * change @ masked @ change)
    one = np.zeros(9, np.int64)
    assert hessian_offdiagonal.within(change, matrix, one) == pytest.approx(0.5 * change @ matrix @ change)
    each = hessian_offdiagonal.within(change, matrix, np.arange(9))
    assert each == pytest.approx(0.5 * np.diag(matrix) @ change**2)


def test_running_means_are_the_diagonals_of_the_first_images() -> None:
    network, data = pooled(), images(pooled(), 20)
    found = hessian_samples.running_means(Case(network, data, data), (3, 8, 20))
    for count, values in found.items():
        for name, expected in diagonal(network, data, count, seed=1).items():
            np.testing.assert_allclose(values[name], expected, rtol=1e-10, atol=1e-15)


def test_ecsq_meets_the_rate_about() -> None:
    values = flat_weights(digits().network)
    weights = np.random.default_rng(1).exponential(size=values.size)
    for bits in (1.5, 2.5):
        found = ecsq_at(values, weights, bits)
        assert entropy_bits(found.assignment) == pytest.approx(bits, abs=0.15)


def test_judging_counts_as_float64_does() -> None:
    from models.compression.hessian.change import score

    asked = digits()
    quick, slow = judged(asked.network, asked.test), score(asked.network, asked.test)
    assert (quick.correct, quick.total) == (slow.correct, slow.total)
    assert quick.loss == pytest.approx(slow.loss, rel=1e-4)


def test_a_sweep_predicts_what_its_importance_says() -> None:
    asked = digits()
    weights = importance(asked.network, diagonal(asked.network, asked.train, 20))
    for scope in sweep.SCOPES:
        groups = groups_of(asked.network, scope, weights)
        parts = sweep.quantised(groups, sweep.METHODS["Hessian k-means"], 4)
        change = np.concatenate([g.values - p.quantised for g, p in zip(groups, parts, strict=True)])
        scaled = sweep.predicted(groups, parts) * weights.mean()
        assert scaled == pytest.approx(0.5 * weights @ change**2)
        assert sum(part.centres.size for part in parts) == (4 if scope == "network" else 12)


def test_small_runs_leave_tables_pictures_and_provenance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = digits()
    for module in (sweep, hessian_samples, hessian_methods, ecsq_convergence):
        monkeypatch.setattr(module, "case", lambda name, root: asked)
    monkeypatch.setattr(sweep, "CASES", {"digits-cnn": (20, 60)})
    monkeypatch.setattr(sweep, "CLUSTERS", (4,))
    monkeypatch.setattr(hessian_samples, "SAMPLES", {"digits-cnn": (5, 20)})
    monkeypatch.setattr(hessian_samples, "TEST", {"digits-cnn": 60})
    monkeypatch.setattr(hessian_methods, "EFFORTS", {"digits-cnn": hessian_methods.Effort(20, 3, 60)})
    monkeypatch.setattr("models.compression.studies.importances.RATES_BITS", (2.0,))
    monkeypatch.setattr(ecsq_convergence, "NETWORK", "digits-cnn")
    monkeypatch.setattr(ecsq_convergence, "SAMPLES", 20)
    monkeypatch.setattr(ecsq_convergence, "SIZES", (500, 100_000))
    lines: list[str] = []
    for name, module, tables in (
        ("quantizer-sweep", sweep, ("sweep",)),
        ("hessian-samples", hessian_samples, ("samples",)),
        ("hessian-methods", hessian_methods, ("correlations", "quantisers")),
        ("ecsq-convergence", ecsq_convergence, ("passes", "cost")),
    ):
        module.run(tmp_path / name, None, lines.append)
        made = {path.name for path in (tmp_path / name).iterdir()}
        assert made == {f"{name}.png", f"{name}.svg", "provenance.json", *(f"{table}.csv" for table in tables)}
        assert "command" in json.loads((tmp_path / name / "provenance.json").read_text())
        assert all(len(rows(tmp_path / name / f"{table}.csv")) > 2 for table in tables)
    assert lines
    exact = [row for row in rows(tmp_path / "hessian-methods" / "correlations.csv") if row["method"] == "exact"]
    assert {float(row["spearman"]) for row in exact} == {1.0}
    assert {row["rises"] for row in rows(tmp_path / "ecsq-convergence" / "cost.csv")} == {"0"}


def test_the_off_diagonal_study_on_a_tiny_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    network = pooled()
    asked = Case(network, images(network, 15), images(network, 9))
    monkeypatch.setattr(hessian_offdiagonal, "case", lambda name, root: asked)
    monkeypatch.setattr(hessian_offdiagonal, "NETWORKS", ("pooled",))
    monkeypatch.setattr(hessian_offdiagonal, "CLUSTERS", (2, 4))
    hessian_offdiagonal.run(tmp_path, None, lambda line: None)
    found = rows(tmp_path / "quantisers.csv")
    assert [row["quantiser"] for row in found] == 2 * list(hessian_offdiagonal.QUANTISERS)
    for row in found:
        parts = {name: float(row[name]) for name in ("diagonal", "within_filters", "within_layers", "full")}
        assert all(np.isfinite(value) for value in parts.values())
    seen = {row["quantiser"]: float(row["diagonal"]) for row in found[:6]}
    assert seen["diagonal"] <= min(seen["kmeans"], seen["uniform"]) + 1e-9
    facts = json.loads((tmp_path / "provenance.json").read_text())["pooled"]
    shares = facts["share_of_squares"]
    assert 0 < shares["diagonal"] < shares["filters"] < shares["layers"] < 1


def test_the_filter_and_layer_of_each_weight() -> None:
    network = pooled()
    problem = hessian_offdiagonal.posed(Case(network, images(network), images(network)))
    sizes = {name: network.tensors[f"{name}.weight"] for name in ("conv1", "conv2", "out")}
    assert np.bincount(problem.layers).tolist() == [tensor.size for tensor in sizes.values()]
    members = [tensor[0].size for tensor in sizes.values() for _ in range(tensor.shape[0])]
    assert np.bincount(problem.filters).tolist() == members
    np.testing.assert_allclose(np.diag(problem.hessian), np.diag(problem.gauss_newton), atol=1e-12)


def test_tables_have_a_column_for_each_field(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.csv", [hessian_methods.Correlation("n", "m", "l", 3, 1 / 3, 2.0)])
    assert rows(tmp_path / "t.csv") == [
        {"network": "n", "method": "m", "layer": "l", "weights": "3", "spearman": "0.333333", "seconds": "2.0"}
    ]


def test_a_study_that_was_stopped_goes_on_from_its_tables(tmp_path: Path) -> None:
    rows_before = [hessian_methods.Correlation("n", "m", "l", 3, 0.25, 2.0)]
    write_rows(tmp_path / "t.csv", rows_before)
    assert read_rows(tmp_path / "t.csv", hessian_methods.Correlation) == rows_before
    assert read_rows(tmp_path / "none.csv", hessian_methods.Correlation) == []
    with pytest.raises(CompressionError, match="other columns"):
        read_rows(tmp_path / "t.csv", sweep.Row)
    lines: list[str] = []
    done = [hessian_samples.Row(name, 1, 0.1, 1.0, 0.0, "q", 1.0, 1.0, 1.0, 1, 1) for name in hessian_samples.SAMPLES]
    write_rows(tmp_path / "samples.csv", done)
    hessian_samples.run(tmp_path, None, lines.append)
    assert [line.split(":")[0] for line in lines] == list(hessian_samples.SAMPLES)
    assert read_rows(tmp_path / "samples.csv", hessian_samples.Row) == done
