"""A run that is stopped between two steps goes on to the same bits, and says what it does not know."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from hwsim.errors import DataError, MissingExtraError
from hwsim.network import Network, fold, save_network
from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.run import compress, state_files
from models.compression.step import Step, Training, Work, recorded
from models.compression.weights import flat_weights, split_flat, with_tensors
from models.provenance import code_and_packages
from models.training.recipe import RECIPES, Recipe

WORK = Work(load_data("digits", "train"), threads=1)


class Stopped(Exception):
    pass


@dataclass(frozen=True)
class Shake(Step):
    """Move every weight by a number that depends on the order of the weights.

    Attributes:
        seed: Of the numbers.
    """

    method: ClassVar[str] = "shake"
    calls: ClassVar[list[int]] = []
    stop_at: ClassVar[list[int]] = []

    seed: int = 1

    def apply(self, network: Network, work: Work) -> Network:
        Shake.calls.append(self.seed)
        if self.seed in Shake.stop_at:
            raise Stopped
        weights = flat_weights(network)
        moved = weights + np.random.default_rng(self.seed).normal(size=weights.size) * 1e-3
        work.report(f"    shaken by {self.seed}")
        return recorded(with_tensors(network, split_flat(moved, network)), self, {"pair": (1, 2)})


@pytest.fixture(autouse=True)
def fresh() -> None:
    Shake.calls.clear()
    Shake.stop_at.clear()


STEPS = (Shake(1), Shake(2), Shake(3))


@pytest.mark.parametrize("stopped", [2, 3])
def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path: Path, stopped: int) -> None:
    network = load_network("digits-cnn")
    whole = compress(network, STEPS, WORK)
    output = tmp_path / "net.npz"
    Shake.stop_at.append(stopped)
    with pytest.raises(Stopped):
        compress(network, STEPS, WORK, output)
    assert state_files(output) == (tmp_path / f"net.step{stopped - 1}.npz",)
    Shake.stop_at.clear()
    Shake.calls.clear()
    done = compress(network, STEPS, WORK, output)
    assert Shake.calls == [step.seed for step in STEPS[stopped - 1 :]]
    assert done.network == whole.network
    assert dict(done.network.metadata) == dict(whole.network.metadata)
    for name, tensor in whole.network.tensors.items():
        assert tensor.tobytes() == done.network.tensors[name].tobytes()
    assert state_files(output) == ()
    assert any("shaken by 1" in line for line in done.log)
    (went_on,) = (place for place, line in enumerate(done.log) if f"went on after step {stopped - 1}" in line)
    for place in (0, went_on + 1):
        assert f"code {code_and_packages()['code']}" in done.log[place]


def test_the_card_lists_the_steps(tmp_path: Path) -> None:
    done = compress(load_network("digits-cnn"), STEPS[:2], WORK)
    entries = done.network.metadata["compression"]
    assert [entry["options"] for entry in entries] == [{"seed": 1}, {"seed": 2}]
    assert entries[0]["facts"] == {"pair": [1, 2]}
    save_network(done.network, tmp_path / "x.npz")
    assert load_network(str(tmp_path / "x.npz")).metadata == done.network.metadata


@pytest.mark.parametrize(
    "change",
    [
        lambda network, work: (network, work, (Shake(9), *STEPS[1:])),
        lambda network, work: (network, replace(work, threads=2), STEPS),
        lambda network, work: (network, replace(work, train=work.train.subset(9)), STEPS),
        lambda network, work: (with_tensors(network, {"conv1.bias": np.ones(16)}), work, STEPS),
        lambda network, work: (replace(network, metadata={**network.metadata, "recipe": {}}), work, STEPS),
    ],
)
def test_the_state_of_another_run_is_refused(tmp_path: Path, change: object) -> None:
    network, output = fold(load_network("digits-cnn")), tmp_path / "net.npz"
    Shake.stop_at.append(2)
    with pytest.raises(Stopped):
        compress(network, STEPS, WORK, output)
    other, work, steps = change(network, WORK)  # type: ignore[operator]
    with pytest.raises(CompressionError, match="is of another run .*: delete it and start again"):
        compress(other, steps, work, output)


def kept_as(network: Network, folder: Path) -> str:
    """Name of the file that is kept of the network after its first step."""
    compress(network, STEPS[:1], WORK, kept=folder)
    (path,) = folder.iterdir()
    return path.stem


def key(network: Network, **more: object) -> str:
    """The same name, of all that it is a hash of; files of earlier versions are found by it."""
    card, images = dict(network.metadata), WORK.train.sha256
    start = {"card": card, "data": images, "network": network.content_hash, "threads": 1, **more}
    text = json.dumps([start, [["shake", {"seed": 1}]]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def test_kept_steps_are_named_after_all_that_led_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = fold(load_network("digits-cnn"))
    assert kept_as(own, tmp_path / "own") == key(own)
    bare = replace(own, metadata={"dataset": "digits"})
    assert kept_as(bare, tmp_path / "bare") == key(bare, recipe=asdict(RECIPES["digits-cnn"]))
    other = replace(bare, name="mine")
    assert kept_as(other, tmp_path / "other") == key(other, recipe=asdict(Recipe(1, 64, 0.01)))
    cuda = SimpleNamespace(is_available=lambda: True, get_device_name=lambda: "Card 9")
    monkeypatch.setattr("models.compression.run.torch_settings", nullcontext)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert kept_as(own, tmp_path / "gpu") == key(own), "what a GPU has trained is found where there is none"
    newer = type("Newer", (Shake,), {"version": 2})()
    compress(own, (newer,), WORK, kept=tmp_path / "newer")
    assert not (tmp_path / "newer" / f"{key(own)}.npz").exists(), "what an earlier version made is not gone on from"
    monkeypatch.undo()


@dataclass(frozen=True)
class Trained(Shake):
    """Says that it trains.

    Attributes:
        training: How.
    """

    method: ClassVar[str] = "trained"

    training: Training = Training(epochs=1)


def test_a_gpu_is_named_where_it_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = SimpleNamespace(is_available=lambda: True, get_device_name=lambda: "Card 9")
    monkeypatch.setattr("models.compression.run.torch_settings", nullcontext)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    whole = fold(load_network("digits-cnn"))
    short = replace(whole, metadata={**whole.metadata, "recipe": asdict(replace(RECIPES["digits-cnn"], reduced=True))})
    steps = (Shake(), Trained(), Trained(training=Training()))
    for network, found in ((whole, [None] * 3), (short, [None, "Card 9", None])):
        done = compress(network, steps, WORK, kept=tmp_path / str(found[1]))
        assert [step["made"].get("accelerator") for step in done.network.metadata["compression"]] == found
    monkeypatch.undo()
    again = compress(short, steps, WORK, kept=tmp_path / "Card 9")
    assert any(re.search(r"step 2, trained, .*accelerator Card 9 \(now none\)", line) for line in again.log)


def test_steps_of_code_in_no_commit_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, facts = fold(load_network("digits-cnn")), {**code_and_packages(), "code": "0.1.0+g1-dirty"}
    monkeypatch.setattr("models.compression.run.code_and_packages", lambda: facts)
    compress(own, STEPS[:1], WORK, kept=tmp_path)
    again = compress(own, STEPS[:2], WORK, kept=tmp_path)
    assert any("step 1, shake, was made by code 0.1.0+g1-dirty (now 0.1.0+g1-dirty)" in line for line in again.log)


def test_a_changed_last_step_goes_on_from_what_is_the_same(tmp_path: Path) -> None:
    network, output = load_network("digits-cnn"), tmp_path / "net.npz"
    Shake.stop_at.append(3)
    with pytest.raises(Stopped):
        compress(network, STEPS, WORK, output)
    Shake.stop_at.clear()
    done = compress(network, (*STEPS[:2], Shake(4)), WORK, output)
    assert done.network == compress(network, (*STEPS[:2], Shake(4)), WORK).network


def test_the_log_names_changed_options_only() -> None:
    done = compress(load_network("digits-cnn"), (Shake(), Shake(5)), WORK)
    assert any(line.endswith("step 1 of 2: shake") for line in done.log)
    assert any(line.endswith("step 2 of 2: shake seed=5") for line in done.log)


def test_recipes_that_begin_alike_share_their_steps(tmp_path: Path) -> None:
    network, kept = load_network("digits-cnn"), tmp_path / "steps"
    first = compress(network, STEPS, WORK, tmp_path / "a.npz", kept)
    Shake.calls.clear()
    other = compress(network, (*STEPS[:2], Shake(7)), WORK, tmp_path / "b.npz", kept)
    assert Shake.calls == [7]
    assert other.network == compress(network, (*STEPS[:2], Shake(7)), WORK).network
    Shake.calls.clear()
    assert compress(network, STEPS, WORK, kept=kept).network == first.network
    assert not Shake.calls
    assert len(list(kept.iterdir())) == 4
    assert not state_files(tmp_path / "a.npz")


def test_the_card_says_which_code_made_each_step_and_the_log_when_it_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, kept = load_network("digits-cnn"), tmp_path / "steps"
    now = code_and_packages()
    old = {**now, "code": "0.0.1+gold"}
    monkeypatch.setattr("models.compression.run.code_and_packages", lambda: old)
    compress(network, STEPS[:1], WORK, kept=kept)
    monkeypatch.setattr("models.compression.run.code_and_packages", lambda: now)
    done = compress(network, STEPS[:2], WORK, kept=kept)
    assert [entry["made"]["code"] for entry in done.network.metadata["compression"]] == ["0.0.1+gold", now["code"]]
    assert any(f"step 1, shake, was made by code 0.0.1+gold (now {now['code']})" in line for line in done.log)
    assert not any("was made by" in line for line in compress(network, STEPS[:2], WORK).log)


def test_changes_that_are_in_no_commit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "models.compression.run.code_and_packages", lambda: {**code_and_packages(), "code": "1+gabc-dirty"}
    )
    assert (
        "1+gabc-dirty, with changes that are in no commit" in compress(load_network("digits-cnn"), STEPS, WORK).log[0]
    )


def test_a_step_that_leaves_no_entry_is_refused() -> None:
    class Silent(Shake):
        def apply(self, network: Network, work: Work) -> Network:
            return network

    with pytest.raises(CompressionError, match="left no entry"):
        compress(load_network("digits-cnn"), (Silent(),), WORK)


def test_a_network_without_a_recipe_says_what_it_is_retrained_by() -> None:
    pytest.importorskip("torch")
    network = fold(load_network("digits-cnn"))
    lines: list[str] = []
    work = replace(WORK, report=lines.append, train=WORK.train.subset(64))
    work.retrain(replace(network, metadata={}, name="mine"), Training(epochs=1))
    assert "no training recipe; the rest comes from a plain one" in lines[0]
    lines.clear()
    work.retrain(network, Training(epochs=1))
    assert "epoch 1" in lines[0]
    with pytest.raises(DataError, match="newfield"):
        work.retrain(replace(network, metadata={"recipe": {"newfield": 1}}), Training(epochs=1))


def test_steps_run_with_the_threads_of_the_work() -> None:
    torch = pytest.importorskip("torch")
    seen: list[int] = []

    class Counting(Shake):
        def apply(self, network: Network, work: Work) -> Network:
            seen.append(torch.get_num_threads())
            return super().apply(network, work)

    before = torch.get_num_threads()
    compress(load_network("digits-cnn"), (Counting(),), replace(WORK, threads=before + 1))
    assert seen == [before + 1]
    assert torch.get_num_threads() == before


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.training.loop.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="train"):
        WORK.retrain(fold(load_network("digits-cnn")), Training(epochs=1))
