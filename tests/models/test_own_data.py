"""A user's own ``.npz`` of images: what works, and what every kind of bad file says."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from hwsim.errors import DataError
from models.data import load_data, own


def arrays(count: int = 200) -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    return {
        "train_images": random.random((count, 1, 4, 4)).astype(np.float32),
        "train_labels": random.integers(0, 3, count),
        "test_images": random.random((9, 1, 4, 4)),
        "test_labels": random.integers(0, 3, 9).astype(np.uint8),
    }


def saved(folder: Path, content: dict[str, np.ndarray], compress: bool = True) -> str:
    path = folder / "mine.npz"
    (np.savez_compressed if compress else np.savez)(path, **content)
    return str(path)


@pytest.mark.parametrize("compress", [True, False])
def test_splits(tmp_path: Path, compress: bool) -> None:
    content = arrays()
    path = saved(tmp_path, content, compress)
    np.testing.assert_array_equal(load_data(path, "train").images, content["train_images"])
    np.testing.assert_array_equal(load_data(path, "test").images, content["test_images"].astype(np.float32))
    np.testing.assert_array_equal(load_data(path, "calibration").labels, content["train_labels"][-128:])
    assert load_data(path, "test").name == "mine"


def test_calibration_of_its_own(tmp_path: Path) -> None:
    content = arrays() | {"calibration_images": np.ones((3, 1, 4, 4)), "calibration_labels": np.array([0, 1, 2])}
    assert load_data(saved(tmp_path, content), "calibration").images.shape == (3, 1, 4, 4)


def test_validation_is_of_its_own_or_a_tenth_of_train(tmp_path: Path) -> None:
    content = arrays()
    found = load_data(saved(tmp_path, content), "validation")
    assert found.split == "validation"
    np.testing.assert_array_equal(found.labels, content["train_labels"][-20:])
    content |= {"validation_images": np.ones((3, 1, 4, 4)), "validation_labels": np.array([0, 1, 2])}
    assert load_data(saved(tmp_path, content), "validation").labels.tolist() == [0, 1, 2]


def test_a_missing_split_says_what_there_is(tmp_path: Path) -> None:
    content = {name: array for name, array in arrays().items() if name.startswith("test")}
    with pytest.raises(DataError, match="has no 'train_images'; it has: test_images, test_labels"):
        load_data(saved(tmp_path, content), "calibration")


def test_pickles_are_refused(tmp_path: Path) -> None:
    content = arrays() | {"test_labels": np.array([{"a": 1}] * 9, dtype=object)}
    with pytest.raises(DataError, match="never unpickled"):
        load_data(saved(tmp_path, content), "test")


def test_a_missing_or_foreign_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a readable"):
        load_data(str(tmp_path / "absent.npz"), "test")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(DataError, match="not a readable"):
        load_data(str(tmp_path / "text.npz"), "test")


def test_every_truncation_and_many_flips_end_in_one_kind_of_error(tmp_path: Path) -> None:
    path = Path(saved(tmp_path, arrays()))
    good = path.read_bytes()
    changed = [good[: i * len(good) // 50] for i in range(50)]
    random = np.random.default_rng(4)
    for _ in range(100):
        flipped = bytearray(good)
        flipped[random.integers(len(good))] ^= 1 << random.integers(8)
        changed.append(bytes(flipped))
    for data in changed:
        path.write_bytes(data)
        try:
            own.load(path, "train")
        except DataError:
            continue


def test_a_huge_declared_shape_is_refused_before_allocation(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 1, 10**3, 10**3)}
    )
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("test_images.npy", header.getvalue() + b"\0" * 64)
    with pytest.raises(DataError, match="declares 4000000000000000 bytes; the file holds 64"):
        own.load(path, "test")


def test_a_large_entry_is_refused_before_allocation(tmp_path: Path) -> None:
    path = Path(saved(tmp_path, arrays()))
    with pytest.raises(DataError, match="at most 1000"):
        own.load(path, "train", max_bytes=1000)


def test_wrong_shapes_are_data_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="images have shape"):
        load_data(saved(tmp_path, arrays() | {"test_images": np.zeros((9, 16))}), "test")
