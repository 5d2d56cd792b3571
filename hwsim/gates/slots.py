"""Which tables apply to an event: found once per cell type for every state, so that a simulator only looks up an index.

An event is (state after it, input pin that caused it, output that moves). The direction of both follows from the state.
Conditional entries (``when``) that hold in the state come first, then unconditional ones, then whatever the library has
for that edge: an entry for one input at a time cannot be had where several inputs move at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hwsim.gates.boolean import Boolean
from hwsim.gates.cells import InternalPower, Sense, TimingArc
from hwsim.gates.faults import LibertyError
from hwsim.gates.models import CellModel
from hwsim.gates.tables import Table

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Slot:
    """Tables that apply to a class of events.

    Attributes:
        pin: Input that causes it.
        pin_rises: Direction of that input.
        output: Output that moves, or -1 where the event is that of the input pin itself.
        output_rises: Direction of the output.
        tables: What applies; the mean of energies, the largest delay.
    """

    pin: int
    pin_rises: bool
    output: int
    output_rises: bool
    tables: tuple[Table, ...]


@dataclass(frozen=True, eq=False)
class SlotTable:
    """The slot of each event of one cell type.

    Attributes:
        index: Index into ``slots``, or -1 where nothing is given. Shape [states, inputs, outputs].
        slots: The classes of events.
    """

    index: Ints
    slots: tuple[Slot, ...]


@dataclass(frozen=True)
class _Entry:
    """A candidate: when it holds, and its table for each edge of the pin that it belongs to."""

    pins: frozenset[str]
    when: Boolean | None
    rise: Table | None
    fall: Table | None
    sense: Sense = Sense.NON_UNATE


@lru_cache(maxsize=4096)
def energy_slots(model: CellModel) -> SlotTable:
    """Return the internal_power tables of output events."""
    return _slots(model, lambda name: [_power_entry(power, model) for power in model.cell.pins[name].power], False)


@lru_cache(maxsize=4096)
def delay_slots(model: CellModel) -> SlotTable:
    """Return the cell_rise and cell_fall tables of output events.

    Raises:
        LibertyError: an output depends on an input and the library has no timing between them.
    """
    return _slots(model, lambda name: _arc_entries(model.cell.pins[name].timing, 0), True)


@lru_cache(maxsize=4096)
def pin_slots(model: CellModel) -> SlotTable:
    """Return the internal_power tables of input pins, with one pseudo output: an index of [states, inputs, 1]."""
    index = np.full((1 << model.bits, len(model.inputs), 1), -1, dtype=np.int32)
    slots: list[Slot] = []
    for place, name in enumerate(model.inputs):
        entries = [_power_entry(power, model) for power in model.cell.pins[name].power]
        rises = _bit(model, place)
        for edge in (True, False):
            choice = _choose(model, entries, np.flatnonzero(rises == edge), edge, strict=True)
            for states, tables in choice:
                index[states, place, 0] = len(slots)
                slots.append(Slot(place, edge, -1, edge, tables))
    return SlotTable(index, tuple(slots))


def _power_entry(power: InternalPower, model: CellModel) -> _Entry:
    return _Entry(frozenset(power.related) or frozenset(model.inputs), power.when, power.rise, power.fall)


def _arc_entries(arcs: Sequence[TimingArc], which: int) -> list[_Entry]:
    return [
        _Entry(
            frozenset({arc.related}),
            arc.when,
            arc.rise[which] if arc.rise else None,
            arc.fall[which] if arc.fall else None,
            arc.sense,
        )
        for arc in arcs
        if not arc.is_constraint and not arc.kind.startswith("three_state")
    ]


def _slots(model: CellModel, entries_of: Callable[[str], list[_Entry]], needed: bool) -> SlotTable:
    index = np.full((1 << model.bits, len(model.inputs), len(model.outputs)), -1, dtype=np.int32)
    slots: list[Slot] = []
    for output, output_name in enumerate(model.outputs):
        every = entries_of(output_name)
        moves = model.truth[output].astype(bool)
        for pin, name in enumerate(model.inputs):
            entries = [entry for entry in every if name in entry.pins]
            if needed and not entries and _causes(model, pin, output):
                raise LibertyError(
                    f"cell {model.cell.name}: {output_name} depends on {name}, with no timing between them"
                )
            rises = _bit(model, pin)
            for pin_edge in (True, False):
                for edge in (True, False):
                    some = _fitting(entries, pin_edge == edge)
                    states = np.flatnonzero((rises == pin_edge) & (moves == edge))
                    for chosen, tables in _choose(model, some, states, edge, strict=False):
                        index[chosen, pin, output] = len(slots)
                        slots.append(Slot(pin, pin_edge, output, edge, tables))
    return SlotTable(index, tuple(slots))


def _causes(model: CellModel, pin: int, output: int) -> bool:
    """Whether an event of the pin can move the output: through the logic, or as the clock of a flip-flop."""
    if model.is_register:
        return pin == model.clock
    truth = model.truth[output]
    return bool(np.any(truth != truth[np.arange(len(truth)) ^ (1 << pin)]))


def _fitting(entries: list[_Entry], same: bool) -> list[_Entry]:
    """Return the entries whose sense allows output and input to move the same way, or all where none does."""
    wrong = Sense.NEGATIVE if same else Sense.POSITIVE
    return [entry for entry in entries if entry.sense is not wrong] or entries


def _bit(model: CellModel, place: int) -> NDArray[np.bool_]:
    return (np.arange(1 << model.bits) >> place & 1).astype(bool)


def _choose(
    model: CellModel, entries: Sequence[_Entry], states: Ints | NDArray[np.intp], edge: bool, strict: bool
) -> list[tuple[NDArray[np.intp], tuple[Table, ...]]]:
    """Group ``states`` by the tables that apply in them: [(states, tables)].

    With ``strict`` a state that no entry claims has no table; otherwise it takes all of them.
    """
    pairs = [(entry, table) for entry in entries if (table := entry.rise if edge else entry.fall) is not None]
    if not pairs or not len(states):
        return []
    holds = np.array([model.holds(entry.when)[states] for entry, _ in pairs])
    plain = np.array([entry.when is None for entry, _ in pairs])
    claimed = holds[~plain].any(axis=0)
    holds[np.ix_(plain, claimed)] = False
    nothing = ~holds.any(axis=0)
    if strict:
        holds, states = holds[:, ~nothing], states[~nothing]
    else:
        holds[:, nothing] = True
    columns, group = np.unique(holds, axis=1, return_inverse=True)
    tables = [tuple(table for (_, table), use in zip(pairs, column, strict=True) if use) for column in columns.T]
    return [(states[group.ravel() == place], some) for place, some in enumerate(tables)]
