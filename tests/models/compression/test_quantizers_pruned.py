from __future__ import annotations

import csv

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from hwsim.network import fold  # noqa: E402
from models import load_data, load_network  # noqa: E402
from models.compression.step import Training  # noqa: E402
from models.compression.studies import STUDIES, quantizers_pruned  # noqa: E402
from models.compression.studies.cases import Case  # noqa: E402
from models.data import hold_out  # noqa: E402


def test_the_study_has_a_row_for_every_quantiser_and_rate(tmp_path, monkeypatch) -> None:
    small = {"NETWORK": "digits-cnn", "KEEP": 0.5, "RATES": (2.6, 1.6), "_IMAGES": 320, "_SAMPLES": 50}
    train, validation = hold_out(load_data("digits", "train"), 200)
    asked = Case(fold(load_network("digits-cnn")), train, validation, load_data("digits", "test"))
    monkeypatch.setattr(quantizers_pruned, "case", lambda name, root: asked)
    for name, value in small.items():
        monkeypatch.setattr(quantizers_pruned, name, value)
    monkeypatch.setattr(quantizers_pruned, "_PRUNING", Training(epochs=1, learning_rate=0.01))
    lines: list[str] = []
    STUDIES["quantizers-pruned"].run(tmp_path, None, lines.append)
    with (tmp_path / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["quantiser"] for row in rows] == ["none", *quantizers_pruned.QUANTISERS, *quantizers_pruned.QUANTISERS]
    assert all(float(row["entropy_bits"]) <= float(row["rate_bits"]) for row in rows)
    assert all(int(row["file_bytes"]) < int(rows[0]["file_bytes"]) for row in rows[1:])
    assert (tmp_path / "quantizers-pruned.png").exists()
    assert (tmp_path / "provenance.json").exists()
