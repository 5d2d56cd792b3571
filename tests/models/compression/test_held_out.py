"""Images that are held out of a run and were not held out of the training before it are said to be seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models import load_network
from models.compression.held_out import seen_before


@pytest.mark.parametrize(
    ("name", "hold_out", "seen"),
    [
        ("lenet5", 0, 0),
        ("lenet5", 4000, 0),
        ("lenet5", 5000, 0),
        ("lenet5", 5001, 1),
        ("lenet300", 6000, 1000),
        ("resnet20", 5000, 5000),
    ],
)
def test_what_the_network_has_seen_is_counted(name: str, hold_out: int, seen: int) -> None:
    line = seen_before(load_network(name), hold_out)
    assert (f"{name} was trained on {seen} of the {hold_out} images" in line) if seen else line == ""


def test_a_card_without_a_recipe_leaves_it_open() -> None:
    network = load_network("lenet5")
    plain = replace(network, metadata={key: value for key, value in network.metadata.items() if key != "recipe"})
    assert "has no recipe: whether it was trained on the 10 images" in seen_before(plain, 10)
    assert seen_before(plain, 0) == ""
