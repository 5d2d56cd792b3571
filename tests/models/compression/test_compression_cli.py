"""The compression commands end to end on the network that comes along, and what they say when something is wrong."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hwsim.network import load_network_file
from models import cli
from models.compression import cli as compression_cli
from models.compression.alike import check_alike, data_of
from models.compression.container import load_compressed
from models.compression.errors import CompressionError
from models.compression.recipe import load_recipe, parse_recipe
from models.compression.results import index_text, recipe_as_run
from models.compression.studies import Study
from models.compression.subject import subject
from models.compression.table import COLUMNS
from models.data import Dataset, load_data

QUICK = ["--limit", "200", "--threads", "1"]
RECIPE = """
name = "mine"
network = "digits-cnn"
description = "pruned, then powers of two"
[[step]]
method = "prune"
keep = 0.4
[[step]]
method = "pow2"
bits = 4
"""


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe and one stored run."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "mine.toml").write_text(RECIPE)
    words = [
        "--recipe",
        str(folder / "mine.toml"),
        "-o",
        str(folder / "mine.hwz"),
        "--results",
        str(folder / "a" / "mine"),
    ]
    assert cli.main(["compress", *words, *QUICK]) == 0
    return folder


def test_images_that_are_held_out_are_counted_on_and_not_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from models.compression import measure, run

    seen: list[Dataset] = []
    plain, counted = run.compress, measure.measure_on

    def compress(network, steps, work, *rest):  # type: ignore[no-untyped-def]
        seen.append(work.train)
        return plain(network, steps, work, *rest)

    def measured(machines, own, images, *rest):  # type: ignore[no-untyped-def]
        seen.append(images.test)
        return counted(machines, own, images, *rest)

    monkeypatch.setattr(run, "compress", compress)
    monkeypatch.setattr(measure, "measure_on", measured)
    words = ["compress", "digits-cnn", "--method", "pow2", "-o", str(tmp_path / "net.hwz"), "--threads", "1"]
    assert cli.main([*words, "--hold-out", "60", "--split", "validation"]) == 0
    train = load_data("digits", "train")
    assert seen[0].labels.tolist() == train.labels[:838].tolist()
    assert all(images.labels.tolist() == train.labels[838:].tolist() for images in seen[1:]) and len(seen) == 3
    assert cli.main([*words, "--split", "validation"]) == 2
    assert "keep N of them from it with --hold-out N" in capsys.readouterr().err
    assert cli.main([*words, "--hold-out", "898"]) == 2
    assert "898 images to hold out of the 898" in capsys.readouterr().err


def test_a_method_with_options_makes_a_network_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "net.npz"
    words = ["digits-cnn", "--method", "prune", "--set", "keep=0.25", "--set", 'layers=[["conv1", 1.0]]', "--no-table"]
    assert cli.main(["compress", *words, "-o", str(output), *QUICK]) == 0
    network = load_network_file(output)
    assert network.metadata["compression"][0]["options"]["keep"] == 0.25
    assert (network.weight("conv1") != 0).all()
    share = (network.weight("conv2") != 0).mean() * 4608 + (network.weight("classify") != 0).mean() * 1280
    assert share == pytest.approx(0.25 * (4608 + 1280), abs=1)
    assert capsys.readouterr().out.endswith(f"{output}\n")


def test_a_recipe_leaves_everything_that_made_it(stored: Path) -> None:
    folder = stored / "a" / "mine"
    assert {path.name for path in folder.iterdir()} == {"card.json", "log.txt", "network.hwz", "recipe.toml", "row.csv"}
    (row,) = csv.DictReader((folder / "row.csv").open())
    assert tuple(row) == COLUMNS
    assert int(row["file_bytes"]) == (folder / "network.hwz").stat().st_size == (stored / "mine.hwz").stat().st_size
    assert row["name"] == "mine"
    assert row["images"] == "200"
    card = json.loads((folder / "card.json").read_text())
    assert card["provenance"]["command"].startswith("models compress --recipe")
    assert card["content_hash"] == load_compressed(folder / "network.hwz").content_hash
    assert [step["method"] for step in card["network"]["compression"]] == ["prune", "pow2"]
    assert load_recipe(str(folder / "recipe.toml")).steps == load_recipe(str(stored / "mine.toml")).steps
    assert "step 2 of 2: pow2 bits=4" in (folder / "log.txt").read_text()
    assert not list(stored.glob("*.step*"))


def test_compare_prints_the_row_that_was_stored(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert cli.main(["compare", str(stored / "a" / "mine" / "network.hwz"), "--csv", *QUICK]) == 0
    reference, own = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert reference["name"] == "digits-cnn"
    (before,) = csv.DictReader((stored / "a" / "mine" / "row.csv").open())
    assert own == before


def test_compare_prints_for_people(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["digits-cnn", str(stored / "mine.hwz"), "--table", "published45", "--weights", "int8"]
    assert cli.main(["compare", *words, *QUICK]) == 0
    text = capsys.readouterr().out
    assert "prices published45; ratios against digits-cnn" in text
    assert "mine: conv1=int8" in text
    assert "mine: no card.json beside" in text


def test_the_index_lists_stored_runs(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", "--results", str(stored / "a")]) == 0
    text = capsys.readouterr().out
    assert text == index_text(stored / "a")
    assert "## digits-cnn" in text
    assert "| [mine](mine) |" in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_the_index_of_the_results_is_that_of_their_folders() -> None:
    folder = Path(__file__).parents[3] / "results" / "compression"
    assert (folder / "README.md").read_text(encoding="utf-8") == index_text(folder)


def test_a_stored_run_is_measured_again(stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "runs" / "mine"
    shutil.copytree(stored / "a" / "mine", copy)
    before, made = (copy / "row.csv").read_text(), json.loads((copy / "card.json").read_text())
    (copy / "row.csv").write_text("name,old\nmine,1\n")
    words = ["compare", "--results", str(tmp_path / "runs"), "--measure", "--steps", str(tmp_path / "kept")]
    assert cli.main([*words, *QUICK]) == 0
    assert capsys.readouterr().out.endswith(f"{copy}\n")
    assert (copy / "row.csv").read_text() == before
    card = json.loads((copy / "card.json").read_text())
    assert card.pop("measured")["command"].startswith("models compare --results")
    assert card == made
    assert f"| [{copy.name}]({copy.name}) |" in index_text(tmp_path / "runs")


def test_a_stored_recipe_is_what_was_run(tmp_path: Path) -> None:
    """Options of the command line are in it, so that the run is measured again as it was."""
    folder = tmp_path / "other"
    words = ["digits-cnn", "--method", "pow2", "--set", "bits=4", "--coder", "huffman", "--acts", "int6"]
    output = ["-o", str(tmp_path / "x.npz"), "--results", str(folder), "--machine", "8x8-os,dram=1GB/s"]
    assert cli.main(["compress", *words, *output, *QUICK]) == 0
    recipe = load_recipe(str(folder / "recipe.toml"))
    assert (recipe.coder, recipe.array.acts, recipe.array.machine) == ("huffman", "int6", "8x8-os,dram=1GB/s")
    (row,) = csv.DictReader((folder / "row.csv").open())
    assert int(row["file_bytes"]) == (folder / "network.hwz").stat().st_size
    assert (row["coder"], row["acts"]) == ("huffman", "int6")


def test_a_changed_recipe_is_stored_as_it_ran() -> None:
    recipe = parse_recipe(RECIPE)
    assert recipe_as_run(recipe) == RECIPE
    changed = replace(recipe, coder="fixed")
    assert parse_recipe(recipe_as_run(changed), changed.name) == changed


def test_machines_have_a_block_each(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    machines = ["edge-16x16@100MHz", "tpu-128x128", "8x8-os"]
    words = ["compare", str(stored / "mine.hwz"), *(word for name in machines for word in ("--machine", name))]
    assert cli.main([*words, "--table", "published45", *QUICK]) == 0
    text = capsys.readouterr().out
    assert text.count("one inference on") == 3
    assert cli.main([*words, "--csv", *QUICK]) == 0
    captured = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(captured.out)))
    assert [row["name"] for row in rows] == ["digits-cnn", "mine"] * 3
    assert len({row["cycles"] for row in rows[::2]}) == 3
    assert len({row["array_correct"] for row in rows[::2]}) == 1
    assert "mine: no card.json beside" in captured.err


def test_the_recipes_data_is_measured_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two sets of one shape: labels of the second are all wrong."""
    real = load_data("digits", "test")
    asked: list[tuple[str, str]] = []

    def load(name: str, split: str, root: Path | None = None) -> Dataset:
        asked.append((name, split))
        labels = (real.labels + (name == "others")) % 10
        return Dataset(name, split, real.images, labels)

    monkeypatch.setattr("models.data.load_data", load)
    (tmp_path / "r.toml").write_text(f'data = "others"\n{RECIPE}')
    words = ["compress", "--recipe", str(tmp_path / "r.toml"), "-o", str(tmp_path / "r.hwz"), "--results"]
    assert cli.main([*words, str(tmp_path / "runs" / "r"), *QUICK]) == 0
    assert {name for name, _ in asked} == {"others"}
    (row,) = csv.DictReader((tmp_path / "runs" / "r" / "row.csv").open())
    assert int(row["float_correct"]) < 100
    asked.clear()
    assert cli.main(["compare", "--results", str(tmp_path / "runs"), "--measure", *QUICK]) == 0
    assert {name for name, _ in asked} == {"others"}
    assert cli.main([*words, str(tmp_path / "runs" / "s"), "--data", "digits", *QUICK]) == 0
    (row,) = csv.DictReader((tmp_path / "runs" / "s" / "row.csv").open())
    assert int(row["float_correct"]) > 100


