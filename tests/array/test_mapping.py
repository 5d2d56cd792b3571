"""Tiles cover a layer once, k ascending inside each output."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.array.mapping import Axis, Mapping, map_layer
from hwsim.array.parts import Dataflow, PeArray
from hwsim.array.workload import Workload

EXTENTS, SIDES = st.integers(1, 40), st.integers(1, 9)


@given(EXTENTS, EXTENTS, SIDES, SIDES)
def test_tiles_cover_each_cell_once(rows: int, columns: int, side_r: int, side_c: int) -> None:
    mapping = Mapping(Axis(rows, side_r), Axis(columns, side_c), 1)
    cells = Counter(
        (row, column)
        for tile in mapping.tiles()
        for row in range(tile.row_start, tile.row_start + tile.rows)
        for column in range(tile.column_start, tile.column_start + tile.columns)
    )
    assert cells == Counter((row, column) for row in range(rows) for column in range(columns))
    assert mapping.folds == len(list(mapping.tiles()))


@given(EXTENTS, SIDES)
def test_axis_sums_are_those_of_its_pieces(extent: int, side: int) -> None:
    axis = Axis(extent, side)
    assert sum(axis.pieces) == extent
    assert len(axis.pieces) == axis.folds
    assert Counter(axis.pieces) == dict(axis.sizes)
    assert axis.pieces == tuple(size for size, count in axis.sizes for _ in range(count))
    assert axis.triangle == sum(register for piece in axis.pieces for register in range(piece))


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        (Dataflow.WEIGHT_STATIONARY, (7, 5, 11)),
        (Dataflow.OUTPUT_STATIONARY, (11, 5, 7)),
        (Dataflow.INPUT_STATIONARY, (7, 11, 5)),
    ],
)
def test_dataflow_decides_which_dimension_goes_where(flow: Dataflow, expected: tuple[int, int, int]) -> None:
    mapping = map_layer(PeArray(3, 4, flow), Workload.gemm(11, 5, 7))
    assert (mapping.rows.extent, mapping.columns.extent, mapping.stream) == expected
    assert (mapping.rows.side, mapping.columns.side) == (3, 4)


@given(EXTENTS, EXTENTS, SIDES, SIDES)
def test_rows_ascend_inside_each_column_tile_and_a_column_tile_is_never_resumed(
    rows: int, columns: int, side_r: int, side_c: int
) -> None:
    seen: dict[int, list[int]] = defaultdict(list)
    order = []
    for tile in Mapping(Axis(rows, side_r), Axis(columns, side_c), 1).tiles():
        seen[tile.column_start].append(tile.row_start)
        order.append(tile.column_start)
    assert all(starts == sorted(starts) for starts in seen.values())
    assert order == sorted(order)
