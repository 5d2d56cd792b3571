"""Tables of studies: rows as they are made, each with the settings and the code that made it."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar, get_type_hints

from hwsim.network import Network
from models.compression.errors import CompressionError
from models.compression.step import Step
from models.compression.writing import write_csv
from models.data.dataset import Dataset
from models.provenance import code_version, is_dirty

Row = TypeVar("Row")
Key = tuple[Hashable, ...]

MARKS = ("settings", "code")  #: columns behind those of the study
THREADS = 1  #: of torch while a study computes; trainings may say otherwise
_DIGITS = 6  #: of a number in a table


def fingerprint(*settings: object) -> str:
    """Return 12 hexadecimal digits of SHA-256 over everything that leads to a row.

    Networks and data sets count by their content, steps by method and options, dataclasses by their fields. The threads
    of torch count in any case: sums depend on them.

    >>> fingerprint({"epochs": 3}, (1, 2)) == fingerprint({"epochs": 3}, [1, 2]) != fingerprint({"epochs": 4}, (1, 2))
    True

    Raises:
        TypeError: for an object of another kind, whose content cannot be told.
    """
    text = json.dumps([THREADS, *(_plain(setting) for setting in settings)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    found = value
    if isinstance(value, Network):
        found = value.content_hash
    elif isinstance(value, Dataset):
        found = value.sha256
    elif isinstance(value, Step):
        found = [value.method, value.options()]
    elif is_dataclass(value) and not isinstance(value, type):
        found = [type(value).__name__, {field.name: _plain(getattr(value, field.name)) for field in fields(value)}]
    elif isinstance(value, Mapping):
        found = {str(name): _plain(item) for name, item in value.items()}
    elif isinstance(value, list | tuple):
        found = [_plain(item) for item in value]
    elif not (value is None or isinstance(value, str | int | float)):
        raise TypeError(f"settings hold a {type(value).__name__}, whose content cannot be told")
    return found


@dataclass(frozen=True)
class _Marked(Generic[Row]):
    row: Row
    settings: str
    code: str


class Table(Generic[Row]):
    """A CSV file with a column for each field of a dataclass, one for the settings and one for the code.

    A study that was stopped goes on from its table. Rows of other settings are refused, so that no table mixes two.

    Args:
        path: Of the file; it need not exist.
        kind: The dataclass; its fields are int, float or str.
        key: Its fields that tell rows apart, or groups of rows that are made together.
        fresh: Whether the rows that the file has are left aside; the first new ones replace them.

    Raises:
        CompressionError: the file has other columns, or values that cannot be read.
    """

    def __init__(self, path: Path, kind: type[Row], key: tuple[str, ...], fresh: bool = False) -> None:
        self.path, self._kind, self._key = path, kind, key
        self._marked = [] if fresh else _read(path, kind)

    @property
    def rows(self) -> list[Row]:
        """All rows in the order of the file."""
        return [marked.row for marked in self._marked]

    @property
    def made_by(self) -> dict[str, int]:
        """How many rows each version of the code has made."""
        return dict(Counter(marked.code for marked in self._marked))

    def expect(self, keys: Collection[Key]) -> None:
        """Check that every row has one of ``keys``.

        Raises:
            CompressionError: for rows that the study would not make.
        """
        known = set(keys)
        strange = [key for key in map(self._key_of, self._marked) if key not in known]
        if strange:
            what = (
                f"{len(strange)} rows that this study does not make (any more), the first of {self._named(strange[0])}"
            )
            raise CompressionError(f"{self.path} has {what}: {_WAY_OUT}")

    def holds(self, key: Key, settings: str) -> bool:
        """Return whether there are rows of ``key`` to keep: those by code that is in no commit are to be made again.

        Raises:
            CompressionError: they were made with other settings.
        """
        found = [marked for marked in self._marked if self._key_of(marked) == key]
        if other := next((marked for marked in found if marked.settings != settings), None):
            raise CompressionError(
                f"{self.path}: {self._named(key)} was made by {other.code} with settings {other.settings}; the same "
                f"run has settings {settings} now (options, recipe, images or constants differ): {_WAY_OUT}"
            )
        return bool(found) and not any(is_dirty(marked.code) for marked in found)

    def add(self, rows: Sequence[Row], settings: str) -> None:
        """Put rows in the place of those with the same keys, and write the file; floats keep six digits."""
        made = [_Marked(_rounded(row), settings, code_version()) for row in rows]
        keys = {self._key_of(marked) for marked in made}
        self._marked = [*(marked for marked in self._marked if self._key_of(marked) not in keys), *made]
        header = [*(field.name for field in fields(self._kind)), *MARKS]  # type: ignore[arg-type]
        lines = [(*astuple(m.row), m.settings, m.code) for m in self._marked]  # type: ignore[call-overload]
        write_csv(self.path, header, lines)

    def _key_of(self, marked: _Marked[Row]) -> Key:
        return tuple(getattr(marked.row, name) for name in self._key)

    def _named(self, key: Key) -> str:
        return ", ".join(f"{name} {value}" for name, value in zip(self._key, key, strict=True))


_WAY_OUT = "move the file away, or name another folder"


def write_rows(path: Path, rows: Sequence[Any], settings: str) -> Table[Any]:
    """Write dataclasses of one kind, all of one run, in the place of what ``path`` has.

    Raises:
        CompressionError: the file cannot be written.
    """
    table: Table[Any] = Table(path, type(rows[0]), (), fresh=True)
    table.add(rows, settings)
    return table


def made_by(*tables: Table[Any]) -> dict[str, object]:
    """Return the fact for ``provenance.json`` that rows were made by other code than this; empty where none were."""
    others = {table.path.name: table.made_by for table in tables if set(table.made_by) - {code_version()}}
    return {"rows_made_by": others} if others else {}


def _read(path: Path, kind: type[Row]) -> list[_Marked[Row]]:
    if not path.exists():
        return []
    hints = get_type_hints(kind)
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        header, lines = reader.fieldnames or [], list(reader)
    if list(header) != [*hints, *MARKS]:
        raise CompressionError(f"{path} has other columns than {', '.join((*hints, *MARKS))}: {_WAY_OUT}")
    try:
        rows = [kind(**{name: hints[name](line[name]) for name in hints}) for line in lines]
    except (TypeError, ValueError) as error:
        raise CompressionError(f"{path} cannot be read ({error}): {_WAY_OUT}") from error
    return [_Marked(row, line["settings"], line["code"]) for row, line in zip(rows, lines, strict=True)]


def _rounded(row: Row) -> Row:
    """Return ``row`` as it will be read back, so that a study that goes on sees the same numbers."""
    values = {field.name: getattr(row, field.name) for field in fields(row)}  # type: ignore[arg-type]
    short = {name: float(f"{value:.{_DIGITS}g}") for name, value in values.items() if isinstance(value, float)}
    return replace(row, **short)  # type: ignore[type-var]
