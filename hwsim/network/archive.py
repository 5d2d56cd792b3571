"""An .npz archive read without trust and written deterministically; no pickle, no compression, no zip64.

Entries are stored, not deflated: what is declared must then lie in the file byte for byte, so an archive cannot
declare more than it is, and the bytes written do not depend on the version of zlib. ``numpy.load`` reads the files.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import NetworkError
from hwsim.network.base import Shape, elements

LARGEST_DIRECTORY_BYTES = 4 << 20  #: zip's table of contents: bounds what zipfile builds from it
LARGEST_ARCHIVE_BYTES = (1 << 32) - 1  #: beyond it a zip needs its 64-bit extension

_END = struct.Struct("<4s4H2LH")  # end of central directory record (APPNOTE.TXT of PKWARE, 4.3.16)
_ZIP64_LOCATOR_BYTES = 20
_NPY_MAGIC = b"\x93NUMPY\x01\x00"
_NPY_HEADER = re.compile(
    rb"\{'descr': '([^']{1,20})', 'fortran_order': (True|False), 'shape': \(([0-9, ]{0,200})\), ?\} *\n"
)
# Everything that zipfile is known to raise on damaged input.
_ZIP_ERRORS = (zipfile.BadZipFile, NotImplementedError, RuntimeError, struct.error, EOFError, ValueError, OverflowError)


@dataclass(frozen=True)
class Entry:
    """One array of an archive as its .npy header declares it, checked against the bytes that are there.

    Attributes:
        dtype: numpy's spelling, e.g. "<f4".
        shape: of the array.
        offset: where its values begin in the entry, bytes.
    """

    dtype: str
    shape: Shape
    offset: int


class Archive:
    """An open archive whose declared sizes have all been checked; arrays are read one by one."""

    def __init__(self, path: Path, members: zipfile.ZipFile) -> None:
        self.path = path
        self._zip = members
        self.entries: Mapping[str, Entry] = {
            info.filename.removesuffix(".npy"): self._entry(info) for info in members.infolist()
        }

    def read(self, name: str) -> NDArray[Any]:
        """Return a writable copy of the array called ``name``. Raises NetworkError if its bytes are damaged."""
        entry = self.entries[name]
        data = self._bytes(self._zip.getinfo(f"{name}.npy"), None)
        return np.frombuffer(data, dtype=np.dtype(entry.dtype), offset=entry.offset).reshape(entry.shape).copy()

    def _bytes(self, info: zipfile.ZipInfo, count: int | None) -> bytes:
        try:
            with self._zip.open(info) as stream:
                return stream.read(info.file_size if count is None else count)
        except (*_ZIP_ERRORS, OSError) as error:
            raise NetworkError(
                f"{self.path}: entry {info.filename[:60]!r} is damaged ({error}): get it again"
            ) from error

    def _entry(self, info: zipfile.ZipInfo) -> Entry:
        what = f"{self.path}: entry {info.filename[:60]!r}"
        start = self._bytes(info, 1024)
        if not start.startswith(_NPY_MAGIC) or len(start) < 10:
            raise NetworkError(f"{what} is no .npy array of version 1.0: write the file with hwsim")
        offset = 10 + int.from_bytes(start[8:10], "little")
        if re.match(rb"\{'descr': '\|O", start[10:]):
            raise NetworkError(f"{what} is a pickled Python object, which is never loaded: write the file with hwsim")
        match = _NPY_HEADER.fullmatch(start[10:offset])
        if match is None or match[2] == b"True" or match[1].decode("latin-1") not in ("<f4", "|u1"):
            found = start[10:80].decode("latin-1")
            raise NetworkError(f"{what} must be a C-ordered array of float32 or uint8; its header begins {found!r}")
        shape = tuple(int(size) for size in match[3].decode().replace(" ", "").split(",") if size)
        needed = offset + elements(shape) * np.dtype(match[1].decode()).itemsize
        if needed != info.file_size:
            raise NetworkError(
                f"{what} has {info.file_size} bytes; its shape {str(shape)[:60]} needs {str(needed)[:20]}"
            )
        return Entry(match[1].decode(), shape, offset)


@contextmanager
def open_archive(path: Path, limit_bytes: int) -> Iterator[Archive]:
    """Open an archive, refusing anything whose declared sizes do not fit its real size and ``limit_bytes``.

    Raises:
        NetworkError: unreadable, no zip, truncated, too large, compressed, pickled, or declaring what is not there.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise NetworkError(f"{path} is no regular file")
        file = path.open("rb")
    except (OSError, ValueError) as error:
        raise NetworkError(f"cannot read {path}: {error}") from error
    with file:
        _check_container(path, file, limit_bytes)
        try:
            members = zipfile.ZipFile(file)
        except (*_ZIP_ERRORS, OSError) as error:
            raise NetworkError(f"{path} is a damaged zip archive ({error}): get it again") from error
        with members:
            _check_members(path, members.infolist(), os.fstat(file.fileno()).st_size)
            yield Archive(path, members)


