"""The syntax of liberty files: groups, simple attributes (``name : value;``) and complex ones (``name (values);``).

A standard-cell library is tens of megabytes of which a netlist uses a few cells, so the bodies of the ``cell`` groups
are only delimited here, and read on demand.
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hwsim.gates.faults import LibertyError

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STATEMENT = re.compile(
    r"[\s;]*(?:(?P<close>\})"
    r"|(?P<name>[\w.\"]+)\s*(?::\s*(?P<value>\"[^\"]*\"|[^;\n}]*)|\((?P<arguments>[^()]*)\)\s*(?P<group>\{)?))"
)
_BRACE = re.compile(r"[{}]")
_PART = re.compile(r'"([^"]*)"|([^\s,"]+)')


@dataclass(frozen=True)
class Group:
    """One liberty group: ``kind (arguments) { attributes, complex attributes, groups }``."""

    kind: str
    arguments: tuple[str, ...]
    attributes: dict[str, str] = field(default_factory=dict)
    lists: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)

    def all(self, *kinds: str) -> Iterator[Group]:
        """Iterate over the groups inside this one of the given kinds, in order."""
        return (group for group in self.groups if group.kind in kinds)

    def get(self, name: str) -> str | None:
        """Return the value of a simple attribute, or None."""
        return self.attributes.get(name)

    def number(self, name: str) -> float | None:
        """Return the value of a simple attribute as a number, or None where it is not given.

        Raises:
            LibertyError: it is given and is not a number.
        """
        text = self.attributes.get(name)
        return None if text is None else as_number(text, f"{self.kind}({', '.join(self.arguments)}): {name}")

    def values(self, name: str) -> tuple[str, ...] | None:
        """Return the values of the first complex attribute called ``name``, or None."""
        return next((values for key, values in self.lists if key == name), None)


@dataclass(frozen=True)
class LibraryText:
    """A library with its cells still unread: ``cells`` maps a name to the place of its body in ``text``."""

    path: Path
    text: str
    head: Group
    cells: dict[str, int]


def as_number(text: str, what: str) -> float:
    """Return ``text`` as a number; ``what`` names it in the error."""
    try:
        return float(text)
    except ValueError:
        raise LibertyError(f"{what} is {text!r}, which is not a number") from None


def read_bytes(path: Path) -> bytes:
    """Return the contents of a ``.lib`` or ``.lib.xz`` file, uncompressed.

    Raises:
        LibertyError: the file is missing or damaged.
    """
    try:
        data = path.read_bytes()
        return lzma.decompress(data) if path.suffix == ".xz" else data
    except (OSError, lzma.LZMAError) as error:
        raise LibertyError(f"{path}: cannot be read as a liberty file: {error}") from error


def clean_text(data: bytes) -> str:
    """Return ``data`` as text without comments and line continuations."""
    text = data.decode("utf-8", errors="replace")
    return _COMMENT.sub(" ", text).replace("\\\r\n", " ").replace("\\\n", " ")


def parse_library(path: Path, text: str) -> LibraryText:
    """Return the head of the library in ``text`` and the places of its cells.

    Raises:
        LibertyError: there is no library group, or braces do not match.
    """
    start = re.search(r"\blibrary\s*\(([^()]*)\)\s*\{", text)
    if start is None:
        raise LibertyError(f"{path}: no 'library (name) {{' group: is this a liberty file?")
    head = Group("library", _split(start.group(1)))
    cells: dict[str, int] = {}
    place = start.end()
    while True:
        match = _statement(path, text, place)
        place = match.end()
        if match["close"]:
            return LibraryText(path, text, head, cells)
        if match["group"] and match["name"] == "cell":
            name = ", ".join(_split(match["arguments"]))
            if name in cells:
                raise LibertyError(f"{path}: cell {name!r} is defined twice")
            cells[name] = place
            place = _end_of_group(path, text, place, name)
        else:
            place = _add(path, text, head, match)


def parse_cell(library: LibraryText, name: str) -> Group:
    """Return the cell called ``name``, read in full."""
    group = Group("cell", (name,))
    _fill(library.path, library.text, group, library.cells[name])
    return group


def _fill(path: Path, text: str, group: Group, place: int) -> int:
    """Read the body of ``group`` from ``place``; return the place after its closing brace."""
    while True:
        match = _statement(path, text, place)
        if match["close"]:
            return match.end()
        place = _add(path, text, group, match)


def _add(path: Path, text: str, group: Group, match: re.Match[str]) -> int:
    name = match["name"].strip('"')
    if match["value"] is not None:
        group.attributes[name] = match["value"].strip().strip('"')
        return match.end()
    arguments = _split(match["arguments"])
    if not match["group"]:
        group.lists.append((name, arguments))
        return match.end()
    inner = Group(name, arguments)
    group.groups.append(inner)
    return _fill(path, text, inner, match.end())


def _statement(path: Path, text: str, place: int) -> re.Match[str]:
    match = _STATEMENT.match(text, place)
    if match is None:
        rest = text[place : place + 60].strip("; \t\r\n")
        line = text.count("\n", 0, place) + 1
        what = (
            f"cannot read {rest!r}" if rest else "the file ends inside a group: it is cut short, or braces do not match"
        )
        raise LibertyError(f"{path}: near line {line} (continuations joined): {what}")
    return match


def _end_of_group(path: Path, text: str, place: int, name: str) -> int:
    depth = 1
    for brace in _BRACE.finditer(text, place):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return brace.end()
    raise LibertyError(f"{path}: cell {name!r} is not closed: the file is cut short, or braces do not match")


def _split(arguments: str) -> tuple[str, ...]:
    """Split ``a, "b, c"`` at the commas and strip the quotes; the values of a table stay one string per row."""
    if '"' in arguments:
        return tuple(quoted or bare for quoted, bare in _PART.findall(arguments))
    return tuple(part.strip() for part in arguments.split(",") if part.strip())
