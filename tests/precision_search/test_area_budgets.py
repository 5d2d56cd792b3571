"""Sweeps on a fixed area: each format gets the array that it affords, and the file says which."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from pathlib import Path

import pytest

from hwsim.array import parse_machine
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.simulation import simulate
from models import load_data, load_network
from precision_search import Grid, Same, Space, sweep
from precision_search.hwsim_engine import HwsimEngine
from precision_search.results import Results
from precision_search.schema import SCHEMA_VERSION
from precision_search.store import Store
from precision_search.text_table import frontier_text

BUDGET = "1.0mm2-WS@<=0.5GHz"
GRIDS = (Same(("fp32", "fixed<16,6>")), Grid(("pow2<4>",), ("int8",), ("int24",)))
SPACE = Space("area", "digits-cnn", GRIDS, (BUDGET,), ("aladdin45",), images=20)


def test_formats_meet_on_one_area(tmp_path: Path) -> None:
    results = sweep(SPACE, tmp_path / "a.sqlite")
    frame = results.frame()
    assert frame["status"].tolist() == ["ok"] * 3, frame["error"].tolist()
    assert set(frame["machine"]) == {"1mm2-ws@<=500MHz"}
    assert (frame["area_um2"] <= 1e6).all()
    sizes = {row["weights"]: parse_machine(row["built"]).array.pes for row in frame.to_dict("records")}
    assert sizes["pow2<4>"] > sizes["fixed<16,6>"] > sizes["fp32"]
    front = results.frontier("runtime_s")
    assert front.iloc[0]["weights"] == "pow2<4>", "the narrow format has the larger array and the shorter time"
    assert front.iloc[0]["built"] in frontier_text(front, "runtime_s")
    assert not frontier_text(front, "energy_pj").count("mm2-ws"), "the array that was built is what one wants to see"


def test_a_row_is_what_one_simulation_says(tmp_path: Path) -> None:
    frame = sweep(SPACE, tmp_path / "a.sqlite").frame()
    row = frame[frame["weights"] == "pow2<4>"].iloc[0]
    network, data = load_network("digits-cnn"), load_data("digits", "test").subset(20)
    calibration = load_data("digits", "calibration").images
    assignment = Assignment(LayerFormats.of("pow2<4>", "int8", "int24"))
    for machine in (BUDGET, row["built"]):
        found = simulate(network, assignment, machine, data.images, data.labels, calibration, "aladdin45").hardware
        assert (found.cycles, found.energy_total_pj) == (row["cycles"], row["energy_pj"])


def test_an_area_that_nothing_fits_is_infeasible_with_the_way_out(tmp_path: Path) -> None:
    frame = sweep(dataclasses.replace(SPACE, machines=("0.628mm2-ws",)), tmp_path / "a.sqlite").frame()
    assert dict(zip(frame["weights"], frame["status"], strict=True))["fp32"] == "infeasible"
    assert "give at least" in frame[frame["weights"] == "fp32"]["error"].iloc[0]


def test_keys_know_the_area_by_content() -> None:
    session = HwsimEngine().open()
    assert session.canonical_machine(BUDGET) == "1mm2-ws@<=500MHz"
    subject = session.subject("digits-cnn", "test", 20)
    (configuration, *_) = SPACE.configurations(session)
    keys = {}
    for text in ("1mm2-ws@<=500MHz", "1mm2-ws@<=501MHz", "1.1mm2-ws", "1mm2-ws,aspect=2:1", "1mm2-ws,tight", "1mm2-os",
                 "1mm2-ws,ifmap=32KiB", "16x16-ws"):  # fmt: skip
        keys[text] = session.task(dataclasses.replace(configuration, machine=text), subject).hardware_key
    assert len(set(keys.values())) == len(keys)
    same = session.task(dataclasses.replace(configuration, machine=BUDGET), subject).hardware_key
    assert same == keys["1mm2-ws@<=500MHz"]


def test_a_file_of_the_version_before_is_read_and_upgraded(tmp_path: Path) -> None:
    path, space = tmp_path / "a.sqlite", dataclasses.replace(SPACE, machines=("8x8-ws",))
    new = sweep(space, path).frame()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE hardware DROP COLUMN built")
        connection.execute("PRAGMA user_version = 1")
    old = Results(path).frame()
    assert old["built"].tolist() == new["built"].tolist() == ["8x8-ws"] * 3
    with Store(path, "test"):
        pass
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    again = sweep(dataclasses.replace(space, machines=("8x8-ws", BUDGET)), path).frame()
    assert len(again) == 6
    assert set(again["built"][again["machine"] == "8x8-ws"]) == {"8x8-ws"}


@pytest.mark.parametrize("text", ["2mm2-ws@500MHz", "mm2-ws"])
def test_an_area_that_cannot_be_read_stops_the_sweep(text: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="cannot be read"):
        sweep(dataclasses.replace(SPACE, machines=(text,)), tmp_path / "a.sqlite")
