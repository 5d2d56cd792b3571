"""One fold on each of the two kinds of array, register by register."""

from __future__ import annotations

from dataclasses import dataclass

from hwsim.array.systolic import AccessLog, Arithmetic, Edge, Number, Skew, TokenLane, Wires, pass_right


@dataclass(frozen=True)
class FoldShape:
    """The physical array, the tile on it, and the length of the stream."""

    rows: int
    columns: int
    tile_rows: int
    tile_columns: int
    stream: int
    output_register: bool
    direct_outputs: bool = False


@dataclass(frozen=True)
class FoldTime:
    """Cycles of one fold, or of all folds if they overlap, as they were counted."""

    fill: int
    steady: int
    drain: int
    gap: int = 0


class HeldOperandFold:
    """Weight or input stationary: one operand is loaded row by row and held, sums move down and grow."""

    def __init__(self, shape: FoldShape, arithmetic: Arithmetic, log: AccessLog, held: str, moving: str) -> None:
        self._shape, self._arithmetic, self._log = shape, arithmetic, log
        self._weights_held = held == "weight"
        self._held_unit, self._moving = (f"{held}_register", held), (f"{moving}_register", moving)
        rows, columns = shape.tile_rows, shape.tile_columns
        self._held: list[Wires] = [[None] * columns for _ in range(rows)]
        self._passing: list[Wires] = [[None] * (columns - 1) for _ in range(rows)]
        self._sums: list[Wires] = [[None] * columns for _ in range(shape.rows)]
        self._side = Skew(rows, log, f"{moving}_skew_register", moving)
        self._top = Skew(columns, log, "psum_skew_register", "acc")
        self._start = Skew(columns, AccessLog(), "control", "control")

    def run(self, edge: Edge) -> FoldTime:
        """Load, stream and drain one tile; return the cycles that each part took."""
        shape, cycles = self._shape, 0
        for row in reversed(range(shape.rows)):
            self._load(edge.held_row(row))
            cycles += 1
        way_down = shape.rows + shape.output_register
        first, last = TokenLane(way_down), TokenLane(way_down + shape.columns - 1)
        in_columns, streamed = edge.starts_in_columns(), 0
        while last.seen < shape.stream:
            running = streamed < shape.stream
            side = edge.side(streamed) if running else [None] * shape.tile_rows
            top = edge.top(streamed) if running else [None] * shape.tile_columns
            bottom = self._clock(side, self._starting_sums(edge, in_columns, top, running))
            edge.collect(bottom)
            first.clock(running)
            last.clock(running)
            streamed, cycles = streamed + 1, cycles + 1
        loaded = cycles - streamed
        assert all(word is None for line in [*self._sums[:-1], *self._passing] for word in line), (
            "sums are left in the array"
        )
        before, steady = first.span()
        return FoldTime(loaded + before, steady, cycles - loaded - before - steady)

    def _load(self, row: Wires | None) -> None:
        """Shift the held operand down by one row and take ``row`` in at the top."""
        entering = row if row is not None else [None] * self._shape.tile_columns
        for own in self._held[:-1]:
            self._log.read(*self._held_unit, own)
        self._held = [entering, *self._held[:-1]]
        for own in self._held:
            self._log.write(*self._held_unit, own)

    def _starting_sums(self, edge: Edge, in_columns: bool, top: Wires, running: bool) -> Wires:
        """Return the sums that enter the first row: from the skew, or from a column's own start when its turn comes."""
        skewed = self._top.clock(top)
        turns = self._start.clock([running or None] * self._shape.tile_columns)
        if not in_columns:
            return skewed
        return [edge.start(column) if turn else None for column, turn in enumerate(turns)]

    def _clock(self, side: Wires, sums: Wires) -> Wires:
        """Clock the whole array once; return what stands at the bottom edge after it."""
        entering = self._side.clock(side)
        after: list[Wires] = []
        for row, above in enumerate([sums, *self._sums[:-1]]):
            after.append(self._row(row, entering[row], above) if row < self._shape.tile_rows else above)
            self._log.write("psum_register", "acc", after[row])
        for line in self._sums[:-1]:
            self._log.read("psum_register", "acc", line)
        return self._bottom(after)

    def _row(self, row: int, word: Number | None, above: Wires) -> Wires:
        seen, self._passing[row] = pass_right(self._passing[row], word, self._log, *self._moving)
        self._log.read(*self._held_unit, seen)  # each operand that arrives meets the held one, which is read for it
        return [self._pe(h, x, s) for h, x, s in zip(self._held[row], seen, above, strict=True)]

    def _pe(self, held: Number | None, moving: Number | None, above: Number | None) -> Number | None:
        assert (moving is None) == (above is None), "operand and partial sum do not meet"
        if moving is None:
            return None
        act, weight = (moving, held) if self._weights_held else (held, moving)
        return multiply_accumulate(self._arithmetic, self._log, act, weight, above)

    def _bottom(self, after: list[Wires]) -> Wires:
        """Let the sums be captured; return the words at the bottom edge, one register later if there is one."""
        if not self._shape.output_register:
            self._sums = after
            self._log.read("psum_register", "acc", after[-1])
            return after[-1]
        captured = self._sums[-1]
        self._log.read("psum_register", "acc", captured)
        self._log.write("output_register", "acc", captured)
        self._log.read("output_register", "acc", captured)
        self._sums = after
        return captured


