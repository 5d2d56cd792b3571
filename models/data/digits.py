"""The 1,797 handwritten 8x8 digits that travel with the package (see ATTRIBUTION.md beside this file)."""

from __future__ import annotations

from importlib import resources

import numpy as np

from models.data.dataset import Dataset, check_split

NAME = "digits"
LICENCE = "Optical Recognition of Handwritten Digits (Alpaydin & Kaynak, UCI), CC BY 4.0; bundled"
PIXEL_SCALE = 16.0
TRAIN = 898
CALIBRATION = 128
VALIDATION = 180


def load(split: str) -> Dataset:
    """Return a split; pixels (0..16) are divided by 16, so that they are 4-bit fractions in [0, 1].

    ``train`` is images 0..897, ``test`` images 898..1796 (later writers), ``calibration`` the last 128 of ``train``,
    ``validation`` the last 180 of ``train``, a fifth: only for what was trained without them.

    >>> load("test").images.shape
    (899, 1, 8, 8)
    """
    check_split(split)
    chosen = {
        "train": slice(0, TRAIN),
        "calibration": slice(TRAIN - CALIBRATION, TRAIN),
        "validation": slice(TRAIN - VALIDATION, TRAIN),
        "test": slice(TRAIN, None),
    }[split]
    with (
        (resources.files("models.data") / "digits.npz").open("rb") as stream,
        np.load(stream, allow_pickle=False) as arrays,
    ):
        images, labels = arrays["images"][chosen], arrays["labels"][chosen]
    scaled = images[:, None].astype(np.float32) / np.float32(PIXEL_SCALE)
    return Dataset(NAME, split, scaled, labels.astype(np.int64))