def _check_container(path: Path, file: IO[bytes], limit_bytes: int) -> None:
    """Check the ends of the file before zipfile, which trusts its table of contents, sees it."""
    size = os.fstat(file.fileno()).st_size
    if size > limit_bytes:
        raise NetworkError(f"{path} has {size} bytes; the limit is {limit_bytes}: raise it with limit_bytes={size}")
    if file.read(4) != b"PK\x03\x04":
        raise NetworkError(f"{path} is no .npz file: it does not begin as a zip archive does")
    tail_bytes = _END.size + _ZIP64_LOCATOR_BYTES
    file.seek(max(0, size - tail_bytes))
    tail = file.read(tail_bytes)
    fields = _END.unpack(tail[-_END.size :]) if len(tail) >= tail_bytes else (b"",)
    if fields[0] != b"PK\x05\x06" or fields[5] + fields[6] + _END.size != size:
        raise NetworkError(f"{path} is truncated or has something appended: its zip directory is not at its end")
    if tail.startswith(b"PK\x06\x07"):
        raise NetworkError(f"{path} uses zip's 64-bit extension, which is not read: write the file with hwsim")
    if fields[5] > LARGEST_DIRECTORY_BYTES:
        raise NetworkError(f"{path} has a zip directory of {fields[5]} bytes; the limit is {LARGEST_DIRECTORY_BYTES}")


def _check_members(path: Path, members: list[zipfile.ZipInfo], size: int) -> None:
    seen: set[str] = set()
    for info in members:
        what = f"{path}: entry {info.filename[:60]!r}"
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size or info.flag_bits & 1:
            raise NetworkError(f"{what} is compressed or encrypted; entries must be stored: write the file with hwsim")
        if not info.filename.endswith(".npy") or info.filename in seen:
            raise NetworkError(f"{what} must be a .npy array with a name of its own")
        seen.add(info.filename)
    total = sum(info.file_size for info in members)
    if total > size:
        raise NetworkError(f"{path} declares {total} bytes of entries and has {size}: it is truncated or forged")


def write_archive(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays so that equal contents give equal bytes, and so that ``path`` never holds half a file.

    Raises:
        NetworkError: the folder cannot be written, the disk is full, or the archive would exceed 4 GiB.
    """
    total = sum(array.nbytes + 1024 for array in arrays.values())
    if total > LARGEST_ARCHIVE_BYTES:
        raise NetworkError(f"{path} would have {total} bytes; the limit of the format is {LARGEST_ARCHIVE_BYTES}")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            _write_members(file, arrays)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise NetworkError(f"cannot write {path}: {error}: free space or choose another folder") from error


def _write_members(file: IO[bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as members:
        for name, array in arrays.items():
            members.writestr(_member(name), npy_bytes(array))
    file.flush()
    os.fsync(file.fileno())


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system, info.external_attr = 3, 0o644 << 16  # else they depend on the platform
    return info


def npy_bytes(array: NDArray[Any]) -> bytes:
    """Return ``array`` in the .npy format, version 1.0, little-endian.

    Source: numpy.lib.format; written here so that the padding does not change with the version of numpy.

    >>> len(npy_bytes(np.zeros((2, 3), np.float32)))
    152
    """
    little = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    text = f"{{'descr': '{little.dtype.str}', 'fortran_order': False, 'shape': {little.shape}, }}".encode("ascii")
    padding = -(len(_NPY_MAGIC) + 2 + len(text) + 1) % 64
    header = text + b" " * padding + b"\n"
    return _NPY_MAGIC + len(header).to_bytes(2, "little") + header + little.tobytes()
