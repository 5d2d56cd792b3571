"""Liberty files as text: joined, without the cells and the groups that a synthesiser must not or need not see.

Yosys 0.23 takes one file, has no list of cells to avoid, and reads it anew for every mapping. So it is handed a copy
with the usable cells only and without power tables, which is 2 to 20 times smaller and leaves the netlist unchanged.
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from hwsim.synth.errors import SynthError

_CELL = re.compile(r'\bcell\s*\(\s*"?([\w.\-]+)"?\s*\)\s*\{')
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_BRACE = re.compile(r"[{}]")
_UNREAD = re.compile(
    r"\b(?:internal_power|leakage_power|leakage_current|intrinsic_parasitic|gate_leakage|dynamic_current|"
    r"receiver_capacitance\w*|output_current_\w+|ccsn_\w+|pg_pin|min_pulse_width|normalized_driver_waveform)"
    r"\s*\([^)]*\)\s*\{"
)


@dataclass(frozen=True)
class LibertyText:
    """The parts of one library: everything before its cells, and the cells by name, in the order of the file(s)."""

    header: str
    cells: tuple[tuple[str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The cells' names."""
        return tuple(name for name, _ in self.cells)

    def without(self, patterns: Sequence[str]) -> LibertyText:
        """Return the library without the cells that match one of the shell ``patterns``.

        >>> LibertyText("library (x) {", (("INV_X1", ""), ("ICG_X1", ""))).without(["ICG*"]).names
        ('INV_X1',)
        """
        kept = [(name, text) for name, text in self.cells if not any(fnmatchcase(name, p) for p in patterns)]
        return LibertyText(self.header, tuple(kept))

    def text(self) -> str:
        """Return one liberty file."""
        return "\n".join([self.header, *(text for _, text in self.cells), "}\n"])

    def mapping_text(self) -> str:
        """Return one liberty file without the groups that neither flip-flop nor logic mapping reads."""
        return _without_groups(self.text(), _UNREAD)


def read_liberty_text(paths: Sequence[Path]) -> LibertyText:
    """Return the cells of all files under the header of the first, which must agree on units.

    Args:
        paths: ``.lib`` or ``.lib.xz``, at least one.

    Raises:
        SynthError: a file cannot be read, holds no cell, or defines a cell that another file has defined.
    """
    parts = [_split(_read(path), path) for path in paths]
    if not parts:
        raise SynthError("no liberty file given: name at least one with --liberty FILE")
    cells = [cell for part in parts for cell in part.cells]
    names = [name for name, _ in cells]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise SynthError(f"{', '.join(map(str, paths))}: {', '.join(twice[:5])} defined twice; give each file once")
    return LibertyText(parts[0].header, tuple(cells))


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return lzma.decompress(data) if path.suffix == ".xz" else data
    except (OSError, lzma.LZMAError) as error:
        raise SynthError(f"liberty file {path} cannot be read: {error}") from error


def _read(path: Path) -> str:
    return _COMMENT.sub(" ", _bytes(path).decode("utf-8", errors="replace"))


def _split(text: str, path: Path) -> LibertyText:
    first = _CELL.search(text)
    if first is None:
        raise SynthError(f"liberty file {path} holds no cell")
    cells = []
    found: re.Match[str] | None = first
    while found is not None:
        end = _group_end(text, found.end())
        cells.append((found[1], text[found.start() : end]))
        found = _CELL.search(text, end)
    return LibertyText(text[: first.start()], tuple(cells))


def _group_end(text: str, position: int) -> int:
    """Return where the group ends whose opening brace lies just before ``position``."""
    depth = 1
    for brace in _BRACE.finditer(text, position):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.end()
    return len(text)


def _without_groups(text: str, group: re.Pattern[str]) -> str:
    kept, position = [], 0
    while (found := group.search(text, position)) is not None:
        kept.append(text[position : found.start()])
        position = _group_end(text, found.end())
    return "".join([*kept, text[position:]])
