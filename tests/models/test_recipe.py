"""Recipes: schedule, bounds, and that a recipe is data."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import DataError, NetworkError
from models.training.recipe import RECIPES, Augmentation, Recipe, recipe_for
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
