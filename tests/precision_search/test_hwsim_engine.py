"""The real simulator behind a sweep, on the embedded network."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from hwsim.array.machine import parse_machine
from hwsim.cost import load_table
from hwsim.network import forward_float
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.simulation import simulate
from models import load_data, load_network
from precision_search import Grid, Same, Space, sweep
from precision_search.errors import SpaceError
from precision_search.hwsim_engine import HwsimEngine
from precision_search.presets import preset
from precision_search.records import unpack_mask

GRIDS = (Same(("float<6,7>", "fixed<16,6>")), Grid(("pow2<4>", "apot<4>"), ("int8",), ("int24",)))
SPACE = Space("real", "digits-cnn", GRIDS, ("16x16-ws", "8x4-os"), ("published45",), images=50)
VOLATILE = ["numerics_wall_s", "hardware_wall_s", "stored_at"]


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return sweep(SPACE, tmp_path_factory.mktemp("real") / "a.sqlite").frame()


def test_every_configuration_has_numbers(frame: pd.DataFrame) -> None:
    assert frame["status"].tolist() == ["ok"] * 8, frame["error"].tolist()
    assert (frame["total"] == 50).all()
    assert (frame["accuracy"] > 0.8).all()
    components = frame[[column for column in frame if column.startswith("energy_") and column != "energy_pj"]]
    assert components.sum(axis=1).to_numpy() == pytest.approx(frame["energy_pj"].to_numpy())
    assert (frame["energy_pj"] * 1e-12 / frame["runtime_s"]).to_numpy() == pytest.approx(frame["power_w"].to_numpy())


def test_a_row_is_what_one_simulation_says(frame: pd.DataFrame) -> None:
    network, data = load_network("digits-cnn"), load_data("digits", "test").subset(50)
    calibration = load_data("digits", "calibration")
    assignment = Assignment(LayerFormats.of("pow2<4>", "int8", "int24"))
    machine = parse_machine("8x4-os")
    report = simulate(network, assignment, machine, data.images, data.labels, calibration.images)
    row = frame[(frame["weights"] == "pow2<4>") & (frame["machine"] == "8x4-os")].iloc[0]
    assert row["correct"] == report.numerics.correct
    assert row["cycles"] == report.hardware.cycles
    assert row["energy_pj"] == report.hardware.energy_total_pj
    assert row["weight_bits"] == report.hardware.weight_bits


def test_workers_give_the_same_table(tmp_path: Path, frame: pd.DataFrame) -> None:
    other = sweep(SPACE, tmp_path / "a.sqlite", jobs=2).frame()
    pd.testing.assert_frame_equal(other.drop(columns=VOLATILE), frame.drop(columns=VOLATILE))


def test_the_baseline_is_the_float_network() -> None:
    session = HwsimEngine().open()
    (configuration, *_) = SPACE.configurations(session)
    record = session.baseline(configuration)
    data = load_data("digits", "test").subset(50)
    logits = forward_float(load_network("digits-cnn"), data.images)
    assert unpack_mask(record.mask, 50).tolist() == (logits.argmax(axis=1) == data.labels).tolist()


def test_every_preset_is_a_space_of_formats_that_exist() -> None:
    space = dataclasses.replace(SPACE, grids=preset("default"), machines=("16x16-ws",))
    assert len(space.configurations(HwsimEngine().open())) == 340 + 20 + 20 + 30 + 3 + 12


def test_names_that_do_not_exist_are_reported_together() -> None:
    space = dataclasses.replace(SPACE, machines=("16by16",), tables=("publish45",), grids=(Same(("flaot<3,4>",)),))
    with pytest.raises(SpaceError, match="3 faults") as caught:
        space.configurations(HwsimEngine().open())
    assert "did you mean 'published45'" in str(caught.value)


def test_keys_know_machine_and_table_by_content() -> None:
    session = HwsimEngine().open()
    subject = session.subject("digits-cnn", "test", 50)
    (configuration, *_) = SPACE.configurations(session)
    task = session.task(configuration, subject)
    for change in ({"machine": "16x16-ws@800MHz"}, {"machine": "16x16-ws,nogating"}, {"table": "aladdin45"}):
        other = session.task(dataclasses.replace(configuration, **change), subject)
        assert other.numerics_key == task.numerics_key
        assert other.hardware_key != task.hardware_key
    assert task.table_hash == load_table("published45").sha256


def test_a_format_that_cannot_be_used_is_a_row(tmp_path: Path) -> None:
    grid = Grid(("pow2<4>",), ("mx<e4m3,32>", "int8"), ("int24",))  # no 24-bit integer holds the unit of such products
    rows = sweep(dataclasses.replace(SPACE, grids=(grid,), machines=("16x16-ws",)), tmp_path / "a.sqlite").frame()
    assert rows["status"].tolist() == ["infeasible", "ok"]
    assert "conv1" in rows["error"][0]
