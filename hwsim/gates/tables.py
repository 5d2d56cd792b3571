"""The look-up tables of the non-linear delay model: a value for each input slew and output load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.gates.faults import LibertyError
from hwsim.gates.syntax import Group, as_number

Array = NDArray[np.float64]

SLEW = frozenset({"input_net_transition", "input_transition_time", "constrained_pin_transition"})
LOAD = frozenset({"total_output_net_capacitance", "related_pin_transition"})
"""The variable of the second axis: the load of an output, or the slew of the clock for setup and hold."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table over two axes, each of at least one point.

    Attributes:
        first: Slews of the input (for setup and hold: of the data pin), rising, in ns. Shape [n].
        second: Loads in fF (for setup and hold: slews of the clock pin in ns). Shape [m].
        values: Shape [n, m].
    """

    first: Array
    second: Array
    values: Array

    def lookup(self, first: float, second: float) -> float:
        """Return the value at a point: bilinear between the four corners around it, extended linearly outside.

        >>> t = Table(np.array([0.0, 1.0]), np.array([0.0, 10.0]), np.array([[0.0, 10.0], [100.0, 110.0]]))
        >>> t.lookup(0.5, 5.0), t.lookup(1.0, 10.0), t.lookup(0.0, 20.0)
        (55.0, 110.0, 20.0)
        """
        low, part = _locate(self.first, first)
        left, share = _locate(self.second, second)
        last, right = min(low + 1, len(self.first) - 1), min(left + 1, len(self.second) - 1)
        upper = self.values[low, left] * (1 - share) + self.values[low, right] * share
        lower = self.values[last, left] * (1 - share) + self.values[last, right] * share
        return float(upper * (1 - part) + lower * part)

    def lookup_many(self, first: Array, second: Array) -> Array:
        """Return the values at many points at once; as ``lookup`` of each."""
        low, part = _locate_many(self.first, first)
        left, share = _locate_many(self.second, second)
        last, right = np.minimum(low + 1, len(self.first) - 1), np.minimum(left + 1, len(self.second) - 1)
        upper = self.values[low, left] * (1 - share) + self.values[low, right] * share
        lower = self.values[last, left] * (1 - share) + self.values[last, right] * share
        values: Array = upper * (1 - part) + lower * part
        return values


def _locate(axis: Array, point: float) -> tuple[int, float]:
    """Return the interval of ``axis`` that ``point`` is in, or nearest to, and how far along it lies."""
    if len(axis) == 1:
        return 0, 0.0
    low = 0
    while low < len(axis) - 2 and point >= axis[low + 1]:
        low += 1
    return low, float((point - axis[low]) / (axis[low + 1] - axis[low]))


def _locate_many(axis: Array, points: Array) -> tuple[NDArray[np.intp], Array]:
    if len(axis) == 1:
        return np.zeros(len(points), dtype=np.intp), np.zeros(len(points))
    low = np.clip(np.searchsorted(axis, points, side="right") - 1, 0, len(axis) - 2)
    return low, (points - axis[low]) / (axis[low + 1] - axis[low])


@dataclass(frozen=True)
class Scales:
    """What the numbers of a table are multiplied by to reach standard units."""

    first: float
    second: float
    value: float


Templates = Mapping[str, Group]


def read_table(group: Group, templates: Templates, scales: Scales, where: str) -> Table:
    """Return the table in ``group``; axes that it leaves out come from its template.

    Args:
        group: Such as ``cell_rise (delay_template) { index_1 (...); index_2 (...); values (...); }``.
        templates: lu_table_template and power_lut_template groups by name.
        scales: Of the two axes and the values.
        where: The cell and pin, for messages.

    Raises:
        LibertyError: values are missing, or their number does not fit the axes.
    """
    what = f"{where}: {group.kind}"
    rows = group.values("values")
    if rows is None:
        raise LibertyError(f"{what} has no values (...)")
    numbers = _numbers(rows, what)
    template = templates.get(group.arguments[0]) if group.arguments else None
    axes = [] if template is None else [template.get(f"variable_{place}") for place in (1, 2)]
    kinds = [kind for kind in axes if kind is not None]
    indices = [_axis(group, template, place, what) for place in range(1, len(kinds) + 1)]
    if not kinds:
        return _scaled(np.zeros(1), np.zeros(1), _shaped(numbers, (1, 1), what), scales)
    if len(kinds) == 1:
        return _line(kinds[0], indices[0], numbers, scales, what)
    values = _shaped(numbers, (len(indices[0]), len(indices[1])), what)
    if kinds[0] in LOAD and kinds[1] in SLEW:
        return _scaled(indices[1], indices[0], values.T, scales)
    if kinds[0] in SLEW and kinds[1] in LOAD:
        return _scaled(indices[0], indices[1], values, scales)
    raise LibertyError(f"{what} has axes {kinds[0]} and {kinds[1]}; known: {', '.join(sorted(SLEW | LOAD))}")


def _line(kind: str, axis: Array, numbers: Array, scales: Scales, what: str) -> Table:
    """Return a table of one axis, which is constant along the other."""
    if kind in SLEW:
        return _scaled(axis, np.zeros(1), _shaped(numbers, (len(axis), 1), what), scales)
    if kind in LOAD:
        return _scaled(np.zeros(1), axis, _shaped(numbers, (1, len(axis)), what), scales)
    raise LibertyError(f"{what} has the axis {kind}; known: {', '.join(sorted(SLEW | LOAD))}")


def _scaled(first: Array, second: Array, values: Array, scales: Scales) -> Table:
    return Table(first * scales.first, second * scales.second, np.ascontiguousarray(values * scales.value))


def _axis(group: Group, template: Group | None, place: int, what: str) -> Array:
    rows = group.values(f"index_{place}") or (template.values(f"index_{place}") if template else None)
    if rows is None:
        raise LibertyError(f"{what} has no index_{place}, and neither has its template")
    axis = _numbers(rows, what)
    if np.any(np.diff(axis) <= 0):
        raise LibertyError(f"{what}: index_{place} does not rise: {', '.join(rows)}")
    return axis


def _numbers(rows: Sequence[str], what: str) -> Array:
    text = ",".join(rows)
    try:
        return np.array([float(part) for part in text.split(",") if part.strip()])
    except ValueError:
        bad = next(part for part in text.replace(",", " ").split() if not _is_number(part))
        return np.array([as_number(bad, what)])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shaped(numbers: Array, shape: tuple[int, int], what: str) -> Array:
    if numbers.size != shape[0] * shape[1]:
        raise LibertyError(f"{what} has {numbers.size} values; its axes ask for {shape[0]} x {shape[1]}")
    return numbers.reshape(shape)
