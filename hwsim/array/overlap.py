"""Arrays whose folds overlap, register by register and clocked without a pause from the first fold to the last.

Words carry the tile that they belong to, since two tiles are in the array at once. As in ``folds`` nothing here knows a
formula: the controllers start a tile as soon as what it needs is there, and cycles are what the clock counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hwsim.array.folds import FoldShape, FoldTime, multiply_accumulate
from hwsim.array.systolic import AccessLog, Arithmetic, Edge, Number, Skew, TokenLane, Wires, pass_right


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


class _Timeline:
    """When a place of the array was at work, from the first tile to the last."""

    def __init__(self, way: int) -> None:
        self._lane, self.cycles = TokenLane(way), 0

    def clock(self, token: bool) -> None:
        self._lane.clock(token)
        self.cycles += 1

    def parts(self) -> FoldTime:
        """Return the cycles before the work, of it, after it, and of the gaps in it."""
        fill, span = self._lane.span()
        return FoldTime(fill, self._lane.seen, self.cycles - fill - span, span - self._lane.seen)


class ShadowedArray:
    """Weight or input stationary with shadow registers: tiles are loaded into these while others are in use.

    A wave runs diagonally ahead of each stream. Where it passes, the held operand is replaced by the shadow's.
    """

    def __init__(
        self, tiles: Sequence[TileEdge], arithmetic: Arithmetic, log: AccessLog, held: str, moving: str
    ) -> None:
        self._tiles, self._arithmetic, self._log = tiles, arithmetic, log
        self._shape = shape = tiles[0].size
        self._weights_held = held == "weight"
        self._held_unit, self._shadow_unit = (f"{held}_register", held), (f"{held}_shadow_register", held)
        self._moving = (f"{moving}_register", moving)
        rows, columns = shape.rows, shape.columns
        self._shadow: list[Wires] = [[None] * columns for _ in range(rows)]
        self._held: list[Wires] = [[None] * columns for _ in range(rows)]
        self._passing: list[Wires] = [[None] * (columns - 1) for _ in range(rows)]
        self._sums: list[Wires] = [[None] * columns for _ in range(rows)]
        self._side = Skew(rows, log, f"{moving}_skew_register", moving)
        self._top = Skew(columns, log, "psum_skew_register", "acc")
        self._start = Skew(columns, AccessLog(), "control", "control")
        self._wave = [False] * (rows + columns - 1)
        self._rows_to_load = rows

    def run(self) -> FoldTime:
        """Run all tiles; return the cycles by part."""
        way_down, stream = self._shape.rows + self._shape.output_register, self._shape.stream
        timeline, last = _Timeline(way_down), TokenLane(way_down + self._shape.columns - 1)
        started, streamed = 0, stream
        while last.seen < stream * len(self._tiles):
            running = streamed < stream
            self._clock(self._tiles[started - 1] if running else None, streamed)
            timeline.clock(running)
            last.clock(running)
            streamed += running
            self._wave = [False, *self._wave[:-1]]
            if started < len(self._tiles):
                self._load(self._tiles[started])
                come_back = last.seen > stream * (started - 1)  # a sum of the fold before is at the last column's end
                self._wave[0] = not self._rows_to_load and streamed == stream and come_back
            self._swap()
            if self._wave[0]:
                started, streamed, self._rows_to_load = started + 1, 0, self._shape.rows
        return timeline.parts()

    def _load(self, tile: TileEdge) -> None:
        """Shift the shadow registers down by one row, unless they wait for the wave or are full."""
        if not self._rows_to_load or any(self._wave):
            return
        self._rows_to_load -= 1
        row = tile.held_row(self._rows_to_load) or [None] * len(self._shadow[0])
        entering = [None if value is None else Word(tile, value) for value in row]
        for line in self._shadow[:-1]:
            self._log.read(*self._shadow_unit, line)
        self._shadow = [_padded(entering, self._shape.columns), *self._shadow[:-1]]
        for line in self._shadow:
            self._log.write(*self._shadow_unit, line)

    def _swap(self) -> None:
        """Let each PE under the wave take over its shadow register, as that is after this cycle's shift."""
        for row, line in enumerate(self._shadow):
            for column, word in enumerate(line):
                if self._wave[row + column]:
                    self._log.read(*self._shadow_unit, [word])
                    self._log.write(*self._held_unit, [word])
                    self._held[row][column], line[column] = word, None

    def _clock(self, tile: TileEdge | None, time: int) -> None:
        """Clock rows, columns and the bottom edge once; ``tile`` feeds the word at ``time`` of its stream."""
        if tile and time == 0:
            tile.starts_in_columns()
        side, top = (tile.side(time), tile.top(time)) if tile else ([], [])
        entering = self._side.clock(_tagged(tile, side, self._shape.rows))
        skewed = self._top.clock(_tagged(tile, top, self._shape.columns))
        turns = self._start.clock([tile] * self._shape.columns)
        above: Wires = [
            _start(turn, word, column) for column, (turn, word) in enumerate(zip(turns, skewed, strict=True))
        ]
        after: list[Wires] = []
        for row, word in enumerate(entering):
            seen, self._passing[row] = _pass(self._passing[row], word, "tile_columns", self._log, *self._moving)
            after.append([self._pe(row, column, x, s) for column, (x, s) in enumerate(zip(seen, above, strict=True))])
            self._log.write("psum_register", "acc", after[-1])
            above = self._sums[row]
        for line in self._sums[:-1]:
            self._log.read("psum_register", "acc", line)
        self._bottom(after)

    def _pe(self, row: int, column: int, moving: Word | None, above: Word | None) -> Word | None:
        if above is None:
            assert moving is None, "operand and partial sum do not meet"
            return None
        if row >= above.tile.size.tile_rows:
            return above
        held = self._held[row][column]
        assert moving is not None, "operand and partial sum do not meet"
        assert held is not None, "the held operand is not there"
        assert moving.tile is above.tile, "operand and partial sum are of different tiles"
        self._log.read(*self._held_unit, [held])
        act, weight = (moving, held) if self._weights_held else (held, moving)
        total = multiply_accumulate(self._arithmetic, self._log, act.value, weight.value, above.value)
        return Word(above.tile, total)

    def _bottom(self, after: list[Wires]) -> None:
        leaving = self._sums[-1] if self._shape.output_register else after[-1]
        self._log.read("psum_register", "acc", leaving)
        if self._shape.output_register:
            self._log.write("output_register", "acc", leaving)
            self._log.read("output_register", "acc", leaving)
        self._sums = after
        _deliver(leaving)


