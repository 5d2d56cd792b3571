"""Price tables: CSV files in which every number has a unit, a node, a kind and a source."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path

from hwsim.cost.curves import Curves, build_curves, curve_faults
from hwsim.cost.element_book import ElementBook
from hwsim.cost.element_file import parse_elements
from hwsim.cost.elements import ElementRow
from hwsim.cost.rows import Operation, PriceRow, Quantity, parse_rows
from hwsim.errors import CostError, all_faults, unknown_name

_DATA = "data"
_ELEMENTS = ".pe.csv"


@dataclass(frozen=True)
class PriceTable:
    """A named, immutable set of prices.

    Attributes:
        name: what results are labelled with.
        rows: every line of the file.
        sha256: hash of the text of the file and of its companion; changes when any price or source does.
        elements: every line of the companion file of synthesised processing elements; empty where there is none.
    """

    name: str
    rows: tuple[PriceRow, ...] = field(repr=False, compare=False)  # the hash says it all, and is quick to compare
    sha256: str
    elements: tuple[ElementRow, ...] = field(default=(), repr=False, compare=False)

    @cached_property
    def book(self) -> ElementBook:
        """The elements by kind and dataflow, ready to interpolate."""
        return ElementBook(self.elements)

    @cached_property
    def curves(self) -> Curves:
        """The rows by operation and price, ready to interpolate."""
        return build_curves(self.rows)

    def knows(self, operation: Operation, quantity: Quantity) -> bool:
        """Return whether this table can price ``quantity`` of ``operation``."""
        return (operation, quantity) in self.curves


def parse_table(name: str, text: str, elements: str | None = None) -> PriceTable:
    """Return the table that CSV ``text`` describes, with the processing elements that ``elements`` does.

    Raises:
        CostError: with every fault: bad cells, doubled rows, prices that fall with width.
    """
    rows = parse_rows(name, text)
    faults = curve_faults(build_curves(rows))
    if faults:
        raise CostError(all_faults(f"price table {name!r}", faults))
    if elements is None:
        return PriceTable(name, rows, hashlib.sha256(text.encode()).hexdigest())
    # The texts' lengths keep a line that moves from one file to the other from going unnoticed.
    both = f"{len(text)},{len(elements)}\n{text}{elements}"
    return PriceTable(name, rows, hashlib.sha256(both.encode()).hexdigest(), parse_elements(name, elements))


def read_table(path: Path) -> PriceTable:
    """Return the table in the CSV file ``path``, named after the file, with its companion NAME.pe.csv if there is one.

    Raises:
        CostError: a file cannot be read, or holds faults.
    """
    companion = path.with_name(path.stem + _ELEMENTS)
    if path.name.endswith(_ELEMENTS):
        raise CostError(f"price table {path}: this is a companion file; name the table beside it, without '.pe'")
    return parse_table(path.stem, _read(path), _read(companion) if companion.exists() else None)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CostError(f"price table {path} cannot be read: {error}") from error


def table_names() -> tuple[str, ...]:
    """Return the names of the tables that ship with hwsim.

    >>> {"aladdin45", "published45", "unit"} <= set(table_names())
    True
    """
    names = [file.name for file in resources.files(__package__).joinpath(_DATA).iterdir()]
    tables = [name for name in names if name.endswith(".csv") and not name.endswith(_ELEMENTS)]
    return tuple(sorted(name.removesuffix(".csv") for name in tables))


def load_table(name: str) -> PriceTable:
    """Return the shipped table ``name``.

    Raises:
        CostError: there is none; the nearest names are given.

    >>> load_table("published45").knows(Operation.SHIFT, Quantity.ENERGY)
    True
    """
    names = table_names()
    if name not in names:
        raise CostError(unknown_name("price table", name, names) + "; or the path of a .csv file")
    folder = resources.files(__package__).joinpath(_DATA)
    companion = folder.joinpath(name + _ELEMENTS)
    elements = companion.read_text(encoding="utf-8") if companion.is_file() else None
    return parse_table(name, folder.joinpath(f"{name}.csv").read_text(encoding="utf-8"), elements)
