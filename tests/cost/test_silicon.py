"""Area and leakage: sums of parts, with what is unknown by name."""

from __future__ import annotations

import pytest

from hwsim.array.parts import Dataflow
from hwsim.cost import array_area_um2, leakage_energy_pj, leakage_w, load_table, memory_area_um2, parse_table, price_pe
from hwsim.cost.datapath import Term
from hwsim.cost.model import price_term
from hwsim.cost.rows import COLUMNS, Operation, Quantity
from hwsim.cost.usage import Usage
from hwsim.errors import CostError
from hwsim.formats.base import PeKind
from hwsim.formats.pe import Operand, PeSpec

EIGHT = Operand(8, 8)
INT_MAC = PeSpec(PeKind.INT_MAC, EIGHT, EIGHT, EIGHT, Operand(16, 16), Operand(32, 32))
HALF = Operand(16, 11, 5)
FLOAT_MAC = PeSpec(PeKind.FLOAT_MAC, HALF, HALF, HALF, HALF, HALF)
PUBLISHED, ALADDIN, UNIT = load_table("published45"), load_table("aladdin45"), load_table("unit")
MEMORIES = {"ifmap": 65536, "filter": 262144}


def test_array_area() -> None:
    registers_um2 = (8 + 8 + 32) * 8.74
    assert array_area_um2(INT_MAC, 1, 1, PUBLISHED) == pytest.approx(282 + 137 + registers_um2)
    assert array_area_um2(INT_MAC, 16, 8, PUBLISHED) == pytest.approx(128 * (282 + 137 + registers_um2))
    assert array_area_um2(INT_MAC, 3, 5, UNIT) == 15 * (2 + 48)


@pytest.mark.parametrize(("rows", "columns"), [(0, 4), (4, -1)])
def test_an_array_without_elements(rows: int, columns: int) -> None:
    with pytest.raises(CostError, match=f"{rows} x {columns}"):
        array_area_um2(INT_MAC, rows, columns, PUBLISHED)
    with pytest.raises(CostError, match=f"{rows} x {columns}"):
        leakage_w(INT_MAC, rows, columns, {}, PUBLISHED)


def test_unknown_area_is_none_not_zero() -> None:
    lines = [",".join(COLUMNS), *(f"{name},8,,,0.5,,,1,45,,published,S," for name in ("int_add", "int_mul", "compare"))]
    table = parse_table("t", "\n".join(lines))
    assert price_pe(INT_MAC, table).area_um2 is None
    assert array_area_um2(INT_MAC, 4, 4, table) is None


def test_memory_area() -> None:
    known = memory_area_um2(MEMORIES, ALADDIN)
    assert known.parts == (("ifmap", 2.627e4), ("filter", 9.486e4))
    assert known.value == pytest.approx(2.627e4 + 9.486e4)
    assert known.unknown == ()
    unknown = memory_area_um2(MEMORIES, PUBLISHED)
    assert (unknown.value, unknown.parts, unknown.unknown) == (0, (), ("ifmap", "filter"))


def test_leakage_of_known_parts() -> None:
    found = leakage_w(INT_MAC, 4, 4, MEMORIES, PUBLISHED)
    registers_w = 48 * 7e-8
    expected_w = 16 * 1.151 * (2.3e-6 + 8e-5 / 16 + registers_w)
    assert found.value == pytest.approx(expected_w, rel=1e-5)
    assert sum(value for _, value in found.parts) == pytest.approx(found.value)
    assert found.unknown == ("ifmap", "filter", "dram")
    assert found.value == pytest.approx(16 * (price_pe(INT_MAC, PUBLISHED).leakage_w or 0))


def test_leakage_of_floats_is_unknown_by_name() -> None:
    found = leakage_w(FLOAT_MAC, 2, 2, {}, PUBLISHED)
    assert found.unknown == ("multiplier (float_mul)", "accumulator adder (float_add)", "dram")
    assert {name for name, _ in found.parts} == {
        f"{name} register (register_write)" for name in ("activation", "weight", "partial sum")
    }


def test_leakage_energy_is_power_times_time() -> None:
    found = leakage_w(INT_MAC, 2, 2, {"a": 8192}, UNIT)
    assert found.value == 4 * 50 + 1
    assert leakage_energy_pj(found, 2e-12) == pytest.approx(2 * 201)


@pytest.mark.parametrize(
    ("dataflow", "bits"),
    [
        (Dataflow.WEIGHT_STATIONARY, "weight"),
        (Dataflow.INPUT_STATIONARY, "act"),
        (Dataflow.OUTPUT_STATIONARY, "accumulator"),
    ],
)
@pytest.mark.parametrize("table", ["published45", "sky130"])
def test_a_second_register_is_as_large_as_what_stays(table: str, dataflow: Dataflow, bits: str) -> None:
    prices = load_table(table)
    pe = PeSpec(PeKind.SHIFT_ADD, EIGHT, Operand(4, 4), Operand(4, 4), Operand(15, 15), Operand(24, 24), 1, 7)
    one = price_term(Term("bit", Operation.REGISTER_WRITE, 1), Quantity.AREA, prices)
    assert one is not None
    plain, doubled = (array_area_um2(pe, 3, 5, prices, Usage(dataflow, second_register=s)) for s in (False, True))
    assert plain is not None
    assert doubled == pytest.approx(plain + 15 * getattr(pe, bits).bits * one.value, rel=1e-12)
    leaks = [leakage_w(pe, 3, 5, {}, prices, Usage(dataflow, second_register=s)).value for s in (False, True)]
    assert leaks[1] >= leaks[0]
