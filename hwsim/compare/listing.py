"""What tables of prices there are: technology, rows, synthesised elements and how well these predict one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hwsim.cost import PriceTable, find_table, table_names
from hwsim.cost.element_fit import LeaveOneOut
from hwsim.text import text_table

STATED = {"area_um2": "area", "core_pj": "energy", "delay_ns": "delay"}


@dataclass(frozen=True)
class TableCard:
    """One table in numbers.

    Attributes:
        name: of the table.
        nodes_nm: technology nodes of its rows.
        voltages_v: supplies that its rows state.
        rows: of single operations.
        elements: of synthesised elements, by kind.
        errors: per kind and dataflow ("shift_add ws") and price ("area", "energy", "delay"): root mean square and
            largest relative error when each row is left out and predicted from the others, rows, and the law.
        falls: per kind and dataflow and price, how many pairs of rows fall as a width grows, and the deepest fall.
        kinds: how the numbers came to be.
        sources: citations, each once.
    """

    name: str
    nodes_nm: tuple[float, ...]
    voltages_v: tuple[float, ...]
    rows: int
    elements: dict[str, int]
    errors: dict[str, dict[str, LeaveOneOut]]
    falls: dict[str, dict[str, tuple[int, float]]]
    kinds: tuple[str, ...]
    sources: tuple[str, ...]


def list_tables(names: Sequence[str] | None = None) -> tuple[TableCard, ...]:
    """Return a card of each table named, of all that ship if none is. Raises CostError."""
    return tuple(table_card(find_table(name)) for name in (table_names() if names is None else names))


def table_card(table: PriceTable) -> TableCard:
    """Return what there is to know of ``table``.

    >>> from hwsim.cost import load_table
    >>> table_card(load_table("published45")).nodes_nm
    (45.0,)
    """
    rows: list[tuple[float, float | None]] = [(row.node_nm, row.voltage_v) for row in table.rows]
    rows += [(row.node_nm, row.voltage_v) for row in table.elements]
    errors: dict[str, dict[str, LeaveOneOut]] = {}
    falls: dict[str, dict[str, tuple[int, float]]] = {}
    for (kind, flow), group in table.book.groups.items():
        fits = {name: group.fit(quantity) for quantity, name in STATED.items()}
        known = {name: fit.error for name, fit in fits.items() if fit is not None and fit.error is not None}
        errors[f"{kind.value} {flow.value}"] = known
        fallen = {name: group.falls(quantity) for quantity, name in STATED.items()}
        falls[f"{kind.value} {flow.value}"] = {name: (len(own), own[0].share) for name, own in fallen.items() if own}
    made = {row.kind.value: None for row in table.rows} | ({"synthesised": None} if table.elements else {})
    return TableCard(
        name=table.name,
        nodes_nm=tuple(sorted({node for node, _ in rows}, reverse=True)),
        voltages_v=tuple(sorted({voltage for _, voltage in rows if voltage is not None})),
        rows=len(table.rows),
        elements=dict(Counter(row.kind.value for row in table.elements)),
        errors=errors,
        falls=falls,
        kinds=tuple(made),
        sources=tuple(dict.fromkeys(row.source for row in table.rows)),
    )


def listing_text(cards: Sequence[TableCard]) -> str:
    """Return ``cards`` for people: the tables, then the errors of those with synthesised elements."""
    header = ["table", "node nm", "supply V", "rows", "elements", "made of", "sources"]
    rows = [
        [card.name, _list(card.nodes_nm), _list(card.voltages_v) or "-", card.rows, sum(card.elements.values()),
         ", ".join(card.kinds), len(card.sources)]
        for card in cards
    ]  # fmt: skip
    parts = [text_table(header, rows)]
    for card in cards:
        if card.errors:
            title = f"{card.name}: error of a synthesised element predicted from the others, each left out in turn"
            parts.append(f"{title} (rms, worst)\n{_errors_text(card)}")
            parts += [_falls_text(card)] if any(card.falls.values()) else []
    return "\n\n".join(parts)


def _list(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


def _errors_text(card: TableCard) -> str:
    header = ["elements", "rows", *STATED.values()]
    rows = [
        [name, max((e.rows for e in errors.values()), default="-"), *(_error(errors.get(s)) for s in STATED.values())]
        for name, errors in card.errors.items()
    ]
    return text_table(header, rows)


def _falls_text(card: TableCard) -> str:
    title = f"{card.name}: pairs of rows whose price falls as a width grows (how many, deepest)"
    rows = [
        [name, *(f"{own[s][0]}, {own[s][1]:.1%}" if s in own else "none" for s in STATED.values())]
        for name, own in card.falls.items()
        if own
    ]
    return f"{title}\n{text_table(['elements', *STATED.values()], rows)}"


def _error(error: LeaveOneOut | None) -> str:
    if error is None:
        return "too few rows"
    blind = "" if error.blind_rms is None else f" ({error.blind_rms:.0%} at unknown activity)"
    return f"{error.rms:.1%}, {error.worst:.0%}{blind}"


def listing_dict(cards: Sequence[TableCard]) -> list[dict[str, Any]]:
    """Return ``cards``, JSON-able."""
    return [asdict(card) for card in cards]
