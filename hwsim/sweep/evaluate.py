"""Points of one style of machine, all at once: counts on arrays, prices per point, and the same sums as one by one.

A layer's energy is the correctly rounded sum of its parts (``math.fsum``), and layers are added in the order in which
they run, as ``hwsim.hardware`` does. The result is therefore not near that of the scalar path: it is equal, bit by bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.array import Action, Component, Machine
from hwsim.cost import average_power_w
from hwsim.network.assignment import LayerFormats
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
from hwsim.sweep.layers import Deed, LayerColumns, VectorLayer
from hwsim.sweep.movement import Residence, Room, Width, crossing_counts, edge_counts, residence
from hwsim.sweep.prices import KINDS, PriceBook, Words, elements_of, storage_bits, sum_element
from hwsim.sweep.silicon import Silicon
from hwsim.sweep.waits import Bus, Waiting

Floats = NDArray[np.float64]
EXACT = 1 << 53  #: whole numbers up to here are exact in binary64
_PARTS = (Component.PE, Component.REGISTER, Component.SRAM, Component.DRAM, Component.VECTOR)
_ONE, _NONE = Fraction(1), Fraction(0)


@dataclass(frozen=True)
class Point:
    """One machine with one format in every layer."""

    machine: Machine
    formats: LayerFormats


@dataclass(frozen=True)
class Outcome:
    """What a point costs: the totals of ``hwsim.hardware.HardwareResult``, same names, same numbers."""

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
    """Return whether the closed forms here know a machine: no words of a stated width, fixed tiles, plain weights."""
    plain = all(memory.word_bits is None for memory in machine.srams)
    return plain and machine.tiling.value == "fixed" and machine.compression.value == "none"


def evaluate(columns: LayerColumns, points: Sequence[Point], book: PriceBook) -> list[Outcome | None]:
    """Return what each point costs; None where a count may be too large for exact arithmetic on 64 bits.

    Args:
        columns: the network.
        points: machines of one ``Style``, each ``vectorisable``.
        book: prices found before.
    """
    chosen = _Chosen(columns, points, book)
    layers = columns.products
    rows, across = (_column(getattr(p.machine.array, name) for p in points) for name in ("rows", "columns"))
    placed = place(Style.of(points[0].machine), layers, rows, across)
    where = residence(layers.source, layers.own, chosen.room)
    waiting = chosen.waiting(placed, where)
    stalls = waiting.cycles() if waiting else 0 * placed.folds
    taken = cycles(placed) + stalls
    counts = [
        *mac_counts(placed),
        *_registers(chosen, placed, taken),
        *edge_counts(placed),
        *crossing_counts(placed, chosen.room, where),
        *requantise_counts(placed, chosen.rounded()),
    ]
    vectors = [_Vector(chosen, layer) for layer in columns.vectors]
    order = np.array(columns.order, dtype=np.intp)
    energies = {}
    for part in _PARTS:
        happening = [count for count in counts if count.component is part and count.words.any()]
        own = _sums([chosen.energy(count) for count in happening], placed.folds.shape)
        energies[part] = _in_turn(np.column_stack([own, *(vector.energies(part) for vector in vectors)]), order)
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


class _Chosen:
    """Prices and widths of the points of one call; points that differ in size and clock alone share theirs."""

    def __init__(self, columns: LayerColumns, points: Sequence[Point], book: PriceBook) -> None:
        self.columns, self.points, self.book = columns, points, book
        self.kinds = columns.products.kinds
        self.present = tuple(sorted(set(self.kinds.tolist()))) or (0,)
        numbers: dict[tuple[int, LayerFormats], int] = {}
        machines = [book.machine(point.machine) for point in points]
        pairs = zip(machines, points, strict=True)
        self.choice = np.array([numbers.setdefault((machine, p.formats), len(numbers)) for machine, p in pairs])
        self.machines = [machine for machine, _ in numbers]
        self.formats = [formats for _, formats in numbers]
        self.words = [elements_of(formats, self.present) for formats in self.formats]
        self.pes = [[book.number(words.pe) for words in own] for own in self.words]
        self.stored = [(formats.acts.storage_bits, formats.acc.storage_bits) for formats in self.formats]
        self.codes = [(Fraction(formats.acts.bits), Fraction(formats.acc.bits)) for formats in self.formats]
        self.silicon = [self._silicon(machine, own) for machine, own in zip(self.machines, self.words, strict=True)]
        self.room = self._room()

    def _silicon(self, machine: int, own: Sequence[Words]) -> Silicon:
        elements = {own[kind].pe for kind in self.present if self.kinds.size}
        return self.book.silicon(machine, frozenset(elements))

    def _room(self) -> Room:
        sides = zip(*(point.machine.srams for point in self.points), strict=True)
        ifmap, filters, ofmap = (_column(memory.usable_bits for memory in side) for side in sides)
        act, weight, acc, output = (self.width(word) for word in ("act", "weight", "acc", "output"))
        return Room(ifmap, filters, ofmap, act, weight, acc, output)

    def waiting(self, placed: Placed, where: Residence) -> Waiting | None:
        """Return how long layers wait for DRAM; None where no point has a limit."""
        paces = [point.machine.dram_bits_per_cycle for point in self.points]
        if not any(paces):
            return None
        bits, length = (_column(getattr(pace, part) for pace in paces) for part in ("numerator", "denominator"))
        sides = zip(*(point.machine.srams for point in self.points), strict=True)
        halves = [_column(memory.double_buffered for memory in side).astype(bool) for side in sides]
        return Waiting(placed, self.room, self.width("bias"), where, Bus(bits, length, *halves))

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values by choice and kind, [choices, kinds], as [points, layers]."""
        placed: NDArray[Any] = values[self.choice[:, np.newaxis], self.kinds]
        return placed

    def width(self, word: str) -> Width:
        """Return the bits of a kind of word, [points, layers]."""
        bits = [[words.widths[word] for words in own] for own in self.words]
        numerators = np.array([[width.numerator for width in row] for row in bits], dtype=np.int64)
        denominators = np.array([[width.denominator for width in row] for row in bits], dtype=np.int64)
        return Width(self.spread(numerators), self.spread(denominators))

    def energy(self, count: Count) -> Floats:
        """Return what a count costs, [points, layers]."""
        what = self.book.number((count.component, count.action, count.unit))
        prices, alike = np.zeros((len(self.machines), KINDS)), self.book.without_element(count.component)
        for kind in self.present:
            prices[:, kind] = [
                self.book.word_pj(machine, pes[kind] if alike is None else alike, what, _bits(words[kind], count.word))
                for machine, pes, words in zip(self.machines, self.pes, self.words, strict=True)
            ]
        result: Floats = self.spread(prices) * self._amount(count)
        return result

    def _amount(self, count: Count) -> NDArray[Any]:
        """Return how often the price of a count is paid: per word, or per bit where words are no whole bits."""
        if count.word in ("none", "idle") or count.word.startswith("wire"):
            return count.words
        width = self.width(count.word)
        if int(width.parts.max(initial=1)) == 1:
            return count.words
        return np.where(width.parts > 1, count.words * width.bits / width.parts, count.words)

    def rounded(self) -> NDArray[np.bool_]:
        """Return where outputs are in another format than the sums, [points, layers]."""
        whole = [[math.ceil(own.widths["output"]) != own.widths["wire acc"] for own in words] for words in self.words]
        return self.spread(np.array(whole))

    def glitches(self, counts: Sequence[Count]) -> list[float | None]:
        """Return what glitches take in all layers of each point; None where the table does not say."""
        each = [
            [self.book.glitch_pj(machine, pe) for pe in pes]
            for machine, pes in zip(self.machines, self.pes, strict=True)
        ]
        known = [all(own[kind] is not None for kind in self.present) and self.kinds.size > 0 for own in each]
        if not any(known):
            return [None] * len(self.points)
        switching = next(count.words for count in counts if count.action is Action.MAC)
        prices = np.array([[price or 0.0 for price in own] for own in each])
        order = [at for at in self.columns.order if at < self.kinds.size]
        sums = _in_turn(self.spread(prices) * switching, np.array(order, dtype=np.intp))
        return [value if known[choice] else None for value, choice in zip(sums, self.choice, strict=True)]


