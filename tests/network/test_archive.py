"""The container: what it declares must be there, byte for byte; nothing is allocated on a declaration alone."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hwsim.errors import NetworkError
from hwsim.network.archive import npy_bytes, open_archive, write_archive

ARRAYS: dict[str, Any] = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.arange(5, dtype=np.uint8)}
LIMIT = 1 << 20


def read_all(path: Path, limit: int) -> None:
    with open_archive(path, limit) as archive:
        for name in archive.entries:
            archive.read(name)


def refusal(path: Path, limit: int = LIMIT) -> str:
    """Return the message of the refusal, having held the loader to 8 MiB of memory."""
    tracemalloc.start()
    try:
        with pytest.raises(NetworkError) as caught:
            read_all(path, limit)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 600 + len(str(path))
    return str(caught.value)


def zipped(path: Path, members: dict[str, bytes], **options: Any) -> Path:
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def forged_npy(shape: str, data: bytes = b"", descr: str = "<f4") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


@given(hnp.arrays(st.sampled_from([np.float32, np.uint8]), hnp.array_shapes(min_dims=0, max_dims=5, min_side=0)))
def test_npy_bytes_are_numpys(array: Any) -> None:
    again = np.load(io.BytesIO(npy_bytes(array)), allow_pickle=False)
    assert again.dtype == array.dtype
    assert again.shape == array.shape
    assert again.tobytes() == array.tobytes()


def test_big_endian_and_strided_arrays_are_written_by_value() -> None:
    array = np.arange(12, dtype=">f4").reshape(3, 4)[:, ::2]
    assert npy_bytes(array) == npy_bytes(np.array(array, dtype=np.float32))


def test_round_trip_and_numpy_reads_it(tmp_path: Path) -> None:
    write_archive(tmp_path / "x.npz", ARRAYS)
    with open_archive(tmp_path / "x.npz", LIMIT) as archive:
        assert {name: entry.shape for name, entry in archive.entries.items()} == {"a.weight": (2, 3), "b": (5,)}
        assert all(np.array_equal(archive.read(name), array) for name, array in ARRAYS.items())
    with np.load(tmp_path / "x.npz", allow_pickle=False) as theirs:
        assert all(np.array_equal(theirs[name], array) for name, array in ARRAYS.items())
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


def test_equal_arrays_give_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_archive(tmp_path / "x.npz", ARRAYS)
    monkeypatch.setattr("time.time", lambda: 2e9)
    write_archive(tmp_path / "y.npz", {name: array.copy() for name, array in ARRAYS.items()})
    assert (tmp_path / "x.npz").read_bytes() == (tmp_path / "y.npz").read_bytes()


def test_numpys_own_uncompressed_archives_are_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **ARRAYS)
    with open_archive(tmp_path / "x.npz", LIMIT) as archive:
        assert np.array_equal(archive.read("a.weight"), ARRAYS["a.weight"])


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "does not begin as a zip"),
        (b"PK\x03\x04", "truncated"),
        (b"PK\x03\x04" + bytes(100), "truncated"),
        (b"\x80\x04\x95 a pickle", "does not begin as a zip"),
        (b"\x93NUMPY\x01\x00", "does not begin as a zip"),
    ],
)
def test_what_is_no_archive(tmp_path: Path, data: bytes, word: str) -> None:
    (tmp_path / "x.npz").write_bytes(data)
    assert word in refusal(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"a.npy": forged_npy("(1000000000000,)")}, ["bytes; its shape (1000000000000,) needs 4000000000"]),
        ({"a.npy": forged_npy("(" + "9" * 150 + ",)")}, ["needs 4000"]),
        ({"a.npy": forged_npy("(3,)", bytes(13))}, ["has 81 bytes; its shape (3,) needs 80"]),
        ({"a.npy": forged_npy("(0, 99999999999)", bytes(4))}, ["needs"]),
        ({"a.npy": forged_npy("(-3,)", bytes(12))}, ["C-ordered array of float32 or uint8"]),
        ({"a.npy": forged_npy("(3,)", bytes(24), "<f8")}, ["C-ordered array of float32 or uint8", "<f8"]),
        ({"a.npy": forged_npy("(3,)", bytes(24), "|O")}, ["pickled", "never loaded"]),
        ({"a.npy": forged_npy("(3,)", bytes(12)).replace(b"False", b"True").replace(b"\n", b" \n")}, ["C-ordered"]),
        ({"a.npy": forged_npy("__import__('os')", bytes(12))}, ["C-ordered"]),
        ({"a.npy": b"\x93NUMPY\x01\x00\xff\xff{'descr'"}, ["C-ordered"]),
        ({"a.npy": b"\x93NUMPY\x02\x00" + bytes(50)}, ["version 1.0"]),
        ({"a.npy": b""}, ["version 1.0"]),
        ({"a.txt": forged_npy("(3,)", bytes(12))}, ["must be a .npy array"]),
        ({"x" * 5000 + ".npy": b""}, ["version 1.0"]),
    ],
)
def test_forged_entries(tmp_path: Path, members: dict[str, bytes], words: list[str]) -> None:
    text = refusal(zipped(tmp_path / "x.npz", members))
    assert all(word in text for word in words), text


def test_pickled_arrays_never_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
            return (os.mkdir, (str(tmp_path / "ran"),))

    np.savez(tmp_path / "x.npz", a=np.array([Bomb()], dtype=object))
    assert "pickled" in refusal(tmp_path / "x.npz")
    assert not (tmp_path / "ran").exists()


def test_compressed_entries_are_refused_whatever_they_unpack_to(tmp_path: Path) -> None:
    bomb = forged_npy("(100000000,)", bytes(400_000))
    path = zipped(tmp_path / "x.npz", {"a.npy": bomb}, compression=zipfile.ZIP_DEFLATED)
    assert "compressed or encrypted" in refusal(path)


def test_a_name_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", npy_bytes(ARRAYS["b"]))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.npy", npy_bytes(ARRAYS["b"]))
    assert "name of its own" in refusal(tmp_path / "x.npz")


def patched(path: Path, at: int, value: bytes) -> Path:
    data = bytearray(path.read_bytes())
    start = at if at >= 0 else len(data) + at
    data[start : start + len(value)] = value
    path.write_bytes(bytes(data))
    return path


def test_sizes_declared_in_the_zip_directory_are_held_against_the_file(tmp_path: Path) -> None:
    write_archive(tmp_path / "x.npz", {"a": ARRAYS["b"]})
    at = (tmp_path / "x.npz").read_bytes().index(b"PK\x01\x02")
    huge = struct.pack("<LL", 0x7FFFFFFF, 0x7FFFFFFF)
    assert "forged" in refusal(patched(tmp_path / "x.npz", at + 20, huge))


@pytest.mark.parametrize("at", [-10, -6])  # size and offset of the directory
def test_a_forged_end_record(tmp_path: Path, at: int) -> None:
    write_archive(tmp_path / "x.npz", ARRAYS)
    assert "truncated" in refusal(patched(tmp_path / "x.npz", at, b"\xff\xff\xff\x7f"))


@pytest.mark.parametrize(("at", "value"), [(10, b"\x08\x00"), (20, b"\x01\x00"), (24, b"\x01\x00"), (8, b"\x01\x00")])
def test_a_method_or_sizes_that_contradict_each_other(tmp_path: Path, at: int, value: bytes) -> None:
    write_archive(tmp_path / "x.npz", {"a": ARRAYS["b"]})
    start = (tmp_path / "x.npz").read_bytes().index(b"PK\x01\x02")
    assert "compressed or encrypted" in refusal(patched(tmp_path / "x.npz", start + at, value))


def test_the_64_bit_extension(tmp_path: Path) -> None:
    write_archive(tmp_path / "x.npz", ARRAYS)
    data = bytearray((tmp_path / "x.npz").read_bytes())
    (directory_bytes,) = struct.unpack_from("<L", data, len(data) - 10)
    struct.pack_into("<L", data, len(data) - 10, directory_bytes + 20)
    (tmp_path / "x.npz").write_bytes(data[:-22] + b"PK\x06\x07" + bytes(16) + data[-22:])
    assert "64-bit extension" in refusal(tmp_path / "x.npz")


def test_a_zip_directory_too_large(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.npz", {f"{i}{'x' * 60000}.npy": b"" for i in range(80)})
    assert "directory of" in refusal(path, 1 << 30)


def test_something_appended_or_prepended(tmp_path: Path) -> None:
    write_archive(tmp_path / "x.npz", ARRAYS)
    data = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(data + b"more")
    assert "appended" in refusal(tmp_path / "x.npz")
    (tmp_path / "x.npz").write_bytes(b"#!/bin/sh" + data)
    assert "does not begin as a zip" in refusal(tmp_path / "x.npz")


def test_the_limit_is_checked_first_and_named(tmp_path: Path) -> None:
    write_archive(tmp_path / "x.npz", ARRAYS)
    size = (tmp_path / "x.npz").stat().st_size
    assert f"has {size} bytes; the limit is {size - 1}: raise it with limit_bytes={size}" in refusal(
        tmp_path / "x.npz", size - 1
    )
    with open_archive(tmp_path / "x.npz", size):
        pass


def test_a_sparse_giant_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "x.npz").open("wb") as file:
        file.truncate(1 << 40)
    assert "the limit is" in refusal(tmp_path / "x.npz")


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.npz")
    assert "no regular file" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe.npz")
    assert "no regular file" in refusal(tmp_path / "pipe.npz")


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_a_folder_that_cannot_be_written(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NetworkError, match=r"cannot write .* choose another folder"):
        write_archive(tmp_path / folder / "x.npz", ARRAYS)


def test_a_full_disk_leaves_the_old_file_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_archive(tmp_path / "x.npz", ARRAYS)
    before = (tmp_path / "x.npz").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NetworkError, match="No space left on device"):
        write_archive(tmp_path / "x.npz", {"a": ARRAYS["b"]})
    assert (tmp_path / "x.npz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


def test_more_than_a_zip_can_hold_is_refused(tmp_path: Path) -> None:
    giant = np.broadcast_to(np.float32(0), (1 << 31,))
    with pytest.raises(NetworkError, match="the limit of the format is 4294967295"):
        write_archive(tmp_path / "x.npz", {"a": giant})
