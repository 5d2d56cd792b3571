"""One row of a price table: what, how wide, how much, and who says so."""

from __future__ import annotations

import csv
import enum
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hwsim.errors import CostError, all_faults

M = TypeVar("M", bound=enum.Enum)
N = TypeVar("N", int, float)


class Operation(enum.Enum):
    """What a row prices; each member says what its ``bits`` are and what one price buys."""

    INT_ADD = "int_add"  #: bits of the adder; one addition
    INT_MUL = "int_mul"  #: bits of each factor of a square multiplier; one multiplication
    SHIFT = "shift"  #: bits of the shifted word, ``positions`` distances; one shift
    FLOAT_ADD = "float_add"  #: bits of the significand with its hidden bit; one addition
    FLOAT_MUL = "float_mul"  #: bits of the significand with its hidden bit; one multiplication
    COMPARE = "compare"  #: bits of each side; one comparison
    LUT = "lut"  #: bits of one entry, ``positions`` entries; one look-up
    REGISTER_READ = "register_read"  #: 1; one bit handed on
    REGISTER_WRITE = "register_write"  #: 1; one bit captured, its clock edge included (area and leakage: of one bit)
    REGISTER_CLOCK = "register_clock"  #: 1; clock pin of one bit for one cycle in which it captures nothing new
    SRAM_READ = "sram_read"  #: bits of capacity; one bit read (area and leakage: the whole memory)
    SRAM_WRITE = "sram_write"  #: bits of capacity; one bit written
    DRAM_READ = "dram_read"  #: 1; one bit read
    DRAM_WRITE = "dram_write"  #: 1; one bit written


class Quantity(enum.Enum):
    """The three prices that a row can hold."""

    ENERGY = "energy_pj"
    AREA = "area_um2"
    LEAKAGE = "leakage_w"


class Kind(enum.Enum):
    """How a number came to be."""

    MEASURED = "measured"  #: on silicon
    SYNTHESISED = "synthesised"  #: from a netlist
    PUBLISHED = "published"  #: printed in a paper or tool
    DERIVED = "derived"  #: arithmetic on published numbers, for instance scaled to another node
    ASSUMED = "assumed"  #: a stand-in; the note says for what


@dataclass(frozen=True)
class PriceRow:
    """One line of a table. A price that is None is unknown, not zero; 0 is free, and the note says why.

    Attributes:
        operation: what is priced.
        bits: width or capacity, see Operation.
        positions: shift distances or table entries; None where the price does not depend on them.
        exponent_bits: exponent width of a floating-point unit; None where the price does not depend on it.
        energy_pj: dynamic energy of one operation or bit.
        area_um2: area of the unit.
        leakage_w: static power of the unit.
        growth: exponent of width used where this is the only row of its operation that holds a price.
        node_nm: technology node.
        voltage_v: supply voltage; None where the source does not say.
        kind: how the number came to be.
        source: the citation.
        note: what else one must know.
        place: file name and line.
    """

    operation: Operation
    bits: int
    positions: int | None
    exponent_bits: int | None
    energy_pj: float | None
    area_um2: float | None
    leakage_w: float | None
    growth: float | None
    node_nm: float
    voltage_v: float | None
    kind: Kind
    source: str
    note: str
    place: str

    def price(self, quantity: Quantity) -> float | None:
        """Return the energy, area or leakage of this row; None if unknown."""
        return {
            Quantity.ENERGY: self.energy_pj,
            Quantity.AREA: self.area_um2,
            Quantity.LEAKAGE: self.leakage_w,
        }[quantity]


COLUMNS = (
    "operation",
    "bits",
    "positions",
    "exponent_bits",
    "energy_pj",
    "area_um2",
    "leakage_w",
    "growth",
    "node_nm",
    "voltage_v",
    "kind",
    "source",
    "note",
)


