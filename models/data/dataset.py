"""A labelled set of images, fixed and identified by its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import DataError, all_faults, unknown_name

SPLITS = ("train", "calibration", "validation", "test")


def check_split(split: str, known: tuple[str, ...] = SPLITS) -> None:
    """Raise when ``split`` is not one of ``known``.

    >>> check_split("test")

    Raises:
        DataError: with the nearest name.
    """
    if split not in known:
        raise DataError(unknown_name("split", split, known))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels of one split, in a fixed order; both arrays are read-only.

    Attributes:
        name: Name of the data set, for example ``"mnist"``.
        split: ``"train"``, ``"calibration"``, ``"validation"`` or ``"test"``.
        images: float32, shape (count, channels, height, width), already scaled for the network.
        labels: int64, shape (count,), class numbers from 0.

    >>> d = Dataset("toy", "test", np.zeros((2, 1, 4, 4), np.float32), np.array([0, 1]))
    >>> len(d), d.subset(1).images.shape
    (2, (1, 1, 4, 4))
    """

    name: str
    split: str
    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        faults = _faults(np.asarray(self.images), np.asarray(self.labels))
        if faults:
            raise DataError(all_faults(f"data set {self.name!r}, split {self.split!r}", faults))
        object.__setattr__(self, "images", _frozen(self.images, np.float32))
        object.__setattr__(self, "labels", _frozen(self.labels, np.int64))

    def __len__(self) -> int:
        return int(self.labels.shape[0])

    @cached_property
    def sha256(self) -> str:
        """SHA-256 (hex) over shapes, image bytes and label bytes; little-endian, name and split do not enter."""
        digest = hashlib.sha256(repr((self.images.shape, self.labels.shape)).encode())
        digest.update(self.images.astype("<f4", copy=False).tobytes())
        digest.update(self.labels.astype("<i8", copy=False).tobytes())
        return digest.hexdigest()

    def subset(self, count: int) -> Dataset:
        """Return the first ``count`` images in order.

        Raises:
            DataError: when ``count`` is not in 1..len(self).
        """
        if not 1 <= count <= len(self):
            raise DataError(f"{self.name} {self.split}: {count} images asked for; the split holds 1..{len(self)}")
        return Dataset(self.name, self.split, self.images[:count], self.labels[:count])


def hold_out(data: Dataset, count: int) -> tuple[Dataset, Dataset]:
    """Return ``data`` without its last ``count`` images, and those as its split "validation".

    >>> toy = Dataset("toy", "train", np.zeros((5, 1, 4, 4), np.float32), np.arange(5))
    >>> rest, held = hold_out(toy, 2)
    >>> rest.labels.tolist(), held.labels.tolist(), held.split
    ([0, 1, 2], [3, 4], 'validation')

    Raises:
        DataError: when ``count`` leaves none on either side.
    """
    if not 1 <= count < len(data):
        raise DataError(
            f"{count} images to hold out of the {len(data)} of {data.name} {data.split}; needed: 1..{len(data) - 1}"
        )
    cut = len(data) - count
    return data.subset(cut), Dataset(data.name, "validation", data.images[cut:], data.labels[cut:])


def _faults(images: NDArray[np.generic], labels: NDArray[np.generic]) -> list[str]:
    faults = []
    if images.ndim != 4 or 0 in images.shape:
        faults.append(f"images have shape {images.shape}; needed: (count, channels, height, width), all at least 1")
    if labels.ndim != 1 or images.shape[:1] != labels.shape[:1]:
        faults.append(
            f"labels have shape {labels.shape}; needed: one per image, ({images.shape[0] if images.ndim else 0},)"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        faults.append(f"labels are {labels.dtype}; needed: integers")
    elif labels.size and int(labels.min()) < 0:
        faults.append(f"the smallest label is {int(labels.min())}; needed: at least 0")
    if not np.issubdtype(images.dtype, np.floating):
        faults.append(f"images are {images.dtype}; needed: floating point, scaled for the network")
    elif not np.isfinite(images).all():
        bad = np.flatnonzero(~np.isfinite(images))
        faults.append(f"{bad.size} pixels are not finite, the first at flat index {int(bad[0])}")
    return faults


def _frozen(array: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    """Return the array itself when nobody can write to its memory, else a read-only copy."""
    owner = array.base if isinstance(array.base, np.ndarray) else array
    safe = owner.flags.owndata and not owner.flags.writeable and not array.flags.writeable
    if safe and array.dtype == dtype and array.flags.c_contiguous:
        return array
    copy = np.array(array, dtype=dtype, order="C")
    copy.flags.writeable = False
    return copy
