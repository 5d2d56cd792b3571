"""Ports of scratchpads on many machines at once: ``hwsim.array.edge`` and ``ports`` on arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.array import Action, Component, Dataflow
from hwsim.sweep.closed_forms import Count, Ints, Placed
from hwsim.sweep.movement import Flags, Room, Width

_OS, _WS, _IS = Dataflow.OUTPUT_STATIONARY, Dataflow.WEIGHT_STATIONARY, Dataflow.INPUT_STATIONARY
UNITS = ("ifmap_sram", "filter_sram", "ofmap_sram")


@dataclass(frozen=True)
class Ratio:
    """A number of bits as a fraction."""

    upper: Ints
    lower: Ints

    def fits(self, room: Ints) -> Flags:
        """Return where it is at most ``room``."""
        return self.upper <= room * self.lower

    def only(self, where: Flags) -> Ratio:
        """Return it where ``where``, and nothing elsewhere."""
        return Ratio(self.upper * where, self.lower)

    def plus(self, other: Ratio) -> Ratio:
        """Return the sum."""
        return Ratio(self.upper * other.lower + other.upper * self.lower, self.lower * other.lower)

    def parts(self, size: Ints) -> Ints:
        """Return how many parts of ``size`` bits hold it; 0 where ``size`` is 0, for no limit."""
        known = np.maximum(size, 1)
        count: Ints = -(-self.upper // (self.lower * known)) * (size > 0)
        return count


@dataclass(frozen=True)
class Scratchpads:
    """What is stated of the words of the scratchpads, in the order of ``UNITS``; [points, 1] each, 0 for nothing.

    Attributes:
        words: bits of a word.
        paces: bits that a port moves in a cycle.
        apart: reads and writes have ports of their own.
    """

    words: tuple[Ints, Ints, Ints]
    paces: tuple[Ints, Ints, Ints]
    apart: tuple[Flags, Flags, Flags]

    @property
    def stated(self) -> bool:
        """True where any scratchpad of any point has a word of a stated width."""
        return any(bool(word.any()) for word in self.words)


@dataclass(frozen=True)
class Step:
    """``count`` steps of a fold that each ask for the same: vectors read from each scratchpad, and one written."""

    count: Ints
    ifmap: Ratio
    filters: Ratio
    sums: Ratio
    written: Ratio


@dataclass(frozen=True)
class Edge:
    """The edge of the arrays, as it is loaded by folds."""

    placed: Placed
    room: Room
    bias: Width
    pads: Scratchpads

    def waits(self, down: Ints, across: Ints, first: Flags, last: Flags) -> Ints:
        """Return the cycles that the array waits for ports in a fold of this size."""
        total = 0 * (down + across)
        for step in self._steps(down, across, first, last):
            reading = [vector.parts(pace) for vector, pace in zip(
                (step.ifmap, step.filters, step.sums), self.pads.paces, strict=True
            )]  # fmt: skip
            writing = step.written.parts(self.pads.paces[2])
            reading[2] = np.where(self.pads.apart[2], np.maximum(reading[2], writing), reading[2] + writing)
            total = total + step.count * np.maximum(np.maximum.reduce(reading) - 1, 0)
        return total

    def word_counts(self) -> Iterator[Count]:
        """Yield accesses in whole words, of the scratchpads whose word has a stated width."""
        nothing = 0 * self.placed.folds
        totals = {(unit, action): nothing for unit in UNITS for action in (Action.READ, Action.WRITE)}
        for down, across, first, last, times in self._folds():
            for step in self._steps(down, across, first, last):
                asked = (
                    (UNITS[0], Action.READ, step.ifmap, self.pads.words[0]),
                    (UNITS[1], Action.READ, step.filters, self.pads.words[1]),
                    (UNITS[2], Action.READ, step.sums, self.pads.words[2]),
                    (UNITS[2], Action.WRITE, step.written, self.pads.words[2]),
                )
                for unit, action, vector, word in asked:
                    totals[unit, action] = totals[unit, action] + times * step.count * vector.parts(word)
        for (unit, action), words in totals.items():
            yield Count(Component.SRAM, action, unit, f"word {unit}", words)

    def _folds(self) -> Iterator[tuple[Ints, Ints, Flags, Flags, Ints]]:
        """Yield rows, columns, whether k begins and ends there, and how many there are, of each kind of fold."""
        rows, groups = self.placed.rows, self.placed.layers.groups
        always = np.ones_like(self.placed.folds, dtype=bool)
        for across, times in self.placed.columns.sizes:
            if self.placed.style.flow is _OS:
                for down, count in rows.sizes:
                    yield down, across, always, always, times * count * groups
                continue
            rest, single = rows.extent - (rows.folds - 1) * rows.side, rows.folds == 1
            yield np.where(single, rest, rows.side), across, always, single & always, times * groups
            yield rows.side, across, ~always, ~always, times * groups * np.maximum(rows.folds - 2, 0)
            yield rest, across, ~always, always, times * groups * ~single

    def _steps(self, down: Ints, across: Ints, first: Flags, last: Flags) -> Iterator[Step]:
        room, layers, stream = self.room, self.placed.layers, self.placed.stream
        none = Ratio(0 * (down + across), 1 + 0 * (down + across))
        act, weight = Ratio(room.act.bits, room.act.parts), Ratio(room.weight.bits, room.weight.parts)
        bias = Ratio(self.bias.bits, self.bias.parts).only(layers.has_bias & first)
        if self.placed.style.flow is _OS:
            acts, weights = _times(act, down), _times(weight, across)
            yield Step(1 + 0 * down, acts, weights.plus(_times(bias, across)), none, none)
            yield Step(stream - 1 + 0 * down, acts, weights, none, none)
            yield Step(down, none, none, none, _times(Ratio(room.output.bits, room.output.parts), across))
            return
        if self.placed.style.flow is _WS:
            row = _times(weight, across)
            yield Step(down - 1, none, row, none, none)
            yield Step(1 + 0 * down, none, row.plus(_times(bias, across)), none, none)
            ifmap, filters = _times(act, down), none
        else:
            yield Step(down, _times(act, across), none, none, none)
            ifmap, filters = none, _times(weight, down).plus(bias)
        delay = self.placed.array[0] - 1 + across - 1 + int(self.placed.style.output_register)
        both = np.maximum(0, stream - delay)
        sums, out = (
            _times(Ratio(room.acc.bits, room.acc.parts), across),
            _times(Ratio(room.output.bits, room.output.parts), across),
        )
        leaves = Ratio(np.where(last, out.upper, sums.upper), np.where(last, out.lower, sums.lower))
        enters = sums.only(~first)
        yield Step(stream - both, ifmap, filters, enters, none)
        yield Step(both, ifmap, filters, enters, leaves)
        yield Step(stream - both, none, none, none, leaves)


def _times(word: Ratio, count: Ints) -> Ratio:
    return Ratio(word.upper * count, word.lower + 0 * count)


def in_words(counts: list[Count], pads: Scratchpads, width_of: dict[str, Width]) -> Iterator[Count]:
    """Yield accesses of scratchpads in whole words, packed without gaps, where a word is stated, others as they are."""
    for count in counts:
        if count.component is not Component.SRAM:
            yield count
            continue
        word, width = pads.words[UNITS.index(count.unit)], width_of[count.word]
        packed = Ratio(count.words * width.bits, width.parts + 0 * count.words).parts(word)
        yield Count(count.component, count.action, count.unit, count.word, count.words * (word == 0))
        yield Count(count.component, count.action, count.unit, f"word {count.unit}", packed)


def without_words(counts: Iterator[Count], pads: Scratchpads) -> Iterator[Count]:
    """Yield accesses of scratchpads that have no word of a stated width."""
    for count in counts:
        word: NDArray[np.int64] = pads.words[UNITS.index(count.unit)]
        yield Count(count.component, count.action, count.unit, count.word, count.words * (word == 0))
