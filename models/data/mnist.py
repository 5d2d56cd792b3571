"""MNIST: 60,000 training and 10,000 test images of handwritten digits, 28x28, fetched once and never shipped."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import numpy as np

from models.data.dataset import Dataset, check_split
from models.data.download import RemoteFile, checked_file
from models.data.idx import read_idx_gz
from models.data.root import data_root

NAME = "mnist"
LICENCE = "MNIST, copyright Yann LeCun and Corinna Cortes, CC BY-SA 3.0 (as the Keras documentation states); fetched"
PIXEL_SCALE = 256.0
LAST_OF_TRAIN = MappingProxyType({"calibration": 512, "validation": 5_000})
_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


def _remote(name: str, size_bytes: int, sha256: str) -> RemoteFile:
    return RemoteFile(name, size_bytes, sha256, tuple(mirror + name for mirror in _MIRRORS))


FILES = (
    _remote("train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    _remote("train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    _remote("t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    _remote("t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
)


def load(split: str, root: Path | None = None) -> Dataset:
    """Return a split; pixels are divided by 256, so that they are 8-bit fractions in [0, 1).

    ``calibration`` is the last 512 images of ``train``, ``validation`` the last 5,000: only for what was trained
    without them, as LeNet-5 and LeNet-300-100 were (they choose the epoch that is kept).

    Raises:
        DataError: when the files are missing or damaged; the message says how to fetch them.
    """
    check_split(split)
    images_file, labels_file = FILES[2:] if split == "test" else FILES[:2]
    folder = data_root(root) / NAME
    images = read_idx_gz(checked_file(images_file, folder, NAME, "12 MB"), 3)
    labels = read_idx_gz(checked_file(labels_file, folder, NAME, "12 MB"), 1)
    if split in LAST_OF_TRAIN:
        images, labels = (array[-LAST_OF_TRAIN[split] :] for array in (images, labels))
    scaled = (images[:, None].astype(np.float32)) / np.float32(PIXEL_SCALE)
    return Dataset(NAME, split, scaled, labels.astype(np.int64))
