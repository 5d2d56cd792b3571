"""The table on disk: whole after every row, in one order, so that a run can be killed and gone on with."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path

from hwsim.cost.element_file import parse_elements, write_elements
from hwsim.cost.elements import ElementRow
from hwsim.errors import CostError
from hwsim.synth.errors import SynthError

#: What must agree, besides the RTL, for a row on disk to be taken for a row of this run.
SETTINGS = ("liberty_sha256", "tools", "recipe", "wire_model", "vectors", "seed")


@dataclass(frozen=True)
class Settings:
    """What makes two runs give the same row for the same element and dataflow."""

    liberty_sha256: str
    tools: str
    recipe: str
    wire_model: str
    vectors: int
    seed: int

    def made(self, row: ElementRow) -> bool:
        """Return whether ``row`` was made under these settings."""
        return all(getattr(row, name) == getattr(self, name) for name in SETTINGS)


class RowStore:
    """The rows of one companion file. Every change is written at once, through a second file that takes its place.

    What another run has done to the file meanwhile is kept.

    Raises:
        SynthError: the file exists and cannot be read.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self._rows = {row.key: row for row in _read(path)}
        self.stale = tuple(key for key, row in self._rows.items() if not settings.made(row))

    def holds(self, key: tuple[object, ...], rtl_sha256: str) -> bool:
        """Return whether a row of these settings and this RTL is there."""
        return key in self._rows and key not in self.stale and self._rows[key].rtl_sha256 == rtl_sha256

    @property
    def rows(self) -> tuple[ElementRow, ...]:
        """All rows, in the order of the file."""
        return tuple(sorted(self._rows.values(), key=_order))

    def add(self, row: ElementRow) -> None:
        """Add ``row``, in place of one with the same key, and write the file."""
        self._rows = {other.key: other for other in _read(self.path)}
        self._rows[row.key] = row
        self.stale = tuple(key for key in self.stale if key != row.key)
        self._write()

    def _write(self) -> None:
        beside = self.path.with_name(f".{self.path.name}.new")
        beside.write_text(write_elements(self.rows), encoding="utf-8")
        os.replace(beside, self.path)


def _read(path: Path) -> tuple[ElementRow, ...]:
    if not path.exists():
        return ()
    try:
        rows = parse_elements(path.name.removesuffix(".pe.csv"), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, CostError) as error:
        raise SynthError(f"{path} cannot be gone on with: {error}; name another file, or remove it") from error
    return tuple(replace(row, place="") for row in rows)


def _order(row: ElementRow) -> tuple[object, ...]:
    kinds = ("shift_add", "multi_shift_add", "int_mac", "float_mac")
    flows = ("ws", "is", "os")
    names = [field.name for field in fields(row)][1:14]
    return (kinds.index(row.kind.value), *(getattr(row, name) for name in names), flows.index(row.dataflow.value))
