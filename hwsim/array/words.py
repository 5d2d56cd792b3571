"""Words of several tiles in one array: each carries the tile that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hwsim.array.folds import FoldShape, FoldTime
from hwsim.array.systolic import AccessLog, Edge, Number, TokenLane, Wires, pass_right


class TileEdge(Edge, Protocol):
    """The scratchpads' ports as one tile sees them."""

    size: FoldShape

    def arrive(self, column: int, total: Number) -> None:
        """Take the sum that stands at the bottom edge of ``column``."""


@dataclass(frozen=True)
class Word:
    """A number on its way, of which tile it is, and whether it is the last of its stream."""

    tile: TileEdge
    value: Number
    last: bool = False


class Timeline:
    """When a place of the array was at work, from the first tile to the last."""

    def __init__(self, way: int) -> None:
        self._lane, self.cycles = TokenLane(way), 0

    def clock(self, token: bool) -> None:
        """Count a cycle; ``token`` is at the place after as many cycles as its way is long."""
        self._lane.clock(token)
        self.cycles += 1

    def parts(self) -> FoldTime:
        """Return the cycles before the work, of it, after it, and of the gaps in it."""
        fill, span = self._lane.span()
        return FoldTime(fill, self._lane.seen, self.cycles - fill - span, span - self._lane.seen)


def padded(words: Wires, lanes: int) -> Wires:
    """Return ``words`` on as many wires as there are lanes."""
    return [*words, *[None] * (lanes - len(words))]


def tagged(tile: TileEdge | None, values: Wires, lanes: int, last: bool = False) -> Wires:
    """Return ``values`` of ``tile`` as words on as many wires as there are lanes."""
    words = [None if tile is None or value is None else Word(tile, value, last) for value in values]
    return padded(words, lanes)


def starting_word(turn: TileEdge | None, skewed: Word | None, column: int) -> Word | None:
    """Return the sum that enters ``column``: from the skew, or from the column's own start when its turn comes."""
    if turn is None or skewed is not None or column >= turn.size.tile_columns:
        return skewed
    return Word(turn, turn.start(column))


def pass_in_tile(
    registers: Wires, word: Word | None, side: str, log: AccessLog, unit: str, role: str
) -> tuple[Wires, Wires]:
    """As ``pass_right``; registers behind the last PE of a word's own tile are clock-gated for it."""
    seen, captured = pass_right(registers, word, AccessLog(), unit, role)
    log.read(unit, role, registers)
    captured = [w if w and place + 1 < getattr(w.tile.size, side) else None for place, w in enumerate(captured)]
    log.write(unit, role, captured)
    return seen, captured


def deliver(leaving: Wires) -> None:
    """Hand each word at the bottom edge to its tile."""
    for column, word in enumerate(leaving):
        if word is not None:
            word.tile.arrive(column, word.value)