def test_networks_of_other_origin_or_data_are_not_mixed(stored: Path, tmp_path: Path) -> None:
    own = subject(str(stored / "mine.hwz"))
    other = replace(own, label="other", network=replace(own.network, metadata={"dataset": "mnist"}))
    renamed = replace(own, label="renamed", network=replace(own.network, name="lenet5"))
    check_alike([own, other], data="digits")
    check_alike([own, renamed], reference="digits-cnn")
    for mixed, message in (([own, other], "other: mnist.*--data"), ([own, renamed], "renamed: lenet5.*--reference")):
        with pytest.raises(CompressionError, match=message):
            check_alike(mixed)
    assert data_of([own, other], "mnist") == "mnist"
    with pytest.raises(CompressionError, match="name it with --data"):
        data_of([own, other])


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["recipes"]) == 0
    assert "steps" in capsys.readouterr().out
    assert cli.main(["methods", "pow2"]) == 0
    assert "bits (int, default 5): Of one weight" in capsys.readouterr().out
    assert cli.main(["study"]) == 0
    assert "question" in capsys.readouterr().out


def test_a_study_writes_into_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Study, "run", lambda self, folder, root, report: report(f"{self.question} in {folder.name}"))
    monkeypatch.setattr("models.compression.studies.study", lambda name: Study("nowhere", "why?"))
    assert cli.main(["study", "any", "--results", str(tmp_path / "there")]) == 0
    assert capsys.readouterr().out == f"why? in there\n{tmp_path / 'there'}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compress", "digits-cnn", "--method", "prun"], "unknown method 'prun': did you mean 'prune'"),
        (["compress", "digits-cn", "--method", "pow2"], "unknown network 'digits-cn': did you mean 'digits-cnn'"),
        (["compress", "--method", "pow2"], "name the network to compress"),
        (["compress", "digits-cnn", "--method", "pow2", "--set", "bits"], "has no value: write OPTION=VALUE"),
        (["compress", "digits-cnn", "--method", "pow2", "--set", "bits=9", "--set", "x=1"], "unknown option 'x'"),
        (["compress", "digits-cnn", "--method", "pow2", "--set", "bits=9"], "bits is 9"),
        (["compress", "digits-cnn", "--recipe", "none", "--set", "bits=3"], "--set gives options of --method"),
        (["compress", "digits-cnn", "--recipe", "none.toml"], "recipe 'none.toml' cannot be read"),
        (["compress", "digits-cnn", "--method", "pow2", "-o", "x.zip"], "must end in .hwz or .npz"),
        (["compress", "digits-cnn", "--method", "pow2", "--coder", "zip"], "unknown coder 'zip'"),
        (["compress", "digits-cnn", "--method", "pow2", "-o", "/proc/none/x.hwz"], "choose another place"),
        (["compress", "digits-cnn", "--method", "pow2", "--limit", "0"], "0 images asked for"),
        (["compare"], "name the networks to compare"),
        (["compare", "digits-cnn", "--measure"], "name their folder with --results DIR"),
        (["compare", "--results", "nowhere", "--measure"], "nowhere holds no stored run"),
        (["compare", "digits-cnn", "--coder", "zip"], "unknown coder 'zip'"),
        (["compare", "digits-cnn", "lenet5"], "lenet5: mnist"),
        (["compare", "none.hwz"], "none.hwz"),
        (["compare", "digits"], "or the path of a .npz or .hwz file"),
        (["compress", "digits-cnn", "--method", "pow2", "--set", "a=1", "--set", "a.b=1"], "is a value already"),
        (["compare", "--results", "nowhere"], "nowhere holds no stored run"),
        (["methods", "inqq"], "did you mean 'inq'"),
        (["study", "none"], "unknown study 'none'"),
    ],
)
def test_errors_are_one_message_and_exit_code_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith("models: ")


def test_a_damaged_run_is_named(tmp_path: Path) -> None:
    run = tmp_path / "broken"
    run.mkdir()
    (run / "row.csv").write_text("name\nbroken\n")
    with pytest.raises(Exception, match="broken is no whole stored run .*: make it again"):
        index_text(tmp_path)


def test_values_are_toml_or_words() -> None:
    assert compression_cli._options(["a=1", "b.c=true", "b.d=[1, 2]", "e=layer", 'f="x"', "g=1e-3"]) == {
        "a": 1,
        "b": {"c": True, "d": [1, 2]},
        "e": "layer",
        "f": "x",
        "g": 1e-3,
    }
