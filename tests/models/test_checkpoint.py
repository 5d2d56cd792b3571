"""A training that was stopped goes on to the same bits; a checkpoint of another one, or a damaged one, is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsim.errors import DataError
from hwsim.network import Activation, BatchNorm, Conv2d, Flatten, Layer, Linear, Network, Relu
from models import cli, load_data
from models.data import Dataset
from models.training.checkpoint import Epoch, Progress, load_progress, save_progress, training_key
from models.training.hooks import Hook
from models.training.loop import Fit, fit
from models.training.recipe import Augmentation, Recipe
from models.zoo import ZOO
from models.zoo.initial import initial_tensors

pytest.importorskip("torch")

LAYERS = (
    Layer("conv", Conv2d(4, (3, 3), bias=False), ("input",)),
    Layer("bn", BatchNorm(), ("conv",)),
    Layer("relu", Relu(), ("bn",)),
    Layer("flat", Flatten(), ("relu",)),
    Layer("hidden", Linear(8, activation=Activation.RELU), ("flat",)),
    Layer("out", Linear(10), ("hidden",)),
)
NETWORK = Network("small", (1, 8, 8), LAYERS, initial_tensors((1, 8, 8), LAYERS, 1), {"dataset": "digits"})
RECIPE = Recipe(
    epochs=3,
    batch=32,
    learning_rate=0.05,
    averaging=0.9,
    validation=50,
    augmentation=Augmentation(rotation_degrees=5, crop_px=1, mirror=True),
    threads=1,
)


class Stop(Exception):
    """The power cut."""


def data(count: int = 200) -> Dataset:
    return load_data("digits", "train").subset(count)


def stopped_after(epochs: int, recipe: Recipe, path: Path) -> None:
    def stop(epoch: Epoch) -> None:
        if epoch.epoch == epochs:
            raise Stop

    with pytest.raises(Stop):
        fit(NETWORK, data(), recipe, stop, checkpoint=path)


def assert_same(one: Fit, other: Fit) -> None:
    assert one.curve == other.curve and one.kept_epoch == other.kept_epoch
    assert one.tensors.keys() == other.tensors.keys()
    for name, tensor in one.tensors.items():
        assert tensor.tobytes() == other.tensors[name].tobytes(), name


@pytest.mark.parametrize(
    "recipe",
    [RECIPE, replace(RECIPE, reduced=True), replace(RECIPE, momentum=0.0, averaging=0.0, validation=0)],
    ids=["whole", "reduced", "plain"],
)
@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_stopped_and_resumed_gives_the_same_bits(recipe: Recipe, epochs: int, tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    stopped_after(epochs, recipe, path)
    seen: list[Epoch] = []
    resumed = fit(NETWORK, data(), recipe, seen.append, checkpoint=path)
    assert_same(resumed, fit(NETWORK, data(), recipe))
    assert tuple(seen) == resumed.curve and [epoch.epoch for epoch in seen] == [1, 2, 3]


def test_stopped_twice_in_a_row(tmp_path: Path) -> None:
    for epochs in (1, 2):
        stopped_after(epochs, RECIPE, tmp_path / "t.npz")
    assert_same(fit(NETWORK, data(), RECIPE, checkpoint=tmp_path / "t.npz"), fit(NETWORK, data(), RECIPE))


def test_a_checkpoint_changes_nothing_and_holds_no_pickle(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    assert_same(fit(NETWORK, data(), RECIPE, checkpoint=path), fit(NETWORK, data(), RECIPE))
    with np.load(path, allow_pickle=False) as archive:
        assert {archive[name].dtype.str for name in archive.files} == {"<f4", "|u1"}
    assert [p.name for p in tmp_path.iterdir()] == ["t.npz"]


OTHERS = {
    "recipe": (NETWORK, data(), replace(RECIPE, seed=2)),
    "epochs": (NETWORK, data(), replace(RECIPE, epochs=4)),
    "data": (NETWORK, data(201), RECIPE),
    "network": (ZOO["digits-cnn"](1), data(), RECIPE),
    "weights": (replace(NETWORK, tensors=initial_tensors((1, 8, 8), LAYERS, 2)), data(), RECIPE),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_checkpoint_of_another_training_is_refused(other: tuple[Network, Dataset, Recipe], tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    stopped_after(1, RECIPE, path)
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"t\.npz is of another training .*: delete it or name another"):
        fit(*other, checkpoint=path)
    assert path.read_bytes() == before


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    stopped_after(1, RECIPE, path)
    good, key = path.read_bytes(), training_key(NETWORK, data(), RECIPE)
    assert load_progress(path, key) is not None
    damaged = [b"", b"text", good[:-1], good[: len(good) // 2], good + b"x"]
    for place in np.random.default_rng(1).integers(0, len(good), 60):
        damaged.append(good[:place] + bytes([good[place] ^ 0x41]) + good[place + 1 :])
    refused = 0
    for content in damaged:
        path.write_bytes(content)
        try:
            read = load_progress(path, key)
        except DataError as error:
            refused += 1
            assert "t.npz is no stored training" in str(error) and "delete it" in str(error)
        else:  # some bytes of a zip mean nothing
            assert read is not None and read.curve[0].epoch == 1
    assert refused > 50


@pytest.mark.parametrize("missing", ["training.json", "state/random", "state/weights/hidden.weight", "kept/out.bias"])
def test_a_file_without_one_of_its_parts_is_refused(missing: str, tmp_path: Path) -> None:
    from hwsim.network.archive import open_archive, write_archive

    path = tmp_path / "t.npz"
    stopped_after(1, RECIPE, path)
    with open_archive(path, 1 << 30) as archive:
        arrays = {name: archive.read(name) for name in archive.entries if name != missing}
    write_archive(path, arrays)
    with pytest.raises(DataError, match="is no stored training.*delete it"):
        fit(NETWORK, data(), RECIPE, checkpoint=path)


def test_progress_round_trips(tmp_path: Path) -> None:
    curve = (Epoch(1, 0.1, 2.302585092994046, 7, 50), Epoch(2, 1 / 3, 1e-17, 0, 0))
    kept, state = {"a.weight": np.float32([[1, -0.0], [np.pi, 1e-40]])}, {"random": np.uint8([1, 2, 255])}
    save_progress(tmp_path / "t.npz", "key", Progress(curve, 7, 1, kept), state)
    read = load_progress(tmp_path / "t.npz", "key")
    assert read is not None and (read.curve, read.best, read.kept_epoch) == (curve, 7, 1)
    assert read.kept["a.weight"].tobytes() == kept["a.weight"].tobytes()
    np.testing.assert_array_equal(read.state["random"], state["random"])
    assert load_progress(tmp_path / "absent.npz", "key") is None


def test_an_unwritable_place_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the training cannot be stored: cannot write"):
        save_progress(tmp_path / "absent" / "t.npz", "key", Progress((), -1, 0, {}), {})


def test_hooks_and_a_checkpoint_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="hooks keeps no checkpoint"):
        fit(NETWORK, data(), RECIPE, hooks=(Hook(),), checkpoint=tmp_path / "t.npz")


def test_the_command_goes_on_after_an_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in epoch 2; the same words again end with the file of a training that was never stopped."""
    monkeypatch.chdir(tmp_path)
    words = ["train", "digits-cnn", "--epochs", "2", "--validation", "98", "--output"]
    assert cli.main([*words, "whole.npz"]) == 0

    def interrupted(line: str) -> None:
        if "epoch 1" in line:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cli, "_say", interrupted)
        assert cli.main([*words, "net.npz"]) == 130
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.training.npz", "whole.npz"]
    assert cli.main([*words, "net.npz"]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.npz", "whole.npz"]
    with np.load("net.npz") as net, np.load("whole.npz") as whole:
        names = [name for name in net.files if name.endswith(("weight", "bias"))]
        assert len(names) == 6
        for name in names:
            assert net[name].tobytes() == whole[name].tobytes(), name
