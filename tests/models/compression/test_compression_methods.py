"""Methods by name: found, described, and refused with every fault at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from types import ModuleType
from typing import ClassVar, Literal

import pytest

from hwsim.network import Network
from models.compression.errors import CompressionError
from models.compression.listing import method_text, methods_text, studies_text
from models.compression.methods import METHODS, make_step, method_options, method_summary, step_class
from models.compression.options import attribute_texts, describe_options, read_options
from models.compression.step import Step, Training, Work
from models.compression.studies import Study, study

FAKES = {"scale": "fake_steps:Scale"}


@dataclass(frozen=True)
class Scale(Step):
    """Multiply the weights.

    Attributes:
        factor: By what,
            written over two lines.
        layers: Pairs of a layer and its own factor.
        mode: How.
        loud: Whether it says so.
        training: Afterwards.
    """

    method: ClassVar[str] = "scale"

    factor: float
    layers: tuple[tuple[str, float], ...] = ()
    mode: Literal["a", "b"] = "a"
    loud: bool = False
    training: Training = Training(epochs=3)

    def __post_init__(self) -> None:
        if self.factor <= 0:
            raise CompressionError(f"factor is {self.factor}; needed: above 0")

    def apply(self, network: Network, work: Work) -> Network:
        return network


@pytest.fixture(autouse=True)
def fakes() -> Iterator[None]:
    module = ModuleType("fake_steps")
    module.Scale = Scale  # type: ignore[attr-defined]
    sys.modules["fake_steps"] = module
    yield
    del sys.modules["fake_steps"]


def test_options_are_read_with_their_types() -> None:
    table = {"factor": 2, "layers": [["conv1", 1]], "mode": "b", "loud": True, "training": {"learning_rate": 1}}
    step = make_step("scale", table, FAKES)
    assert step == Scale(2.0, (("conv1", 1.0),), "b", True, Training(epochs=3, learning_rate=1.0))
    assert isinstance(step.factor, float)  # type: ignore[attr-defined]


def test_a_nested_table_without_some_options_has_the_defaults_of_its_own_class() -> None:
    assert Scale(1.0).training.epochs == 3
    assert make_step("scale", {"factor": 1.0, "training": {"seed": 2}}, FAKES).training == Training(epochs=3, seed=2)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("table", "faults"),
    [
        ({}, ["option 'factor' has no default and must be given"]),
        ({"factor": "2"}, ["factor = '2': float is needed"]),
        ({"factor": True}, ["factor = True: float is needed"]),
        ({"factor": 1.0, "loud": 1}, ["loud = 1: bool is needed"]),
        ({"factor": 1.0, "mode": "c"}, ["mode = 'c': 'a' | 'b' is needed"]),
        ({"factor": 1.0, "layers": 3}, ["layers = 3: a list of [str, float] is needed"]),
        ({"factor": 1.0, "layers": [["conv1"]]}, ["layers = ['conv1']: 2 values are needed"]),
        ({"factor": 1.0, "layers": [["conv1", "x"]]}, ["layers = 'x': float is needed"]),
        ({"factor": 1.0, "training": 3}, ["training = 3: a table of options is needed"]),
        ({"factor": -1.0}, ["factor is -1.0; needed: above 0"]),
        (
            {"facter": 1.0, "loud": "yes", "training": {"epochs": 1.5, "epoch": 1}},
            [
                "unknown option 'facter': did you mean 'factor'",
                "loud = 'yes': bool is needed",
                "training: epochs = 1.5: int is needed",
                "training: unknown option 'epoch': did you mean 'epochs'?",
                "option 'factor' has no default",
            ],
        ),
    ],
)
def test_every_fault_is_named_at_once(table: dict[str, object], faults: list[str]) -> None:
    with pytest.raises(CompressionError) as raised:
        make_step("scale", table, FAKES)
    for fault in faults:
        assert fault in str(raised.value)


def test_unknown_methods_and_studies_name_the_nearest() -> None:
    with pytest.raises(CompressionError, match="unknown method 'prun': did you mean 'prune'"):
        step_class("prun")
    with pytest.raises(CompressionError, match="unknown study 'hesian': did you mean 'hessian'"):
        study("hesian", {"hessian": Study("nowhere", "why?")})


def test_the_default_of_a_nested_option_is_that_of_the_method() -> None:
    shown = {option.name: option for option in describe_options(Scale)}
    assert shown["training.epochs"].default == 3
    assert shown["factor"].required
    assert not shown["loud"].required
    assert shown["factor"].meaning == "By what, written over two lines."
    assert attribute_texts(Training)["seed"] == "Of the order and the augmentation."


def test_listings_say_what_a_method_takes() -> None:
    text = method_text("scale", FAKES)
    assert "factor (float, must be given): By what, written over two lines." in text
    assert "mode ('a' | 'b', default \"a\"): How." in text
    assert "training: epochs = 3, learning_rate = 0.01" in text
    assert methods_text(FAKES).startswith("scale  Multiply the weights.")
    assert studies_text().startswith("study")


@pytest.mark.parametrize("name", METHODS)
def test_every_method_exists_and_every_option_is_explained(name: str) -> None:
    cls = step_class(name)
    assert cls.method == name
    assert method_summary(name)
    assert len(fields(cls)) <= len(method_options(name))  # type: ignore[arg-type]
    silent = [option.name for option in method_options(name) if not option.meaning]
    assert not silent
    required = [option for option in method_options(name) if option.required]
    if not required:
        step, faults = read_options(cls, {}, name)
        assert step is not None or faults  # a method may want a choice among its options
