"""An output-stationary array with drain registers, clocked without a pause from the first fold to the last.

As in ``folds`` nothing here knows a formula: the controller starts a tile as soon as what it needs is there, and cycles
are what the clock counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from hwsim.array.folds import FoldTime, multiply_accumulate
from hwsim.array.systolic import AccessLog, Arithmetic, Skew, TokenLane, Wires
from hwsim.array.words import TileEdge, Timeline, Word, deliver, pass_in_tile, tagged


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
        timeline, free = Timeline(shape.rows + shape.columns - 1), TokenLane(shape.rows)
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
        entering = self._side.clock(tagged(tile, side, shape.rows, last))
        falling = self._top.clock(tagged(tile, top, shape.columns, last))
        acts, weights = [], []
        for row, word in enumerate(entering):
            seen, self._acts[row] = pass_in_tile(
                self._acts[row], word, "tile_columns", self._log, "act_register", "act"
            )
            acts.append(seen)
        for column, word in enumerate(falling):
            seen, self._weights[column] = pass_in_tile(
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
            deliver(leaving)
            return
        self._log.read("output_register", "acc", self._out)
        self._log.write("output_register", "acc", leaving)
        deliver(self._out)
        self._out = leaving
