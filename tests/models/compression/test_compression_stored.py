"""Stored runs: what they leave, the table and the index of them, and measuring them again as they were made."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from models import cli
from models.compression.container import load_compressed
from models.compression.index import index_text
from models.compression.recipe import load_recipe, parse_recipe
from models.compression.results import recipe_as_run
from models.compression.row import COLUMNS
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
    words = ["--recipe", str(folder / "mine.toml"), "-o", str(folder / "mine.hwz")]
    words += ["--results", str(folder / "a" / "mine")]
    assert cli.main(["compress", *words, *QUICK]) == 0
    return folder


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
    assert cli.main([*words, "--threads", "1"]) == 0
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


def test_a_changed_recipe_is_stored_as_it_ran(tmp_path: Path) -> None:
    recipe, here = parse_recipe(RECIPE), Path("here")
    assert recipe_as_run(recipe, here) == RECIPE
    for changed in (replace(recipe, coder="fixed"), replace(recipe, data="mnist")):
        assert parse_recipe(recipe_as_run(changed, here), changed.name) == changed
    (tmp_path / "r.toml").write_text(RECIPE.replace("digits-cnn", "nets/own.npz"))
    own = load_recipe(str(tmp_path / "r.toml"))
    folder = tmp_path / "results" / "deep"
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(recipe_as_run(own, folder))
    found = load_recipe(str(folder / "recipe.toml"))
    assert Path(found.network).resolve() == (tmp_path / "nets" / "own.npz").resolve()


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

    monkeypatch.setattr("models.compression.image_choice.load_data", load)
    (tmp_path / "r.toml").write_text(f'data = "others"\n{RECIPE}')
    words = ["compress", "--recipe", str(tmp_path / "r.toml"), "-o", str(tmp_path / "r.hwz"), "--results"]
    assert cli.main([*words, str(tmp_path / "runs" / "r"), *QUICK]) == 0
    assert {name for name, _ in asked} == {"others"}
    (row,) = csv.DictReader((tmp_path / "runs" / "r" / "row.csv").open())
    assert int(row["float_correct"]) < 100
    assert cli.main([*words, str(tmp_path / "runs" / "s"), "--data", "digits", *QUICK]) == 0
    before = rows_of(tmp_path / "runs")
    assert int(before["s"]["float_correct"]) > 100
    assert [(row["data"], row["split"], row["images"]) for row in before.values()] == [
        ("others", "test", "200"),
        ("digits", "test", "200"),
    ]
    assert load_recipe(str(tmp_path / "runs" / "s" / "recipe.toml")).data == "digits"
    asked.clear()
    assert cli.main(["compare", "--results", str(tmp_path / "runs"), "--measure", "--threads", "1"]) == 0
    assert rows_of(tmp_path / "runs") == before
    assert {name for name, _ in asked} == {"others", "digits"}


def rows_of(folder: Path) -> dict[str, dict[str, str]]:
    return {path.parent.name: next(csv.DictReader(path.open())) for path in sorted(folder.glob("*/row.csv"))}


def test_a_run_on_images_held_out_is_measured_again_on_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    words = ["compress", "digits-cnn", "--method", "pow2", "-o", str(tmp_path / "x.hwz"), "--threads", "1"]
    held = ["--hold-out", "60", "--split", "validation", "--limit", "50"]
    assert cli.main([*words, *held, "--results", str(runs / "held")]) == 0
    assert cli.main([*words, "--limit", "40", "--results", str(runs / "test")]) == 0
    card = json.loads((runs / "held" / "card.json").read_text())
    held_out = {"data": "digits", "split": "validation", "hold_out": 60, "limit": 50}
    assert (card["images"], card["threads"]) == (held_out, 1)
    before = rows_of(runs)
    assert {name: (row["split"], row["images"]) for name, row in before.items()} == {
        "held": ("validation", "50"),
        "test": ("test", "40"),
    }
    assert cli.main(["compare", "--results", str(runs), "--measure"]) == 0
    assert rows_of(runs) == before
    text = index_text(runs)
    assert text.count("| run |") == 2
    machine = f"one inference on `{before['held']['machine']}`, prices `sky130`."
    for images, name in (("50 images of digits, validation", "held"), ("40 images of digits, test", "test")):
        block = text.partition(f"{images}; {machine}")[2].partition("images of")[0]
        assert block.count("| [") == block.count(f"| [{name}]") == 1
    capsys.readouterr()
    for given in (["--limit", "5"], ["--split", "test"], ["--data", "digits"]):
        assert cli.main(["compare", "--results", str(runs), "--measure", *given]) == 2
        assert f"the images that each card names: leave out {given[0]}," in capsys.readouterr().err
    del card["images"]
    (runs / "held" / "card.json").write_text(json.dumps(card))
    assert cli.main(["compare", "--results", str(runs), "--measure"]) == 0
    assert f"{runs / 'held'}: its card does not say on which images: all of digits test" in capsys.readouterr().out
    assert rows_of(runs)["held"]["images"] == "899"
    for damaged in (3, {"data": 3}, {"data": "digits", "limits": 3}, {"data": "digits", "limit": "3"}):
        (runs / "held" / "card.json").write_text(json.dumps({**card, "images": damaged}))
        assert cli.main(["compare", "--results", str(runs), "--measure"]) == 2
        assert "card.json is damaged" in capsys.readouterr().err


def test_the_index_names_steps_of_other_code(stored: Path, tmp_path: Path) -> None:
    copy = tmp_path / "runs" / "mine"
    shutil.copytree(stored / "a" / "mine", copy)
    card = json.loads((copy / "card.json").read_text())
    first, second = (step["made"] for step in card["network"]["compression"])
    code = card["provenance"]["code"] = first["code"] = second["code"] = "0.0.2+gnew"

    def page() -> str:
        (copy / "card.json").write_text(json.dumps(card))
        return index_text(tmp_path / "runs")

    assert "by other code" not in page()
    second["accelerator"] = "Card 9"
    assert "* `mine`: step 2, pow2 (Card 9)\n" in page()
    card["provenance"]["code"] = first["code"] = second["code"] = "0.0.2+gnew-dirty"
    assert "* `mine`: step 1, prune (0.0.2+gnew-dirty), step 2, pow2 (0.0.2+gnew-dirty; Card 9)\n" in page()
    card["provenance"]["code"], first["code"] = code, "0.0.1+gold"
    del card["network"]["compression"][1]["made"]
    assert f"* `mine`: step 1, prune (0.0.1+gold, not {code}), step 2, pow2 (unknown, not {code})\n" in page()


def test_a_damaged_run_is_named(tmp_path: Path) -> None:
    run = tmp_path / "broken"
    run.mkdir()
    (run / "row.csv").write_text("name\nbroken\n")
    with pytest.raises(Exception, match="broken is no whole stored run .*: make it again"):
        index_text(tmp_path)
