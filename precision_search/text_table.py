"""A frontier as text, in columns that line up."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from precision_search.per_layer import INPUT
from precision_search.units import COSTS, readable_unit

if TYPE_CHECKING:
    import pandas as pd

_SHOWN_COSTS = ("power_w", "energy_pj", "runtime_s", "area_um2")


def frontier_text(front: pd.DataFrame, cost: str) -> str:
    """Return the rows of a frontier: accuracy with its interval, the costs, the formats, the machine."""
    columns: list[list[str]] = [["accuracy", *(f"{100 * value:.2f} %" for value in front["accuracy"])]]
    ends = zip(front["accuracy_low"], front["accuracy_high"], strict=True)
    columns.append(["95 % interval", *(f"{100 * low:.2f} .. {100 * high:.2f}" for low, high in ends)])
    for name in dict.fromkeys((cost, *_SHOWN_COSTS)):
        size, label = readable_unit(name, front[name].to_numpy(float))
        columns.append([_short(label), *(f"{value / size:.4g}" for value in front[name])])
    words = ("weights", "acts", "product", "acc")
    columns.extend([name, *map(str, front[name])] for name in words)
    columns.append(["machine", *map(str, front["built"])])
    others = list(map(other_layers, front["overrides"]))
    if any(others):
        columns.append(["other layers", *others])
    return columns_text(columns, right=2 + len(dict.fromkeys((cost, *_SHOWN_COSTS))))


def columns_text(columns: Sequence[Sequence[str]], right: int) -> str:
    """Return columns as lines; the first ``right`` of them are set flush right.

    >>> print(columns_text([["n", "1", "10"], ["name", "a", "bc"]], right=1))
     n  name
     1  a
    10  bc
    """
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for row in zip(*columns, strict=True):
        cells = [
            cell.rjust(width) if place < right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _short(label: str) -> str:
    """Return ``energy nJ`` for ``energy per inference (nJ)``."""
    name, _, unit = label.partition(" (")
    words = {text: column.partition("_")[0] for column, (text, _) in COSTS.items()}
    return f"{words.get(name, name)} {unit.removesuffix(')')}".strip()


def spelled(row: Mapping[Hashable, Any]) -> str:
    """Return how a figure or table names a configuration: one format if it is the same everywhere."""
    others = len(json.loads(row.get("overrides", "{}")))
    rest = f" + {others} other{'' if others == 1 else 's'}" if others else ""
    return _formats(row) + rest


def other_layers(overrides: str) -> str:
    """Return what the layers with formats of their own have, from the JSON that is stored.

    >>> other_layers('{"fc": {"weights": "int4", "acts": "int8", "acc": "int24", "product": null, "bias": null}}')
    'fc: int4 × int8'
    """
    layers = json.loads(overrides)
    named = {name: str(roles["acts"]) if name == INPUT else _formats(roles) for name, roles in layers.items()}
    return "; ".join(f"{name}: {formats}" for name, formats in named.items())


def _formats(row: Mapping[Hashable, Any]) -> str:
    if row["weights"] == row["acts"] == row["acc"]:
        return str(row["weights"])
    return f"{row['weights']} × {row['acts']}"  # noqa: RUF001
