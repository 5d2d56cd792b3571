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
from models.compression.studies.cases import Case
from models.compression.studies.importances import Judged, ecsq_at, judged, ranks, spearman
from models.compression.weights import flat_weights, weight_names
from models.data import hold_out

torch = pytest.importorskip("torch")
torch.set_num_threads(1)
pytestmark = pytest.mark.usefixtures("committed")


def digits(train: int = 40, test: int = 60) -> Case:
    network = fold(load_network("digits-cnn"))
    fitted, validation = hold_out(load_data("digits", "train").subset(train + 30), 30)
    return Case(network, fitted, validation, load_data("digits", "test").subset(test))


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
    found = hessian_samples.running_means(Case(network, data, data, data), (3, 8, 20))
    for count, values in found.items():
        for name, expected in diagonal(network, data, count, seed=1).items():
            np.testing.assert_allclose(values[name], expected, rtol=1e-10, atol=1e-15)


def test_ecsq_meets_the_rate_about() -> None:
    network = digits().network
    (group,) = groups_of(network, "network", np.random.default_rng(1).exponential(size=flat_weights(network).size))
    for bits in (1.5, 2.5):
        found = ecsq_at(group, bits)
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
    monkeypatch.setattr(sweep, "CASES", {"digits-cnn": (20, 30)})
    monkeypatch.setattr(hessian_samples, "SAMPLES", {"digits-cnn": (5, 20)})
    monkeypatch.setattr(hessian_samples, "JUDGES", {"digits-cnn": 30})
    monkeypatch.setattr(hessian_methods, "EFFORTS", {"digits-cnn": hessian_methods.Effort(20, 3)})
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
    asked = Case(network, images(network, 15), images(network, 9), images(network, 9))
    monkeypatch.setattr(hessian_offdiagonal, "case", lambda name, root: asked)
    monkeypatch.setattr(hessian_offdiagonal, "NETWORKS", ("pooled",))
    monkeypatch.setattr(hessian_offdiagonal, "CLUSTERS", (2, 4))
    hessian_offdiagonal.run(tmp_path, None, lambda line: None)
    found = rows(tmp_path / "quantisers.csv")
    assert [row["quantiser"] for row in found] == 2 * list(hessian_offdiagonal.QUANTISERS)
    for row in found:
        parts = {name: float(row[name]) for name in ("diagonal", "within_filters", "within_layers", "full")}
        assert all(np.isfinite(value) for value in parts.values())
    assert {"diagonal + 0.1", "diagonal + 1"} < set(hessian_offdiagonal.QUANTISERS)
    seen = {row["quantiser"]: float(row["diagonal"]) for row in found[: len(hessian_offdiagonal.QUANTISERS)]}
    assert seen["diagonal"] <= min(seen["kmeans"], seen["uniform"]) + 1e-9
    facts = json.loads((tmp_path / "provenance.json").read_text())["pooled"]
    shares = facts["share_of_squares"]
    assert 0 < shares["diagonal"] < shares["filters"] < shares["layers"] < 1


def test_the_filter_and_layer_of_each_weight() -> None:
    network = pooled()
    problem = hessian_offdiagonal.posed(Case(network, *3 * [images(network)]))
    sizes = {name: network.tensors[f"{name}.weight"] for name in ("conv1", "conv2", "out")}
    assert np.bincount(problem.layers).tolist() == [tensor.size for tensor in sizes.values()]
    members = [tensor[0].size for tensor in sizes.values() for _ in range(tensor.shape[0])]
    assert np.bincount(problem.filters).tolist() == members
    np.testing.assert_allclose(np.diag(problem.hessian), np.diag(problem.gauss_newton), atol=1e-12)


def test_the_importances_are_ranked_by_held_out_images(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = digits()
    monkeypatch.setattr(hessian_methods, "quantisations", lambda network, weights: {})
    judges: list[str] = []
    monkeypatch.setattr(hessian_methods, "judged", lambda network, data: judges.append(data.split))
    exact = {name: np.ones(asked.network.tensors[name].shape) for name in weight_names(asked.network)}
    hessian_methods.measured(asked, {"exact": exact}, hessian_methods.Effort(20, 3), lambda line: None)
    assert judges == ["validation", "test"]
    for module in (hessian_samples, sweep):
        judges.clear()
        monkeypatch.setattr(module, "judged", lambda network, data: judges.append(data.split) or Judged(0.0, 1, 1))
    list(sweep.swept(asked, 5, 30))
    assert set(judges) == {"validation"}


def test_a_study_that_was_stopped_goes_on_and_mixes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = digits()
    monkeypatch.setattr(hessian_samples, "case", lambda name, root: asked)
    monkeypatch.setattr(hessian_samples, "SAMPLES", {"digits-cnn": (5, 20)})
    monkeypatch.setattr(hessian_samples, "JUDGES", {"digits-cnn": 30})
    monkeypatch.setattr(hessian_samples, "FLOORS", ())
    monkeypatch.setattr("models.compression.studies.importances.RATES_BITS", ())
    monkeypatch.setattr(hessian_samples, "draw", lambda axes, rows: None)
    hessian_samples.run(tmp_path, None, lambda line: None)
    before, lines = (tmp_path / "samples.csv").read_bytes(), list[str]()
    hessian_samples.run(tmp_path, None, lines.append)
    assert lines == [f"digits-cnn: kept from {tmp_path}"] and (tmp_path / "samples.csv").read_bytes() == before
    for name, value in (("FLOOR", 1e-6), ("SAMPLES", {"digits-cnn": (5, 10)}), ("JUDGES", {"digits-cnn": 29})):
        with monkeypatch.context() as patched, pytest.raises(CompressionError, match="network digits-cnn was made by"):
            patched.setattr(hessian_samples, name, value)
            hessian_samples.run(tmp_path, None, lambda line: None)
    with monkeypatch.context() as patched, pytest.raises(CompressionError, match="rows that this study does not make"):
        patched.setattr(hessian_samples, "SAMPLES", {"lenet5": (5, 20)})
        hessian_samples.run(tmp_path, None, lambda line: None)
