"""Images of your own: one ``.npz`` file.

Entries: ``train_images``, ``train_labels``, ``test_images``, ``test_labels`` and, if you like, ``calibration_images``
and ``calibration_labels`` (else the last 128 of train calibrate), ``validation_images`` and ``validation_labels`` (else
the last tenth of train validates, which is only for what was trained without it). Images are floating point, already
scaled for the network, shape (count, channels, height, width); labels are integers from 0.
``numpy.savez_compressed`` writes it.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.errors import DataError
from models.data.dataset import Dataset, check_split

CALIBRATION = 128
MAX_BYTES = 1 << 31

_UNREADABLE = (
    OSError,
    ValueError,
    RuntimeError,
    EOFError,
    SyntaxError,
    tokenize.TokenError,
    zlib.error,
    zipfile.BadZipFile,
)


def load(path: Path, split: str, max_bytes: int = MAX_BYTES) -> Dataset:
    """Return a split of the file at ``path``.

    Args:
        path: The ``.npz`` file.
        split: ``"train"``, ``"calibration"``, ``"validation"`` or ``"test"``.
        max_bytes: Largest size of one array, uncompressed.

    Raises:
        DataError: when the file is missing, damaged, pickled, too large, or lacks the split.
    """
    check_split(split)
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_split(archive, path, split, max_bytes)
    except DataError:
        raise
    except _UNREADABLE as error:
        raise DataError(f"{path}: not a readable .npz file ({error}). Write it with numpy.savez_compressed") from error


def _read_split(archive: zipfile.ZipFile, path: Path, split: str, max_bytes: int) -> Dataset:
    own_entry = f"{split}_images.npy" in archive.namelist()
    stored = "train" if split in ("calibration", "validation") and not own_entry else split
    images, labels = (_read(archive, path, f"{stored}_{part}", max_bytes) for part in ("images", "labels"))
    if stored != split:
        count = CALIBRATION if split == "calibration" else max(1, len(images) // 10)
        images, labels = images[-count:], labels[-count:]
    return Dataset(path.stem, split, images, labels)


def _read(archive: zipfile.ZipFile, path: Path, name: str, max_bytes: int) -> np.ndarray[Any, Any]:
    """Return one array, after what its header declares has been compared with what the archive holds."""
    entry = f"{name}.npy"
    if entry not in archive.namelist():
        raise DataError(
            f"{path} has no {name!r}; it has: {', '.join(n.removesuffix('.npy') for n in archive.namelist())}"
        )
    size = archive.getinfo(entry).file_size
    if size > max_bytes:
        raise DataError(f"{path}: {name} has {size} bytes; at most {max_bytes}. Use fewer images")
    with archive.open(entry) as stream:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise DataError(f"{path}: {name} is not in .npy format 1.0. Write it with numpy.savez_compressed")
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        if dtype.hasobject:
            raise DataError(f"{path}: {name} holds Python objects, which are never unpickled. Save plain arrays")
        declared = math.prod(shape) * dtype.itemsize
        if declared != size - stream.tell():
            raise DataError(f"{path}: {name} declares {declared} bytes; the file holds {size - stream.tell()}")
    with archive.open(entry) as stream:
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
