"""The IDX format of the MNIST files, read with every size checked.

Source of the layout: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", file formats.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import DataError

MAX_BYTES = 1 << 28
_UINT8 = 0x08


def parse_idx(data: bytes, name: str, ndim: int) -> NDArray[np.uint8]:
    """Return the uint8 array of an uncompressed IDX file.

    Args:
        data: The whole file.
        name: What to call it in an error.
        ndim: The number of dimensions that it must have.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]), "labels", 1)
    array([7, 8, 9], dtype=uint8)

    Raises:
        DataError: when the magic number, the dimensions or the length do not agree.
    """
    header = 4 + 4 * ndim
    if len(data) < header:
        raise DataError(f"{name}: {len(data)} bytes; an IDX header of {ndim} dimensions needs {header}. Fetch it again")
    magic = tuple(data[:4])
    if magic != (0, 0, _UINT8, ndim):
        raise DataError(f"{name}: magic bytes {magic}; needed: {(0, 0, _UINT8, ndim)} (uint8, {ndim} dimensions)")
    shape = tuple(int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(ndim))
    expected = header
    size = 1
    for extent in shape:
        size *= extent
    expected += size
    if len(data) != expected:
        raise DataError(
            f"{name}: {len(data)} bytes; its header declares {shape}, that is {expected} bytes. Fetch it again"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)


def read_idx_gz(path: Path, ndim: int) -> NDArray[np.uint8]:
    """Return the array of a gzip-compressed IDX file of at most ``MAX_BYTES`` (256 MiB) uncompressed.

    Raises:
        DataError: when the file is missing, truncated, damaged or too large.
    """
    try:
        with gzip.open(path, "rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: not a readable gzip file ({error}). Fetch it again") from error
    if len(data) > MAX_BYTES:
        raise DataError(f"{path}: more than {MAX_BYTES} bytes uncompressed. This is not one of the MNIST files")
    return parse_idx(data, str(path), ndim)
