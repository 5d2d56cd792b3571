"""CIFAR-10: 32x32 colour images of ten classes, fetched once and never shipped.

The five official training batches are used: 1 to 4 train, the fifth is held out and is what ``test`` means here. The
official test batch plays no part.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Dataset, check_split
from models.data.download import RemoteFile, checked_file
from models.data.root import data_root

NAME = "cifar10"
LICENCE = (
    "CIFAR-10, Alex Krizhevsky 2009, to be cited as 'Learning Multiple Layers of Features from Tiny Images'; fetched"
)
LAST_OF_TRAIN = MappingProxyType({"calibration": 512, "validation": 5_000})
PIXEL_CENTRE, PIXEL_SCALE = 128.0, 64.0
_ARCHIVES = ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",)
_BATCH_BYTES = 10_000 * (1 + 3 * 32 * 32)
_SHA256 = (
    "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
)
FILES = tuple(
    RemoteFile(f"data_batch_{number}.bin", _BATCH_BYTES, sha256, _ARCHIVES, member_of_tar=True)
    for number, sha256 in enumerate(_SHA256, start=1)
)


def load(split: str, root: Path | None = None) -> Dataset:
    """Return a split; pixels become (p - 128) / 64, exact fractions in [-2, 2) of 8 bits.

    ``train`` is batches 1 to 4 (40,000 images), ``test`` is batch 5 (10,000), ``calibration`` the last 512 of train,
    ``validation`` the last 5,000 of train: only for what was trained without them.

    Raises:
        DataError: when the files are missing or damaged; the message says how to fetch them.
    """
    check_split(split)
    files = {"train": FILES[:4], "test": FILES[4:]}.get(split, FILES[3:4])
    records = np.concatenate([_records(checked_file(file, data_root(root) / NAME, NAME, "170 MB")) for file in files])
    if split in LAST_OF_TRAIN:
        records = records[-LAST_OF_TRAIN[split] :]
    images = (records[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) - PIXEL_CENTRE) / PIXEL_SCALE
    return Dataset(NAME, split, images, records[:, 0].astype(np.int64))


def _records(path: Path) -> NDArray[np.uint8]:
    """Return [images, 3073]: the label, then red, green and blue, row by row."""
    return np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 3073)
