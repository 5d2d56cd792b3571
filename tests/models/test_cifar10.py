"""CIFAR-10 from a tiny archive of the official layout: splits, scaling, order of pixels, and what goes wrong."""

import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from hwsim.errors import DataError
from models import cli
from models.data import DATASETS, catalog, cifar10, download, load_data
from models.data.download import RemoteFile

COUNT = 200  #: images in each batch, of 10,000 in the real ones
URL = "https://example.org/cifar-10-binary.tar.gz"
HAVE_CIFAR10 = all((cifar10.data_root() / "cifar10" / file.name).is_file() for file in cifar10.FILES)


def batch(number: int) -> bytes:
    """Records of one label byte and 3,072 pixel bytes; the values follow from batch, image and place."""
    random = np.random.default_rng(number)
    records = random.integers(0, 256, (COUNT, 3073), dtype=np.uint8)
    records[:, 0] = (np.arange(COUNT) + number) % 10
    return records.tobytes()


BATCHES = {f"data_batch_{number}.bin": batch(number) for number in range(1, 6)}


def tar_gz(contents: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in {**contents, "test_batch.bin": batch(9), "readme.html": b"<html>"}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The catalogue with the hashes of the small batches, and a network that serves what this dict holds."""
    files = tuple(
        RemoteFile(name, len(content), hashlib.sha256(content).hexdigest(), (URL,), member_of_tar=True)
        for name, content in BATCHES.items()
    )
    entry = catalog.DatasetEntry("cifar10", "small", "none", cifar10.load, files)
    monkeypatch.setattr(catalog, "DATASETS", {"cifar10": entry})
    monkeypatch.setattr(cifar10, "FILES", files)
    served = {URL: tar_gz(BATCHES)}
    monkeypatch.setattr(download.urllib.request, "urlopen", lambda url, timeout: io.BytesIO(served.pop(url)))
    return served


@pytest.fixture
def root(sources: dict[str, bytes], tmp_path: Path) -> Path:
    folder = tmp_path / "cifar10"
    folder.mkdir()
    for name, content in BATCHES.items():
        (folder / name).write_bytes(content)
    return tmp_path


def test_fetch_opens_the_archive_once_and_leaves_the_test_batch_out(
    sources: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["fetch", "cifar10", "--root", str(tmp_path)]) == 0  # a second opening would find no such URL
    assert sources == {}
    assert {path.name: path.read_bytes() for path in (tmp_path / "cifar10").iterdir()} == BATCHES
    assert capsys.readouterr().out.split() == [str(tmp_path / "cifar10" / name) for name in BATCHES]


def test_fetch_from_a_folder(root: Path, tmp_path: Path) -> None:
    assert cli.main(["fetch", "cifar10", "--from", str(root / "cifar10"), "--root", str(tmp_path / "new")]) == 0
    assert len(load_data("cifar10", "test", tmp_path / "new")) == COUNT


@pytest.mark.parametrize("given", ["archive", "folder of the archive", "extracted folder", "folder of that"])
def test_fetch_from_what_a_browser_left(
    given: str, sources: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "downloads"
    place.mkdir()
    archive = place / "cifar-10-binary.tar.gz"
    archive.write_bytes(tar_gz(BATCHES))
    if "archive" not in given:
        with tarfile.open(archive) as packed:
            packed.extractall(place, filter="data")
        archive.unlink()
    named = {"archive": archive, "extracted folder": place / "cifar-10-batches-bin"}.get(given, place)
    assert cli.main(["fetch", "cifar10", "--from", str(named), "--root", str(tmp_path / "new")]) == 0
    found = {path.name: path.read_bytes() for path in (tmp_path / "new" / "cifar10").iterdir()}
    assert found == BATCHES and len(sources) == 1  # nothing was opened over the network


def test_fetch_from_the_wrong_place_says_what_is_wanted(sources: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds none of data_batch_1\.bin.*nor cifar-10-binary\.tar\.gz: name where"):
        catalog.fetch_data("cifar10", tmp_path, tmp_path / "new")
    broken = tmp_path / "cifar-10-binary.tar.gz"
    broken.write_bytes(tar_gz(BATCHES)[:1_000_000])
    for source in (broken, tmp_path):
        with pytest.raises(DataError, match=r"cifar-10-binary\.tar\.gz: "):
            catalog.fetch_data("cifar10", source, tmp_path / "new")
    (tmp_path / "data_batch_2.bin").write_bytes(BATCHES["data_batch_2.bin"])
    with pytest.raises(DataError, match=r"data_batch_1\.bin cannot be read"):
        catalog.fetch_data("cifar10", tmp_path, tmp_path / "other")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"data_batch_4.bin": batch(7)}, "sha256 is .*needed"),
        ({"data_batch_4.bin": batch(4)[:-1]}, f"sent {3073 * COUNT - 1} bytes; needed: {3073 * COUNT}"),
        ({"data_batch_4.bin": batch(4) + b"x"}, f"sent more than the {3073 * COUNT} bytes"),
    ],
)
def test_a_wrong_batch_is_not_taken(
    changed: dict[str, bytes], message: str, sources: dict[str, bytes], tmp_path: Path
) -> None:
    sources[URL] = tar_gz(BATCHES | changed)
    with pytest.raises(DataError, match=f"fetching data_batch_4.bin, data_batch_5.bin.*(\n.*)*{message}"):
        catalog.fetch_data("cifar10", root=tmp_path)
    assert not (tmp_path / "cifar10" / "data_batch_4.bin").exists()


def test_a_wrong_archive_is_named(sources: dict[str, bytes], tmp_path: Path) -> None:
    sources[URL] = tar_gz({name: content for name, content in BATCHES.items() if name != "data_batch_2.bin"})
    with pytest.raises(DataError, match=r"the archive holds no data_batch_2\.bin"):
        catalog.fetch_data("cifar10", root=tmp_path)


def test_splits_are_batches(root: Path) -> None:
    train, test, calibration = (load_data("cifar10", split, root) for split in ("train", "test", "calibration"))
    assert (len(train), len(test)) == (4 * COUNT, COUNT)
    labels = [np.frombuffer(content, np.uint8).reshape(-1, 3073)[:, 0] for content in BATCHES.values()]
    np.testing.assert_array_equal(train.labels, np.concatenate(labels[:4]))
    np.testing.assert_array_equal(test.labels, labels[4])
    last = min(cifar10.LAST_OF_TRAIN["calibration"], COUNT)  # batch 4 really holds more than are needed
    np.testing.assert_array_equal(calibration.images, train.images[-last:])
    assert (train.split, test.split, calibration.split) == ("train", "test", "calibration")


def test_validation_is_the_end_of_train(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "LAST_OF_TRAIN", {"validation": 50})
    train, validation = load_data("cifar10", "train", root), load_data("cifar10", "validation", root)
    assert (len(validation), validation.split) == (50, "validation")
    np.testing.assert_array_equal(validation.images, train.images[-50:])
    np.testing.assert_array_equal(validation.labels, train.labels[-50:])


def test_pixels_are_scaled_and_lie_channel_by_channel_row_by_row(root: Path) -> None:
    """The published layout: 1,024 red, then green, then blue; the first 32 of each are the first row."""
    test, raw = load_data("cifar10", "test", root), BATCHES["data_batch_5.bin"]
    assert test.images.shape == (COUNT, 3, 32, 32) and test.images.dtype == np.float32
    for image, channel, row, column in ((0, 0, 0, 0), (0, 0, 0, 31), (3, 1, 0, 1), (7, 2, 31, 30), (199, 0, 5, 0)):
        pixel = raw[3073 * image + 1 + 1024 * channel + 32 * row + column]
        assert test.images[image, channel, row, column] == (pixel - 128) / 64
    assert test.images.min() == -2.0 and test.images.max() == 127 / 64
    np.testing.assert_array_equal(test.images * 64, np.round(test.images * 64))


def test_the_folder_comes_from_the_environment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWSIM_DATA", str(root))
    assert len(load_data("cifar10", "test")) == COUNT


def test_only_the_files_of_a_split_are_needed(root: Path) -> None:
    (root / "cifar10" / "data_batch_1.bin").unlink()
    assert len(load_data("cifar10", "test", root)) == COUNT
    with pytest.raises(DataError, match=r"data_batch_1\.bin does not exist: run `models fetch cifar10` \(170 MB\)"):
        load_data("cifar10", "train", root)


def test_a_changed_batch_is_refused(root: Path) -> None:
    (root / "cifar10" / "data_batch_5.bin").write_bytes(batch(6))
    with pytest.raises(DataError, match="sha256 is .*needed: .*models fetch cifar10"):
        load_data("cifar10", "test", root)


def test_list_names_its_origin(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "--data"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("cifar10")]
    assert "fetch it first" in line and "Alex Krizhevsky 2009" in line and "Learning Multiple Layers" in line


def test_the_catalogue_is_that_of_the_official_files() -> None:
    assert DATASETS["cifar10"].files == cifar10.FILES and len(cifar10.FILES) == 5
    assert {file.size_bytes for file in cifar10.FILES} == {30_730_000}
    assert all(file.member_of_tar and len(file.sha256) == 64 and len(file.urls) >= 1 for file in cifar10.FILES)


@pytest.mark.skipif(not HAVE_CIFAR10, reason="CIFAR-10 is not here: run `models fetch cifar10` or set HWSIM_DATA")
def test_real_cifar10() -> None:
    test, train = load_data("cifar10", "test"), load_data("cifar10", "train")
    assert (len(train), len(test), len(load_data("cifar10", "calibration"))) == (40_000, 10_000, 512)
    # The first labels of data_batch_1, as in every tutorial that shows them: frog, truck, truck, deer, automobile.
    assert train.labels[:5].tolist() == [6, 9, 9, 4, 1]
    # Over all five batches every class has 5,000 images.
    assert (np.bincount(train.labels) + np.bincount(test.labels)).tolist() == [5000] * 10
