"""What a training sets in torch and in the environment, and that it leaves nothing behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsim.errors import DataError
from models.data import load_data
from models.training import settings, step
from models.training.checkpoint import training_key
from models.training.hooks import Hook
from models.training.loop import Fit, fit
from models.training.recipe import Recipe
from models.training.settings import torch_settings, training_device
from models.zoo import ZOO

torch = pytest.importorskip("torch")

RECIPE = Recipe(epochs=1, batch=50, learning_rate=0.02, averaging=0.0, threads=1, reduced=True)
DATA = load_data("digits", "train").subset(100)
CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


def modes() -> tuple[Any, ...]:
    return (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cudnn.benchmark,
        torch.get_float32_matmul_precision(),
    )


@pytest.fixture
def caller() -> Iterator[tuple[Any, ...]]:
    """Modes that a caller has set, none of them those of a training; the test's own are put back."""
    before = modes()
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("medium")
    yield modes()
    torch.set_num_threads(before[0])
    torch.use_deterministic_algorithms(before[1], warn_only=before[2])
    torch.backends.cudnn.benchmark = before[5]
    torch.set_float32_matmul_precision(before[6])


def trained(*hooks: Hook, recipe: Recipe = RECIPE) -> Fit:
    return fit(ZOO["digits-cnn"](1), DATA, recipe, hooks=hooks)


class Modes(Hook):
    def begin(self, weights: Any) -> None:
        self.seen_modes = modes()


def test_a_training_has_its_modes_and_puts_those_of_the_caller_back(caller: tuple[Any, ...]) -> None:
    hook = Modes()
    trained(hook)
    assert hook.seen_modes == (1, True, False, False, False, False, "highest")
    assert modes() == caller


def test_so_it_does_when_it_fails(caller: tuple[Any, ...]) -> None:
    with pytest.raises(DataError):
        trained(recipe=replace(RECIPE, batch=101))
    with pytest.raises(KeyError), torch_settings(1):
        raise KeyError
    assert modes() == caller


def test_without_torch_there_is_nothing_to_set(monkeypatch: pytest.MonkeyPatch, caller: tuple[Any, ...]) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    with torch_settings(1):
        assert modes() == caller


def test_the_variable_of_cublas_is_set_for_a_gpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CUBLAS, "")
    monkeypatch.delenv(CUBLAS)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert training_device(reduced=True).type == "cpu" and CUBLAS not in os.environ
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert training_device(reduced=False).type == "cpu" and CUBLAS not in os.environ
    assert training_device(reduced=True).type == "cuda" and os.environ[CUBLAS] == ":4096:8"
    monkeypatch.setenv(CUBLAS, ":16:8")
    assert training_device(reduced=True).type == "cuda" and os.environ[CUBLAS] == ":16:8"


def test_a_checkpoint_is_of_one_kind_of_device() -> None:
    network = ZOO["digits-cnn"](1)
    assert training_key(network, DATA, RECIPE) == training_key(network, DATA, RECIPE, "cpu")
    assert training_key(network, DATA, RECIPE) != training_key(network, DATA, RECIPE, "cuda")


class Look(Hook):
    def view(self, name: str, value: Any) -> Any:
        assert value.dtype == torch.float32
        return value


def test_where_a_hook_rounds_activations_nothing_has_rounded_them_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """bfloat16 for plain trainings, float32 for those with views, whatever the processor has."""

    def tensors(has: bool, *hooks: Hook) -> np.ndarray[Any, Any]:
        monkeypatch.setattr(step, "has_bfloat16", lambda device: has)
        return trained(*hooks).tensors["conv2.weight"]

    exact = tensors(False)
    assert (tensors(True) != exact).any()
    np.testing.assert_array_equal(tensors(True, Look()), exact)
