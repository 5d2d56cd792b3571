"""A layer on the array, register by register: the slow and obvious twin of ``cycles`` and ``traffic``.

It computes the numbers with any arithmetic, counts cycles by clocking and accesses by watching registers and
scratchpad ports. It shares no code with the closed forms and cuts the layer into tiles by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hwsim.array.folds import FoldShape, FoldTime, HeldOperandFold, OutputStationaryFold
from hwsim.array.machine import Machine
from hwsim.array.overlap import CapturingArray, ShadowedArray
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
        gap: between folds that overlap, as in ``hwsim.array.cycles.Cycles``.
        accesses: words by (unit, action, whose width: act, weight, acc or output).
        macs: multiply-accumulates done.
        effectual_macs: those without a zero operand.
    """

    outputs: list[list[Number]]
    folds: int
    fill: int
    steady: int
    drain: int
    gap: int
    accesses: Mapping[Access, int]
    macs: int
    effectual_macs: int

    @property
    def cycles(self) -> int:
        """Cycles from the first operand in to the last output at the bottom edge."""
        return self.fill + self.steady + self.drain + self.gap


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
        machine: only its array and its registers matter.
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
    ports = _Ports(machine, a, w, bias, Arithmetic(multiply, add, zero), AccessLog())
    return _result([ports])[0]


def step_groups(
    machine: Machine,
    groups: Sequence[tuple[Matrix, Matrix, Sequence[Number] | None]],
    *,
    multiply: Callable[[Number, Number], Number],
    add: Callable[[Number, Number], Number],
    zero: Number = 0,
) -> tuple[StepResult, ...]:
    """Run the groups of a layer, (a, w, bias) each, one after another without a pause; see ``step_layer``.

    Returns:
        One result a group; cycles, accesses and MACs of each are those of all groups together.

    Raises:
        MachineError: the shapes of a group do not fit each other, or groups differ in shape.

    >>> from operator import add, mul
    >>> from hwsim.array.machine import parse_machine
    >>> group = ([[1, 2]], [[3], [4]], None)
    >>> [r.cycles for r in step_groups(parse_machine("2x2-ws,shadow"), [group, group], multiply=mul, add=add)]
    [9, 9]
    """
    log = AccessLog()
    ports = [_Ports(machine, a, w, bias, Arithmetic(multiply, add, zero), log) for a, w, bias in groups]
    sizes = sorted({(port.m, port.n, port.k) for port in ports})
    if len(sizes) != 1:
        raise MachineError(f"groups have the shapes (M, N, K) {sizes}: give at least one group, all of one shape")
    return _result(ports)


def _result(ports: Sequence[_Ports]) -> tuple[StepResult, ...]:
    tiles = [tile for port in ports for tile in port.tiles()]
    times, log = ports[0].run(tiles), ports[0].log
    parts = {part: sum(getattr(time, part) for time in times) for part in ("fill", "steady", "drain", "gap")}
    common = {"folds": len(tiles), "accesses": log.accesses(), "macs": log.macs, "effectual_macs": log.effectual_macs}
    return tuple(StepResult(outputs=port.outputs(), **parts, **common) for port in ports)


class _Ports:
    """The scratchpads around the array for one layer."""

    def __init__(
        self,
        machine: Machine,
        a: Matrix,
        w: Matrix,
        bias: Sequence[Number] | None,
        arithmetic: Arithmetic,
        log: AccessLog,
    ) -> None:
        self.machine, self.a, self.w, self.bias = machine, a, w, bias
        self.arithmetic, self.log = arithmetic, log
        self.flow = machine.array.dataflow
        self.m, self.k, self.n = len(a), len(w), len(w[0]) if len(w) else 0
        _check_shapes(a, w, bias)
        self.ofmap: dict[tuple[int, int], Number] = {}

    def outputs(self) -> list[list[Number]]:
        """Return what stands in the ofmap scratchpad."""
        places = {(m, n) for m in range(self.m) for n in range(self.n)}
        assert self.ofmap.keys() == places, "outputs are missing or misplaced"
        return [[self.ofmap[m, n] for n in range(self.n)] for m in range(self.m)]

    def tiles(self) -> list[_Tile]:
        """Cut the layer into tiles, column tiles outer, row tiles inner."""
        array, held = self.machine.array, self.flow is not Dataflow.OUTPUT_STATIONARY
        row_extent = self.k if held else self.m
        column_extent = self.m if self.flow is Dataflow.INPUT_STATIONARY else self.n
        return [
            _Tile(
                self,
                range(row, min(row + array.rows, row_extent)),
                range(column, min(column + array.columns, column_extent)),
            )
            for column in range(0, column_extent, array.columns)
            for row in range(0, row_extent, array.rows)
        ]

    def run(self, tiles: Sequence[_Tile]) -> list[FoldTime]:
        """Put one tile after another on the array; return the time of each, or of all if they overlap."""
        roles = ("weight", "act") if self.flow is Dataflow.WEIGHT_STATIONARY else ("act", "weight")
        if self.machine.shadow_registers:
            return [ShadowedArray(tiles, self.arithmetic, self.log, *roles).run()]
        if self.machine.drain_registers:
            return [CapturingArray(tiles, self.arithmetic, self.log).run()]
        if self.flow is Dataflow.OUTPUT_STATIONARY:
            return [OutputStationaryFold(tile.size, self.arithmetic, self.log).run(tile) for tile in tiles]
        return [HeldOperandFold(tile.size, self.arithmetic, self.log, *roles).run(tile) for tile in tiles]


