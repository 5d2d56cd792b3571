"""Forms of values: each gives back every bit, and the short one is found where it is possible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.compression.container.arithmetic import ArithmeticReader, ArithmeticWriter
from models.compression.container.bit_coder import FixedReader, FixedWriter
from models.compression.container.values import Grid, Table, dropped_bits, find_grid, read_table, write_table
from models.compression.errors import CompressionError

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def bits_of(values: object) -> np.ndarray:
    return np.asarray(values, np.float32).view(np.uint32).astype(np.int64)


def rewritten(table: Table, writer=ArithmeticWriter, reader=ArithmeticReader) -> tuple[Table, float]:
    own = writer()
    write_table(own, table, writer)
    return read_table(reader(own.finish())), own.position_bits


@pytest.mark.parametrize(("writer", "reader"), [(ArithmeticWriter, ArithmeticReader), (FixedWriter, FixedReader)])
@given(st.lists(FLOATS, min_size=1, max_size=40))
def test_tables_come_back(writer, reader, values: list[float]) -> None:
    bits = bits_of(values)
    table = Table.of([bits])
    found, _ = rewritten(table, writer, reader)
    assert found.below.tolist() == table.below.tolist()
    assert found.above.tolist() == table.above.tolist()
    assert found.bits(table.ranks(bits)).tolist() == bits.tolist()


def test_ranks_count_away_from_zero() -> None:
    bits = bits_of([0.5, -0.25, 0.0, 2.0, -1.0, -0.0])
    assert Table.of([bits]).ranks(bits).tolist() == [1, -2, 0, 2, -3, -1]


def test_a_rank_beyond_the_table_is_refused() -> None:
    with pytest.raises(CompressionError, match="a code from 0 to 2"):
        Table.of([bits_of([1.0])]).bits(np.array([0, 2]))


@given(st.integers(-30, 30), st.lists(st.integers(-200, 200), min_size=2, max_size=30))
def test_a_power_of_two_is_found(exponent: int, counts: list[int]) -> None:
    values = np.array(counts, np.float64) * 2.0**exponent
    grid = find_grid(Table.of([bits_of(values)]))
    if any(counts):
        assert grid is not None
        assert float(grid.value) == 2.0**exponent * np.gcd.reduce([c & -c for c in counts if c])


@given(st.floats(2**-10, 16, width=32), st.sets(st.integers(1, 500), min_size=1, max_size=30))
def test_any_step_is_found(step: float, counts: set[int]) -> None:
    values = np.array([1, *counts], np.float64) * np.float32(step)
    table = Table.of([bits_of(values)])
    grid = find_grid(table)
    assert grid is not None
    assert grid.magnitudes(grid.counts(table.above)).tolist() == table.above.tolist()


def test_halves_between_the_steps_are_found() -> None:
    step = np.float32(0.0371)
    values = (np.arange(8) + 0.5) * np.float64(step)
    grid = find_grid(Table.of([bits_of(values)]))
    assert grid is not None
    assert float(grid.value) == pytest.approx(step / 2)


def test_values_off_any_grid_have_none() -> None:
    assert find_grid(Table.of([bits_of(np.random.default_rng(1).normal(size=20))])) is None
    assert find_grid(Table.of([bits_of([0.0])])) is None
    assert find_grid(Table.of([bits_of([-0.0, 1.0])])) is None


def test_the_ends_of_the_floats_are_no_trouble() -> None:
    with np.errstate(all="raise", under="ignore"):
        for value, step in ((np.finfo(np.float32).max, None), (1e-45, 1), (2.0**-126, 1 << 23)):
            grid = find_grid(Table.of([bits_of([value])]))
            assert grid is not None
            assert step in (None, grid.step)


def test_one_number_off_by_the_last_bit_is_off_the_grid() -> None:
    values = bits_of(np.arange(1, 60) * np.float32(0.03))
    assert find_grid(Table.of([values])) is not None
    values[30] += 1
    assert find_grid(Table.of([values])) is None


def test_short_forms_are_short() -> None:
    rng = np.random.default_rng(2)
    powers = bits_of([sign * 2.0**e for e in range(-9, -1) for sign in (1, -1)])
    grid = bits_of([sign * n * np.float32(0.0123) for n in range(1, 30) for sign in (1, -1)])
    any_floats = bits_of(rng.normal(size=16))
    half = bits_of(rng.normal(size=16).astype(np.float16))
    bits = [rewritten(Table.of([values]))[1] for values in (powers, grid, any_floats, half)]
    assert bits[0] < 70  # 16 values, each in less than five bits
    assert bits[1] < 80  # 58 values and a step of 32 bits
    assert bits[2] < 16 * 32  # order saves what 16 unordered floats would take more
    assert bits[3] < 16 * 20


def test_zero_bits_at_the_end_are_dropped() -> None:
    assert dropped_bits(bits_of([0.0])) == 23
    assert dropped_bits(bits_of([1.0, 2.0**-120])) == 23
    assert dropped_bits(bits_of(np.array([0.1], np.float16))) == 14  # 0.1 as float16 ends in a zero itself
    assert dropped_bits(bits_of([0.1])) == 0


def test_a_grid_rounds_once() -> None:
    step = np.float32(0.1)
    grid = Grid(int(step.view(np.int32)))
    counts = np.arange(1, 5000)
    expected = [np.float32(int(n) * float(step)) for n in counts]
    assert grid.magnitudes(counts).tolist() == bits_of(expected).tolist()
