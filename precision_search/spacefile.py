"""A sweep file in TOML, checked key by key; every fault is reported at once."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from hwsim.errors import HwsimError, all_faults
from precision_search.errors import SpaceError
from precision_search.presets import preset
from precision_search.space import Grid, PerLayer, Same, Space
from precision_search.task import FormatChoice

_TOP = ("name", "network", "split", "images", "machines", "tables", "presets", "grid", "overrides")
_NEEDED = ("weights", "acts", "acc")
_ROLES = (*_NEEDED, "product", "bias")
_EXACT = "exact"  # how a file writes None
_PER_LAYER = "per_layer"


def load_space(path: Path) -> Space:
    """Read a sweep file.

    Raises:
        SpaceError: the file cannot be read, is not TOML, or has unknown keys or values of the wrong type.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpaceError(f"sweep file {str(path)!r} cannot be read: {error}") from error
    return parse_space(text, origin=path)


def parse_space(text: str, origin: Path = Path("sweep.toml")) -> Space:
    r"""Read the text of a sweep file; ``origin`` names it and is where relative ``.npz`` paths start.

    >>> parse_space('network = "digits-cnn"\n[[grid]]\nall = ["float<6,{2..4}>"]').name
    'sweep'
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpaceError(f"sweep file {str(origin)!r} is not TOML: {error}") from error
    reader = _Reader()
    space = reader.space(document, origin)
    if reader.faults:
        raise SpaceError(all_faults(f"sweep file {str(origin)!r}", reader.faults))
    return space


def unknown_key(key: str, where: str, known: Collection[str]) -> str:
    """Return the message for a key that does not exist.

    >>> unknown_key("machine", "the file", ["machines", "tables"])
    "unknown key 'machine' in the file; did you mean 'machines'? Known: machines, tables"
    """
    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"unknown key {key!r} in {where}{hint} Known: {', '.join(known)}"


class _Reader:
    """Takes a parsed TOML document apart and collects what is wrong with it."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def space(self, document: Mapping[str, Any], origin: Path) -> Space:
        self._known(document, "the file", _TOP)
        images = document.get("images")
        if images is not None and (isinstance(images, bool) or not isinstance(images, int)):
            self.faults.append(f"images = {images!r}; a whole number of images is needed")
        return Space(
            name=self._word(document, "name", origin.stem),
            network=_from_folder(self._word(document, "network", "digits-cnn"), origin.parent),
            grids=self._grids(document),
            machines=self._words(document, "machines", ("16x16-ws",)),
            tables=self._words(document, "tables", ("published45",)),
            split=self._word(document, "split", "test"),
            images=images,
            overrides=self._overrides(document),
        )

    def _grids(self, document: Mapping[str, Any]) -> tuple[Grid | Same | PerLayer, ...]:
        grids: list[Grid | Same | PerLayer] = []
        for name in self._words(document, "presets", ()):
            try:
                grids.extend(preset(name))
            except HwsimError as error:
                self.faults.append(str(error))
        for number, table in enumerate(self._tables(document.get("grid", []), "[[grid]]"), start=1):
            grid = self._grid(table, f"[[grid]] number {number}")
            if grid is not None:
                grids.append(grid)
        return tuple(grids)

    def _grid(self, table: Mapping[str, Any], where: str) -> Grid | Same | PerLayer | None:
        self._known(table, where, ("all", *_ROLES, _PER_LAYER))
        per_layer = table.get(_PER_LAYER, False)
        if not isinstance(per_layer, bool):
            self.faults.append(f"{where} has {_PER_LAYER} = {per_layer!r}; true or false is needed")
        grid = self._choices({role: words for role, words in table.items() if role != _PER_LAYER}, where)
        return PerLayer(grid) if grid is not None and per_layer is True else grid

    def _choices(self, table: Mapping[str, Any], where: str) -> Grid | Same | None:
        if "all" in table:
            if len(table) > 1:
                self.faults.append(f"{where} has 'all' beside other roles; use one or the other")
            return Same(self._words(table, "all", ()))
        missing = [role for role in _NEEDED if role not in table]
        if missing:
            self.faults.append(f"{where} lacks {', '.join(missing)}; or write all = [...] for one format everywhere")
            return None
        weights, acts, acc = (self._words(table, role, ()) for role in _NEEDED)
        product, bias = (tuple(map(_none, self._words(table, role, (_EXACT,)))) for role in ("product", "bias"))
        return Grid(weights, acts, acc, product, bias)

    def _overrides(self, document: Mapping[str, Any]) -> tuple[tuple[str, FormatChoice], ...]:
        overrides = document.get("overrides", {})
        if not isinstance(overrides, dict):
            self.faults.append("overrides must be tables: [overrides.LAYER]")
            return ()
        return tuple((layer, self._choice(table, f"[overrides.{layer}]")) for layer, table in overrides.items())

    def _choice(self, table: object, where: str) -> FormatChoice:
        if not isinstance(table, dict):
            self.faults.append(f"{where} must be a table with weights, acts and acc")
            return FormatChoice("", "", "")
        self._known(table, where, _ROLES)
        missing = [role for role in _NEEDED if role not in table]
        if missing:
            self.faults.append(f"{where} lacks {', '.join(missing)}")
        weights, acts, acc = (self._word(table, role, "") for role in _NEEDED)
        product, bias = (_none(self._word(table, role, _EXACT)) for role in ("product", "bias"))
        return FormatChoice(weights, acts, acc, product, bias)

    def _known(self, table: Mapping[str, Any], where: str, known: Collection[str]) -> None:
        self.faults.extend(unknown_key(key, where, known) for key in table if key not in known)

    def _word(self, table: Mapping[str, Any], key: str, default: str) -> str:
        value = table.get(key, default)
        if isinstance(value, str):
            return value
        self.faults.append(f"{key} = {value!r}; one string is needed")
        return default

    def _words(self, table: Mapping[str, Any], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = table.get(key, default)
        if isinstance(value, str):
            return (value,)
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            return tuple(value)
        self.faults.append(f"{key} = {value!r}; a list of strings is needed")
        return default

    def _tables(self, value: object, where: str) -> list[Mapping[str, Any]]:
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return value
        self.faults.append(f"{where} must be a table with two pairs of brackets")
        return []


def _none(text: str) -> str | None:
    return None if text == _EXACT else text


def _from_folder(network: str, folder: Path) -> str:
    if not network.endswith(".npz"):
        return network
    return str(folder / network)
