"""Files of synthesised processing elements, NAME.pe.csv: written, and read back trusting nothing in them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

from hwsim.array.parts import Dataflow
from hwsim.cost.elements import ELEMENT_COLUMNS, ElementRow
from hwsim.errors import CostError, all_faults
from hwsim.formats.base import PeKind

_TYPES = {field.name: str(field.type) for field in fields(ElementRow)}
_MODEL = ("base_pj", "act_toggle_pj", "weight_toggle_pj", "sum_toggle_pj", "act_toggles", "weight_toggles")
_ABOVE_ZERO = (
    "act_bits", "act_significand", "weight_bits", "factor_significand", "acc_bits", "acc_significand", "area_um2",
    "core_area_um2", "delay_ns", "delay_tight_ns", "register_bits", "core_pj", "core_zero_delay_pj", "node_nm",
    "voltage_v", "vectors",
)  # fmt: skip
_ANY_SIGN = ("base_pj", "act_toggle_pj", "weight_toggle_pj", "sum_toggle_pj", "temperature_c", "seed")


def write_elements(rows: Iterable[ElementRow]) -> str:
    """Return the text of a companion file; ``parse_elements`` reads it back.

    Raises:
        CostError: a row that ``parse_elements`` would refuse.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(ELEMENT_COLUMNS)
    writer.writerows([_text(getattr(row, name)) for name in ELEMENT_COLUMNS] for row in rows)
    parse_elements("to be written", out.getvalue())
    return out.getvalue()


def parse_elements(name: str, text: str) -> tuple[ElementRow, ...]:
    """Return the rows of the companion file of table ``name``.

    Raises:
        CostError: with every fault of every row.
    """
    reader = csv.reader(io.StringIO(text), strict=True)
    faults: list[str] = []
    rows: list[ElementRow] = []
    try:
        header = tuple(next(reader, []))
        if header != ELEMENT_COLUMNS:
            raise CostError(_header_fault(name, header))
        for cells in reader:
            row = _parse_row(f"{name}.pe.csv:{reader.line_num}", cells, faults)
            rows += [row] if row else []
    except csv.Error as error:
        raise CostError(f"elements of table {name!r}, line {reader.line_num}: not CSV ({error})") from error
    faults += _doubled(rows)
    if not rows and not faults:
        faults.append("there are no rows; leave the file away where there are no elements")
    if faults:
        raise CostError(all_faults(f"elements of table {name!r}", faults))
    return tuple(rows)


def _header_fault(name: str, header: tuple[str, ...]) -> str:
    missing = [column for column in ELEMENT_COLUMNS if column not in header]
    unknown = [column for column in header if column not in ELEMENT_COLUMNS]
    what = "; ".join(
        f"{word} {', '.join(columns)}" for word, columns in (("missing", missing), ("unknown", unknown)) if columns
    )
    return f"elements of table {name!r}: the first line must name the columns of ElementRow ({what or 'wrong order'})"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, PeKind | Dataflow):
        return str(value.value)
    return repr(value) if isinstance(value, float) else str(value)


def _parse_row(place: str, cells: list[str], faults: list[str]) -> ElementRow | None:
    if len(cells) != len(ELEMENT_COLUMNS):
        faults.append(f"{place}: {len(cells)} cells where {len(ELEMENT_COLUMNS)} columns are declared")
        return None
    own: list[str] = []
    values: dict[str, Any] = {}
    for column, cell in zip(ELEMENT_COLUMNS, cells, strict=True):
        values[column] = _READERS[_TYPES[column].removesuffix(" | None")](column, cell.strip(), own)
    row = None if own else ElementRow(**values, place=place)
    own += _row_faults(row) if row else []
    faults += [f"{place}: {fault}" for fault in own]
    return None if own else row


def _read_member(column: str, cell: str, faults: list[str]) -> Any:
    known = PeKind if column == "kind" else Dataflow
    for member in known:
        if member.value == cell and member is not PeKind.CODEBOOK_MAC:
            return member
    names = [member.value for member in known if member is not PeKind.CODEBOOK_MAC]
    faults.append(f"{column} is {cell!r}, not one of {', '.join(names)}")
    return None


def _read_flag(column: str, cell: str, faults: list[str]) -> bool:
    if cell not in ("0", "1"):
        faults.append(f"{column} is {cell!r}: write 1 for yes or 0 for no")
    return cell == "1"


def _read_text(column: str, cell: str, faults: list[str]) -> str:
    if not cell:
        faults.append(f"{column} is empty: say where the numbers come from")
    return cell


def _read_whole(column: str, cell: str, faults: list[str]) -> int | None:
    try:
        value = int(cell)
        _bound(column, value, faults)
        return value
    except ValueError:
        faults.append(f"{column} is {cell!r}, not a whole number")
        return None


def _read_number(column: str, cell: str, faults: list[str]) -> float | None:
    if not cell and _TYPES[column].endswith("None"):
        return None
    try:
        value = float(cell)
        _bound(column, value, faults)
        return value
    except ValueError:
        faults.append(f"{column} is {cell!r}, not a number")
        return None


def _bound(column: str, value: float, faults: list[str]) -> None:
    least = "above 0" if column in _ABOVE_ZERO else "0 or more"
    low = value <= 0 if column in _ABOVE_ZERO else value < 0
    if not math.isfinite(value) or (low and column not in _ANY_SIGN):
        faults.append(f"{column} is {value}; it must be finite and {least}")


_READERS: dict[str, Callable[[str, str, list[str]], Any]] = {
    "PeKind": _read_member,
    "Dataflow": _read_member,
    "bool": _read_flag,
    "str": _read_text,
    "int": _read_whole,
    "float": _read_number,
}


def _row_faults(row: ElementRow) -> list[str]:
    """Return what contradicts itself within one row."""
    faults = []
    if row.core_area_um2 > row.area_um2:
        faults.append(f"core_area_um2 is {row.core_area_um2:g}, more than area_um2 {row.area_um2:g} of the element")
    shifts = row.kind in (PeKind.SHIFT_ADD, PeKind.MULTI_SHIFT_ADD)
    if shifts != (row.terms > 0) or shifts != (row.positions > 0):
        faults.append(f"terms is {row.terms} and positions is {row.positions} for a {row.kind.value}")
    if row.kind is PeKind.SHIFT_ADD and row.terms > 1:
        faults.append(f"terms is {row.terms} for a shift_add; more than one is a multi_shift_add")
    if (row.kind is PeKind.FLOAT_MAC) != (row.acc_exponent > 0):
        faults.append(f"acc_exponent is {row.acc_exponent} for a {row.kind.value}")
    if len({getattr(row, name) is None for name in _MODEL}) > 1:
        faults.append(f"give all of {', '.join(_MODEL)}, or none")
    faults += [
        f"{operand}_significand is {significand}, wider than {operand}_bits {bits}"
        for operand, significand, bits in (
            ("act", row.act_significand, row.act_bits),
            ("acc", row.acc_significand, row.acc_bits),
        )
        if row.kind is PeKind.FLOAT_MAC and significand > bits
    ]
    return faults


def _doubled(rows: list[ElementRow]) -> list[str]:
    first: dict[tuple[object, ...], str] = {}
    return [
        f"{row.place}: the same element and dataflow as {first[row.key]}"
        for row in rows
        if first.setdefault(row.key, row.place) != row.place
    ]
