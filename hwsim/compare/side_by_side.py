"""One configuration priced by several tables: the same cycles and bits, and what each table makes of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hwsim.array import Component, parse_machine
from hwsim.cost import PriceTable, Usage, find_table, price_pe, table_names
from hwsim.errors import CostError, MachineError
from hwsim.hardware_result import HardwareResult
from hwsim.text import text_table

COUNTING = "unit"  #: a table for counting, not for comparing


@dataclass(frozen=True)
class TableResult:
    """What one table says.

    Attributes:
        table: its name.
        result: the priced inference; None where the table cannot price it.
        clock_limit_mhz: of the slowest processing element used; None where the table has no delay.
        leakage_w: static power that is known.
        error: why there is no result.
    """

    table: str
    result: HardwareResult | None
    clock_limit_mhz: float | None = None
    leakage_w: float | None = None
    error: str = ""


def across_tables(
    price: Callable[[PriceTable], HardwareResult], names: Sequence[str] | None = None
) -> tuple[TableResult, ...]:
    """Return what each table says.

    Args:
        price: prices the configuration by one table.
        names: of the tables; all that ship if None.
    """
    chosen = [name for name in table_names() if name != COUNTING] if names is None else names
    return tuple(_one(price, find_table(name)) for name in chosen)


def _one(price: Callable[[PriceTable], HardwareResult], table: PriceTable) -> TableResult:
    try:
        result = price(table)
    except (CostError, MachineError) as error:
        return TableResult(table.name, None, error=str(error))
    usage = Usage(parse_machine(result.machine).array.dataflow)
    delays = [price_pe(layer.pe, table, usage).delay_ns for layer in result.layers if layer.pe is not None]
    known = [delay for delay in delays if delay is not None]
    limit = 1e3 / max(known) if known and len(known) == len(delays) else None
    static = result.energy_pj[Component.LEAKAGE.value] * 1e-12 / result.runtime_s
    return TableResult(table.name, result, limit, static)


_ROWS: tuple[tuple[str, Callable[[TableResult, HardwareResult], float | None]], ...] = (
    *((f"{c.value} nJ", lambda own, r, name=c.value: r.energy_pj[name] / 1e3) for c in Component),  # type: ignore[misc]
    ("energy nJ", lambda own, r: r.energy_total_pj / 1e3),
    ("without glitches nJ", lambda own, r: None if r.energy_low_pj is None else r.energy_low_pj / 1e3),
    ("power mW", lambda own, r: r.power_w * 1e3),
    ("area mm2", lambda own, r: r.area_um2 / 1e6),
    ("leakage mW", lambda own, r: None if own.leakage_w is None else own.leakage_w * 1e3),
    ("clock limit MHz", lambda own, r: own.clock_limit_mhz),
)


def across_dict(results: Sequence[TableResult]) -> list[dict[str, Any]]:
    """Return one JSON-able dict per table; the quantity and its unit are the keys."""
    rows = []
    for own in results:
        values = {name: pick(own, own.result) if own.result else None for name, pick in _ROWS}
        unpriced = list(own.result.unpriced) if own.result else []
        rows.append({"table": own.table, **values, "unpriced": unpriced, "error": own.error})
    return rows


def across_csv(results: Sequence[TableResult]) -> str:
    """Return one CSV row per table."""
    rows = across_dict(results)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "unpriced": "; ".join(row["unpriced"])} for row in rows)
    return out.getvalue()


def across_text(results: Sequence[TableResult]) -> str:
    """Return the tables side by side, each number with its ratio to that of the first table that knows it."""
    rows = across_dict(results)
    shown = [[name, *_with_ratios([row[name] for row in rows])] for name, _ in _ROWS]
    lines = [text_table(["", *(own.table for own in results)], shown)]
    lines += [f"{own.table}: {own.error}" for own in results if own.error]
    lines += [
        f"{own.table}: no price for {'; '.join(own.result.unpriced)} (not in the sums)"
        for own in results
        if own.result and own.result.unpriced
    ]
    return "\n".join(lines)


def _with_ratios(values: Sequence[float | None]) -> list[str]:
    first = next((value for value in values if value), None)
    cells = []
    for value in values:
        if value is None:
            cells.append("unknown")
        elif first is None or value is first:
            cells.append(f"{value:.4g}")
        else:
            cells.append(f"{value:.4g} (x{value / first:.3g})")
    return cells
