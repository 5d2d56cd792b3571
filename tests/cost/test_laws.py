"""Prices at any width: rows are reproduced, nothing gets cheaper by growing, QTools' fits agree."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.cost.interpolate import Basis
from hwsim.cost.laws import estimate, total
from hwsim.cost.rows import COLUMNS, Operation, PriceRow, Quantity
from hwsim.cost.tables import PriceTable, load_table, parse_table, table_names
from hwsim.errors import CostError

TABLES = [load_table(name) for name in table_names()]
PUBLISHED = load_table("published45")
ROWS = [(table, row) for table in TABLES for row in table.rows]
BITS = st.floats(1, 1e7)
POSITIONS, EXPONENT = st.integers(0, 300), st.integers(1, 11)


def price(table: PriceTable, operation: Operation, bits: float, positions: int = 0, exponent_bits: int = 0) -> float:
    found = estimate(table, operation, Quantity.ENERGY, bits, positions=positions, exponent_bits=exponent_bits)
    assert found is not None
    return found.value


@pytest.mark.parametrize(("table", "row"), ROWS, ids=lambda part: getattr(part, "place", ""))
def test_each_row_gives_back_its_own_price(table: PriceTable, row: PriceRow) -> None:
    for quantity in Quantity:
        if row.price(quantity) is None:
            continue
        sizes = {"positions": row.positions or 0, "exponent_bits": row.exponent_bits or 0}
        found = estimate(table, row.operation, quantity, row.bits, **sizes)
        assert found is not None
        assert found.value == pytest.approx(row.price(quantity), rel=1e-12)
        assert row in found.rows
        is_sum = row.exponent_bits is not None
        assert found.basis is Basis.TABLE or is_sum


@given(
    st.sampled_from(TABLES),
    st.sampled_from(Operation),
    st.sampled_from(Quantity),
    st.tuples(BITS, BITS),
    st.tuples(POSITIONS, POSITIONS),
    st.tuples(EXPONENT, EXPONENT),
)
def test_never_cheaper_by_growing(
    table: PriceTable,
    operation: Operation,
    quantity: Quantity,
    bits: tuple[float, float],
    positions: tuple[int, int],
    exponents: tuple[int, int],
) -> None:
    low = estimate(table, operation, quantity, min(bits), positions=min(positions), exponent_bits=min(exponents))
    high = estimate(table, operation, quantity, max(bits), positions=max(positions), exponent_bits=max(exponents))
    assert (low is None) == (high is None)
    if low and high:
        assert 0 <= low.value <= high.value * (1 + 1e-12)


def test_widths_really_matter() -> None:
    for operation in (
        Operation.INT_ADD,
        Operation.INT_MUL,
        Operation.FLOAT_ADD,
        Operation.FLOAT_MUL,
        Operation.COMPARE,
    ):
        assert price(PUBLISHED, operation, 16) > 1.5 * price(PUBLISHED, operation, 8)
    assert price(PUBLISHED, Operation.FLOAT_MUL, 8, 0, 8) > price(PUBLISHED, Operation.FLOAT_MUL, 8, 0, 4)
    assert price(PUBLISHED, Operation.SHIFT, 16, 16) == pytest.approx(2 * price(PUBLISHED, Operation.SHIFT, 16, 4))
    assert price(PUBLISHED, Operation.SHIFT, 16, 1) == 0


@pytest.mark.parametrize("bits", [8, 12, 16, 24, 32])
def test_agrees_with_the_fits_in_qtools(bits: int) -> None:
    """QKeras' QTools fits the same source with polynomials: 0.003125 b, and 0.002995 b^2 + 0.001042 b."""
    assert price(PUBLISHED, Operation.INT_ADD, bits) == pytest.approx(0.003125 * bits, rel=0.21)
    quadratic = 0.002994791667 * bits**2 + 0.001041666667 * bits
    assert price(PUBLISHED, Operation.INT_MUL, bits) == pytest.approx(quadratic, rel=0.02)


@pytest.mark.parametrize("kilobytes", [8, 16, 32, 64, 256, 1024])
def test_sram_agrees_with_the_cubic_in_qtools(kilobytes: int) -> None:
    """The cubic in log2(bits) is read as pJ per bit, the only reading that reproduces its own source."""
    x = math.log2(kilobytes * 8192)
    cubic = 9.02427321e-4 * x**3 - 2.68847858e-2 * x**2 + 0.208900804 * x
    assert price(PUBLISHED, Operation.SRAM_READ, kilobytes * 8192) == pytest.approx(cubic, rel=0.15)


def test_a_look_up_table_grows_with_its_entries() -> None:
    found = {n: estimate(PUBLISHED, Operation.LUT, Quantity.ENERGY, 16, positions=n) for n in (16, 256)}
    small, full = found[16], found[256]
    assert small is not None
    assert full is not None
    assert full.value == pytest.approx(4 * small.value)
    assert (small.basis, full.basis) == (Basis.EXTRAPOLATED, Basis.TABLE)
    areas = [estimate(PUBLISHED, Operation.LUT, Quantity.AREA, 16, positions=n) for n in (16, 256)]
    assert areas[1] is not None
    assert areas[0] is not None
    assert areas[1].value == pytest.approx(16 * areas[0].value)


def test_unknown_is_none_and_zero_width_is_refused() -> None:
    assert estimate(PUBLISHED, Operation.SRAM_READ, Quantity.AREA, 8192) is None
    assert estimate(PUBLISHED, Operation.LUT, Quantity.LEAKAGE, 8, positions=16) is None
    for bits in (0, -1, math.nan):
        with pytest.raises(CostError, match="above 0 bits"):
            estimate(PUBLISHED, Operation.INT_ADD, Quantity.ENERGY, bits)


def test_a_float_unit_without_exponent_in_its_row_costs_the_same_at_any_exponent() -> None:
    lines = [",".join(COLUMNS), "float_add,11,,,0.4,,,1,45,,published,S,"]
    table = parse_table("t", "\n".join(lines))
    assert price(table, Operation.FLOAT_ADD, 11, 0, 5) == price(table, Operation.FLOAT_ADD, 11, 0, 8) == 0.4


def test_a_total_is_as_uncertain_as_its_worst_part() -> None:
    parts = [estimate(PUBLISHED, Operation.INT_ADD, Quantity.ENERGY, bits) for bits in (8, 12, 64)]
    known = tuple(part for part in parts if part)
    both = total(known)
    assert both.value == pytest.approx(sum(part.value for part in known))
    assert both.basis is Basis.EXTRAPOLATED
    assert len(set(both.rows)) == len(both.rows) == 3
