from pathlib import Path

import pytest

from precision_search.errors import SpaceError
from precision_search.space import Grid, Same
from precision_search.spacefile import load_space, parse_space
from precision_search.task import FormatChoice

FULL = """
name = "study"
network = "nets/mine.npz"
split = "calibration"
images = 500
machines = ["16x16-ws", "8x8-os"]
tables = "published45"
presets = ["pow2"]

[[grid]]
weights = ["pow2<{4..5}>"]
acts = ["fixed<8,4>"]
acc = ["fixed<24,12>"]
product = ["exact", "fixed<16,8>"]

[[grid]]
all = ["float<6,7>"]

[overrides."conv1"]
weights = "fixed<8,2>"
acts = "fixed<8,4>"
acc = "fixed<24,12>"
"""


def test_every_key_arrives() -> None:
    space = parse_space(FULL, Path("folder/sweep.toml"))
    assert (space.name, space.network, space.split, space.images) == (
        "study",
        "folder/nets/mine.npz",
        "calibration",
        500,
    )
    assert space.machines == ("16x16-ws", "8x8-os")
    assert space.tables == ("published45",)
    assert space.grids[1:] == (
        Grid(("pow2<{4..5}>",), ("fixed<8,4>",), ("fixed<24,12>",), (None, "fixed<16,8>")),
        Same(("float<6,7>",)),
    )
    assert space.overrides == (("conv1", FormatChoice("fixed<8,2>", "fixed<8,4>", "fixed<24,12>")),)


def test_a_short_file_has_defaults() -> None:
    space = parse_space("presets = ['pow2']", Path("x/tiny.toml"))
    assert (space.name, space.network, space.split, space.images) == ("tiny", "digits-cnn", "test", None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("machine = ['a']", ["unknown key 'machine' in the file; did you mean 'machines'"]),
        (
            "[[grid]]\nweight = ['a']\nall = ['b']",
            ["unknown key 'weight' in [[grid]] number 1; did you mean 'weights'"],
        ),
        ("[[grid]]\nweights = ['a']", ["lacks acts, acc"]),
        ("[[grid]]\nall = ['a']\nacc = ['b']", ["'all' beside other roles"]),
        ("[grid]\nall = ['a']", ["two pairs of brackets"]),
        (
            "images = 'ten'\nnetwork = 5\nmachines = [1]",
            ["images = 'ten'", "network = 5", "machines = [1]", "3 faults"],
        ),
        ("images = true", ["images = True"]),
        ("presets = ['hil340']", ["did you mean 'hill340'"]),
        ("overrides = 3", ["[overrides.LAYER]"]),
        ("[overrides]\nconv1 = 'fp16'", ["[overrides.conv1] must be a table"]),
        ("[overrides.conv1]\nweigths = 'fp16'", ["did you mean 'weights'", "lacks weights, acts, acc"]),
        ("network = ", ["is not TOML"]),
    ],
)
def test_faults_are_named(text: str, words: list[str]) -> None:
    with pytest.raises(SpaceError) as caught:
        parse_space(text)
    for word in words:
        assert word in str(caught.value)


def test_unreadable_files_are_space_errors(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="cannot be read"):
        load_space(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpaceError, match="cannot be read"):
        load_space(tmp_path / "bytes.toml")
