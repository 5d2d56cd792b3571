"""The IDX reader: right on good files, a clear error on every kind of bad one."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import DataError
from models.data import idx
from models.data.idx import parse_idx, read_idx_gz


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.astype(np.uint8).tobytes()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_round_trip(shape: list[int], seed: int) -> None:
    array = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    np.testing.assert_array_equal(parse_idx(idx_bytes(array), "x", len(shape)), array)


def test_every_truncation_is_refused() -> None:
    data = idx_bytes(np.arange(24).reshape(2, 3, 4))
    for length in range(len(data)):
        with pytest.raises(DataError, match=f"x: {length} bytes"):
            parse_idx(data[:length], "x", 3)


def test_trailing_bytes_are_refused() -> None:
    data = idx_bytes(np.arange(24).reshape(2, 3, 4))
    with pytest.raises(DataError, match="41 bytes; its header declares \\(2, 3, 4\\), that is 40 bytes"):
        parse_idx(data + b"\0", "x", 3)


@pytest.mark.parametrize("position", range(4))
def test_wrong_magic_is_refused(position: int) -> None:
    data = bytearray(idx_bytes(np.arange(24).reshape(2, 3, 4)))
    data[position] ^= 1
    with pytest.raises(DataError, match="magic bytes"):
        parse_idx(bytes(data), "x", 3)


def test_a_huge_declared_shape_is_refused_before_any_allocation() -> None:
    data = bytes([0, 0, 8, 3]) + b"\xff" * 12 + b"abc"
    with pytest.raises(DataError, match="declares \\(4294967295, 4294967295, 4294967295\\)"):
        parse_idx(data, "x", 3)


def test_gzip_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(idx_bytes(np.arange(6))))
    np.testing.assert_array_equal(read_idx_gz(path, 1), np.arange(6))


def test_damaged_gzip_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    good = gzip.compress(idx_bytes(np.arange(200)))
    for bad in (b"", b"not gzip at all", good[:-3], good[: len(good) // 2], good[:20] + b"\xff" * 9 + good[29:]):
        path.write_bytes(bad)
        with pytest.raises(DataError):
            read_idx_gz(path, 1)
    with pytest.raises(DataError, match="not a readable gzip"):
        read_idx_gz(tmp_path / "absent.gz", 1)


def test_a_gzip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idx, "MAX_BYTES", 1000)
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"\0" * 100_000))
    with pytest.raises(DataError, match="more than 1000 bytes uncompressed"):
        read_idx_gz(path, 1)
