"""Points of one style of machine, all at once: counts on arrays, prices per point, and the same sums as one by one.

A layer's energy is the correctly rounded sum of its parts (``math.fsum``), and layers are added in the order in which
they run, as ``hwsim.hardware`` does. The result is therefore not near that of the scalar path: it is equal, bit by bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.array import Action, Component, Machine
from hwsim.cost import average_power_w
from hwsim.sweep.closed_forms import (
    Count,
    Ints,
    Placed,
    Style,
    cycles,
    mac_counts,
    place,
    register_counts,
    register_sizes,
    requantise_counts,
)
from hwsim.sweep.layers import LayerColumns
from hwsim.sweep.movement import Residence, crossing_counts, edge_counts, residence
from hwsim.sweep.points import Chosen, Point, column
from hwsim.sweep.ports import Edge, in_words, without_words
from hwsim.sweep.prices import PriceBook, storage_bits
from hwsim.sweep.sums import in_turn, rounded_sums
from hwsim.sweep.vector_layers import VectorCosts

EXACT = 1 << 53  #: whole numbers up to here are exact in binary64
_PARTS = (Component.PE, Component.REGISTER, Component.SRAM, Component.DRAM, Component.VECTOR)


@dataclass(frozen=True)
class Outcome:
    """What a point costs: the totals of ``hwsim.hardware_result.HardwareResult``, same names, same numbers."""

    cycles: int
    stall: int
    runtime_s: float
    energy_pj: dict[str, float]
    energy_total_pj: float
    power_w: float
    area_um2: float
    weight_bits: int
    energy_low_pj: float | None


def vectorisable(machine: Machine) -> bool:
    """Return whether the closed forms here know a machine: tiles in the fixed order, weights as they are."""
    return machine.tiling.value == "fixed" and machine.compression.value == "none"


def evaluate(columns: LayerColumns, points: Sequence[Point], book: PriceBook) -> list[Outcome | None]:
    """Return what each point costs; None where a count may be too large for exact arithmetic on 64 bits.

    Args:
        columns: the network.
        points: machines of one ``Style``, each ``vectorisable``.
        book: prices found before.
    """
    chosen = Chosen(columns, points, book)
    layers = columns.products
    rows, across = (column(getattr(p.machine.array, name) for p in points) for name in ("rows", "columns"))
    placed = place(Style.of(points[0].machine), layers, rows, across)
    where = residence(layers.source, layers.own, chosen.room)
    edge = Edge(placed, chosen.room, chosen.width("bias"), chosen.pads())
    waiting = chosen.waiting(placed, where, edge)
    stalls = waiting.cycles() if waiting else 0 * placed.folds
    taken = cycles(placed) + stalls
    counts = [
        *mac_counts(placed),
        *_registers(chosen, placed, taken),
        *_accesses(chosen, edge, where),
        *requantise_counts(placed, chosen.rounded()),
    ]
    vectors = [VectorCosts(chosen, layer) for layer in columns.vectors]
    order = np.array(columns.order, dtype=np.intp)
    energies = {}
    for part in _PARTS:
        happening = [count for count in counts if count.component is part and count.words.any()]
        own = rounded_sums([chosen.energy(count) for count in happening], placed.folds.shape)
        energies[part] = in_turn(np.column_stack([own, *(vector.energies(part) for vector in vectors)]), order)
    steps = np.column_stack([taken, *(vector.cycles for vector in vectors)])[:, order].sum(axis=1).tolist()
    waits = np.column_stack([stalls, *(vector.waits for vector in vectors)])[:, order].sum(axis=1).tolist()
    glitches = chosen.glitches(counts)
    safe = _exact(placed, chosen, taken)
    if waiting:
        safe &= waiting.safe()
    found: list[Outcome | None] = []
    for index in range(len(points)):
        parts = {part: values[index] for part, values in energies.items()}
        time = steps[index], waits[index]
        found.append(_outcome(chosen, index, time, parts, glitches[index]) if safe[index] else None)
    return found


def _accesses(chosen: Chosen, edge: Edge, where: Residence) -> list[Count]:
    """Return what scratchpads and DRAM move, in whole words where their width is stated."""
    asked, crossing = edge_counts(edge.placed), [*crossing_counts(edge.placed, edge.room, where)]
    if not edge.pads.stated:
        return [*asked, *crossing]
    widths = {word: chosen.width(word) for word in ("act", "weight", "acc", "bias", "output")}
    whole = [*in_words(crossing, edge.pads, widths), *edge.word_counts()]
    return [*without_words(asked, edge.pads), *whole]


def _registers(chosen: Chosen, placed: Placed, taken: Ints) -> list[Count]:
    found: list[Count] = []
    sizes = {} if placed.style.clock_gating else register_sizes(placed)
    for unit, word, writes, reads in register_counts(placed):
        found.append(Count(Component.REGISTER, Action.WRITE, unit, word, writes))
        found.append(Count(Component.REGISTER, Action.READ, unit, word, reads))
        if unit in sizes:
            idle = (sizes[unit] * taken - writes) * chosen.width(word).bits
            found.append(Count(Component.REGISTER, Action.CLOCK, unit, "idle", idle))
    return found


def _outcome(
    chosen: Chosen, index: int, time: tuple[int, int], parts: dict[Component, float], glitch: float | None
) -> Outcome:
    point, (steps, waits) = chosen.points[index], time
    silicon, count = chosen.silicon[chosen.choice[index]], point.machine.array.pes
    runtime_s = point.machine.runtime_s(steps)
    energy = {component.value: parts.get(component, 0.0) for component in Component}
    energy[Component.LEAKAGE.value] = silicon.leakage_pj_per_s(count) * runtime_s
    total_pj = sum(energy.values())
    return Outcome(
        cycles=steps,
        stall=waits,
        runtime_s=runtime_s,
        energy_pj=energy,
        energy_total_pj=total_pj,
        power_w=average_power_w(total_pj, runtime_s),
        area_um2=silicon.area_um2(count),
        weight_bits=storage_bits(point.formats.weights, chosen.columns.weight_count),
        energy_low_pj=None if glitch is None else total_pj - glitch,
    )


def _exact(placed: Placed, chosen: Chosen, taken: Ints) -> NDArray[np.bool_]:
    """Return the points of which no count can leave the range where 64-bit arithmetic is exact.

    T Sr Sc (min(R, Sr) + min(C, Sc) + 1) + 2 T Sc R + Sr R Sc bounds every register count of a group (the skews, the
    sums on their way down, the drain), and with it what scratchpads and DRAM move, each times the bits of a word.
    """
    layers, (rows, columns) = placed.layers, placed.array
    stream, down, across = (side.astype(float) for side in (placed.stream, placed.rows.extent, placed.columns.extent))
    skews = np.minimum(rows, down) + np.minimum(columns, across) + 1
    words = stream * down * across * skews + 2 * stream * across * rows + down * rows * across
    clocked = 0.0 if placed.style.clock_gating else rows * columns * taken.astype(float)
    room = chosen.room
    widest = np.maximum.reduce([width.bits.astype(float) for width in (room.act, room.weight, room.acc, room.output)])
    bound = np.maximum(words * layers.groups, clocked) * widest
    safe: NDArray[np.bool_] = bound.max(axis=1, initial=0.0) < EXACT
    return safe