class _Tile:
    """The scratchpads' ports for one tile: an Edge."""

    def __init__(self, ports: _Ports, rows: range, columns: range) -> None:
        self._ports, self.rows, self.columns = ports, rows, columns
        machine, flow = ports.machine, ports.flow
        stream = {"ws": ports.m, "os": ports.k, "is": ports.n}[flow.value]
        sides = machine.array.rows, machine.array.columns, len(rows), len(columns)
        self.size = FoldShape(*sides, stream, machine.output_register, machine.direct_outputs)
        self._arrived = [0] * len(columns)

    def held_row(self, row: int) -> Wires | None:
        """Read one row of the stationary tile."""
        if row >= len(self.rows):
            return None
        k, ports = self.rows[row], self._ports
        if ports.flow is Dataflow.WEIGHT_STATIONARY:
            return self._read("filter_sram", "weight", [ports.w[k][n] for n in self.columns])
        return self._read("ifmap_sram", "act", [ports.a[m][k] for m in self.columns])

    def side(self, time: int) -> Wires:
        """Read what enters the rows."""
        ports = self._ports
        if ports.flow is Dataflow.WEIGHT_STATIONARY:
            return self._read("ifmap_sram", "act", [ports.a[time][k] for k in self.rows])
        if ports.flow is Dataflow.INPUT_STATIONARY:
            return self._read("filter_sram", "weight", [ports.w[k][time] for k in self.rows])
        return self._read("ifmap_sram", "act", [ports.a[m][time] for m in self.rows])

    def top(self, time: int) -> Wires:
        """Read what enters the columns: weights, partial sums of the fold before, or a bias for all columns."""
        ports, bias = self._ports, self._ports.bias
        if ports.flow is Dataflow.OUTPUT_STATIONARY:
            return self._read("filter_sram", "weight", [ports.w[time][n] for n in self.columns])
        if self.rows.start:
            sums = [ports.ofmap[_place(ports.flow, time, column)] for column in self.columns]
            return self._read("ofmap_sram", "acc", sums)
        if ports.flow is Dataflow.INPUT_STATIONARY and bias is not None:
            return self._read("filter_sram", "acc", [bias[time]]) * len(self.columns)
        return [None] * len(self.columns)

    def starts_in_columns(self) -> bool:
        """Load the bias registers where there are any; tell whether sums start in the columns and not at ``top``."""
        ports, bias = self._ports, self._ports.bias
        if self.rows.start and ports.flow is not Dataflow.OUTPUT_STATIONARY:
            return False
        if bias is None:
            return True
        if ports.flow is Dataflow.INPUT_STATIONARY:
            return False
        ports.log.write("bias_register", "acc", self._read("filter_sram", "acc", [bias[n] for n in self.columns]))
        return True

    def start(self, column: int) -> Number:
        """Read the bias register of a column, or its wired zero."""
        ports = self._ports
        if ports.bias is None:
            return ports.arithmetic.zero
        value = ports.bias[self.columns[column]]
        ports.log.read("bias_register", "acc", [value])
        return value

    def collect(self, bottom: Wires) -> None:
        """Take the words that stand at the bottom edge."""
        for column, total in enumerate(bottom):
            if total is not None:
                self.arrive(column, total)

    def arrive(self, column: int, total: Number) -> None:
        """Write a word from the bottom edge to the ofmap scratchpad, as a partial sum or as an output."""
        ports = self._ports
        stays = ports.flow is Dataflow.OUTPUT_STATIONARY
        ports.log.write("ofmap_sram", "output" if stays or self.rows.stop == ports.k else "acc", [total])
        order, self._arrived[column] = self._arrived[column], self._arrived[column] + 1
        row = self.rows[-1 - order] if stays else order
        ports.ofmap[_place(ports.flow, row, self.columns[column])] = total

    def _read(self, unit: str, role: str, words: Wires) -> Wires:
        self._ports.log.read(unit, role, words)
        return words


def _place(flow: Dataflow, row: int, column: int) -> tuple[int, int]:
    """Return (m, n) of the output in ``row`` (streamed or laid) and ``column`` of the layer."""
    return (column, row) if flow is Dataflow.INPUT_STATIONARY else (row, column)


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
