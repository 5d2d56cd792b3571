"""The two data sets: splits, scaling, where files are looked for, and what a missing or damaged one says."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from hwsim.errors import DataError
from models.data import DATASETS, load_data, mnist
from models.data.download import RemoteFile

HAVE_MNIST = all((mnist.data_root() / "mnist" / file.name).is_file() for file in mnist.FILES)
needs_mnist = pytest.mark.skipif(not HAVE_MNIST, reason="MNIST is not here: run `models fetch mnist` or set HWSIM_DATA")


def test_digits_are_those_of_scikit_learn() -> None:
    load_digits = pytest.importorskip("sklearn.datasets").load_digits
    original = load_digits()
    train, test = load_data("digits", "train"), load_data("digits", "test")
    both = np.concatenate([train.images, test.images])[:, 0]
    np.testing.assert_array_equal(both * 16, original.images)
    np.testing.assert_array_equal(np.concatenate([train.labels, test.labels]), original.target)


def test_digits_splits() -> None:
    train, test, calibration = (load_data("digits", split) for split in ("train", "test", "calibration"))
    assert (len(train), len(test), len(calibration)) == (898, 899, 128)
    np.testing.assert_array_equal(calibration.images, train.images[-128:])
    np.testing.assert_array_equal(calibration.labels, train.labels[-128:])
    validation = load_data("digits", "validation")
    np.testing.assert_array_equal(validation.images, train.images[-180:])
    assert np.isin(train.images * 16, np.arange(17)).all() and train.images.max() == 1.0
    assert set(test.labels) == set(range(10))


def test_digits_content_is_pinned() -> None:
    """A stored sweep is keyed by this hash: a change of scaling or order must be noticed."""
    assert load_data("digits", "test").sha256 == "a08baabfe1e80adc72e8906aa32e902cb7a958ecd91be4549198267b571b1f4f"


@pytest.mark.parametrize("name", DATASETS)
def test_unknown_split_names_the_nearest(name: str) -> None:
    with pytest.raises(DataError, match="unknown split 'tests': did you mean 'test'"):
        load_data(name, "tests")


def test_unknown_data_set_names_the_nearest() -> None:
    with pytest.raises(DataError, match="unknown data set 'minst': did you mean 'mnist'.*\\.npz"):
        load_data("minst", "test")


def idx_gz(array: np.ndarray) -> bytes:
    shape = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes())


@pytest.fixture
def small_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of the right layout with 600 and 20 images, and the catalogue's hashes changed to theirs."""
    random, files = np.random.default_rng(0), []
    (tmp_path / "mnist").mkdir()
    for original, shape in zip(mnist.FILES, [(600, 28, 28), (600,), (20, 28, 28), (20,)], strict=True):
        data = idx_gz(random.integers(0, 256 if len(shape) == 3 else 10, shape))
        (tmp_path / "mnist" / original.name).write_bytes(data)
        files.append(RemoteFile(original.name, len(data), hashlib.sha256(data).hexdigest(), ()))
    monkeypatch.setattr(mnist, "FILES", tuple(files))
    return tmp_path


def test_mnist_splits_and_scaling(small_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "LAST_OF_TRAIN", {"calibration": 512, "validation": 90})
    splits = ("train", "test", "calibration", "validation")
    train, test, calibration, validation = (load_data("mnist", split, small_mnist) for split in splits)
    assert (train.images.shape, test.images.shape) == ((600, 1, 28, 28), (20, 1, 28, 28))
    np.testing.assert_array_equal(calibration.images, train.images[-512:])
    np.testing.assert_array_equal(calibration.labels, train.labels[-512:])
    np.testing.assert_array_equal(validation.images, train.images[-90:])
    np.testing.assert_array_equal(validation.labels, train.labels[-90:])
    assert train.images.max() == 255 / 256 and (train.images * 256 % 1 == 0).all()


def test_mnist_root_comes_from_the_environment(small_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWSIM_DATA", str(small_mnist))
    assert len(load_data("mnist", "test")) == 20
    monkeypatch.delenv("HWSIM_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert mnist.data_root() == Path("/cache/hwsim")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert mnist.data_root() == Path.home() / ".cache" / "hwsim"


def test_missing_mnist_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist: run `models fetch mnist`.*--from DIR.*HWSIM_DATA"):
        load_data("mnist", "test", tmp_path)


def test_a_changed_mnist_file_is_refused(small_mnist: Path) -> None:
    path = small_mnist / "mnist" / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(idx_gz(np.zeros(20)))
    with pytest.raises(DataError, match="sha256 is .*needed: .*models fetch mnist"):
        load_data("mnist", "test", small_mnist)


@needs_mnist
def test_real_mnist() -> None:
    test = load_data("mnist", "test")
    assert test.images.shape == (10_000, 1, 28, 28) and len(load_data("mnist", "validation")) == 5_000
    # The first ten labels of the test set, as in every publication that shows them.
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
