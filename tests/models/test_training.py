"""The training loop, cross-validation and what a training leaves behind."""

import builtins
import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim.errors import DataError, MissingExtraError, NetworkError
from hwsim.network import load_network_file
from models import load_data
from models.data import Dataset
from models.training.crossvalidate import cross_validate, fold_of
from models.training.loop import Epoch, count_correct, fit, split_off
from models.training.recipe import RECIPES, Augmentation, Recipe
from models.training.train import train
from models.zoo import ZOO

SHORT = replace(RECIPES["digits-cnn"], epochs=3, validation=98)


@pytest.fixture(autouse=True)
def _torch() -> None:
    pytest.importorskip("torch")


def test_a_short_training_learns_and_keeps_the_best_epoch() -> None:
    seen: list[Epoch] = []
    network, data = ZOO["digits-cnn"](1), load_data("digits", "train")
    result = fit(network, data, replace(SHORT, epochs=6), seen.append)
    assert tuple(seen) == result.curve and [e.epoch for e in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[-1].train_loss < 0.5 * seen[0].train_loss and seen[-1].validation_total == 98
    best = max(e.validation_correct for e in seen)
    assert best > 70
    assert result.kept_epoch == max(e.epoch for e in seen if e.validation_correct == best)
    torch = pytest.importorskip("torch")
    kept = {name: torch.tensor(array) for name, array in result.tensors.items()}
    assert count_correct(network, kept, split_off(data, 98)[1]) == best


def test_the_last_epoch_is_kept_without_validation() -> None:
    result = fit(ZOO["digits-cnn"](1), load_data("digits", "train"), replace(SHORT, epochs=2, validation=0))
    assert result.kept_epoch == 2 and result.curve[-1].validation_total == 0


def test_same_seed_same_bits_and_other_seed_other_bits() -> None:
    data = load_data("digits", "train").subset(200)
    recipe = replace(SHORT, epochs=2, validation=0)
    first, again = (fit(ZOO["digits-cnn"](1), data, recipe) for _ in range(2))
    other = fit(ZOO["digits-cnn"](1), data, replace(recipe, seed=2))
    assert first.curve == again.curve
    for name, tensor in first.tensors.items():
        np.testing.assert_array_equal(tensor, again.tensors[name])
    assert any((tensor != other.tensors[name]).any() for name, tensor in first.tensors.items())


def test_training_does_not_change_the_network_it_starts_from() -> None:
    network = ZOO["digits-cnn"](1)
    before = network.content_hash
    fit(network, load_data("digits", "train").subset(64), replace(SHORT, epochs=1, validation=0))
    assert ZOO["digits-cnn"](1).content_hash == before
    assert all(not tensor.flags.writeable for tensor in network.tensors.values())


def test_held_out_images_play_no_part() -> None:
    """Changing the pixels and labels of the held-out images must not change a single weight."""
    data = load_data("digits", "train").subset(200)
    images, labels = data.images.copy(), data.labels.copy()
    images[150:], labels[150:] = images[150:] * 0.5, (labels[150:] + 1) % 10
    recipe = replace(SHORT, epochs=1, validation=50)
    first = fit(ZOO["digits-cnn"](1), data, recipe)
    other = fit(ZOO["digits-cnn"](1), Dataset("digits", "train", images, labels), recipe)
    for name, tensor in first.tensors.items():
        np.testing.assert_array_equal(tensor, other.tensors[name])


def test_split_off_takes_the_end() -> None:
    data = load_data("digits", "train")
    rest, held_out = split_off(data, 98)
    assert held_out is not None and (len(rest), len(held_out)) == (800, 98)
    np.testing.assert_array_equal(np.concatenate([rest.labels, held_out.labels]), data.labels)
    with pytest.raises(DataError, match="898 images to hold out of the 898"):
        split_off(data, 898)


def test_too_few_images_for_a_batch() -> None:
    with pytest.raises(DataError, match="a batch is 32 images; digits leaves 20"):
        fit(ZOO["digits-cnn"](1), load_data("digits", "train").subset(20), replace(SHORT, validation=0))


def test_folds_cover_the_training_images_once() -> None:
    data = load_data("digits", "train")
    held_out = [fold_of(data, fold, 5) for fold in range(5)]
    np.testing.assert_array_equal(np.concatenate([block.images for _, block in held_out]), data.images)
    assert all(len(rest) + len(block) == 898 for rest, block in held_out)
    first_of_rest = held_out[0][0].images
    np.testing.assert_array_equal(first_of_rest, data.images[len(held_out[0][1]) :])
    with pytest.raises(DataError, match="1 folds asked for"):
        fold_of(data, 0, 1)


def test_cross_validation_counts_every_image_once() -> None:
    recipe = Recipe(epochs=5, batch=32, learning_rate=0.05, averaging=0.9, threads=1, augmentation=Augmentation())
    folds = cross_validate(ZOO["digits-cnn"](1), load_data("digits", "train").subset(301), recipe, 3)
    assert [fold.total for fold in folds] == [101, 100, 100]
    assert sum(fold.correct for fold in folds) > 150


def test_train_leaves_a_network_with_a_card_a_log_and_a_curve(tmp_path: Path) -> None:
    lines: list[str] = []
    trained = train("digits-cnn", SHORT, command="models train digits-cnn", report=lines.append)
    trained.save(tmp_path / "net.npz")
    trained.save_results(tmp_path / "results" / "deep")
    network = load_network_file(tmp_path / "net.npz")
    assert network == trained.network and network.metadata["command"] == "models train digits-cnn"
    assert network.metadata["recipe"]["epochs"] == 3 and network.metadata["float_accuracy"]["total"] == 899
    assert tuple(lines) == trained.log
    assert (tmp_path / "results" / "deep" / "log.txt").read_text() == "\n".join(lines) + "\n"
    with (tmp_path / "results" / "deep" / "curve.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"] and rows[0]["validation_total"] == "98"


def test_an_unwritable_results_folder_is_one_message(tmp_path: Path) -> None:
    trained = train("digits-cnn", replace(SHORT, epochs=1))
    (tmp_path / "file").write_text("")
    with pytest.raises(NetworkError, match="cannot be written.*--results"):
        trained.save_results(tmp_path / "file" / "below")


def test_unknown_network() -> None:
    with pytest.raises(NetworkError, match="unknown trainable network 'digits'"):
        train("digits")


def test_missing_torch_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_torch(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".")[0] == "torch":
            raise ImportError("No module named 'torch'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_torch)
    with pytest.raises(MissingExtraError, match=r"pip install 'hwsim\[train\]'"):
        train("digits-cnn")
