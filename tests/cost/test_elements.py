"""The companion file of a table: read back as written, and every fault of every line at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cost_element_samples import element

from hwsim.array.parts import Dataflow
from hwsim.cost import load_table, read_table, table_names
from hwsim.cost.element_file import parse_elements, write_elements
from hwsim.cost.elements import ELEMENT_COLUMNS
from hwsim.errors import CostError

TABLE = (
    "operation,bits,positions,exponent_bits,energy_pj,area_um2,leakage_w,growth,node_nm,voltage_v,kind,source,note\n"
)


def with_column(name: str, value: str) -> str:
    header, line = write_elements([element()]).splitlines()
    cells = line.split(",")
    cells[ELEMENT_COLUMNS.index(name)] = value
    return f"{header}\n{','.join(cells)}\n"


def test_what_is_written_is_read_back() -> None:
    rows = [element(), element(dataflow=Dataflow.OUTPUT_STATIONARY, delay_tight_ns=None, core_gated_pj=None)]
    back = parse_elements("x", write_elements(rows))
    assert [replace(row, place="") for row in back] == rows
    assert [row.place for row in back] == ["x.pe.csv:2", "x.pe.csv:3"]


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("kind", "codebook_mac", "not one of shift_add"),
        ("dataflow", "zs", "not one of ws, os, is"),
        ("act_bits", "8.0", "not a whole number"),
        ("act_bits", "0", "above 0"),
        ("area_um2", "nan", "finite"),
        ("area_um2", "219", "more than area_um2"),
        ("area_um2", "", "not a number"),
        ("core_pj", "-1", "above 0"),
        ("clock_pj", "-0.1", "0 or more"),
        ("saturating", "yes", "write 1 for yes"),
        ("terms", "0", "terms is 0"),
        ("terms", "2", "multi_shift_add"),
        ("acc_exponent", "5", "acc_exponent is 5"),
        ("base_pj", "", "give all of"),
        ("corner", "", "where the numbers come from"),
    ],
)
def test_a_bad_cell_is_told_with_its_place(column: str, value: str, told: str) -> None:
    with pytest.raises(CostError, match=told) as caught:
        parse_elements("x", with_column(column, value))
    assert "x.pe.csv:2" in str(caught.value)


def test_all_faults_come_at_once_and_doubles_are_faults() -> None:
    text = write_elements([element(), element(positions=5)])
    doubled = text + text.splitlines()[1].replace("400.0", "401.0") + "\n"
    with pytest.raises(CostError, match=r"x.pe.csv:4: the same element and dataflow as x.pe.csv:2"):
        parse_elements("x", doubled)
    broken = with_column("act_bits", "x") + with_column("dataflow", "zs").splitlines()[1] + "\n"
    with pytest.raises(CostError, match=r"2 faults[\s\S]*:2: act_bits[\s\S]*:3: dataflow"):
        parse_elements("x", broken)


def test_a_header_of_other_columns_names_them() -> None:
    with pytest.raises(CostError, match=r"missing core_pj; unknown core_j"):
        parse_elements("x", write_elements([element()]).replace("core_pj", "core_j"))


def test_rows_that_could_not_be_read_are_not_written() -> None:
    with pytest.raises(CostError, match="core_pj"):
        write_elements([element(core_pj=float("inf"))])


def test_the_companion_file_belongs_to_the_table_and_to_its_hash(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(TABLE + "int_add,8,,,0.1,1,1e-9,1,130,1.8,synthesised,me,\n")
    alone = read_table(tmp_path / "mine.csv")
    (tmp_path / "mine.pe.csv").write_text(write_elements([element()]))
    both = read_table(tmp_path / "mine.csv")
    (tmp_path / "mine.pe.csv").write_text(write_elements([element(core_pj=0.27)]))
    changed = read_table(tmp_path / "mine.csv")
    assert not alone.elements
    assert len(both.elements) == 1
    assert len({alone.sha256, both.sha256, changed.sha256}) == 3
    with pytest.raises(CostError, match="companion file"):
        read_table(tmp_path / "mine.pe.csv")


def test_shipped_companions_are_no_tables_of_their_own() -> None:
    assert not any(name.endswith(".pe") for name in table_names())
    assert not load_table("published45").elements
