"""The scratchpads around the stepped array: they cut a layer into tiles, feed them and take the sums."""

from __future__ import annotations

from collections.abc import Sequence

from hwsim.array.capturing import CapturingArray
from hwsim.array.folds import FoldShape, FoldTime, HeldOperandFold, OutputStationaryFold
from hwsim.array.machine import Machine
from hwsim.array.parts import Dataflow
from hwsim.array.shadowed import ShadowedArray
from hwsim.array.systolic import AccessLog, Arithmetic, Number, Wires
from hwsim.errors import MachineError

Matrix = Sequence[Sequence[Number]]


class Ports:
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

    def tiles(self) -> list[StepTile]:
        """Cut the layer into tiles, column tiles outer, row tiles inner."""
        array, held = self.machine.array, self.flow is not Dataflow.OUTPUT_STATIONARY
        row_extent = self.k if held else self.m
        column_extent = self.m if self.flow is Dataflow.INPUT_STATIONARY else self.n
        return [
            StepTile(
                self,
                range(row, min(row + array.rows, row_extent)),
                range(column, min(column + array.columns, column_extent)),
            )
            for column in range(0, column_extent, array.columns)
            for row in range(0, row_extent, array.rows)
        ]

    def run(self, tiles: Sequence[StepTile]) -> list[FoldTime]:
        """Put one tile after another on the array; return the time of each, or of all if they overlap."""
        roles = ("weight", "act") if self.flow is Dataflow.WEIGHT_STATIONARY else ("act", "weight")
        if self.machine.shadow_registers:
            return [ShadowedArray(tiles, self.arithmetic, self.log, *roles).run()]
        if self.machine.drain_registers:
            return [CapturingArray(tiles, self.arithmetic, self.log).run()]
        if self.flow is Dataflow.OUTPUT_STATIONARY:
            return [OutputStationaryFold(tile.size, self.arithmetic, self.log).run(tile) for tile in tiles]
        return [HeldOperandFold(tile.size, self.arithmetic, self.log, *roles).run(tile) for tile in tiles]


class StepTile:
    """The scratchpads' ports for one tile: an Edge."""

    def __init__(self, ports: Ports, rows: range, columns: range) -> None:
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