class CapturingArray:
    """Output stationary with drain registers: a finished sum is captured beside the accumulator and moves out there.

    A wave follows the last operands diagonally: where it passes, sums are captured. Once it has left the last row of a
    column, that column's drain registers move down, row r for r cycles: as many sums as come from above it.
    """

    def __init__(self, tiles: Sequence[TileEdge], arithmetic: Arithmetic, log: AccessLog) -> None:
        self._tiles, self._arithmetic, self._log = tiles, arithmetic, log
        self._shape = shape = tiles[0].size
        rows, columns = shape.rows, shape.columns
        self._sums: list[Wires] = [[None] * columns for _ in range(rows)]
        self._drain: list[Wires] = [[None] * columns for _ in range(rows)]
        self._out: Wires = [None] * columns
        self._acts: list[Wires] = [[None] * (columns - 1) for _ in range(rows)]
        self._weights: list[Wires] = [[None] * (rows - 1) for _ in range(columns)]
        self._side = Skew(rows, log, "act_skew_register", "act")
        self._top = Skew(columns, log, "weight_skew_register", "weight")
        self._wave = [False] * (2 * rows + columns - 2)

    def run(self) -> FoldTime:
        """Run all tiles; return the cycles by part."""
        shape, stream = self._shape, self._shape.stream
        timeline, free = _Timeline(shape.rows + shape.columns - 1), TokenLane(shape.rows)
        started, streamed = 1, 0
        while streamed < stream or any(self._wave[:-1]):
            running = streamed < stream
            self._wave = [streamed == stream - 1, *self._wave[:-1]]
            self._clock(self._tiles[started - 1] if running else None, streamed)
            timeline.clock(running)
            free.clock(streamed == 0)
            streamed += 1
            if started < len(self._tiles) and streamed >= stream and free.seen == started:
                started, streamed = started + 1, 0  # the sums of a column have the column's length to move out
        if shape.output_register:
            self._out_edge([None] * shape.columns)
            timeline.clock(False)
        return timeline.parts()

    def _clock(self, tile: TileEdge | None, time: int) -> None:
        if tile and time == 0:
            tile.starts_in_columns()
        last, shape = time == self._shape.stream - 1, self._shape
        side, top = (tile.side(time), tile.top(time)) if tile else ([], [])
        entering = self._side.clock(_tagged(tile, side, shape.rows, last))
        falling = self._top.clock(_tagged(tile, top, shape.columns, last))
        acts, weights = [], []
        for row, word in enumerate(entering):
            seen, self._acts[row] = _pass(self._acts[row], word, "tile_columns", self._log, "act_register", "act")
            acts.append(seen)
        for column, word in enumerate(falling):
            seen, self._weights[column] = _pass(
                self._weights[column], word, "tile_rows", self._log, "weight_register", "weight"
            )
            weights.append(seen)
        captured = [
            [self._pe(row, column, act, weights[column][row]) for column, act in enumerate(words)]
            for row, words in enumerate(acts)
        ]
        self._drain = [
            [self._moved(row, column, own) for column, own in enumerate(captured[row])] for row in range(shape.rows)
        ]
        leaving, self._drain[-1] = self._drain[-1], [None] * shape.columns
        self._log.read("drain_register", "acc", leaving)
        self._out_edge(leaving)

    def _pe(self, row: int, column: int, act: Word | None, weight: Word | None) -> Word | None:
        """Accumulate; return the finished sum with the last product, which goes to the drain register."""
        assert (act is None) == (weight is None), "activation and weight do not meet"
        if act is None or weight is None:
            return None
        held = self._sums[row][column]
        if held is not None:
            self._log.read("psum_register", "acc", [held])
        else:
            held = act.tile.start(column)
        total = multiply_accumulate(self._arithmetic, self._log, act.value, weight.value, held)
        self._sums[row][column] = None if act.last else total
        if act.last:
            return Word(act.tile, total)
        self._log.write("psum_register", "acc", [total])
        return None

    def _moved(self, row: int, column: int, captured: Word | None) -> Word | None:
        """Return what a drain register holds after this cycle: its PE's sum, the word from above, or what it held."""
        kept = None if self._takes(row + 1, column) else self._drain[row][column]
        above = self._drain[row - 1][column] if self._takes(row, column) else None
        entering = above if captured is None else captured
        assert captured is None or above is None, "two sums for one drain register"
        assert entering is None or kept is None, "a sum is overwritten before it has left"
        self._log.read("drain_register", "acc", [above])
        self._log.write("drain_register", "acc", [entering])
        return kept if entering is None else entering

    def _takes(self, row: int, column: int) -> bool:
        """Return whether ``row`` takes the word above it: for ``row`` cycles after the last row's capture."""
        bottom = self._shape.rows + column
        return any(self._wave[bottom : bottom + row]) if row < self._shape.rows else False

    def _out_edge(self, leaving: Wires) -> None:
        if not self._shape.output_register:
            _deliver(leaving)
            return
        self._log.read("output_register", "acc", self._out)
        self._log.write("output_register", "acc", leaving)
        _deliver(self._out)
        self._out = leaving


