"""The table made again: a few rows, from RTL to energy, compared with what the file holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from hwsim.cost.element_file import parse_elements
from hwsim.cost.elements import ELEMENT_COLUMNS, ElementRow
from hwsim.synth.benches import Unit
from hwsim.synth.errors import SynthError
from hwsim.synth.laboratory import open_laboratory
from hwsim.synth.measure import measure
from hwsim.synth.rows import row_key
from hwsim.synth.settings import RunSettings

TOLERANCE = 1e-3
"""Relative difference that still counts as the same: inputs of a gate that move together may be put in another order
by another version of the simulator, which is seen in the fourth digit of energies without delays."""


def differences(
    path: Path, units: Sequence[Unit], settings: RunSettings, count: int, tolerance: float = TOLERANCE
) -> dict[str, tuple[str, ...]]:
    """Make ``count`` rows of the table in ``path`` again, spread evenly over it.

    Args:
        path: a companion file.
        units: the elements that it may hold.
        settings: of the run that made it.
        count: rows to make.
        tolerance: relative difference of a number that still counts as the same.

    Returns:
        Name of each unit -> what differs, one sentence a column.

    Raises:
        SynthError: the file cannot be read or holds none of the units.
    """
    rows = {row.key: row for row in parse_elements(path.name.removesuffix(".pe.csv"), _text(path))}
    known = [unit for unit in units if row_key(unit) in rows]
    if not known:
        raise SynthError(f"{path} holds none of the {len(units)} rows asked for: choose the grid that it was made with")
    step = max(1, len(known) // max(1, count))
    with open_laboratory(settings) as laboratory:
        return {
            unit.name: row_differences(rows[row_key(unit)], measure(unit, laboratory), tolerance)
            for unit in known[::step][:count]
        }


def row_differences(old: ElementRow, new: ElementRow, tolerance: float) -> tuple[str, ...]:
    """Return the columns in which two rows differ, with both values."""
    pairs = ((name, getattr(old, name), getattr(new, name)) for name in ELEMENT_COLUMNS)
    return tuple(f"{name} was {a}, is {b}" for name, a, b in pairs if not _same(a, b, tolerance))


def _same(a: object, b: object, tolerance: float) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)
    return a == b


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SynthError(f"{path} cannot be read: {error}; make it first, without --check") from error
