"""Sweeps priced by synthesised elements: their own table in a folder, so that no shipped one decides what is tested."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from hwsim.array import parse_machine
from hwsim.cost import find_table, load_table
from hwsim.cost.element_file import parse_elements, write_elements
from hwsim.network import fold
from hwsim.simulation import LayerNumerics, run_hardware
from models import load_network
from precision_search import Grid, Space, sweep, translate

ELEMENTS = """\
kind,act_bits,act_significand,act_exponent,weight_bits,factor_significand,factor_exponent,acc_bits,acc_significand,\
acc_exponent,terms,positions,saturating,subnormals,dataflow,area_um2,core_area_um2,delay_ns,delay_tight_ns,leakage_w,\
register_bits,core_pj,core_zero_delay_pj,core_gated_pj,register_pj,clock_pj,base_pj,act_toggle_pj,weight_toggle_pj,\
sum_toggle_pj,model_error,act_toggles,weight_toggles,sum_toggles,node_nm,voltage_v,temperature_c,corner,liberty_sha256,\
tools,recipe,rtl_sha256,wire_model,stream,vectors,seed
"""
ROW = (
    "shift_add,8,8,0,4,4,0,24,24,0,1,4,1,0,{flow},400,220,1.3,1.2,1e-8,36,{core},0.2,0.02,0.12,0.3,0.05,0.02,0.03,0.01,"
    "0.05,3,1,12,130,1.8,25,tt,ab,yosys,bw,cd,none,s,1000,1\n"
)


def own_table(folder: Path, core: float = 0.26) -> str:
    """Write a table of its own: shift-add elements in ws, everything else as published."""
    text = Path(str(load_table.__globals__["resources"].files("hwsim.cost").joinpath("data/unit.csv"))).read_text()
    (folder / "mine.csv").write_text(text)
    rows = parse_elements("mine", ELEMENTS + "".join(ROW.format(flow=flow, core=core) for flow in ("ws", "os")))
    (folder / "mine.pe.csv").write_text(write_elements(rows))
    return str(folder / "mine.csv")


def space(table: str, *more: str) -> Space:
    grid = Grid(("pow2<4>", "int8"), ("int8",), ("int24",))
    return Space("real", "digits-cnn", (grid,), ("16x16-ws", "8x4-os,nogating"), (table, *more), images=40)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("tables")
    table = own_table(folder)
    return folder, table, sweep(space(table, "published45@7nm"), folder / "a.sqlite").frame()


def test_every_configuration_is_priced(swept: tuple[Path, str, pd.DataFrame]) -> None:
    frame = swept[2]
    assert frame["status"].tolist() == ["ok"] * 8, frame["error"].tolist()
    components = frame[[column for column in frame if column.startswith("energy_") and column != "energy_pj"]]
    assert components.sum(axis=1).to_numpy() == pytest.approx(frame["energy_pj"].to_numpy())
    assert frame["unpriced"].notna().all()


def test_what_is_stored_is_enough_to_price_again_with_activity(swept: tuple[Path, str, pd.DataFrame]) -> None:
    folder, table, frame = swept
    with sqlite3.connect(folder / "a.sqlite") as store:
        ((text,),) = store.execute("SELECT layers FROM numerics WHERE weights = 'pow2<4>'").fetchall()
    layers = [LayerNumerics.from_dict(layer) for layer in json.loads(text)]
    network = fold(load_network("digits-cnn"))
    assert [layer.name for layer in layers if layer.activity] == [layer.name for layer in network.mac_layers]
    for machine in ("16x16-ws", "8x4-os,nogating"):
        result = run_hardware(network, layers, parse_machine(machine), find_table(table), 40)
        chosen = (frame["weights"] == "pow2<4>") & (frame["machine"] == machine) & (frame["price_table"] == table)
        (energy,) = frame[chosen]["energy_pj"]
        assert energy == result.energy_total_pj
        assert any("activity of the data" in note for layer in result.layers for note in layer.notes)


def test_old_records_without_activity_are_priced_by_the_tables_own_stream(
    swept: tuple[Path, str, pd.DataFrame],
) -> None:
    folder, table, _ = swept
    with sqlite3.connect(folder / "a.sqlite") as store:
        ((text,),) = store.execute("SELECT layers FROM numerics WHERE weights = 'pow2<4>'").fetchall()
    old = [{key: value for key, value in layer.items() if key != "activity"} for layer in json.loads(text)]
    layers = [LayerNumerics.from_dict(layer) for layer in old]
    network = fold(load_network("digits-cnn"))
    result = run_hardware(network, layers, parse_machine("16x16-ws"), find_table(table), 40)
    assert any("table's own stream" in note for layer in result.layers for note in layer.notes)


def test_a_changed_element_is_a_new_price_and_no_new_inference(swept: tuple[Path, str, pd.DataFrame]) -> None:
    folder, table, frame = swept
    own_table(folder, core=0.5)
    again = sweep(space(table), folder / "a.sqlite").frame()
    shifts = again["weights"] == "pow2<4>"
    before = frame[frame["price_table"] == table].set_index(["weights", "machine"])["energy_pj"]
    after = again[again["price_table"] == table].set_index(["weights", "machine"])["energy_pj"]
    assert shifts.any()
    assert (after["pow2<4>"] > before["pow2<4>"]).all()
    assert (after["int8"] == before["int8"]).all()
    with sqlite3.connect(folder / "a.sqlite") as store:
        assert store.execute("SELECT count(*) FROM numerics").fetchone() == (2,)


def test_a_table_is_read_anew_once_its_file_has_changed(tmp_path: Path) -> None:
    folder = tmp_path / "somebody@home"
    folder.mkdir()
    before = translate.load_table(own_table(folder))
    assert translate.load_table(own_table(folder)).sha256 == before.sha256
    assert translate.load_table(own_table(folder, core=0.5555)).sha256 != before.sha256
    assert translate._stamps(f"{folder}/mine.csv@45nm") == translate._stamps(f"{folder}/mine.csv") != ()


def test_on_one_area_a_format_of_unknown_delay_is_told_and_not_ahead(tmp_path: Path) -> None:
    grid = Grid(("pow2<4>", "float<4,3>"), ("int8",), ("int24",))
    machine = "2mm2-ws@<=5GHz,ifmap=1KiB,filter=1KiB,ofmap=1KiB"
    one_area = Space("area", "digits-cnn", (grid,), (machine,), ("sky130",), images=4)
    frame = sweep(one_area, tmp_path / "a.sqlite").frame().set_index("weights")
    assert frame["status"].to_dict() == {"pow2<4>": "ok", "float<4,3>": "error"}
    assert parse_machine(frame["built"]["pow2<4>"]).clock_mhz < 300
    assert "no clock can be chosen" in frame["error"]["float<4,3>"]
