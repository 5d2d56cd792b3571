"""Which part of a layer is on the array when: tiles and folds.

One fold is one tile on the array while the streamed dimension passes. Column tiles are the outer loop, row tiles the
inner one, so where rows are K the partial sums of a column tile are finished, k ascending, before the next begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hwsim.array.parts import Dataflow, PeArray
from hwsim.array.workload import Workload


@dataclass(frozen=True)
class Tile:
    """What one fold puts on the array: ``rows`` x ``columns`` occupied PEs, from these offsets of the layer."""

    row_start: int
    rows: int
    column_start: int
    columns: int


@dataclass(frozen=True)
class Axis:
    """A dimension of ``extent`` cut into pieces of ``side``; the last piece may be smaller.

    >>> axis = Axis(extent=7, side=3)
    >>> axis.pieces, axis.folds, axis.triangle
    ((3, 3, 1), 3, 6)
    """

    extent: int
    side: int

    @property
    def folds(self) -> int:
        """Number of pieces, ceil(extent / side)."""
        return -(-self.extent // self.side)

    @property
    def pieces(self) -> tuple[int, ...]:
        """Size of each piece, in order."""
        return tuple(min(self.side, self.extent - start) for start in range(0, self.extent, self.side))

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Sizes of the pieces with how many there are of each, the smaller one last.

        >>> Axis(extent=7, side=3).sizes
        ((3, 2), (1, 1))
        """
        full, rest = divmod(self.extent, self.side)
        return tuple((size, count) for size, count in ((self.side, full), (rest, 1)) if size and count)

    @property
    def triangle(self) -> int:
        """Registers of the skew triangles in use: the sum over pieces of p(p-1)/2."""
        full, rest = divmod(self.extent, self.side)
        return full * (self.side * (self.side - 1) // 2) + rest * (rest - 1) // 2


@dataclass(frozen=True)
class Mapping:
    """One group of a layer on an array.

    Attributes:
        rows: the dimension laid along the rows.
        columns: the dimension laid along the columns.
        stream: length of the dimension that passes in time, in cycles.
    """

    rows: Axis
    columns: Axis
    stream: int

    @property
    def folds(self) -> int:
        """Folds of one group."""
        return self.rows.folds * self.columns.folds

    def tiles(self) -> Iterator[Tile]:
        """Iterate over the folds in the order in which they run."""
        for column, columns in zip(_starts(self.columns), self.columns.pieces, strict=True):
            for row, rows in zip(_starts(self.rows), self.rows.pieces, strict=True):
                yield Tile(row, rows, column, columns)


def map_layer(array: PeArray, workload: Workload) -> Mapping:
    """Return how one group of ``workload`` is laid on ``array``.

    >>> from hwsim.array.machine import parse_machine
    >>> map_layer(parse_machine("4x4-ws").array, Workload.gemm(10, 5, 9)).folds
    6
    """
    m, n, k = workload.m, workload.n, workload.k
    if array.dataflow is Dataflow.WEIGHT_STATIONARY:
        rows, columns, stream = k, n, m
    elif array.dataflow is Dataflow.OUTPUT_STATIONARY:
        rows, columns, stream = m, n, k
    else:
        rows, columns, stream = k, m, n
    return Mapping(Axis(rows, array.rows), Axis(columns, array.columns), stream)


def _starts(axis: Axis) -> range:
    return range(0, axis.extent, axis.side)
