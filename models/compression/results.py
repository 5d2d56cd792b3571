"""Stored runs: a folder for each with its file, card, row, log and recipe, and an index of all of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from hwsim.text import wilson_interval
from models.compression.container import SUFFIX, load_compressed, save_compressed
from models.compression.errors import CompressionError
from models.compression.recipe import CompressionRecipe, load_recipe, parse_recipe
from models.compression.row import COLUMNS, Row, read_row
from models.compression.run import Compressed
from models.compression.studies import STUDIES
from models.compression.toml_text import recipe_text
from models.compression.writing import write_csv, write_json, write_text
from models.provenance import provenance

_ROW, _CARD, _LOG, _RECIPE, _FILE = "row.csv", "card.json", "log.txt", "recipe.toml", f"network{SUFFIX}"
SUFFIXES = (SUFFIX, ".npz")


def check_output(output: Path, results: Path | None) -> None:
    """Raise CompressionError now, and not after the training, where a result could not be stored."""
    if output.suffix not in SUFFIXES:
        raise CompressionError(f"cannot write {output}: the name must end in {' or '.join(SUFFIXES)}")
    for folder in (output.parent, *([] if results is None else [results])):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise CompressionError(f"{folder} cannot be written to ({error.strerror}): choose another place") from error


def recipe_as_run(recipe: CompressionRecipe) -> str:
    """Return the text that the recipe was read from, or one with all that the command line changed in it."""
    same = bool(recipe.text) and parse_recipe(recipe.text, recipe.name) == recipe
    return recipe.text if same else recipe_text(recipe)


def store_run(folder: Path, recipe: CompressionRecipe, done: Compressed, row: Row, command: str) -> None:
    """Write file, card, row, log and recipe of a run into ``folder``.

    Raises:
        CompressionError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_compressed(folder / _FILE, done.network, recipe.coder)
    write_csv(folder / _ROW, COLUMNS, [row.values()])
    write_text(folder / _LOG, "\n".join(done.log) + "\n")
    write_text(folder / _RECIPE, recipe_as_run(recipe))
    own = {"name": done.network.name, "content_hash": done.network.content_hash}
    write_json(folder / _CARD, {**own, "provenance": provenance(command), "network": dict(done.network.metadata)})


