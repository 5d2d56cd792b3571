"""Every data set by name, and the one function that loads a split of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from hwsim.errors import DataError, unknown_name
from models.data import cifar10, digits, mnist, own
from models.data.dataset import Dataset
from models.data.download import Progress, RemoteFile, copy_all, fetch
from models.data.root import data_root


@dataclass(frozen=True)
class DatasetEntry:
    """What is known about a data set before it is loaded.

    Attributes:
        name: Its name.
        description: One line, with sizes.
        licence: Licence and origin.
        load: Gives a split; the path is the folder of downloaded data.
        files: What has to be fetched first; empty when it is bundled.
    """

    name: str
    description: str
    licence: str
    load: Callable[[str, Path | None], Dataset]
    files: tuple[RemoteFile, ...] = ()


DATASETS: Mapping[str, DatasetEntry] = MappingProxyType(
    {
        digits.NAME: DatasetEntry(
            name=digits.NAME,
            description="8x8 handwritten digits, 898 train / 899 test (other writers); pixels / 16",
            licence=digits.LICENCE,
            load=lambda split, root: digits.load(split),
        ),
        mnist.NAME: DatasetEntry(
            name=mnist.NAME,
            description="28x28 handwritten digits, 60,000 train / 10,000 test; pixels / 256",
            licence=mnist.LICENCE,
            load=mnist.load,
            files=mnist.FILES,
        ),
        cifar10.NAME: DatasetEntry(
            name=cifar10.NAME,
            description="32x32 colour images of ten classes, 40,000 train / 10,000 test (batch 5); (pixels - 128) / 64",
            licence=cifar10.LICENCE,
            load=cifar10.load,
            files=cifar10.FILES,
        ),
    }
)


def load_data(name: str, split: str, root: Path | None = None) -> Dataset:
    """Return a split of a data set; nothing is downloaded here.

    Args:
        name: A key of ``DATASETS``, or the path of a ``.npz`` file of your own (see ``models.data.own``).
        split: ``"train"``, ``"calibration"`` or ``"test"``; ``"validation"``, the end of train, for what was trained
            without it (``hold_out``).
        root: Folder of downloaded data; default ``$HWSIM_DATA``, else ``~/.cache/hwsim``.

    >>> len(load_data("digits", "test")), len(load_data("digits", "calibration"))
    (899, 128)

    Raises:
        DataError: for an unknown name or split, and for files that are missing or damaged.
    """
    if name.endswith(".npz"):
        return own.load(Path(name), split)
    return _entry(name).load(split, root)


def fetch_data(
    name: str, source: Path | None = None, root: Path | None = None, progress: Progress | None = None
) -> tuple[Path, ...]:
    """Put the files of a data set where ``load_data`` finds them, checked by SHA-256, and return their paths.

    Files that are there already are checked and kept. A bundled data set has none.

    Args:
        name: A key of ``DATASETS``.
        source: A folder to copy from, instead of the network: with the files, or with their archive or its folder; or
            that archive.
        root: As in ``load_data``.
        progress: Called with (file name, bytes so far, bytes in all).

    >>> fetch_data("digits")
    ()

    Raises:
        DataError: when a file cannot be had, is not the right one, or cannot be written.
    """
    folder = data_root(root) / name
    files = _entry(name).files
    if source is not None:
        return copy_all(files, source, folder, progress)
    return fetch(files, folder, progress)


def _entry(name: str) -> DatasetEntry:
    if name not in DATASETS:
        raise DataError(f"{unknown_name('data set', name, DATASETS)}; or the path of a .npz file of your own")
    return DATASETS[name]
