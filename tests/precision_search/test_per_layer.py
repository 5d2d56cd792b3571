"""Spaces in which every layer chooses for itself."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_engine import FakeEngine

from models import load_data, load_network
from precision_search import Grid, PerLayer, Same, Space, sweep
from precision_search.errors import SpaceError
from precision_search.hwsim_engine import HwsimEngine
from precision_search.per_layer import assignments, per_layer_size
from precision_search.runner import run
from precision_search.spacefile import parse_space
from precision_search.task import FormatChoice
from precision_search.text_table import frontier_text, spelled
from precision_search.translate import assignment

VOCABULARY = FakeEngine().open()
SPACE = Space("s", "net", (PerLayer(Same(("float<1,{1..3}>",))),), ("2x2-ws",), ("t1",))
FIXED = ("fixed<8,4>", "fixed<10,5>")
VOLATILE = ["numerics_wall_s", "hardware_wall_s", "stored_at"]


def choice_of(configuration: object, layer: str) -> FormatChoice:
    return dict(configuration.overrides).get(layer, configuration.formats)  # type: ignore[attr-defined]


def test_every_layer_and_the_input_choose_independently() -> None:
    found = SPACE.configurations(VOCABULARY)
    chosen = {(choice_of(c, "input").acts, choice_of(c, "a").weights, choice_of(c, "b").weights) for c in found}
    formats = [f"float<1,{m}>" for m in (1, 2, 3)]
    assert chosen == set(itertools.product(formats, repeat=3))
    assert len(found) == len(set(found)) == 27
    assert all(choice_of(c, "a") == choice_of(c, "a.sum") for c in found), "a sum left its layer's choice"


def test_one_format_everywhere_is_the_same_configuration_as_without_per_layer() -> None:
    both = replace(SPACE, grids=(*SPACE.grids, Same(("float<1,{1..3}>",))))
    assert both.configurations(VOCABULARY) == SPACE.configurations(VOCABULARY)


def test_neighbours_share_their_first_layers() -> None:
    session = FakeEngine(bundles="yes").open()
    found = SPACE.configurations(session)
    firsts = [(choice_of(c, "input").acts, choice_of(c, "a")) for c in found]
    assert len(list(itertools.groupby(firsts))) == 9


def test_roles_multiply_at_every_layer_and_the_input_chooses_among_activations() -> None:
    grid = Grid(("float<1,{1..2}>",), ("float<2,{1..3}>",), ("float<3,1>",))
    found = replace(SPACE, grids=(PerLayer(grid),)).configurations(VOCABULARY)
    assert len(found) == 3 * 6 * 6


def test_fixed_layers_do_not_choose() -> None:
    keep = FormatChoice("float<9,9>", "float<9,9>", "float<9,9>")
    found = replace(SPACE, overrides=(("b", keep),)).configurations(VOCABULARY)
    assert len(found) == 9
    assert all(choice_of(c, "b") == keep for c in found)


def test_too_many_are_refused_before_they_are_made() -> None:
    with pytest.raises(SpaceError, match="1,728,000,000 configurations; at most 1,000,000"):
        replace(SPACE, grids=(PerLayer(Same(("float<{1..40},{1..30}>",))),)).configurations(VOCABULARY)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_size_is_what_is_made(count: int) -> None:
    choices = [FormatChoice(f"w{i}", f"a{i % 2}", "c") for i in range(count)]
    places = (("input",), ("a", "a.sum"), ("b",))
    found = list(assignments(choices, places))
    assert per_layer_size(choices, places) == len(found) == len(set(found))


def test_a_sweep_file_says_per_layer() -> None:
    space = parse_space('[[grid]]\nall = ["float<1,{1..3}>"]\nper_layer = true\n[[grid]]\nall = "x"\nper_layer = false')
    assert space.grids == (*SPACE.grids, Same(("x",)))
    roles = parse_space('[[grid]]\nweights = "w"\nacts = "a"\nacc = "c"\nper_layer = true')
    assert roles.grids == (PerLayer(Grid(("w",), ("a",), ("c",))),)
    with pytest.raises(SpaceError, match="per_layer = 'yes'; true or false"):
        parse_space('[[grid]]\nall = ["x"]\nper_layer = "yes"')
    with pytest.raises(SpaceError, match="did you mean 'per_layer'"):
        parse_space('[[grid]]\nall = ["x"]\nper_layr = true')


REAL = Space("layers", "digits-cnn", (PerLayer(Same(FIXED)), Grid(("pow2<4>",), ("int8",), ("int24",))), images=60)


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return sweep(REAL, tmp_path_factory.mktemp("layers") / "a.sqlite").frame()


def test_a_sweep_by_layers_is_what_each_simulation_says(frame: pd.DataFrame) -> None:
    from hwsim.network.run import run_numerics

    session = HwsimEngine().open()
    data, calibration = load_data("digits", "test").subset(60), load_data("digits", "calibration")
    assert frame["status"].tolist() == ["ok"] * (2**4 + 1)
    for configuration, (_, row) in zip(REAL.configurations(session), frame.iterrows(), strict=True):
        alone = run_numerics(
            load_network("digits-cnn"), assignment(configuration), data.images, data.labels, calibration.images
        )
        assert row["correct"] == alone.correct, configuration


def test_jobs_and_bundles_change_nothing(tmp_path: Path, frame: pd.DataFrame) -> None:
    other = sweep(REAL, tmp_path / "a.sqlite", jobs=2).frame()
    pd.testing.assert_frame_equal(other.drop(columns=VOLATILE), frame.drop(columns=VOLATILE))


def test_what_is_shared_is_counted(tmp_path: Path) -> None:
    progress = run(REAL, tmp_path / "a.sqlite", HwsimEngine()).progress
    assert progress.macs == 17 * 60 * 84_224
    conv1 = 16 * 8 * 8 * 9
    assert progress.computed_macs < progress.macs - 8 * 60 * conv1
    assert progress.equal == 0


def test_numerically_equal_configurations_of_any_grid_are_computed_once(tmp_path: Path) -> None:
    grids = (
        Same(("fixed<8,4>",)),
        Same(("float<3,4>",)),
        Grid(("int8@2^-4",), ("int8@2^-4",), ("int8@2^-4",), ("int8@2^-4",)),
    )
    result = run(replace(REAL, grids=grids), tmp_path / "a.sqlite", HwsimEngine())
    assert (result.progress.done, result.progress.equal) == (3, 1)
    assert result.progress.computed_macs * 3 == result.progress.macs * 2
    frame = sweep(replace(REAL, grids=grids), tmp_path / "a.sqlite").frame()
    assert frame["correct"][0] == frame["correct"][2]
    assert frame["weights"].tolist() == ["fixed<8,4>", "float<3,4>", "int8@2^-4"]
    assert np.isfinite(frame["energy_pj"]).all()


def test_a_frontier_names_the_layers_that_differ(frame: pd.DataFrame) -> None:
    text = frontier_text(frame, "power_w")
    assert "other layers" in text.splitlines()[0]
    assert len(set(text.splitlines())) == len(frame) + 1, "two configurations read the same"
    assert "other layers" not in frontier_text(frame[frame["overrides"] == "{}"], "power_w")
    assert any(spelled(row).endswith(" + 2 others") for row in frame.to_dict("records"))
