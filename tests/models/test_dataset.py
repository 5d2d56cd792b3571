"""Dataset: identified by content, read-only, every fault listed."""

import numpy as np
import pytest

from hwsim.errors import DataError
from models.data.dataset import Dataset, hold_out


def toy(count: int = 5) -> Dataset:
    images = np.arange(count * 8, dtype=np.float32).reshape(count, 2, 2, 2)
    return Dataset("toy", "test", images, np.arange(count))


def test_arrays_are_read_only_copies_of_the_declared_types() -> None:
    images = np.zeros((3, 1, 2, 2), np.float64)
    data = Dataset("toy", "test", images, np.array([1, 2, 3], np.uint8))
    images[0] = 7
    assert data.images.dtype == np.float32 and data.labels.dtype == np.int64
    assert not data.images.any()
    with pytest.raises(ValueError, match="read-only"):
        data.images[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        data.labels[0] = 1


def test_a_writable_float32_array_is_copied_too() -> None:
    images = np.zeros((1, 1, 2, 2), np.float32)
    data = Dataset("toy", "test", images, np.array([0]))
    images[0] = 7
    assert not data.images.any()


def test_a_view_of_a_writable_array_is_copied() -> None:
    base = np.zeros((4, 1, 2, 2), np.float32)
    view = base[:2]
    view.flags.writeable = False
    data = Dataset("toy", "test", view, np.array([0, 1]))
    base[:] = 7
    assert not data.images.any()


def test_hash_is_by_content_and_not_by_name() -> None:
    data = toy()
    same = Dataset("other", "train", data.images.copy(), data.labels.copy())
    assert data.sha256 == same.sha256 and len(data.sha256) == 64


@pytest.mark.parametrize("change", ["pixel", "label", "order", "shape", "count"])
def test_hash_changes_with(change: str) -> None:
    data = toy()
    images, labels = data.images.copy(), data.labels.copy()
    if change == "pixel":
        images[4, 1, 1, 1] += 1
    elif change == "label":
        labels[4] += 1
    elif change == "order":
        images, labels = images[::-1], labels[::-1]
    elif change == "shape":
        images = images.reshape(5, 1, 2, 4)
    else:
        images, labels = images[:4], labels[:4]
    assert Dataset("toy", "test", images, labels).sha256 != data.sha256


def test_subset_takes_the_first_images() -> None:
    part = toy().subset(2)
    assert len(part) == 2
    np.testing.assert_array_equal(part.images, toy().images[:2])


@pytest.mark.parametrize("count", [0, -1, 6])
def test_subset_out_of_range_names_the_bound(count: int) -> None:
    with pytest.raises(DataError, match=rf"{count} images asked for; the split holds 1\.\.5"):
        toy().subset(count)


def test_what_is_held_out_is_the_end_and_nothing_is_lost() -> None:
    rest, held = hold_out(toy(), 2)
    assert (rest.name, rest.split, held.name, held.split) == ("toy", "test", "toy", "validation")
    np.testing.assert_array_equal(np.concatenate([rest.images, held.images]), toy().images)
    assert (rest.labels.tolist(), held.labels.tolist()) == ([0, 1, 2], [3, 4])


@pytest.mark.parametrize("count", [0, -1, 5, 6])
def test_holding_out_all_or_nothing_names_the_bound(count: int) -> None:
    with pytest.raises(DataError, match=rf"{count} images to hold out of the 5 of toy test; needed: 1\.\.4"):
        hold_out(toy(), count)


def test_all_faults_at_once() -> None:
    images = np.zeros((2, 1, 2, 2), np.float32)
    images[1, 0, 0, 1] = np.nan
    with pytest.raises(DataError) as caught:
        Dataset("toy", "test", images, np.array([0.5, 1.0, 2.0]))
    message = str(caught.value)
    assert "3 faults" in message
    assert "needed: integers" in message and "one per image" in message
    assert "1 pixels are not finite, the first at flat index 5" in message


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (np.zeros((2, 4, 4), np.float32), np.zeros(2, int), "images have shape"),
        (np.zeros((0, 1, 4, 4), np.float32), np.zeros(0, int), "all at least 1"),
        (np.zeros((1, 1, 4, 4), np.uint8), np.zeros(1, int), "images are uint8"),
        (np.zeros((1, 1, 4, 4), np.float32), np.array([-1]), "smallest label is -1"),
        (np.zeros((1, 1, 4, 4), np.float32), np.zeros((1, 1), int), "labels have shape"),
    ],
)
def test_each_fault_is_named(images: np.ndarray, labels: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        Dataset("toy", "test", images, labels)
