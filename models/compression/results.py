"""Stored runs: a folder for each with its file, card, row, log and recipe."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from models.compression.container import SUFFIX, save_compressed
from models.compression.errors import CompressionError
from models.compression.image_choice import ImageChoice, images_on_card
from models.compression.recipe import CompressionRecipe, load_recipe, parse_recipe
from models.compression.row import COLUMNS, Row
from models.compression.run import Compressed
from models.compression.toml_text import recipe_text
from models.compression.writing import write_csv, write_json, write_text
from models.provenance import provenance

ROW, CARD, FILE = "row.csv", "card.json", f"network{SUFFIX}"
_LOG, _RECIPE = "log.txt", "recipe.toml"
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


def recipe_as_run(recipe: CompressionRecipe, folder: Path) -> str:
    """Return the text that the recipe was read from, or one with all that the command line changed in it.

    Args:
        recipe: As it ran.
        folder: That the text is written to; the path of a network's file is read from there.
    """
    if recipe.network.endswith(".npz"):
        recipe = replace(recipe, network=os.path.relpath(recipe.network, folder))
    same = bool(recipe.text) and parse_recipe(recipe.text, recipe.name) == recipe
    return recipe.text if same else recipe_text(recipe)


def store_run(
    folder: Path, recipe: CompressionRecipe, images: ImageChoice, done: Compressed, row: Row, command: str
) -> None:
    """Write file, card, row, log and recipe of a run into ``folder``.

    Raises:
        CompressionError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_compressed(folder / FILE, done.network, recipe.coder)
    write_csv(folder / ROW, COLUMNS, [row.values()])
    write_text(folder / _LOG, "\n".join(done.log) + "\n")
    write_text(folder / _RECIPE, recipe_as_run(recipe, folder))
    own = {"name": done.network.name, "content_hash": done.network.content_hash}
    made = {"images": asdict(images), "threads": done.threads, "provenance": provenance(command)}
    write_json(folder / CARD, {**own, **made, "network": dict(done.network.metadata)})


@dataclass(frozen=True)
class RunFiles:
    """A stored run to be measured again.

    Attributes:
        folder: Of the run.
        recipe: That made it.
        file: Its compressed network.
        images: That it was counted on; None where its card does not say.
    """

    folder: Path
    recipe: CompressionRecipe
    file: Path
    images: ImageChoice | None

    def store(self, row: Row, command: str) -> None:
        """Write its row anew, and onto its card which command, code and machine measured it.

        Raises:
            CompressionError: a card that cannot be read or a folder that cannot be written.
        """
        card = _card(self.folder)
        write_csv(self.folder / ROW, COLUMNS, [replace(row, name=self.folder.name).values()])
        write_json(self.folder / CARD, {**card, "measured": provenance(command)})


def _card(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / CARD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise CompressionError(f"{folder / CARD} is damaged ({error}): make the run again") from error


def _images(folder: Path) -> ImageChoice | None:
    card = _card(folder)
    try:
        return images_on_card(card["images"]) if "images" in card else None
    except TypeError as error:
        raise CompressionError(f"{folder / CARD} is damaged ({error}): make the run again") from error


def run_files(folder: Path) -> list[RunFiles]:
    """Return every stored run below ``folder``, whatever columns its row has.

    Raises:
        CompressionError: nothing is stored there, or a recipe or a card cannot be read.
    """
    places = [path.parent for path in sorted(folder.glob(f"*/{FILE}"))]
    if not places:
        raise CompressionError(f"{folder} holds no stored run: make one with --results {folder}/NAME")
    return [RunFiles(place, load_recipe(str(place / _RECIPE)), place / FILE, _images(place)) for place in places]
