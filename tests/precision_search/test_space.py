from dataclasses import replace

import pytest
from fake_engine import FakeEngine

from precision_search.errors import SpaceError
from precision_search.presets import preset, preset_names
from precision_search.space import Grid, Same, Space
from precision_search.task import FormatChoice

VOCABULARY = FakeEngine().open()
SPACE = Space("s", "net", (Same(("float<{1..2},{1..3}>",)),), ("2x2-ws", "4x4-os"), ("t1",))


def test_a_space_is_the_product_of_formats_machines_and_tables() -> None:
    space = replace(SPACE, tables=("t1", "t2"))
    found = space.configurations(VOCABULARY)
    assert len(found) == len(set(found)) == 6 * 2 * 2


def test_same_means_products_and_sums_too() -> None:
    assert list(Same(("f",)).choices()) == [FormatChoice("f", "f", "f", product="f")]


def test_a_grid_multiplies_every_role() -> None:
    grid = Grid(("w{1,2}",), ("a{1,2,3}",), ("c",), (None, "p"), ("b{1,2}",))
    assert len(set(grid.choices())) == 2 * 3 * 2 * 2
    assert {choice.product for choice in grid.choices()} == {None, "p"}


def test_spellings_of_one_format_are_one_configuration() -> None:
    space = replace(SPACE, grids=(Same(("float<1,2>", "float<1, 2>", " float<1,2> ")),))
    assert len(space.configurations(VOCABULARY)) == 2


def test_every_fault_is_reported_once_and_at_once() -> None:
    space = Space("s", "net", (Same(("flaot<1,2>", "flaot<1,2>")), Same(("x{2..1}",))), ("16-16",), ("p45",), images=0)
    with pytest.raises(SpaceError) as caught:
        space.configurations(VOCABULARY)
    message = str(caught.value)
    for fault in ("flaot<1,2>", "{2..1}", "16-16", "p45", "images = 0"):
        assert message.count(fault) >= 1
    assert message.count("unknown number format 'flaot<1,2>'") == 1


@pytest.mark.parametrize("change", [{"grids": ()}, {"grids": (Same(()),)}, {"machines": ()}, {"tables": ()}])
def test_an_empty_space_is_refused(change: dict[str, tuple[()]]) -> None:
    with pytest.raises(SpaceError, match="no "):
        replace(SPACE, **change).configurations(VOCABULARY)


def test_overrides_do_not_depend_on_their_order() -> None:
    one, two = ("a", FormatChoice("float<1,1>", "float<1,1>", "float<1,1>")), ("b", FormatChoice(*["fixed<4,2>"] * 3))
    first = replace(SPACE, overrides=(one, two)).configurations(VOCABULARY)
    assert first == replace(SPACE, overrides=(two, one)).configurations(VOCABULARY)


def test_hill340_has_184_floats_and_156_fixed_point_formats() -> None:
    names = [choice.weights for grid in preset("hill340") for choice in grid.choices()]
    assert len(set(names)) == 340
    assert sum(name.startswith("float") for name in names) == 184 == 23 * 8
    assert sum(name.startswith("fixed") for name in names) == 156 == 12 * 13
    assert {"float<8,23>", "float<1,1>", "fixed<2,2>", "fixed<25,13>"} <= set(names)


def test_every_preset_can_be_had_and_default_holds_the_others() -> None:
    every = {choice for name in preset_names() for grid in preset(name) for choice in grid.choices()}
    assert every == {choice for grid in preset("default") for choice in grid.choices()}
    with pytest.raises(SpaceError, match="did you mean 'hill340'"):
        preset("hill34")
