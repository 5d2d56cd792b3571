"""The shipped tables: known names, provenance in every row, and the literature's numbers transcribed once more."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwsim.cost.rows import COLUMNS, Kind, Quantity
from hwsim.cost.rows import Operation as Op
from hwsim.cost.tables import PriceTable, load_table, parse_table, read_table, table_names
from hwsim.errors import CostError

TABLES = [load_table(name) for name in table_names()]
HEADER = ",".join(COLUMNS)

#: Horowitz, ISSCC 2014, 45 nm: pJ per operation (8/16/32-bit integers, 11- and 24-bit significands), per 64-bit access.
HOROWITZ = {
    (Op.INT_ADD, 8): 0.03,
    (Op.INT_ADD, 16): 0.05,
    (Op.INT_ADD, 32): 0.1,
    (Op.INT_MUL, 8): 0.2,
    (Op.INT_MUL, 32): 3.1,
    (Op.FLOAT_ADD, 11): 0.4,
    (Op.FLOAT_ADD, 24): 0.9,
    (Op.FLOAT_MUL, 11): 1.1,
    (Op.FLOAT_MUL, 24): 3.7,
    (Op.SRAM_READ, 8 * 1024 * 8): 10 / 64,
    (Op.SRAM_READ, 32 * 1024 * 8): 20 / 64,
    (Op.SRAM_READ, 1024 * 1024 * 8): 100 / 64,
    (Op.DRAM_READ, 1): 1300 / 64,
}
#: ShiftAddLLM, NeurIPS 2024, Table 1: (pJ, um2).
SHIFTS = {32: (0.13, 157), 16: (0.057, 73), 8: (0.024, 34)}
AREAS = {
    (Op.FLOAT_MUL, 24): 7700,
    (Op.FLOAT_MUL, 11): 1640,
    (Op.INT_MUL, 32): 3495,
    (Op.INT_MUL, 8): 282,
    (Op.FLOAT_ADD, 24): 4184,
    (Op.FLOAT_ADD, 11): 1360,
    (Op.INT_ADD, 32): 137,
    (Op.INT_ADD, 8): 36,
    (Op.LUT, 16): 787,
}
#: Aladdin as hwcomponents prints it at 45 nm.
ALADDIN = {
    (Op.INT_ADD, 8): 0.06042,
    (Op.INT_ADD, 32): 0.2417,
    (Op.INT_MUL, 4): 0.228,
    (Op.INT_MUL, 8): 0.912,
    (Op.INT_MUL, 32): 14.59,
    (Op.SHIFT, 32): 0.417 * 1.151,
    (Op.REGISTER_WRITE, 1): 0.08286 / 8,
}


def cell(table: PriceTable, operation: Op, bits: int, quantity: Quantity = Quantity.ENERGY) -> float:
    """Return the one price that ``table`` gives."""
    rows = [row for row in table.rows if (row.operation, row.bits) == (operation, bits)]
    (price,) = [price for row in rows if (price := row.price(quantity)) is not None]
    return price


def test_names() -> None:
    assert {"aladdin45", "published45", "unit", "sky130"} <= set(table_names())
    with pytest.raises(CostError, match=r"'publishd45': did you mean 'published45'.*path of a .csv file"):
        load_table("publishd45")


@pytest.mark.parametrize(("key", "price"), HOROWITZ.items())
def test_published_energies(key: tuple[Op, int], price: float) -> None:
    assert cell(load_table("published45"), *key) == pytest.approx(price, rel=1e-9)


@pytest.mark.parametrize(("key", "area"), AREAS.items())
def test_published_areas(key: tuple[Op, int], area: float) -> None:
    assert cell(load_table("published45"), *key, Quantity.AREA) == area


@pytest.mark.parametrize(("bits", "prices"), SHIFTS.items())
def test_published_shifts(bits: int, prices: tuple[float, float]) -> None:
    table = load_table("published45")
    assert (cell(table, Op.SHIFT, bits), cell(table, Op.SHIFT, bits, Quantity.AREA)) == prices


@pytest.mark.parametrize(("key", "price"), ALADDIN.items())
def test_aladdin_energies(key: tuple[Op, int], price: float) -> None:
    assert cell(load_table("aladdin45"), *key) == pytest.approx(price, rel=1e-4)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_row_says_where_it_comes_from(table: PriceTable) -> None:
    for row in table.rows:
        assert row.source
        assert row.node_nm > 0
        assert row.kind is not Kind.PUBLISHED or any(year in row.source for year in ("20", "hwcomponents"))
        assert row.kind not in (Kind.DERIVED, Kind.ASSUMED) or row.note or "run in" in row.source, row.place
        assert any(row.price(quantity) is not None for quantity in Quantity)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_has_the_energy_of_every_operation(table: PriceTable) -> None:
    """No publication says what an idle clock edge takes; a machine without clock gating needs a table that does."""
    unknown = [operation for operation in Op if not table.knows(operation, Quantity.ENERGY)]
    memories = [Op.SRAM_READ, Op.SRAM_WRITE, Op.DRAM_READ, Op.DRAM_WRITE]  # synthesised tables take a family of these
    assert set(unknown) <= set(memories if table.elements else [Op.REGISTER_CLOCK])


def test_a_changed_price_or_source_changes_the_hash() -> None:
    text = f"{HEADER}\nint_add,8,,,0.5,,,1,45,,published,S,\n"
    hashes = {parse_table("t", text.replace(*change)).sha256 for change in (("", ""), ("0.5", "0.6"), (",S,", ",Z,"))}
    assert len(hashes) == 3
    assert parse_table("t", text) == parse_table("t", text)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["int_add,8,,,0.5,,,,45,,published,S,"], "only row of this price; give growth"),
        (["int_add,8,,,0.5,,,,45,,published,S,", "int_add,16,,,0.4,,,,45,,published,S,"], "wider unit costs less"),
        (["int_add,8,,,0.5,,,,45,,published,S,", "int_add,8,,,0.6,,,,45,,published,S,"], "given twice"),
        (["int_add,8,,,0,,,,45,,published,S,", "int_add,9,,,0.6,,,,45,,published,S,"], "price of 0 must be the only"),
        (["int_add,8,,,1,,,,45,,published,S,", "int_add,9,,,2,,,,45,,published,S,"], r"bits\^5.9; at most 4"),
        (["int_add,8,,,0.5,,,5,45,,published,S,"], "growth is 5; at most 4"),
        (["shift,8,1,,0.5,,,1,45,,published,S,"], "a shifter needs at least 2"),
        (["float_add,8,,4,0.5,,,1,45,,published,S,"], "no int_add row says"),
    ],
)
def test_tables_that_could_give_nonsense_are_refused(rows: list[str], said: str) -> None:
    with pytest.raises(CostError, match=said):
        parse_table("t", "\n".join([HEADER, *rows]))


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(f"{HEADER}\r\nint_add,8,,,0.5,,,1,45,,measured,my chip,\r\n".encode())
    assert read_table(path).name == "mine"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CostError, match="cannot be read"):
        read_table(path)
    with pytest.raises(CostError, match=r"missing.csv cannot be read"):
        read_table(tmp_path / "missing.csv")
