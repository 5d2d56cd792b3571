"""A layer on the array, register by register: the slow and obvious twin of ``cycles`` and ``traffic``.

It computes the numbers with any arithmetic, counts cycles by clocking and accesses by watching registers and
scratchpad ports. It shares no code with the closed forms and cuts the layer into tiles by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hwsim.array.folds import FoldShape, FoldTime, HeldOperandFold, OutputStationaryFold
from hwsim.array.machine import Machine
from hwsim.array.parts import Dataflow
from hwsim.array.systolic import Access, AccessLog, Arithmetic, Number, Wires
from hwsim.errors import MachineError

Matrix = Sequence[Sequence[Number]]


@dataclass(frozen=True)
class StepResult:
    """What came out of the array and what it took.

    Attributes:
        outputs: out[m][n].
        folds: tiles that were on the array.
        fill: cycles, as in ``hwsim.array.cycles.FoldCycles``, summed over folds.
        steady: the same.
        drain: the same.
        accesses: words by (unit, action, whose width: act, weight, acc or output).
        macs: multiply-accumulates done.
        effectual_macs: those without a zero operand.
    """

    outputs: list[list[Number]]
    folds: int
    fill: int
    steady: int
    drain: int
    accesses: Mapping[Access, int]
    macs: int
    effectual_macs: int

    @property
    def cycles(self) -> int:
        """Cycles from the first operand in to the last output at the bottom edge."""
        return self.fill + self.steady + self.drain


def step_layer(
    machine: Machine,
    a: Matrix,
    w: Matrix,
    bias: Sequence[Number] | None,
    *,
    multiply: Callable[[Number, Number], Number],
    add: Callable[[Number, Number], Number],
    zero: Number = 0,
) -> StepResult:
    """Run out[m][n] = bias[n] + sum over k of a[m][k] w[k][n] on the array of ``machine``.

    Args:
        machine: only its array and output register matter.
        a: activations, M x K.
        w: weights, K x N.
        bias: N starting values, or None to start at ``zero``.
        multiply: product of an activation and a weight, rounded or not.
        add: sum of an accumulator and a product, rounded or not; called with k ascending for each output.
        zero: start of a sum without a bias.

    Raises:
        MachineError: the shapes do not fit each other.

    >>> from operator import add, mul
    >>> from hwsim.array.machine import parse_machine
    >>> result = step_layer(parse_machine("2x2-ws"), [[1, 2, 3]], [[4], [5], [6]], [7], multiply=mul, add=add)
    >>> result.outputs, result.folds, result.cycles
    ([[39]], 2, 10)
    """
    ports = _Ports(machine, a, w, bias, Arithmetic(multiply, add, zero))
    times = ports.run()
    return StepResult(
        ports.outputs(),
        len(times),
        sum(time.fill for time in times),
        sum(time.steady for time in times),
        sum(time.drain for time in times),
        ports.log.accesses(),
        ports.log.macs,
        ports.log.effectual_macs,
    )


class _Ports:
    """The scratchpads around the array for one layer; an Edge for the tile at hand."""

    def __init__(
        self, machine: Machine, a: Matrix, w: Matrix, bias: Sequence[Number] | None, arithmetic: Arithmetic
    ) -> None:
        self._machine, self._a, self._w, self._bias = machine, a, w, bias
        self._arithmetic, self.log = arithmetic, AccessLog()
        self._flow = machine.array.dataflow
        self.m, self.k, self.n = len(a), len(w), len(w[0]) if len(w) else 0
        _check_shapes(a, w, bias)
        self._ofmap: dict[tuple[int, int], Number] = {}
        self._tile_rows, self._tile_columns = range(0), range(0)
        self._arrived: list[int] = []

    def outputs(self) -> list[list[Number]]:
        """Return what stands in the ofmap scratchpad."""
        places = {(m, n) for m in range(self.m) for n in range(self.n)}
        assert self._ofmap.keys() == places, "outputs are missing or misplaced"
        return [[self._ofmap[m, n] for n in range(self.n)] for m in range(self.m)]

    def run(self) -> list[FoldTime]:
        """Put one tile after another on the array, column tiles outer, row tiles inner."""
        array, held = self._machine.array, self._flow is not Dataflow.OUTPUT_STATIONARY
        row_extent = self.k if held else self.m
        column_extent = self.m if self._flow is Dataflow.INPUT_STATIONARY else self.n
        times = []
        for column in range(0, column_extent, array.columns):
            for row in range(0, row_extent, array.rows):
                self._tile_rows = range(row, min(row + array.rows, row_extent))
                self._tile_columns = range(column, min(column + array.columns, column_extent))
                times.append(self._fold())
        return times

    def _fold(self) -> FoldTime:
        array, out = self._machine.array, self._machine.output_register
        stream = {"ws": self.m, "os": self.k, "is": self.n}[self._flow.value]
        size = FoldShape(array.rows, array.columns, len(self._tile_rows), len(self._tile_columns), stream, out)
        self._arrived = [0] * size.tile_columns
        if self._flow is Dataflow.OUTPUT_STATIONARY:
            return OutputStationaryFold(size, self._arithmetic, self.log).run(self)
        roles = ("weight", "act") if self._flow is Dataflow.WEIGHT_STATIONARY else ("act", "weight")
        return HeldOperandFold(size, self._arithmetic, self.log, *roles).run(self)

    def held_row(self, row: int) -> Wires | None:
        """Read one row of the stationary tile."""
        if row >= len(self._tile_rows):
            return None
        k = self._tile_rows[row]
        if self._flow is Dataflow.WEIGHT_STATIONARY:
            return self._read("filter_sram", "weight", [self._w[k][n] for n in self._tile_columns])
        return self._read("ifmap_sram", "act", [self._a[m][k] for m in self._tile_columns])

    def side(self, time: int) -> Wires:
        """Read what enters the rows."""
        rows = self._tile_rows
        if self._flow is Dataflow.WEIGHT_STATIONARY:
            return self._read("ifmap_sram", "act", [self._a[time][k] for k in rows])
        if self._flow is Dataflow.INPUT_STATIONARY:
            return self._read("filter_sram", "weight", [self._w[k][time] for k in rows])
        return self._read("ifmap_sram", "act", [self._a[m][time] for m in rows])

    def top(self, time: int) -> Wires:
        """Read what enters the columns: weights, partial sums of the fold before, or a bias for all columns."""
        columns = self._tile_columns
        if self._flow is Dataflow.OUTPUT_STATIONARY:
            return self._read("filter_sram", "weight", [self._w[time][n] for n in columns])
        if self._tile_rows.start:
            return self._read("ofmap_sram", "acc", [self._ofmap[self._place(time, column)] for column in columns])
        if self._flow is Dataflow.INPUT_STATIONARY and self._bias is not None:
            return self._read("filter_sram", "acc", [self._bias[time]]) * len(columns)
        return [None] * len(columns)

    def starts_in_columns(self) -> bool:
        """Load the bias registers where there are any; tell whether sums start in the columns."""
        stays, bias = self._flow is Dataflow.OUTPUT_STATIONARY, self._bias
        if self._tile_rows.start and not stays:
            return False
        if bias is None:
            return True
        if self._flow is Dataflow.INPUT_STATIONARY:
            return False
        self.log.write("bias_register", "acc", self._read("filter_sram", "acc", [bias[n] for n in self._tile_columns]))
        return True

    def start(self, column: int) -> Number:
        """Read the bias register of a column, or its wired zero."""
        if self._bias is None:
            return self._arithmetic.zero
        value = self._bias[self._tile_columns[column]]
        self.log.read("bias_register", "acc", [value])
        return value

    def collect(self, bottom: Wires) -> None:
        """Write what stands at the bottom edge to the ofmap scratchpad, as a partial sum or as an output."""
        stays = self._flow is Dataflow.OUTPUT_STATIONARY
        role = "output" if stays or self._tile_rows.stop == self.k else "acc"
        self.log.write("ofmap_sram", role, bottom)
        for column, total in enumerate(bottom):
            if total is None:
                continue
            order, self._arrived[column] = self._arrived[column], self._arrived[column] + 1
            row = self._tile_rows[-1 - order] if stays else order
            self._ofmap[self._place(row, self._tile_columns[column])] = total

    def _place(self, row: int, column: int) -> tuple[int, int]:
        return (column, row) if self._flow is Dataflow.INPUT_STATIONARY else (row, column)

    def _read(self, unit: str, role: str, words: Wires) -> Wires:
        self.log.read(unit, role, words)
        return words


def _check_shapes(a: Matrix, w: Matrix, bias: Sequence[Number] | None) -> None:
    widths = {len(row) for row in a}, {len(row) for row in w}
    if (
        widths[0] != {len(w)}
        or len(widths[1]) != 1
        or 0 in widths[1]
        or (bias is not None and {len(bias)} != widths[1])
    ):
        size = "no bias" if bias is None else f"{len(bias)} biases"
        raise MachineError(
            f"a has rows of {sorted(widths[0])}, w has {len(w)} rows of {sorted(widths[1])}, and there are {size}: "
            "give a as M x K, w as K x N and one bias per column of w, M, K and N at least 1"
        )
