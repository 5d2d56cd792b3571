"""A weight- or input-stationary array with shadow registers, clocked without a pause from the first fold to the last.

As in ``folds`` nothing here knows a formula: the controller starts a tile as soon as what it needs is there, and cycles
are what the clock counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from hwsim.array.folds import FoldTime, multiply_accumulate
from hwsim.array.systolic import AccessLog, Arithmetic, Skew, TokenLane, Wires
from hwsim.array.words import TileEdge, Timeline, Word, deliver, padded, pass_in_tile, starting_word, tagged


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
        timeline, last = Timeline(way_down), TokenLane(way_down + self._shape.columns - 1)
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
        self._shadow = [padded(entering, self._shape.columns), *self._shadow[:-1]]
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
        entering = self._side.clock(tagged(tile, side, self._shape.rows))
        skewed = self._top.clock(tagged(tile, top, self._shape.columns))
        turns = self._start.clock([tile] * self._shape.columns)
        above: Wires = [
            starting_word(turn, word, column) for column, (turn, word) in enumerate(zip(turns, skewed, strict=True))
        ]
        after: list[Wires] = []
        for row, word in enumerate(entering):
            seen, self._passing[row] = pass_in_tile(self._passing[row], word, "tile_columns", self._log, *self._moving)
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
        deliver(leaving)
