"""Tables of studies: they come back as they were, and never mix rows of two settings."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.inq import Pow2
from models.compression.quantize import KMeans
from models.compression.step import Training
from models.compression.studies import STUDIES, tables
from models.compression.studies.tables import Table, fingerprint, made_by, write_rows
from models.provenance import code_version


@dataclass(frozen=True)
class Row:
    name: str
    count: int
    share: float


def table(path: Path) -> Table[Row]:
    return Table(path / "t.csv", Row, ("name",))


@pytest.mark.usefixtures("committed")
def test_rows_come_back_with_six_digits_and_their_marks(tmp_path: Path) -> None:
    first = table(tmp_path)
    assert first.rows == []
    first.add([Row("a, b", 3, 1 / 3)], "s1")
    first.add([Row("c", 4, 2.0), Row("c", 5, -1e-9)], "s2")
    again = table(tmp_path)
    assert again.rows == first.rows == [Row("a, b", 3, 0.333333), Row("c", 4, 2.0), Row("c", 5, -1e-9)]
    with (tmp_path / "t.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [line["settings"] for line in lines] == ["s1", "s2", "s2"]
    assert {line["code"] for line in lines} == {code_version()}
    assert again.holds(("c",), "s2") and not again.holds(("d",), "s2")


def test_rows_by_code_in_no_commit_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sets of changes to one commit have one name, so nobody can tell whether such a row is still what is made."""
    for code, kept in (("0.1.0+g1a2b3c4", True), ("0.1.0+g1a2b3c4-dirty", False), ("0.1.0+unknown", False)):
        monkeypatch.setattr(tables, "code_version", lambda code=code: code)
        table(tmp_path).add([Row("a", 1, 1.0)], "s1")
        assert table(tmp_path).holds(("a",), "s1") is kept
        with pytest.raises(CompressionError, match="settings s2 now"):
            table(tmp_path).holds(("a",), "s2")


def test_rows_of_other_settings_are_refused(tmp_path: Path) -> None:
    table(tmp_path).add([Row("a", 1, 1.0)], "s1")
    with pytest.raises(CompressionError, match="name a was made by .* with settings s1; .* settings s2 now .*move"):
        table(tmp_path).holds(("a",), "s2")


def test_rows_that_the_study_would_not_make_are_refused(tmp_path: Path) -> None:
    table(tmp_path).add([Row("a", 1, 1.0), Row("b", 1, 1.0)], "s1")
    table(tmp_path).expect([("a",), ("b",), ("c",)])
    with pytest.raises(CompressionError, match=r"1 rows that this study does not make .* name b: move"):
        table(tmp_path).expect([("a",), ("c",)])


def test_a_group_that_is_made_again_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    first = table(tmp_path)
    first.add([Row("a", 1, 1.0), Row("a", 2, 1.0)], "s1")
    first.add([Row("b", 1, 1.0)], "s1")
    first.add([Row("a", 3, 1.0)], "s2")
    assert [(row.name, row.count) for row in table(tmp_path).rows] == [("b", 1), ("a", 3)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,count,share\na,1,1.0\n", "other columns than name, count, share, settings, code"),
        ("a,b\n1,2\n", "other columns"),
        ("", "other columns"),
        ("name,count,share,settings,code\na,one,1.0,s,c\n", "cannot be read"),
        ("name,count,share,settings,code\na\n", "cannot be read"),
    ],
)
def test_another_table_is_one_message(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(CompressionError, match=message):
        table(tmp_path)


def test_provenance_names_other_code_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = table(tmp_path)
    first.add([Row("a", 1, 1.0)], "s1")
    assert made_by(first) == {}
    monkeypatch.setattr(tables, "code_version", lambda: "later")
    assert made_by(first) == {"rows_made_by": {"t.csv": {code_version(): 1}}}
    first.add([Row("b", 1, 1.0)], "s1")
    assert made_by(table(tmp_path)) == {"rows_made_by": {"t.csv": {code_version(): 1, "later": 1}}}


def test_rows_of_one_run_replace_a_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("something else\n")
    write_rows(tmp_path / "t.csv", [Row("a", 1, 1.0)], "s")
    assert table(tmp_path).rows == [Row("a", 1, 1.0)]


def test_a_table_that_cannot_be_written_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    write_rows(path, [Row("a", 1, 1.0)], "s")

    def full(*unused: object) -> None:
        raise CompressionError("no room")

    monkeypatch.setattr(tables, "write_csv", full)
    with pytest.raises(CompressionError, match="no room"):
        write_rows(path, [Row("b", 2, 1.0)], "s")
    assert table(tmp_path).rows == [Row("a", 1, 1.0)]


def test_the_hash_sees_options_tensors_images_and_the_method() -> None:
    network, data = load_network("digits-cnn"), load_data("digits", "test").subset(20)
    step = KMeans(clusters=4)
    seen = {fingerprint(step, network, data)}
    weight = network.tensors["conv1.weight"].copy()
    weight[0] = np.nextafter(weight[0], 1)
    images = data.images.copy()
    images[3, 0, 0, 0] += 1
    for other in (
        (KMeans(clusters=5), network, data),
        (replace(step, training=Training(epochs=1)), network, data),
        (replace(step, training=Training(seed=2)), network, data),
        (Pow2(4), network, data),
        (step, replace(network, tensors={**network.tensors, "conv1.weight": weight}), data),
        (step, network, data.subset(19)),
        (step, network, type(data)(data.name, data.split, images, data.labels)),
    ):
        seen.add(fingerprint(*other))
    assert len(seen) == 8 and fingerprint(KMeans(clusters=4), network, data) in seen


def test_a_study_runs_with_threads_that_the_hash_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    before, seen = torch.get_num_threads(), []

    def run(folder: Path, root: Path | None, report: object) -> None:
        seen.append((torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()))

    monkeypatch.setattr("models.compression.studies.pruning_lenet5.run", run)
    STUDIES["pruning-lenet5"].run(tmp_path, None, lambda line: None)
    assert seen == [(tables.THREADS, True)] and torch.get_num_threads() == before
    one = fingerprint("x")
    monkeypatch.setattr(tables, "THREADS", tables.THREADS + 1)
    assert fingerprint("x") != one


def test_what_has_no_content_is_no_setting() -> None:
    with pytest.raises(TypeError, match="whose content cannot be told"):
        fingerprint(print, fingerprint)