def parse_rows(name: str, text: str) -> tuple[PriceRow, ...]:
    """Return the rows of a table's CSV text.

    Raises:
        CostError: with every fault of every row.
    """
    reader = csv.reader(io.StringIO(text), strict=True)
    faults: list[str] = []
    rows: list[PriceRow] = []
    try:
        header = tuple(next(reader, []))
        if header != COLUMNS:
            raise CostError(f"price table {name!r}: the first line must be {','.join(COLUMNS)}, not {','.join(header)}")
        for cells in reader:
            row = _parse_row(f"{name}.csv:{reader.line_num}", cells, faults)
            rows += [row] if row else []
    except csv.Error as error:
        raise CostError(f"price table {name!r}, line {reader.line_num}: not CSV ({error})") from error
    if not rows and not faults:
        faults.append("it has no rows")
    if faults:
        raise CostError(all_faults(f"price table {name!r}", faults))
    return tuple(rows)


def _parse_row(place: str, cells: list[str], faults: list[str]) -> PriceRow | None:
    if len(cells) != len(COLUMNS):
        faults.append(f"{place}: {len(cells)} cells where {len(COLUMNS)} columns are declared")
        return None
    reader = _CellReader(place, dict(zip(COLUMNS, (cell.strip() for cell in cells), strict=True)))
    row = reader.row()
    faults += reader.faults
    return None if reader.faults else row


class _CellReader:
    """Reads the cells of one line and collects its faults."""

    def __init__(self, place: str, cells: dict[str, str]) -> None:
        self.place = place
        self.cells = cells
        self.faults: list[str] = []

    def row(self) -> PriceRow | None:
        operation, kind = self._member("operation", Operation), self._member("kind", Kind)
        bits, node_nm = self._positive("bits", int), self._positive("node_nm", float)
        positions, exponent_bits = self._positive("positions", int), self._positive("exponent_bits", int)
        energy_pj, area_um2 = self._from_zero("energy_pj"), self._from_zero("area_um2")
        leakage_w, growth = self._from_zero("leakage_w"), self._from_zero("growth")
        voltage_v = self._positive("voltage_v", float)
        self._require("operation", "bits", "node_nm", "kind", "source")
        if not any(self.cells[quantity.value] for quantity in Quantity):
            self._fault("no price: give energy_pj, area_um2 or leakage_w")
        if self.faults or not (operation and kind and bits and node_nm):
            return None
        return PriceRow(
            operation=operation,
            bits=bits,
            positions=positions,
            exponent_bits=exponent_bits,
            energy_pj=energy_pj,
            area_um2=area_um2,
            leakage_w=leakage_w,
            growth=growth,
            node_nm=node_nm,
            voltage_v=voltage_v,
            kind=kind,
            source=self.cells["source"],
            note=self.cells["note"],
            place=self.place,
        )

    def _fault(self, text: str) -> None:
        self.faults.append(f"{self.place}: {text}")

    def _require(self, *columns: str) -> None:
        for column in columns:
            if not self.cells[column]:
                self._fault(f"{column} is empty")

    def _member(self, column: str, kind: type[M]) -> M | None:
        text = self.cells[column]
        known = {member.value: member for member in kind}
        if text and text not in known:
            self._fault(f"{column} is {text!r}, not one of {', '.join(known)}")
        return known.get(text)

    def _from_zero(self, column: str) -> float | None:
        return self._number(column, float, "0 or more (leave an unknown price empty)", lambda value: value >= 0)

    def _positive(self, column: str, number: Callable[[str], N]) -> N | None:
        return self._number(column, number, "above 0", lambda value: value > 0)

    def _number(self, column: str, number: Callable[[str], N], bound: str, holds: Callable[[float], bool]) -> N | None:
        text = self.cells[column]
        try:
            value = number(text) if text else None
        except ValueError:
            self._fault(f"{column} is {text!r}, not {'a whole number' if number is int else 'a number'}")
            return None
        if value is not None and not (math.isfinite(value) and holds(value)):
            self._fault(f"{column} is {text}; it must be finite and {bound}")
            return None
        return value