@dataclass(frozen=True)
class RunFiles:
    """A stored run to be measured again.

    Attributes:
        folder: Of the run.
        recipe: That made it.
        file: Its compressed network.
    """

    folder: Path
    recipe: CompressionRecipe
    file: Path

    def store(self, row: Row, command: str) -> None:
        """Write its row anew, and onto its card which command, code and machine measured it.

        Raises:
            CompressionError: a card that cannot be read or a folder that cannot be written.
        """
        try:
            card = dict(json.loads((self.folder / _CARD).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise CompressionError(f"{self.folder / _CARD} is damaged ({error}): make the run again") from error
        write_csv(self.folder / _ROW, COLUMNS, [replace(row, name=self.folder.name).values()])
        write_json(self.folder / _CARD, {**card, "measured": provenance(command)})


def run_files(folder: Path) -> list[RunFiles]:
    """Return every stored run below ``folder``, whatever columns its row has.

    Raises:
        CompressionError: nothing is stored there, or a recipe cannot be read.
    """
    places = [path.parent for path in sorted(folder.glob(f"*/{_FILE}"))]
    if not places:
        raise CompressionError(f"{folder} holds no stored run: make one with --results {folder}/NAME")
    return [RunFiles(place, load_recipe(str(place / _RECIPE)), place / _FILE) for place in places]


@dataclass(frozen=True)
class StoredRun:
    """A run that was stored.

    Attributes:
        folder: Its name.
        network: Name of the network that was compressed.
        row: Of the table.
        command: That made it.
    """

    folder: str
    network: str
    row: Row
    command: str


def stored_runs(folder: Path) -> list[StoredRun]:
    """Return every stored run below ``folder``: network by network, the largest file first.

    Raises:
        CompressionError: a run is damaged, or made by a version with other columns.
    """
    found = [_read(path) for path in sorted(folder.glob(f"*/{_ROW}"))]
    return sorted(found, key=lambda run: (run.network, -run.row.file_bytes, run.folder))


def index_text(folder: Path) -> str:
    """Return a Markdown page of the stored runs and studies below ``folder``.

    Raises:
        CompressionError: nothing is stored there, or a run is damaged.
    """
    runs = stored_runs(folder)
    answered = [(name, own.question) for name, own in STUDIES.items() if (folder / name / "provenance.json").exists()]
    if not runs and not answered:
        raise CompressionError(f"{folder} holds no stored run: make one with --results {folder}/NAME")
    lines = ["# Compression", "", *_INTRODUCTION]
    for network in dict.fromkeys(run.network for run in runs):
        lines += ["", f"## {network}", "", f"| {' | '.join(_HEADER)} |", f"|{'---|' * len(_HEADER)}"]
        lines += [f"| {' | '.join(_cells(run))} |" for run in runs if run.network == network]
    if answered:
        lines += ["", "## Studies", "", "| study | question | command |", "|---|---|---|"]
        lines += [f"| [{name}]({name}) | {question} | `models study {name}` |" for name, question in answered]
    return "\n".join(lines) + "\n"


_INTRODUCTION = (
    "Stored runs of `models compress … --results` and of `models study`; this page is what `models compare",
    "--results` prints. What the columns mean is in [docs/compression.md](../../docs/compression.md). The folder",
    "of a run has the file itself (`network.hwz`), the card with options and findings of every step, command,",
    "commit and machine (`card.json`), all columns (`row.csv`), the log and the recipe. Ratios are against 4",
    "bytes for every parameter of the float32 network, and against its time and energy in int8 on the same array with",
    "weights packed by the same code (in brackets: with 8 bits a weight). p is the exact McNemar test of the array's",
    "answers against those of the float32 network in float64.",
)
_HEADER = (
    "run", "file bytes", "ratio", "bits/weight", "kept", "float64 right", "array right [95 %]", "p", "DRAM bits/weight",
    "cycles", "ms", "uJ", "mW", "time", "energy", "weights on the array", "command",
)  # fmt: skip


def _cells(run: StoredRun) -> list[str]:
    row = run.row
    return [
        f"[{run.folder}]({run.folder})",
        f"{row.file_bytes:,}",
        f"{row.file_ratio:.2f}",
        f"{row.bits_per_weight:.3f}",
        f"{row.kept_weights / row.weights:.2%}",
        f"{row.float_correct} ({100 * row.float_correct / row.images:.2f} %)",
        _share(row.array_correct, row.images),
        f"{row.array_p:.2g}",
        f"{row.array_bits_per_weight:.3f}",
        f"{row.cycles:,}",
        f"{row.runtime_ms:.4g}",
        f"{row.energy_uj:.4g}",
        f"{row.power_mw:.4g}",
        f"{row.time_ratio:.2f}x ({row.time_ratio_plain:.2f}x)",
        f"{row.energy_ratio:.2f}x ({row.energy_ratio_plain:.2f}x)",
        f"{row.formats}{'' if row.weight_change == 0 else f', moved by at most {row.weight_change:.2g}'}",
        f"`{run.command}`",
    ]


def _share(correct: int, images: int) -> str:
    low, high = wilson_interval(correct, images)
    return f"{correct} ({100 * correct / images:.2f} % [{100 * low:.2f}, {100 * high:.2f}])"


def _read(path: Path) -> StoredRun:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            (cells,) = csv.DictReader(file)
        card = json.loads((path.parent / _CARD).read_text(encoding="utf-8"))
        network, command = _network_name(card, path.parent), str(card["provenance"]["command"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CompressionError(f"{path.parent} is no whole stored run ({error}): make it again") from error
    try:
        return StoredRun(path.parent.name, network, read_row(cells), command)
    except CompressionError as error:
        raise CompressionError(f"{path}: {error}") from error


def _network_name(card: Mapping[str, Any], folder: Path) -> str:
    """Return the name on the card, or in the file where an older card has none."""
    return str(card["name"] if "name" in card else load_compressed(folder / _FILE).name)