def _bits(words: Words, word: str) -> Fraction:
    return _ONE if word == "idle" else _NONE if word == "none" else words.widths[word]


class _Vector:
    """One kind of vector layer on all points: cycles and energies."""

    def __init__(self, chosen: _Chosen, layer: VectorLayer) -> None:
        self._chosen, self._layer = chosen, layer
        self._deeds = {where: self._numbered(deeds) for where, deeds in layer.deeds}
        self._known: dict[tuple[int, bool, bool], dict[Component, float]] = {}
        lanes = [point.machine.vector_lanes for point in chosen.points]
        work = [-(-layer.operations // each) for each in lanes]
        choices = chosen.choice.tolist()
        self._places = [self._place(index, choice) for index, choice in enumerate(choices)]
        self.waits = np.array([self._wait(*given) for given in zip(range(len(work)), choices, work, strict=True)])
        self.cycles = np.array(work, dtype=np.int64) + self.waits
        self._found = [self._energy(*given) for given in zip(choices, self._places, strict=True)]

    def energies(self, component: Component) -> list[float]:
        """Return the energy of one component at every point."""
        return [found.get(component, 0.0) for found in self._found]

    def _numbered(self, deeds: Sequence[Deed]) -> list[tuple[Deed, int]]:
        return [(deed, self._chosen.book.number((deed.component, deed.action, deed.unit))) for deed in deeds]

    def _place(self, index: int, choice: int) -> tuple[bool, bool]:
        """Return whether the input comes from DRAM and the output goes there."""
        ifmap, _, ofmap = self._chosen.points[index].machine.srams
        smaller, layer = min(ifmap.usable_bits, ofmap.usable_bits), self._layer
        taken, given = self._stored(choice)
        source = not 0 < layer.source * taken.numerator <= smaller * taken.denominator
        return source, not 0 < layer.own * given.numerator <= smaller * given.denominator

    def _wait(self, index: int, choice: int, busy: int) -> int:
        """Return the cycles that the unit waits for DRAM: ``hwsim.array.vector.vector_time`` without ports."""
        machine = self._chosen.points[index].machine
        bus, (ifmap, _, ofmap) = machine.dram_bits_per_cycle, machine.srams
        if bus is None:
            return 0
        (taken, given), (source, own) = self._stored(choice), self._places[index]
        bits = self._layer.inputs * taken, self._layer.outputs * given
        coming, going = -int(-bits[0] * source // bus), -int(-bits[1] * own // bus)
        if not (ifmap.double_buffered and ofmap.double_buffered):
            return coming + going
        pieces = max(1, -int(-bits[0] // ifmap.usable_bits), -int(-bits[1] // ofmap.usable_bits))
        first, last = -(-coming // pieces), -(-going // pieces)
        return first + last + max(0, coming - first + going - last - busy)

    def _energy(self, choice: int, place: tuple[bool, bool]) -> dict[Component, float]:
        key = (choice, *place)
        if key not in self._known:
            self._known[key] = self._priced(choice, place)
        return self._known[key]

    def _stored(self, choice: int) -> tuple[Fraction, Fraction]:
        """Return the bits in memory of an element that is read and of one that is written."""
        acts, acc = self._chosen.stored[choice]
        return acts, acc if self._layer.final else acts

    def _priced(self, choice: int, where: tuple[bool, bool]) -> dict[Component, float]:
        book, formats = self._chosen.book, self._chosen.formats[choice]
        pe = book.number(sum_element(formats.acc) if self._layer.has_sums else None)
        parts: dict[Component, list[float]] = {}
        stored, codes = self._stored(choice), self._chosen.codes[choice]
        for deed, what in self._deeds[where]:
            widths = codes if deed.component is Component.VECTOR else stored  # operations work on codes
            bits, alike = widths[deed.word != "act"], book.without_element(deed.component)
            price = book.word_pj(self._chosen.machines[choice], pe if alike is None else alike, what, bits)
            words = deed.words if bits.denominator == 1 else deed.words * bits
            parts.setdefault(deed.component, []).append(price * float(words))
        return {component: math.fsum(values) for component, values in parts.items()}


def _registers(chosen: _Chosen, placed: Placed, taken: Ints) -> list[Count]:
    found: list[Count] = []
    sizes = {} if placed.style.clock_gating else register_sizes(placed)
    for unit, word, writes, reads in register_counts(placed):
        found.append(Count(Component.REGISTER, Action.WRITE, unit, word, writes))
        found.append(Count(Component.REGISTER, Action.READ, unit, word, reads))
        if unit in sizes:
            idle = (sizes[unit] * taken - writes) * chosen.width(word).bits
            found.append(Count(Component.REGISTER, Action.CLOCK, unit, "idle", idle))
    return found


def _sums(parts: list[Floats], shape: tuple[int, ...]) -> Floats:
    """Return the correctly rounded sum over ``parts`` for every point and layer."""
    costly = [part for part in parts if part.any()]
    if not costly:
        return np.zeros(shape)
    stacked = np.stack(costly, axis=-1)
    flat = stacked.reshape(-1, stacked.shape[-1]).tolist()
    return np.array([math.fsum(values) for values in flat]).reshape(stacked.shape[:-1])


def _in_turn(values: Floats, order: NDArray[np.intp]) -> list[float]:
    """Return the sum over layers of every point, one after another in the order in which they run."""
    running: list[float] = np.add.accumulate(values[:, order], axis=1)[:, -1].tolist()
    return running


def _outcome(
    chosen: _Chosen, index: int, time: tuple[int, int], parts: dict[Component, float], glitch: float | None
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


def _exact(placed: Placed, chosen: _Chosen, taken: Ints) -> NDArray[np.bool_]:
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


def _column(values: Iterable[int]) -> Ints:
    return np.array(list(values), dtype=np.int64).reshape(-1, 1)
