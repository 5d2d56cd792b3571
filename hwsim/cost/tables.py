"""Price tables: CSV files in which every number has a unit, a node, a kind and a source."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path

from hwsim.cost.curves import Curves, build_curves, curve_faults
from hwsim.cost.rows import Operation, PriceRow, Quantity, parse_rows
from hwsim.errors import CostError, all_faults, unknown_name

_DATA = "data"


@dataclass(frozen=True)
class PriceTable:
    """A named, immutable set of prices.

    Attributes:
        name: what results are labelled with.
        rows: every line of the file.
        sha256: hash of the file's text; changes when any price or source does.
    """

    name: str
    rows: tuple[PriceRow, ...] = field(repr=False)
    sha256: str

    @cached_property
    def curves(self) -> Curves:
        """The rows by operation and price, ready to interpolate."""
        return build_curves(self.rows)

    def knows(self, operation: Operation, quantity: Quantity) -> bool:
        """Return whether this table can price ``quantity`` of ``operation``."""
        return (operation, quantity) in self.curves


def parse_table(name: str, text: str) -> PriceTable:
    """Return the table that CSV ``text`` describes.

    Raises:
        CostError: with every fault: bad cells, doubled rows, prices that fall with width.
    """
    rows = parse_rows(name, text)
    faults = curve_faults(build_curves(rows))
    if faults:
        raise CostError(all_faults(f"price table {name!r}", faults))
    return PriceTable(name, rows, hashlib.sha256(text.encode()).hexdigest())


def read_table(path: Path) -> PriceTable:
    """Return the table in the CSV file ``path``, named after the file.

    Raises:
        CostError: the file cannot be read, or holds faults.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CostError(f"price table {path} cannot be read: {error}") from error
    return parse_table(path.stem, text)


def table_names() -> tuple[str, ...]:
    """Return the names of the tables that ship with hwsim.

    >>> table_names()
    ('aladdin45', 'published45', 'unit')
    """
    files = resources.files(__package__).joinpath(_DATA).iterdir()
    return tuple(sorted(file.name.removesuffix(".csv") for file in files if file.name.endswith(".csv")))


def find_table(name_or_path: str) -> PriceTable:
    """Return a shipped table by its name, or your own by a path that ends in .csv.

    Raises:
        CostError: neither; or a file with faults, all of which are listed.

    >>> find_table("published45").name
    'published45'
    """
    return read_table(Path(name_or_path)) if name_or_path.endswith(".csv") else load_table(name_or_path)


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
    file = resources.files(__package__).joinpath(_DATA, f"{name}.csv")
    return parse_table(name, file.read_text(encoding="utf-8"))
