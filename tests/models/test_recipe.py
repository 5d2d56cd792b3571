"""Recipes: schedule, bounds, and that a recipe is data."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import DataError, NetworkError
from models.training.recipe import RECIPES, Augmentation, Recipe, recipe_for, recipe_from
from models.zoo import ZOO


def test_every_recipe_is_for_a_network_of_the_zoo() -> None:
    assert set(RECIPES) == set(ZOO)
    with pytest.raises(NetworkError, match="did you mean 'lenet5'"):
        recipe_for("lenet")


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_json(name: str) -> None:
    card = json.loads(json.dumps(RECIPES[name].to_dict()))
    assert card["epochs"] == RECIPES[name].epochs
    assert card["augmentation"]["shift_px"] == RECIPES[name].augmentation.shift_px


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_card_holds_is_read_back(name: str) -> None:
    assert recipe_from(json.loads(json.dumps(RECIPES[name].to_dict()))) == RECIPES[name]


def test_a_card_of_another_version_names_every_bad_field() -> None:
    card = RECIPES["lenet5"].to_dict() | {"optimiser": "adam", "batch": "128", "reduced": 1, "clip": True}
    card["augmentation"] = {"rotation_degree": 3, "mirror": 0}
    del card["epochs"]
    with pytest.raises(DataError) as caught:
        recipe_from(card)
    message = str(caught.value)
    for words in (
        "7 faults",
        "unknown field 'optimiser'",
        "batch is '128'; needed: int",
        "reduced is 1; needed: bool",
        "clip is True; needed: float",
        "epochs is missing",
        "did you mean 'augmentation.rotation_degrees'",
        "augmentation.mirror is 0; needed: bool",
        "train the network again",
    ):
        assert words in message


@pytest.mark.parametrize(
    ("change", "words"), [({"augmentation": 3}, "augmentation is 3; needed: a table"), ({"epochs": 0}, "epochs is 0")]
)
def test_bounds_hold_for_what_is_read_too(change: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        recipe_from(RECIPES["lenet5"].to_dict() | change)


def test_every_fault_is_listed() -> None:
    with pytest.raises(DataError) as caught:
        Recipe(
            epochs=0,
            batch=0,
            learning_rate=math.nan,
            warmup_epochs=-1,
            momentum=1.0,
            weight_decay=-1,
            averaging=1.0,
            label_smoothing=-0.1,
            validation=-1,
            augmentation=Augmentation(scale=-1),
            threads=0,
        )
    assert "has 11 faults" in str(caught.value) and "epochs is 0; needed: at least 1" in str(caught.value)


@given(st.integers(1, 40), st.integers(1, 50), st.floats(0, 5))
def test_the_rate_rises_then_falls_and_stays_in_bounds(epochs: int, steps: int, warmup: float) -> None:
    recipe = Recipe(epochs=epochs, batch=1, learning_rate=0.1, warmup_epochs=warmup)
    rates = [recipe.rate_at(step, steps) for step in range(epochs * steps)]
    assert all(0 < rate <= 0.1 for rate in rates)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_half_way_is_half_the_rate() -> None:
    recipe = Recipe(epochs=10, batch=1, learning_rate=0.2, warmup_epochs=0)
    assert recipe.rate_at(0, 100) == 0.2
    assert recipe.rate_at(500, 100) == pytest.approx(0.1)
