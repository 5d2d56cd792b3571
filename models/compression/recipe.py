"""A recipe: the steps from a trained network to a file, as a small TOML text."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

from hwsim.errors import all_faults, unknown_name
from models.compression.container import CODERS
from models.compression.errors import CompressionError
from models.compression.methods import METHODS, read_step
from models.compression.options import read_options
from models.compression.step import Step

_TEXTS = ("name", "network", "description", "data", "coder")
_KEYS = (*_TEXTS, "step", "array")


@dataclass(frozen=True)
class ArraySettings:
    """How the compressed network runs on the array when it is measured.

    Attributes:
        weights: Format of all weights, or auto: of each layer, read off the values that its weights have.
        plain: Format of weights whose values fit no other, under auto.
        entries: Format of the entries of a codebook, under auto.
        acts: Format of the activations; without an exponent it is chosen per tensor on the calibration images.
        acc: Format of the sums.
        machine: The array, as ``hwsim run --machine`` takes it.
        table: The prices, as ``hwsim run --table`` takes them.
    """

    weights: str = "auto"
    plain: str = "int8"
    entries: str = "int8"
    acts: str = "int8"
    acc: str = "int32"
    machine: str = "edge-16x16@100MHz,dram=lpddr4@1.28GB/s"
    table: str = "sky130"


@dataclass(frozen=True)
class CompressionRecipe:
    """What is done to a network, in order.

    Attributes:
        name: Of the recipe; its results are named after it.
        network: The trained network that it starts from: a name, or the path of a .npz file.
        steps: Methods with their options.
        description: One line.
        data: Data set of training and measuring; empty is the one that the network names.
        coder: Entropy coder of the file, one of ``models.compression.container.CODERS``.
        array: How the result runs on the array.
        text: The TOML text that it was read from; empty when it was not.
    """

    name: str
    network: str
    steps: tuple[Step, ...]
    description: str = ""
    data: str = ""
    coder: str = "arithmetic"
    array: ArraySettings = ArraySettings()
    text: str = field(default="", repr=False, compare=False)


def shipped_recipes() -> tuple[str, ...]:
    """Return the names of the recipes that travel with the package."""
    folder = resources.files("models.compression") / "recipes"
    if not folder.is_dir():
        return ()
    return tuple(sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml")))


def load_recipe(name_or_path: str, methods: Mapping[str, str] = METHODS) -> CompressionRecipe:
    """Return a recipe by the name of a shipped one, or from a .toml file.

    Raises:
        CompressionError: unknown name, unreadable file, or faults in it, all at once.
    """
    if name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CompressionError(f"recipe {name_or_path!r} cannot be read: {error}") from error
        recipe = parse_recipe(text, path.stem, methods)
        beside = path.parent / recipe.network
        return replace(recipe, network=str(beside)) if recipe.network.endswith(".npz") else recipe
    if name_or_path not in shipped_recipes():
        known = unknown_name("recipe", name_or_path, shipped_recipes())
        raise CompressionError(f"{known}; or the path of a .toml file")
    shipped = resources.files("models.compression") / "recipes" / f"{name_or_path}.toml"
    return parse_recipe(shipped.read_text(encoding="utf-8"), name_or_path, methods)


def check_coder(coder: str) -> None:
    """Raise CompressionError for a coder that files do not know."""
    if coder not in CODERS:
        raise CompressionError(unknown_name("coder", coder, CODERS))


def parse_recipe(text: str, name: str = "recipe", methods: Mapping[str, str] = METHODS) -> CompressionRecipe:
    """Read the text of a recipe; ``name`` is what it is called unless it says so itself.

    Raises:
        CompressionError: the text is not TOML, or has faults, all at once: unknown keys, methods, options and wrong
            types.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CompressionError(f"recipe {name!r} is not TOML: {error}") from error
    faults = [unknown_name("key", key, _KEYS) for key in document if key not in _KEYS]
    faults += [
        f"{key} = {document[key]!r}: a string is needed" for key in _TEXTS if not isinstance(document.get(key, ""), str)
    ]
    if "network" not in document:
        faults.append('it names no network: add network = "NAME"')
    if isinstance(document.get("coder"), str) and document["coder"] not in CODERS:
        faults.append(unknown_name("coder", document["coder"], CODERS))
    steps, found = _steps(document.get("step"), methods)
    array, more = _array(document.get("array", {}))
    faults += [*found, *more]
    if faults:
        raise CompressionError(all_faults(f"recipe {name!r}", faults))
    texts = {"name": name} | {key: document[key] for key in _TEXTS if key in document}
    return CompressionRecipe(steps=steps, array=array, text=text, **texts)


def _steps(tables: Any, methods: Mapping[str, str]) -> tuple[tuple[Step, ...], list[str]]:
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        return (), ['it has no steps: add [[step]] with method = "NAME"']
    read = [_step(table, f"step {place}", methods) for place, table in enumerate(tables, start=1)]
    return tuple(step for step, _ in read if step is not None), [fault for _, found in read for fault in found]


def _step(table: dict[str, Any], where: str, methods: Mapping[str, str]) -> tuple[Step | None, list[str]]:
    options = dict(table)
    method = options.pop("method", None)
    if not isinstance(method, str):
        return None, [f'{where}: it names no method: add method = "NAME"; known: {", ".join(sorted(methods))}']
    return read_step(method, options, where, methods)


def _array(table: Any) -> tuple[ArraySettings, list[str]]:
    if not isinstance(table, dict):
        return ArraySettings(), [f"array = {table!r}: a table is needed: [array]"]
    settings, faults = read_options(ArraySettings, table, "[array]")
    return settings or ArraySettings(), faults