class OutputStationaryFold:
    """Output stationary: both operands move, sums stay until the tile is done, then move down and out."""

    def __init__(self, shape: FoldShape, arithmetic: Arithmetic, log: AccessLog) -> None:
        self._shape, self._arithmetic, self._log = shape, arithmetic, log
        rows, columns = shape.tile_rows, shape.tile_columns
        self._sums: list[Wires] = [[None] * columns for _ in range(shape.rows)]
        self._acts: list[Wires] = [[None] * (columns - 1) for _ in range(rows)]
        self._weights: list[Wires] = [[None] * (rows - 1) for _ in range(columns)]
        self._side = Skew(rows, log, "act_skew_register", "act")
        self._top = Skew(columns, log, "weight_skew_register", "weight")

    def run(self, edge: Edge) -> FoldTime:
        """Stream and drain one tile; return the cycles that each part took."""
        shape, streamed = self._shape, 0
        last = TokenLane(shape.rows + shape.columns - 1)
        edge.starts_in_columns()
        while last.seen < shape.stream:
            running = streamed < shape.stream
            side = edge.side(streamed) if running else [None] * shape.tile_rows
            top = edge.top(streamed) if running else [None] * shape.tile_columns
            self._clock(side, top, edge)
            last.clock(running)
            streamed += 1
        fill, steady = last.span()
        return FoldTime(fill, steady, self._leave(edge) if shape.direct_outputs else self._drain(edge))

    def _clock(self, side: Wires, top: Wires, edge: Edge) -> None:
        entering, falling = self._side.clock(side), self._top.clock(top)
        acts, weights = [], []
        for row, word in enumerate(entering):
            seen, self._acts[row] = pass_right(self._acts[row], word, self._log, "act_register", "act")
            acts.append(seen)
        for column, word in enumerate(falling):
            seen, self._weights[column] = pass_right(
                self._weights[column], word, self._log, "weight_register", "weight"
            )
            weights.append(seen)
        for row in range(self._shape.tile_rows):
            for column in range(self._shape.tile_columns):
                self._pe(row, column, acts[row][column], weights[column][row], edge)

    def _pe(self, row: int, column: int, act: Number | None, weight: Number | None, edge: Edge) -> None:
        assert (act is None) == (weight is None), "activation and weight do not meet"
        if act is None:
            return
        held = self._sums[row][column]
        if held is not None:
            self._log.read("psum_register", "acc", [held])
        else:
            held = edge.start(column)
        total = multiply_accumulate(self._arithmetic, self._log, act, weight, held)
        self._log.write("psum_register", "acc", [total])
        self._sums[row][column] = total

    def _leave(self, edge: Edge) -> int:
        """Let every sum leave through its PE's own port, the last row first; return the cycles that it takes."""
        for sums in reversed(self._sums):
            self._collect(edge, "psum_register", sums)
        return 0

    def _drain(self, edge: Edge) -> int:
        """Move the sums down until those of the first row are out; return the cycles that it takes."""
        stages = [*self._sums, *([[None] * self._shape.tile_columns] if self._shape.output_register else [])]
        units = ["psum_register"] * self._shape.rows + ["output_register"] * self._shape.output_register
        token, cycles = [True] + [False] * (len(stages) - 1), 0
        self._collect(edge, units[-1], stages[-1])
        while not token[-1]:
            for unit, leaving in zip(units[:-1], stages[:-1], strict=True):
                self._log.read(unit, "acc", leaving)
            stages = [[None] * self._shape.tile_columns, *stages[:-1]]
            token = [False, *token[:-1]]
            for unit, captured in zip(units, stages, strict=True):
                self._log.write(unit, "acc", captured)
            self._collect(edge, units[-1], stages[-1])
            cycles += 1
        return cycles

    def _collect(self, edge: Edge, unit: str, bottom: Wires) -> None:
        self._log.read(unit, "acc", bottom)
        edge.collect(bottom)


def multiply_accumulate(arithmetic: Arithmetic, log: AccessLog, act: Number, weight: Number, total: Number) -> Number:
    """Return ``total`` plus the product, one operation at a time, and count the MAC."""
    log.macs += 1
    log.effectual_macs += bool(act != 0 and weight != 0)
    return arithmetic.add(total, arithmetic.multiply(act, weight))
