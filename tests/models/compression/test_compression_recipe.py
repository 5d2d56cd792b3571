"""Recipes: read, refused with every fault at once, and written so that they read back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.compression.errors import CompressionError
from models.compression.methods import make_step
from models.compression.recipe import ArraySettings, CompressionRecipe, load_recipe, parse_recipe, shipped_recipes
from models.compression.toml_text import recipe_text
from models.registry import NETWORKS

TEXT = """
network = "digits-cnn"
description = "small"
coder = "huffman"

[[step]]
method = "prune"
keep = 0.5
layers = [["conv1", 1]]
[step.training]
epochs = 1

[[step]]
method = "pow2"
bits = 3

[array]
table = "published45"
"""


def test_steps_come_in_order_with_their_options() -> None:
    recipe = parse_recipe(TEXT, "small")
    assert (recipe.name, recipe.network, recipe.coder, recipe.text) == ("small", "digits-cnn", "huffman", TEXT)
    assert [step.method for step in recipe.steps] == ["prune", "pow2"]
    assert recipe.steps[0].options()["training"]["epochs"] == 1
    assert recipe.steps[1] == make_step("pow2", {"bits": 3})
    assert recipe.array == ArraySettings(table="published45")


def test_every_fault_is_named_at_once() -> None:
    text = """
    netwrk = "x"
    description = 3
    coder = "zip"
    [[step]]
    method = "prun"
    [[step]]
    keep = 1
    [[step]]
    method = "pow2"
    bits = 9
    [step.training]
    epoch = 1
    [array]
    machin = "edge"
    """
    with pytest.raises(CompressionError) as raised:
        parse_recipe(text, "bad")
    for fault in (
        "recipe 'bad' has",
        "unknown key 'netwrk': did you mean 'network'",
        "description = 3: a string is needed",
        "unknown coder 'zip'. Known: arithmetic, fixed, huffman",
        "names no network",
        "step 1: unknown method 'prun': did you mean 'prune'",
        "step 2: it names no method",
        "step 3 (pow2): training: unknown option 'epoch': did you mean 'epochs'",
        "[array]: unknown option 'machin': did you mean 'machine'",
    ):
        assert fault in str(raised.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("network = ", "is not TOML"),
        ('network = "x"', "it has no steps"),
        ('network = "x"\nstep = 3', "it has no steps"),
        ('network = "x"\narray = 3\n[[step]]\nmethod = "pow2"', "a table is needed"),
        ('network = "x"\n[[step]]\nmethod = "pow2"\nbits = 9', "bits is 9"),
    ],
)
def test_what_is_no_recipe_says_why(text: str, fault: str) -> None:
    with pytest.raises(CompressionError, match=fault):
        parse_recipe(text)


def test_files_are_read_by_path_and_networks_beside_them(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TEXT.replace('"digits-cnn"', '"net.npz"'))
    recipe = load_recipe(str(path))
    assert recipe.name == "mine"
    assert recipe.network == str(tmp_path / "net.npz")
    with pytest.raises(CompressionError, match="cannot be read"):
        load_recipe(str(tmp_path / "none.toml"))
    with pytest.raises(CompressionError, match="unknown recipe 'nothing'.*or the path of a .toml file"):
        load_recipe("nothing")


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_reads_and_has_a_network(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.network in NETWORKS
    assert recipe.description


@given(
    keep=st.floats(0.001, 1.0),
    epochs=st.integers(0, 9),
    bits=st.integers(2, 6),
    words=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20),
)
def test_a_recipe_as_text_reads_back(keep: float, epochs: int, bits: int, words: str) -> None:
    steps = (
        make_step("prune", {"keep": keep, "training": {"epochs": epochs}, "layers": [["conv1", keep]]}),
        make_step("pow2", {"bits": bits}),
    )
    recipe = CompressionRecipe("mine", "digits-cnn", steps, words, coder="huffman", array=ArraySettings(acts="int4"))
    assert parse_recipe(recipe_text(recipe), "other") == recipe
