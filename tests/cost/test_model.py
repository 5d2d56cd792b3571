"""Counts times prices: formulas on the machine whose every price is 1, published numbers on the real tables."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.array.counts import Action, ActionCount, Component
from hwsim.cost import average_power_w, load_table, parse_table, price_action, price_counts, price_pe, table_names
from hwsim.cost.laws import estimate
from hwsim.cost.rows import COLUMNS, Operation, Quantity
from hwsim.cost.tables import PriceTable
from hwsim.errors import CostError
from hwsim.formats.base import PeKind
from hwsim.formats.pe import Operand, PeSpec

UNIT, PUBLISHED, ALADDIN = load_table("unit"), load_table("published45"), load_table("aladdin45")
TABLES = [table for name in table_names() if not (table := load_table(name)).elements]  #: of single operations
WIDTHS = st.integers(1, 40)


def whole(bits: int) -> Operand:
    return Operand(bits, bits)


def real(exponent: int, mantissa: int) -> Operand:
    return Operand(1 + exponent + mantissa, mantissa + 1, exponent)


def int_mac(act: int = 8, weight: int = 8, acc: int = 32) -> PeSpec:
    return PeSpec(PeKind.INT_MAC, whole(act), whole(weight), whole(weight), whole(act + weight), whole(acc))


def shift_add(act: int = 8, positions: int = 7, acc: int = 32, terms: int = 1) -> PeSpec:
    kind = PeKind.SHIFT_ADD if terms == 1 else PeKind.MULTI_SHIFT_ADD
    return PeSpec(kind, whole(act), whole(4), whole(4), whole(act + positions), whole(acc), terms, positions)


def codebook(act: int = 8, index: int = 4, acc: int = 32) -> PeSpec:
    return PeSpec(PeKind.CODEBOOK_MAC, whole(act), whole(index), whole(8), whole(act + 8), whole(acc))


def float_mac(exponent: int, mantissa: int) -> PeSpec:
    operand = real(exponent, mantissa)
    return PeSpec(PeKind.FLOAT_MAC, operand, operand, operand, operand, operand)


@pytest.mark.parametrize(
    ("pe", "units"),
    [(int_mac(), 2), (shift_add(), 2), (shift_add(terms=3), 6), (float_mac(5, 10), 2), (codebook(), 3)],
    ids=lambda value: getattr(getattr(value, "kind", None), "value", ""),
)
def test_unit_prices_count_the_units(pe: PeSpec, units: int) -> None:
    price = price_pe(pe, UNIT)
    registers = pe.act.bits + pe.weight.bits + pe.accumulator.bits
    assert (price.energy_mac_pj, price.energy_gated_pj) == (units, 1)
    assert price.area_um2 == price.leakage_w == units + registers


def test_unit_prices_make_energy_a_formula() -> None:
    counts = [
        ActionCount(Component.PE, Action.MAC, "pe", 0, 70),
        ActionCount(Component.PE, Action.MAC_GATED, "pe", 0, Fraction(61, 2)),
        ActionCount(Component.REGISTER, Action.WRITE, "psum_register", 32, 10),
        ActionCount(Component.REGISTER, Action.READ, "psum_register", 32, 11),
        ActionCount(Component.SRAM, Action.READ, "ifmap", 8, 5),
        ActionCount(Component.SRAM, Action.WRITE, "ofmap", 8, 3),
        ActionCount(Component.DRAM, Action.READ, "dram", 64, 2),
        ActionCount(Component.DRAM, Action.WRITE, "dram", 64, 1),
        ActionCount(Component.VECTOR, Action.ADD, "vector", 8, 4),
        ActionCount(Component.VECTOR, Action.COMPARE, "vector", 8, 6),
        ActionCount(Component.VECTOR, Action.MULTIPLY, "vector", 8, 7),
    ]
    assert price_counts(counts, int_mac(), {"ifmap": 4096, "ofmap": 8192}, UNIT) == {
        Component.PE: 70 * 2 + 30.5,
        Component.REGISTER: 21 * 32,
        Component.SRAM: 8 * 8,
        Component.DRAM: 3 * 64,
        Component.VECTOR: 17,
        Component.LEAKAGE: 0,
    }


def test_published_macs() -> None:
    """8x8 multiply and 32-bit add: 0.2 + 0.1 pJ by Horowitz, 0.912 + 0.2417 pJ by Aladdin."""
    assert price_pe(int_mac(), PUBLISHED).energy_mac_pj == pytest.approx(0.3)
    assert price_pe(int_mac(), ALADDIN).energy_mac_pj == pytest.approx(1.1537)
    eight = {table.name: estimate(table, Operation.INT_MUL, Quantity.ENERGY, 8) for table in (PUBLISHED, ALADDIN)}
    published, aladdin = eight["published45"], eight["aladdin45"]
    assert published is not None
    assert aladdin is not None
    assert aladdin.value / published.value == pytest.approx(4.6, abs=0.05)
    assert price_pe(float_mac(5, 10), PUBLISHED).energy_mac_pj == pytest.approx(1.5)
    assert price_pe(float_mac(8, 23), PUBLISHED).energy_mac_pj == pytest.approx(4.6)
    fp32 = price_pe(float_mac(8, 23), PUBLISHED).area_um2
    registers_um2 = 3 * 32 * 8.74
    assert fp32 == pytest.approx(7700 + 4184 + registers_um2)


def test_kinds_are_ordered_as_the_literature_orders_them() -> None:
    for table in (PUBLISHED, ALADDIN):
        four_bit = price_pe(shift_add(acc=24), table).energy_mac_pj
        integer = price_pe(int_mac(acc=24), table).energy_mac_pj
        half = price_pe(float_mac(5, 10), table).energy_mac_pj
        assert four_bit < integer < half
        assert four_bit < price_pe(shift_add(acc=24, terms=2), table).energy_mac_pj


@given(st.sampled_from(TABLES), st.tuples(WIDTHS, WIDTHS), st.tuples(WIDTHS, WIDTHS), st.tuples(WIDTHS, WIDTHS))
def test_wider_never_costs_less(
    table: PriceTable, act: tuple[int, int], other: tuple[int, int], acc: tuple[int, int]
) -> None:
    for make in (int_mac, shift_add):
        low = price_pe(make(min(act), min(other), min(acc)), table)
        high = price_pe(make(max(act), max(other), max(acc)), table)
        for name in ("energy_mac_pj", "energy_gated_pj", "area_um2", "leakage_w"):
            assert getattr(low, name) <= getattr(high, name) * (1 + 1e-12)


@given(st.sampled_from(TABLES), st.tuples(st.integers(1, 8), st.integers(1, 8)), st.tuples(WIDTHS, WIDTHS))
def test_wider_floats_never_cost_less(
    table: PriceTable, exponents: tuple[int, int], mantissas: tuple[int, int]
) -> None:
    low = price_pe(float_mac(min(exponents), min(mantissas)), table)
    high = price_pe(float_mac(max(exponents), max(mantissas)), table)
    assert low.energy_mac_pj <= high.energy_mac_pj * (1 + 1e-12)
    strict = table.name != UNIT.name and max(exponents) > min(exponents)
    assert not strict or low.energy_mac_pj < high.energy_mac_pj


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_pricing_is_linear_in_the_counts(macs: int, gated: int) -> None:
    def energy_pj(*counts: ActionCount) -> float:
        return price_counts(counts, shift_add(), {}, PUBLISHED)[Component.PE]

    mac = ActionCount(Component.PE, Action.MAC, "pe", 0, macs)
    held = ActionCount(Component.PE, Action.MAC_GATED, "pe", 0, gated)
    assert energy_pj(mac, held) == pytest.approx(energy_pj(mac) + energy_pj(held))
    assert energy_pj(mac) == pytest.approx(macs * price_pe(shift_add(), PUBLISHED).energy_mac_pj)
    assert energy_pj(held) == pytest.approx(gated * price_pe(shift_add(), PUBLISHED).energy_gated_pj)


@pytest.mark.parametrize("table", [PUBLISHED, ALADDIN], ids=lambda table: table.name)
def test_a_skipped_zero_saves_energy(table: PriceTable) -> None:
    for pe in (int_mac(2, 2, 8), shift_add(4, 3, 8), float_mac(4, 3)):
        assert 0 < price_pe(pe, table).energy_gated_pj < price_pe(pe, table).energy_mac_pj


def test_order_of_counts_does_not_matter() -> None:
    counts = [ActionCount(Component.REGISTER, Action.WRITE, f"r{bits}", bits, 3**bits) for bits in range(1, 30)]
    forward = price_counts(counts, None, {}, PUBLISHED)
    assert forward == price_counts(reversed(counts), None, {}, PUBLISHED)


def test_a_larger_memory_costs_more_per_bit() -> None:
    read = ActionCount(Component.SRAM, Action.READ, "s", 8, 1)
    prices = [price_action(read, None, {"s": kib * 8192}, PUBLISHED).value for kib in (4, 8, 64, 1024, 4096)]
    assert prices == sorted(prices)
    assert prices[1] == pytest.approx(10 / 8)


def test_the_vector_unit_works_in_the_format_of_its_operand() -> None:
    add = ActionCount(Component.VECTOR, Action.ADD, "vector", 16, 1)
    assert price_action(add, float_mac(5, 10), {}, PUBLISHED).value == pytest.approx(0.4)
    assert price_action(add, int_mac(), {}, PUBLISHED).value == pytest.approx(0.05)
    assert price_action(add, None, {}, PUBLISHED).value == pytest.approx(0.05)


@pytest.mark.parametrize("component", [Component.REGISTER, Component.SRAM, Component.DRAM], ids=lambda part: part.value)
def test_reads_and_writes_have_prices_of_their_own(component: Component) -> None:
    rows = [f"{component.value}_{way},1,,,{price},,,0,45,,measured,S," for way, price in (("read", 2), ("write", 5))]
    table = parse_table("t", "\n".join([",".join(COLUMNS), *rows]))
    for action, price_pj in ((Action.READ, 2), (Action.WRITE, 5)):
        count = ActionCount(component, action, "m", 8, 3)
        assert price_counts([count], None, {"m": 1}, table)[component] == price_pj * 8 * 3


@pytest.mark.parametrize(
    ("component", "action", "said"),
    [
        (Component.LEAKAGE, Action.ADD, "leakage is power times time"),
        (Component.DRAM, Action.ADD, "no price for 'add' on 'dram'"),
        (Component.VECTOR, Action.READ, "no price for 'read' on 'vector'"),
        (Component.PE, Action.MAC, "no processing element"),
        (Component.SRAM, Action.READ, "unknown memory without a size 'x': did you mean 'xx'"),
    ],
)
def test_what_has_no_price(component: Component, action: Action, said: str) -> None:
    with pytest.raises(CostError, match=said):
        price_counts([ActionCount(component, action, "x", 8, 1)], None, {"xx": 8192}, PUBLISHED)


def test_negative_counts_and_missing_rows() -> None:
    with pytest.raises(CostError, match="-1 times 'mac'"):
        price_counts([ActionCount(Component.PE, Action.MAC, "pe", 0, -1)], int_mac(), {}, PUBLISHED)
    table = parse_table("thin", ",".join(COLUMNS) + "\nint_add,8,,,0.5,,,1,45,,published,S,\n")
    with pytest.raises(CostError, match="'thin' has no energy for int_mul"):
        price_pe(int_mac(), table)


def test_notes_say_what_is_extrapolated_and_what_is_unknown() -> None:
    notes = "\n".join(price_pe(codebook(index=2), PUBLISHED).notes)
    assert "'published45'" in notes
    assert "codebook (lut, 8 bits): extrapolated from published45.csv:" in notes
    assert "leakage unknown for lut" in notes
    assert price_pe(codebook(), PUBLISHED).leakage_w is None
    assert "negating" in "\n".join(price_pe(shift_add(), PUBLISHED).notes)


def test_average_power() -> None:
    assert average_power_w(1e12, 2.0) == 0.5
    for runtime_s in (0.0, -1.0, float("nan")):
        with pytest.raises(CostError, match="runtime must be positive"):
            average_power_w(1.0, runtime_s)
