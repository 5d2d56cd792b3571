"""Energies and delays of every event of every cell, looked up at the loads and slews that it has in this netlist."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.gates.circuit import starts
from hwsim.gates.models import CellModel
from hwsim.gates.netlist import Netlist
from hwsim.gates.slots import Slot, SlotTable, delay_slots, energy_slots, pin_slots
from hwsim.gates.timing import Timing

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

TICKS_PER_NS = 1_000_000
"""Time advances in femtoseconds: at 100 fs two simulators order some events differently, at 1 fs none."""


class EventValues(NamedTuple):
    """A value for each event of each cell.

    The value of an event of cell c of type k, in state s (after it), caused by input p, at output o, is
    ``values[value_start[c] + slot[slot_start[k] + (s * inputs + p) * outputs + o]]``. The first value of a cell is 0,
    for events of which the library says nothing.

    Attributes:
        slot_start: Per cell type.
        slot: Which value of the cell.
        value_start: Per cell.
        values: Energies in pJ, or delays in ticks.
    """

    slot_start: Ints
    slot: Ints
    value_start: Ints
    values: Floats


def event_energies(netlist: Netlist, timing: Timing) -> EventValues:
    """Return the internal energy in pJ of each output event (the mean, where several entries apply)."""
    return _event_values(netlist, timing, energy_slots, np.mean)


def pin_energies(netlist: Netlist, timing: Timing) -> EventValues:
    """Return the internal energy in pJ of each event of an input pin; there is one pseudo output."""
    return _event_values(netlist, timing, pin_slots, np.mean)


def event_delays(netlist: Netlist, timing: Timing, per_pin: bool) -> EventValues:
    """Return the delay in ticks of each output event (the largest, where several arcs apply), at least one tick.

    Args:
        netlist: The netlist.
        timing: Slews and loads.
        per_pin: Whether inputs have delays of their own; if not, each output has one delay per edge, its largest.
    """
    delays = _event_values(netlist, timing, delay_slots, np.max)
    ticks = np.maximum(np.rint(delays.values * TICKS_PER_NS), 1.0)
    if not per_pin:
        _one_per_edge(netlist, [delay_slots(model).slots for model in netlist.models], delays.value_start, ticks)
    return delays._replace(values=ticks)


def _one_per_edge(netlist: Netlist, slots: Sequence[Sequence[Slot]], first: Ints, ticks: Floats) -> None:
    for kind, some in enumerate(slots):
        cells = np.flatnonzero(netlist.kinds == kind)
        for output, edge in {(slot.output, slot.output_rises) for slot in some}:
            mine = [place for place, slot in enumerate(some) if (slot.output, slot.output_rises) == (output, edge)]
            places = first[cells][:, None] + 1 + np.array(mine)
            ticks[places] = ticks[places].max(axis=1, keepdims=True)


def _event_values(
    netlist: Netlist, timing: Timing, slots_of: Callable[[CellModel], SlotTable], combine: Callable[..., Floats]
) -> EventValues:
    tables = [slots_of(model) for model in netlist.models]
    counts = [1 + len(table.slots) for table in tables]
    value_start = starts([counts[kind] for kind in netlist.kinds])
    values = np.zeros(int(value_start[-1]))
    for kind, table in enumerate(tables):
        cells = np.flatnonzero(netlist.kinds == kind)
        for place, slot in enumerate(table.slots):
            values[value_start[cells] + 1 + place] = _looked_up(netlist, timing, cells, slot, combine)
    none = np.zeros(0, dtype=np.int32)
    index = np.concatenate([none, *(table.index.ravel() + 1 for table in tables)]).astype(np.int32)
    return EventValues(starts([table.index.size for table in tables]), index, value_start, values)


def _looked_up(
    netlist: Netlist, timing: Timing, cells: NDArray[np.intp], slot: Slot, combine: Callable[..., Floats]
) -> Floats:
    """Return the value of one slot for all cells of its type."""
    source = netlist.input_nets[netlist.input_start[cells] + slot.pin]
    slews = timing.slew_ns[source, int(slot.pin_rises)]
    loads = np.zeros(len(cells))
    if slot.output >= 0:
        target = netlist.output_nets[netlist.output_start[cells] + slot.output]
        by_edge = timing.loads.rising if slot.output_rises else timing.loads.falling
        loads = by_edge[target]
    found: Floats = combine([table.lookup_many(slews, loads) for table in slot.tables], axis=0)
    return found
