"""The compiled part of static timing: arrival times and slews through the netlist, worst case per net and edge."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.compiled import compiled
from hwsim.gates.circuit import CLOCK_PIN, IN, KIND, OUT, Circuit

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

FALL, RISE = 0, 1
POSITIVE, NEGATIVE, NON_UNATE = 0, 1, 2


class PackedTables(NamedTuple):
    """All tables in use, joined: ``axis_start``, ``axis_size`` have shape [tables, 2]."""

    axis_start: Ints
    axis_size: Ints
    axes: Floats
    value_start: Ints
    values: Floats


class PackedArcs(NamedTuple):
    """The delay arcs of each cell type: those of type k are ``start[k]`` to ``start[k + 1]``.

    Attributes:
        start: Shape [types + 1].
        pin: Input of the arc.
        output: Output of the arc.
        sense: POSITIVE, NEGATIVE or NON_UNATE.
        delay: Table by edge of the output, -1 where there is none. Shape [arcs, 2].
        slew: Table by edge of the output. Shape [arcs, 2].
    """

    start: Ints
    pin: Ints
    output: Ints
    sense: Ints
    delay: Ints
    slew: Ints


class Arrivals(NamedTuple):
    """Worst arrival and slew of each net by edge (FALL, RISE), and where it came from. Shapes [nets, 2].

    Attributes:
        time: In ns; -inf where nothing arrives.
        slew: In ns.
        cell: The cell that caused the arrival, or -1 for a port.
        source: 2 x the net + the edge that it came from, or -1.
    """

    time: Floats
    slew: Floats
    cell: Ints
    source: Ints


@compiled
def lookup(tables: PackedTables, table: int, first: float, second: float) -> float:
    """Return the value of a table: bilinear inside, extended linearly outside."""
    n, m = tables.axis_size[table, 0], tables.axis_size[table, 1]
    at = tables.axis_start[table, 0]
    low, part = 0, 0.0
    if n > 1:
        while low < n - 2 and first >= tables.axes[at + low + 1]:
            low += 1
        part = (first - tables.axes[at + low]) / (tables.axes[at + low + 1] - tables.axes[at + low])
    at = tables.axis_start[table, 1]
    left, share = 0, 0.0
    if m > 1:
        while left < m - 2 and second >= tables.axes[at + left + 1]:
            left += 1
        share = (second - tables.axes[at + left]) / (tables.axes[at + left + 1] - tables.axes[at + left])
    upper_row = tables.value_start[table] + low * m + left
    lower_row = upper_row + (m if n > 1 else 0)
    step = 1 if m > 1 else 0
    upper = tables.values[upper_row] * (1 - share) + tables.values[upper_row + step] * share
    lower = tables.values[lower_row] * (1 - share) + tables.values[lower_row + step] * share
    return upper * (1 - part) + lower * part


@compiled
def propagate(circuit: Circuit, arcs: PackedArcs, tables: PackedTables, loads: Floats, arrivals: Arrivals) -> None:
    """Fill ``arrivals`` from ports and clock through every cell.

    Args:
        circuit: The netlist.
        arcs: Of its cell types.
        tables: Of the arcs.
        loads: fF by net and edge. Shape [nets, 2].
        arrivals: Ports and the clock net are set, the rest is -inf and 0.
    """
    for register in circuit.registers:
        _through(circuit, arcs, tables, loads, arrivals, register)
    for cell in circuit.order:
        _through(circuit, arcs, tables, loads, arrivals, cell)


@compiled
def _through(
    circuit: Circuit, arcs: PackedArcs, tables: PackedTables, loads: Floats, arrivals: Arrivals, cell: int
) -> None:
    row = circuit.cells[cell]
    clocked = row[CLOCK_PIN] >= 0
    for arc in range(arcs.start[row[KIND]], arcs.start[row[KIND] + 1]):
        source = circuit.pins[row[IN] + arcs.pin[arc]]
        target = circuit.outs[row[OUT] + arcs.output[arc]]
        for edge in range(2):
            table = arcs.delay[arc, edge]
            if table < 0:
                continue
            for came in range(2):
                if clocked:
                    if came != circuit.active:
                        continue
                elif (arcs.sense[arc] == 0 and came != edge) or (arcs.sense[arc] == 1 and came == edge):
                    continue
                if arrivals.time[source, came] == -np.inf:
                    continue
                slew, load = arrivals.slew[source, came], loads[target, edge]
                time = arrivals.time[source, came] + lookup(tables, table, slew, load)
                if time > arrivals.time[target, edge]:
                    arrivals.time[target, edge] = time
                    arrivals.cell[target, edge] = cell
                    arrivals.source[target, edge] = 2 * source + came
                after = lookup(tables, arcs.slew[arc, edge], slew, load)
                arrivals.slew[target, edge] = max(arrivals.slew[target, edge], after)