def _padded(words: Wires, lanes: int) -> Wires:
    return [*words, *[None] * (lanes - len(words))]


def _tagged(tile: TileEdge | None, values: Wires, lanes: int, last: bool = False) -> Wires:
    words = [None if tile is None or value is None else Word(tile, value, last) for value in values]
    return _padded(words, lanes)


def _start(turn: TileEdge | None, skewed: Word | None, column: int) -> Word | None:
    """Return the sum that enters ``column``: from the skew, or from the column's own start when its turn comes."""
    if turn is None or skewed is not None or column >= turn.size.tile_columns:
        return skewed
    return Word(turn, turn.start(column))


def _pass(registers: Wires, word: Word | None, side: str, log: AccessLog, unit: str, role: str) -> tuple[Wires, Wires]:
    """As ``pass_right``; registers behind the last PE of a word's own tile are clock-gated for it."""
    seen, captured = pass_right(registers, word, AccessLog(), unit, role)
    log.read(unit, role, registers)
    captured = [w if w and place + 1 < getattr(w.tile.size, side) else None for place, w in enumerate(captured)]
    log.write(unit, role, captured)
    return seen, captured


def _deliver(leaving: Wires) -> None:
    for column, word in enumerate(leaving):
        if word is not None:
            word.tile.arrive(column, word.value)
