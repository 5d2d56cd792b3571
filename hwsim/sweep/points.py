"""The points of one call: their prices and widths, those that differ in size and clock alone sharing theirs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.array import Action, Machine
from hwsim.array.parts import Memory, Ports
from hwsim.network.assignment import LayerFormats
from hwsim.sweep.bus import Bus
from hwsim.sweep.closed_forms import Count, Ints, Placed
from hwsim.sweep.layers import LayerColumns
from hwsim.sweep.movement import Residence, Room, Width
from hwsim.sweep.ports import Edge, Scratchpads
from hwsim.sweep.prices import KINDS, PriceBook, Words, elements_of
from hwsim.sweep.silicon import Silicon
from hwsim.sweep.sums import Floats, in_turn
from hwsim.sweep.waits import Waiting

_ONE, _NONE = Fraction(1), Fraction(0)


@dataclass(frozen=True)
class Point:
    """One machine with one format in every layer."""

    machine: Machine
    formats: LayerFormats


class Chosen:
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
        self.plain = [book.machine_of(machine) for machine in self.machines]
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
        ifmap, filters, ofmap = (column(memory.usable_bits for memory in side) for side in sides)
        act, weight, acc, output = (self.width(word) for word in ("act", "weight", "acc", "output"))
        return Room(ifmap, filters, ofmap, act, weight, acc, output)

    def pads(self) -> Scratchpads:
        """Return what is stated of the scratchpads' words."""
        sides = [*zip(*(point.machine.srams for point in self.points), strict=True)]
        words = tuple(column(memory.word_bits or 0 for memory in side) for side in sides)
        paces = tuple(column(memory.bits_per_cycle or 0 for memory in side) for side in sides)
        apart = tuple(column(memory.ports is Ports.ONE_R_ONE_W for memory in side).astype(bool) for side in sides)
        return Scratchpads(words, paces, apart)  # type: ignore[arg-type]

    def waiting(self, placed: Placed, where: Residence, edge: Edge) -> Waiting | None:
        """Return how long layers wait for memories; None where no point has a limit."""
        if all(point.machine.unlimited for point in self.points):
            return None
        sides = [*zip(*(point.machine.srams for point in self.points), strict=True)]
        paces = [[_pace(p.machine, memory) for p, memory in zip(self.points, side, strict=True)] for side in sides]
        bits = tuple(column(1 if pace is None else pace.numerator for pace in own) for own in paces)
        length = tuple(column(1 if pace is None else pace.denominator for pace in own) for own in paces)
        limited = tuple(column(pace is not None for pace in own).astype(bool) for own in paces)
        halves = tuple(column(memory.double_buffered for memory in side).astype(bool) for side in sides)
        bus = Bus(bits, length, limited, halves)  # type: ignore[arg-type]
        return Waiting(placed, self.room, self.width("bias"), where, bus, edge)

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
            asked = zip(self.machines, self.pes, self.words, self.plain, strict=True)
            prices[:, kind] = [
                self.book.word_pj(
                    machine, pes[kind] if alike is None else alike, what, _bits(words[kind], count.word, own)
                )
                for machine, pes, words, own in asked
            ]
        result: Floats = self.spread(prices) * self._amount(count)
        return result

    def _amount(self, count: Count) -> NDArray[Any]:
        """Return how often the price of a count is paid: per word, or per bit where words are no whole bits."""
        if count.word in ("none", "idle") or count.word.startswith(("wire", "word")):
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
        sums = in_turn(self.spread(prices) * switching, np.array(order, dtype=np.intp))
        return [value if known[choice] else None for value, choice in zip(sums, self.choice, strict=True)]


def _bits(words: Words, word: str, machine: Machine) -> Fraction:
    """Return the bits of a kind of word; "word ..." is that of a scratchpad."""
    if word.startswith("word "):
        return Fraction(word_bits(machine)[word[5:]] or 1)
    return _ONE if word == "idle" else _NONE if word == "none" else words.widths[word]


def word_bits(machine: Machine) -> dict[str, int | None]:
    """Return the width of a word of each scratchpad, None where none is stated."""
    return {memory.name: memory.word_bits for memory in machine.srams}


def _pace(machine: Machine, memory: Memory) -> Fraction | None:
    """Return the bits that cross between DRAM and a scratchpad in a cycle; None: no limit."""
    paces = [pace for pace in (machine.dram_bits_per_cycle, memory.bits_per_cycle) if pace is not None]
    return Fraction(min(paces)) if paces else None


def column(values: Iterable[int]) -> Ints:
    """Return one whole number a point as [points, 1]."""
    return np.array(list(values), dtype=np.int64).reshape(-1, 1)
