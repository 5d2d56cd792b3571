"""Stored runs: a folder for each with its file, card, row, log and recipe, and an index of all of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from hwsim.text import wilson_interval
from models.compression.container import SUFFIX, save_compressed
from models.compression.errors import CompressionError
from models.compression.recipe import CompressionRecipe
from models.compression.run import Compressed
from models.compression.studies.writing import provenance, write_csv, write_json, write_text
from models.compression.table import COLUMNS, Row, read_row
from models.compression.toml_text import recipe_text

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


def store_run(folder: Path, recipe: CompressionRecipe, done: Compressed, row: Row, command: str) -> None:
    """Write file, card, row, log and recipe of a run into ``folder``.

    Raises:
        CompressionError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_compressed(folder / _FILE, done.network, recipe.coder)
    write_csv(folder / _ROW, COLUMNS, [row.values()])
    write_text(folder / _LOG, "\n".join(done.log) + "\n")
    write_text(folder / _RECIPE, recipe.text or recipe_text(recipe))
    card = {"provenance": provenance(command), "network": dict(done.network.metadata)}
    write_json(folder / _CARD, card | {"content_hash": done.network.content_hash})


def stored_rows(folder: Path) -> list[tuple[Path, Row, Mapping[str, Any]]]:
    """Return folder, row and provenance of every stored run below ``folder``, by name.

    Raises:
        CompressionError: nothing is stored there, or a file is damaged.
    """
    found = [(path.parent, *_read(path)) for path in sorted(folder.glob(f"*/{_ROW}"))]
    if not found:
        raise CompressionError(f"{folder} holds no stored run: make one with models compress … --results {folder}/NAME")
    return found


def index_text(folder: Path) -> str:
    """Return the stored runs below ``folder`` as a Markdown table, smallest file of each network last."""
    lines = [f"| {' | '.join(_HEADER)} |", f"|{'---|' * len(_HEADER)}"]
    found = sorted(stored_rows(folder), key=lambda run: (str(run[2].get("network")), run[1].file_ratio))
    lines += [f"| {' | '.join(_cells(path, row, facts))} |" for path, row, facts in found]
    return "\n".join(lines) + "\n"


_HEADER = (
    "run", "file bytes", "ratio", "bits/weight", "kept", "float64", "array", "p (array)", "cycles", "ms", "uJ", "mW",
    "time", "energy", "command",
)  # fmt: skip


def _cells(path: Path, row: Row, facts: Mapping[str, Any]) -> list[str]:
    return [
        f"[{path.name}]({path.name})",
        f"{row.file_bytes:,}",
        f"{row.file_ratio:.2f}",
        f"{row.bits_per_weight:.3f}",
        f"{row.kept_weights / row.weights:.2%}",
        _share(row.float_correct, row.images),
        _share(row.array_correct, row.images),
        f"{row.array_p:.2g}",
        f"{row.cycles:,}",
        f"{row.runtime_ms:.4g}",
        f"{row.energy_uj:.4g}",
        f"{row.power_mw:.4g}",
        f"{row.time_ratio:.2f}x",
        f"{row.energy_ratio:.2f}x",
        f"`{facts.get('command', '')}`",
    ]


def _share(correct: int, images: int) -> str:
    low, high = wilson_interval(correct, images)
    return f"{correct}/{images} = {100 * correct / images:.2f} % [{100 * low:.2f}, {100 * high:.2f}]"


def _read(path: Path) -> tuple[Row, Mapping[str, Any]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            (cells,) = csv.DictReader(file)
        card = json.loads((path.parent / _CARD).read_text(encoding="utf-8"))
        facts = {**card["provenance"], "network": card["network"].get("dataset", "")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CompressionError(f"{path.parent} is no whole stored run ({error}): make it again") from error
    try:
        return read_row(cells), facts
    except CompressionError as error:
        raise CompressionError(f"{path}: {error}") from error
