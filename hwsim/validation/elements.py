"""Processing elements: each row of a synthesised table predicted from the other rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hwsim.cost import PriceTable, find_table, table_names
from hwsim.cost.element_book import Group
from hwsim.cost.element_shape import Widths
from hwsim.cost.elements import ElementRow
from hwsim.validation.findings import Finding, percent
from hwsim.validation.page import Section, Table

GOALS = {"area_um2": 0.07, "core_pj": 0.07, "delay_ns": 0.2}  #: rms, for every kind and table alike
NAMES = {
    "area_um2": "area",
    "core_pj": "energy of the arithmetic",
    "delay_ns": "delay",
    "leakage_w": "leakage",
    "register_pj": "energy of the registers",
    "clock_pj": "energy of clock pins",
}


@dataclass(frozen=True)
class LeftOut:
    """One row, predicted from the others.

    Attributes:
        row: the row.
        quantity: its column.
        measured: the row's own number.
        predicted: what the others say.
    """

    row: ElementRow
    quantity: str
    measured: float
    predicted: float

    @property
    def error(self) -> float:
        """Signed relative error."""
        return self.predicted / self.measured - 1


def synthesised_tables() -> list[str]:
    """Return the names of the shipped tables that have synthesised elements."""
    return [name for name in table_names() if find_table(name).elements]


def left_out(table: PriceTable, quantity: str) -> Iterator[LeftOut]:
    """Yield every row of ``table`` predicted from the others of its kind and dataflow."""
    for group in table.book.groups.values():
        yield from _left_out(group, quantity)


def _left_out(group: Group, quantity: str) -> Iterator[LeftOut]:
    fit = group.fit(quantity)
    if fit is None or fit.error is None:
        return
    unique = {Widths.of_row(row): row for row in group.rows}
    rows = [row for row in unique.values() if getattr(row, quantity) is not None]
    for row, error in zip(rows, fit.error.errors, strict=True):
        measured = float(getattr(row, quantity))
        yield LeftOut(row, quantity, measured, measured * (1 + error))


def element_section(names: Sequence[str]) -> Section:
    """State the error of every price of every table with synthesised elements."""
    rows: list[tuple[str | int, ...]] = []
    findings: list[Finding] = []
    stamps = []
    for name in names:
        table = find_table(name)
        stamps.append((f"price table {name}", table.sha256[:12]))
        for quantity in NAMES:
            points = list(left_out(table, quantity))
            if not points:
                continue
            findings += _findings(name, quantity, points)
            rows += _kind_rows(name, quantity, points)
    header = ("table", "price", "kind", "rows", "rms", "worst", "worst at")
    blocks = (_TEXT, Table(header, tuple(rows)))
    return Section("Area, delay and energy of processing elements", blocks, tuple(findings), tuple(stamps))


def _findings(table: str, quantity: str, points: Sequence[LeftOut]) -> list[Finding]:
    """Return a finding for integers and one for floats."""
    parts = {
        "integers": [point.error for point in points if not point.row.act_exponent],
        "floats": [point.error for point in points if point.row.act_exponent],
    }
    elements = {"integers": "integer and shift-add elements", "floats": "floating-point elements"}
    return [
        Finding(
            f"{NAMES[quantity]} ({table}, {part})",
            "rows left out",
            tuple(errors),
            GOALS.get(quantity),
            f"{NAMES[quantity]} of {elements[part]} between the {len(errors)} rows of {table}",
        )
        for part, errors in parts.items()
        if errors
    ]


def _kind_rows(name: str, quantity: str, points: Sequence[LeftOut]) -> list[tuple[str | int, ...]]:
    rows: list[tuple[str | int, ...]] = []
    for kind in dict.fromkeys(point.row.kind for point in points):
        own = [point for point in points if point.row.kind is kind]
        found = Finding("", "", tuple(point.error for point in own), None, "")
        worst = max(own, key=lambda point: abs(point.error)).row
        place = f"{worst.dataflow.value}, {_widths(worst)}"
        rows.append(
            (name, NAMES[quantity], kind.value, len(own), percent(found.rms), percent(found.worst, True), place)
        )
    return rows


def _widths(row: ElementRow) -> str:
    """Say which element a row is: activation x weight + accumulator."""
    if row.act_exponent:
        return f"E{row.act_exponent}M{row.act_significand - 1} into E{row.acc_exponent}M{row.acc_significand - 1}"
    weight = (
        f"{row.terms or ''}{'x' if row.terms else ''}{row.positions} positions"
        if row.terms
        else f"{row.weight_bits} bits"
    )
    return f"{row.act_bits} bits x {weight} + {row.acc_bits}"


_TEXT = (
    "Each row of a table is a netlist: synthesised by Yosys, simulated gate by gate against the bit-exact reference "
    "before any number is written, timed over the library's tables, its energy from simulated toggles. Between rows "
    "a price is a law with coefficients that are not negative, held between the rows around it. Here every row is "
    "left out in turn and predicted from the others of its kind and dataflow. Synthesis itself is noisy: delay jumps "
    "by 10 to 20 % from one width to the next, so no law can do better there."
)
