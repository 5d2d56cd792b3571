"""Numbers and tables as people read them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"), (1e-12, "p"))
_NUMBER = re.compile(r"[-+]?\d[\d,.]*(e[-+]?\d+)?( ?%)?|-|inf|nan|unknown|per tensor")


def quantity(value: float, unit: str) -> str:
    """Return a value with an engineering prefix and four digits.

    >>> quantity(0.00123, "W"), quantity(0, "J")
    ('1.23 mW', '0 J')
    """
    scale, prefix = next(((s, p) for s, p in _PREFIXES if abs(value) >= s), (1.0, ""))
    return f"{value / scale:.4g} {prefix}{unit}"


def text_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return an aligned table; columns of numbers are set flush right.

    >>> print(text_table(["a", "n"], [["x", 10], ["yy", 2]]))
    a    n
    x   10
    yy   2
    """
    columns = list(zip(*([str(cell) for cell in row] for row in rows), strict=True)) or [()] * len(header)
    shown = [_aligned(title, column) for title, column in zip(header, columns, strict=True)]
    return "\n".join("  ".join(line).rstrip() for line in zip(*shown, strict=True))


def some_names(names: Sequence[str], most: int = 6) -> str:
    """Return names with commas; of more than ``most`` the first ones, and how many are left out.

    >>> some_names(["a", "b"]), some_names(["a", "b", "c", "d"], most=3)
    ('a, b', 'a, b and 2 more')
    """
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def _aligned(title: str, cells: Sequence[str]) -> list[str]:
    width = max(map(len, [title, *cells]))
    right = bool(cells) and all(_NUMBER.fullmatch(cell) for cell in cells)
    return [cell.rjust(width) if right else cell.ljust(width) for cell in [title, *cells]]


def wilson_interval(correct: int, total: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return the 95 % confidence interval of the proportion ``correct / total`` (Wilson 1927, eq. 2).

    >>> [round(end, 4) for end in wilson_interval(95, 100)]
    [0.8882, 0.9785]
    """
    share, spread = correct / total, z * z / total
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * (share * (1 - share) / total + spread / (4 * total)) ** 0.5
    return centre - half if correct else 0.0, centre + half if correct < total else 1.0
