import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from precision_search.task import (
    Configuration,
    FormatChoice,
    Subject,
    canonical_json,
    content_key,
    hardware_key,
    numerics_key,
)

FORMATS = FormatChoice("w", "a", "c", "p", "b")
CONFIGURATION = Configuration("net", FORMATS, "16x16-ws", "t45", "test", 10, (("conv1", FORMATS),))
SUBJECT = Subject("net", "network-hash", "data", "test", 10, "data-hash", "calibration-hash")
KEY = numerics_key(CONFIGURATION, SUBJECT, "1")
HARDWARE = (KEY, {"rows": 16, "memory": {"size": 1}}, "prices", "1")


@pytest.mark.parametrize("role", ["weights", "acts", "acc", "product", "bias"])
def test_every_format_is_part_of_the_numerics_key(role: str) -> None:
    other = dataclasses.replace(FORMATS, **{role: "other"})
    for changed in (
        dataclasses.replace(CONFIGURATION, formats=other),
        dataclasses.replace(CONFIGURATION, overrides=(("conv1", other),)),
    ):
        assert numerics_key(changed, SUBJECT, "1") != KEY


@pytest.mark.parametrize("overrides", [(), (("conv2", FORMATS),), (("conv1", FORMATS), ("conv2", FORMATS))])
def test_which_layer_is_overridden_is_part_of_the_numerics_key(overrides: Any) -> None:
    assert numerics_key(dataclasses.replace(CONFIGURATION, overrides=overrides), SUBJECT, "1") != KEY


@pytest.mark.parametrize(
    "change", [{"network_hash": "x"}, {"data_hash": "x"}, {"calibration_hash": "x"}, {"images": 11}, {"split": "x"}]
)
def test_all_content_is_part_of_the_numerics_key(change: dict[str, Any]) -> None:
    assert numerics_key(CONFIGURATION, dataclasses.replace(SUBJECT, **change), "1") != KEY


def test_kernels_are_part_of_the_numerics_key() -> None:
    assert numerics_key(CONFIGURATION, SUBJECT, "2") != KEY


def test_names_machine_and_prices_are_not_part_of_the_numerics_key() -> None:
    renamed = dataclasses.replace(SUBJECT, network="other", dataset="other")
    elsewhere = dataclasses.replace(CONFIGURATION, network="file.npz", machine="8x8-os", table="other")
    assert numerics_key(elsewhere, renamed, "1") == KEY


@pytest.mark.parametrize("place", range(4))
def test_everything_is_part_of_the_hardware_key(place: int) -> None:
    changes: tuple[Any, ...] = ("other", {"rows": 16, "memory": {"size": 2}}, "other", "2")
    changed = [*HARDWARE]
    changed[place] = changes[place]
    assert hardware_key(*changed) != hardware_key(*HARDWARE)


@given(st.dictionaries(st.text(max_size=4), st.one_of(st.integers(), st.text(max_size=4)), max_size=6), st.randoms())
def test_keys_do_not_depend_on_dictionary_order(value: dict[str, Any], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert content_key({"nested": dict(items), **dict(items)}) == content_key({**value, "nested": value})  # type: ignore[dict-item]


def test_absent_and_literal_none_differ() -> None:
    product = dataclasses.replace(CONFIGURATION, formats=dataclasses.replace(FORMATS, product="None"))
    absent = dataclasses.replace(CONFIGURATION, formats=dataclasses.replace(FORMATS, product=None))
    assert numerics_key(product, SUBJECT, "1") != numerics_key(absent, SUBJECT, "1")


def test_nan_has_no_key() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"x": float("nan")})
