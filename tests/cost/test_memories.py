"""Prices of memories: the listed ones, between them, built from several, and what is left out."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.array.counts import Action, ActionCount, Component
from hwsim.array.machine import parse_machine
from hwsim.array.parts import Dram, DramKind, Memory, Ports
from hwsim.cost import find_table, load_table, parse_table, price_counts, price_memories
from hwsim.cost.memories import SHAPES, TABLE_FAMILIES, dram_prices, memory_notes, sram_price, table_price
from hwsim.cost.memory_law import QUANTITIES, families, family_rows, law, left_out
from hwsim.cost.rows import COLUMNS
from hwsim.cost.silicon import leakage_w, memory_area_um2
from hwsim.errors import CostError
from hwsim.formats.base import PeKind
from hwsim.formats.pe import Operand, PeSpec

MADE = [name for name in sorted(families()) if name not in SHAPES]
EIGHT = Operand(8, 8)
PE = PeSpec(PeKind.INT_MAC, EIGHT, EIGHT, EIGHT, Operand(16, 16), Operand(32, 32))
KIB = 8192


@pytest.mark.parametrize("family", MADE)
def test_a_listed_memory_has_its_own_price(family: str) -> None:
    for row in family_rows(family):
        price = sram_price(Memory("m", row.words * row.bits, row.bits), family)
        assert (price.read_pj, price.write_pj) == (row.read_pj, row.write_pj)
        assert (price.area_um2, price.leakage_w) == (row.area_um2, row.leakage_w)
        assert (price.macros, price.listed) == (1, True)


#: 45 nm, one bank, one read/write port: bytes, width, read pJ, write pJ, um2, of other runs of the same tool.
OTHER_RUNS = [
    (2048, 32, 2.232, 2.635, 7220),
    (8192, 64, 6.137, 7.878, 2.627e4),
    (32768, 64, 17.04, 15.4, 9.486e4),
    (65536, 64, 25.87, 19.65, 2.09e5),
    (65536, 128, 39.33, 36.04, 1.88e5),
    (65536, 256, 51.8, 66.24, 1.989e5),
    (131072, 128, 50.26, 46.97, 4.135e5),
    (262144, 128, 76.12, 63.68, 8.876e5),
    (524288, 128, 100.2, 87.75, 1.798e6),
    (1048576, 256, 251.9, 245.3, 3.676e6),
    (2097152, 256, 354, 305.3, 6.801e6),
]


@pytest.mark.parametrize(("capacity", "width", "read", "write", "area"), OTHER_RUNS)
def test_the_listed_cacti_memories_are_those_of_other_runs(
    capacity: int, width: int, read: float, write: float, area: float
) -> None:
    price = sram_price(Memory("m", capacity * 8, width), "cacti45")
    assert (price.read_pj, price.write_pj, price.area_um2) == pytest.approx((read, write, area), rel=1e-3)


#: mean relative errors at left-out memories, as docs/memory.md prints them
STATED = {
    "ihp130": (0.048, 0.028, 0.018, 0.001),
    "cacti65": (0.108, 0.074, 0.041, 0.032),
    "cacti45": (0.103, 0.067, 0.046, 0.026),
    "cacti32": (0.105, 0.069, 0.059, 0.028),
    "cacti22": (0.098, 0.068, 0.061, 0.034),
}


@pytest.mark.parametrize("family", MADE)
def test_left_out_memories_are_predicted_as_well_as_stated(family: str) -> None:
    for quantity, stated in zip(QUANTITIES, STATED[family], strict=True):
        found = left_out(family, quantity)
        assert found is not None
        assert found.mean == pytest.approx(stated, abs=0.001)
        assert found.worst < 0.45


@pytest.mark.parametrize("family", MADE)
@given(words=st.integers(6, 18), bits=st.sampled_from([8, 12, 16, 24, 32, 48, 64, 100, 128, 256]))
def test_prices_are_those_of_a_memory_and_not_of_an_artefact(family: str, words: int, bits: int) -> None:
    """Positive, and within a factor of two of the smooth law: what is put back does not run away."""
    for quantity in QUANTITIES:
        own = law(family, quantity)
        assert own is not None
        found, smooth = own.at(2**words, bits), own._smooth(2**words, bits)
        assert found > 0
        assert 0.5 < found / smooth < 2


def test_larger_memories_cost_more_area_and_leakage_and_wider_words_more_energy() -> None:
    for family in MADE:
        areas = [sram_price(Memory("m", kib * KIB, 64), family).area_um2 for kib in (4, 8, 16, 32, 64, 128, 256)]
        assert areas == sorted(areas)
        energies = [sram_price(Memory("m", 64 * KIB, width), family).read_pj for width in (32, 64, 128, 256, 512)]
        assert energies == sorted(energies)


def test_what_no_macro_holds_is_built_from_several() -> None:
    deep = sram_price(Memory("m", 64 * KIB, 64), "ihp130")
    assert (deep.macros, deep.side_by_side, deep.read_pj) == (4, 1, 122.39)
    assert deep.area_um2 == pytest.approx(4 * 491634)
    wide = sram_price(Memory("m", 64 * KIB, 128), "ihp130")
    assert (wide.macros, wide.side_by_side, wide.read_pj) == (4, 2, 2 * 122.39)
    banks = sram_price(Memory("m", 64 * KIB, 64, banks=8), "ihp130")
    assert (banks.macros, banks.read_pj) == (8, 91.83)
    halves = sram_price(Memory("m", 64 * KIB, 64, double_buffered=True), "ihp130")
    assert (halves.macros, halves.read_pj) == (4, 122.39)
    assert sram_price(Memory("m", 16 * KIB, 64, double_buffered=True), "ihp130").read_pj == 91.83


def test_the_edge_preset_has_the_banks_of_its_source() -> None:
    """Gemmini: 256 KiB in 4 banks of 128 bits, 64 KiB in 2 of 512; the halves of a double buffer are banks too."""
    ifmap, filters, ofmap = (sram_price(memory, "cacti45") for memory in parse_machine("edge-16x16").srams)
    assert (ifmap.macros + filters.macros, ofmap.macros) == (4, 2 * ofmap.side_by_side)
    bank = sram_price(Memory("m", 64 * KIB, 128), "cacti45")
    assert (ifmap.read_pj, filters.write_pj) == (bank.read_pj, bank.write_pj)


def test_a_second_port_costs_energy_area_and_leakage() -> None:
    one, two = (sram_price(Memory("m", 64 * KIB, 64, ports=ports), "cacti45") for ports in Ports)
    assert (two.read_pj / one.read_pj, two.area_um2 / one.area_um2) == pytest.approx((1.25, 2.2))
    assert one.listed
    assert not two.listed


def test_a_word_is_paid_for_whole() -> None:
    """Eight bits of a word of 64 cost what the word costs."""
    machine = parse_machine("4x4-ws,ifmap=64KiB/64b")
    count = ActionCount(Component.SRAM, Action.READ, "ifmap_sram", 64, 10)
    priced = price_counts([count], None, machine.memories, load_table("aladdin45"))
    assert priced[Component.SRAM] == pytest.approx(10 * 25.8695)


def test_horowitz_points_keep_their_price_at_64_bits_and_borrow_the_rest() -> None:
    table = load_table("published45")
    for kib, energy in ((8, 10), (32, 20), (1024, 100)):
        price = table_price(Memory("m", kib * KIB, 64), table)
        assert price is not None
        assert price.read_pj == pytest.approx(energy)
    wide, narrow = (table_price(Memory("m", 32 * KIB, width), table) for width in (128, 64))
    cacti = [law("cacti45", "read_pj").at(32 * KIB // width, width) for width in (128, 64)]  # type: ignore[union-attr]
    assert wide is not None
    assert narrow is not None
    assert wide.read_pj / narrow.read_pj == pytest.approx(cacti[0] / cacti[1])
    assert wide.area_um2 == pytest.approx(law("cacti45", "area_um2").at(2048, 128))  # type: ignore[union-attr]


def test_scratchpads_have_area_and_leakage_with_every_table_that_has_a_family() -> None:
    machine = parse_machine("16x16-ws")
    for name in ("published45", "aladdin45"):
        table = load_table(name)
        assert name in TABLE_FAMILIES
        assert memory_area_um2(machine.memories, table).unknown == ()
        assert [part for part in leakage_w(PE, 1, 1, machine.memories, table).unknown if "sram" in part] == []
    assert memory_area_um2(machine.capacities, load_table("published45")).unknown, "a number alone is not a memory"


def test_a_table_of_your_own_prices_memories_by_its_rows() -> None:
    rows = [f"sram_{way},1,,,2,7,,0,45,,measured,S," for way in ("read", "write")]
    table = parse_table("mine", "\n".join([",".join(COLUMNS), *rows]))
    machine = parse_machine("4x4-ws,ifmap=1KiB/32b")
    count = ActionCount(Component.SRAM, Action.READ, "ifmap_sram", 32, 1)
    assert price_counts([count], None, machine.memories, table)[Component.SRAM] == 64
    assert memory_area_um2(machine.memories, table).value == 21
    assert "priced by the rows of mine" in memory_notes(machine, table)[0]


def test_dram_by_kind() -> None:
    count = [ActionCount(Component.DRAM, Action.READ, "dram", 64, 1)]
    table = load_table("published45")
    for kind, price in dram_prices().items():
        machine = parse_machine(f"4x4-ws,dram={kind.value}")
        assert price_counts(count, None, machine.memories, table)[Component.DRAM] == pytest.approx(64 * price)
    assert price_counts(count, None, parse_machine("4x4-ws").memories, table)[Component.DRAM] == 1300
    assert set(dram_prices()) == set(DramKind)
    assert dram_prices()[DramKind.LPDDR4] == 8


def test_a_table_without_dram_asks_for_its_kind() -> None:
    table = parse_table("thin", ",".join(COLUMNS) + "\nint_add,8,,,0.5,,,1,45,,published,S,\n")
    count = [ActionCount(Component.DRAM, Action.READ, "dram", 64, 1)]
    with pytest.raises(CostError, match="name one in the machine, dram=KIND"):
        price_counts(count, None, parse_machine("4x4-ws").memories, table)
    named = parse_machine("4x4-ws,dram=hbm2")
    assert price_counts(count, None, named.memories, table)[Component.DRAM] == 400
    assumed = dataclasses.replace(table, name="sky130")
    assert price_counts(count, None, parse_machine("4x4-ws").memories, assumed)[Component.DRAM] == 512
    assert "assumed" in memory_notes(parse_machine("4x4-ws"), assumed)[-1]


def test_memories_go_with_a_table_to_another_node() -> None:
    at_home, moved = (
        table_price(Memory("m", 64 * KIB, 64), find_table(name)) for name in ("aladdin45", "aladdin45@7nm")
    )
    assert at_home is not None
    assert moved is not None
    assert moved.read_pj < at_home.read_pj / 3
    assert moved.area_um2 == pytest.approx(at_home.area_um2 / 17)
    assert (moved.leakage_w, moved.listed, moved.family) == (None, False, "cacti45 at 7 nm")


def test_energies_of_memories_sum_to_their_components() -> None:
    machine, table = parse_machine("edge-16x16"), load_table("aladdin45")
    counts = [
        ActionCount(Component.SRAM, Action.READ, "ifmap_sram", 128, 3),
        ActionCount(Component.SRAM, Action.WRITE, "ofmap_sram", 512, 5),
        ActionCount(Component.DRAM, Action.WRITE, "dram", 8, 7),
        ActionCount(Component.REGISTER, Action.WRITE, "psum_register", 8, 7),
    ]
    priced, parts = price_counts(counts, None, machine.memories, table), price_memories(counts, machine.memories, table)
    assert parts["dram"] == priced[Component.DRAM]
    assert math.fsum(parts.values()) == pytest.approx(priced[Component.SRAM] + priced[Component.DRAM])
    assert parts["filter_sram"] == 0


def test_a_dram_has_no_size() -> None:
    count = ActionCount(Component.SRAM, Action.READ, "dram", 8, 1)
    with pytest.raises(CostError, match="is a DRAM"):
        price_counts([count], None, {"dram": Dram()}, load_table("published45"))
