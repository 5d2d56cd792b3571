"""Compressed files on disk."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from hwsim.network import Network
from models.compression.container.pack import pack, unpack
from models.compression.errors import CompressionError

SUFFIX = ".hwz"
LARGEST_FILE_BYTES = 1 << 30


def save_compressed(path: str | os.PathLike[str], network: Network, coder: str = "arithmetic") -> int:
    """Write ``network`` to ``path``, whole or not at all, and return the bytes of the file.

    Raises:
        CompressionError: ``path`` does not end in .hwz or cannot be written, or the network cannot be packed.
    """
    target = Path(path)
    if target.suffix != SUFFIX:
        raise CompressionError(f"cannot write {target}: the name must end in {SUFFIX}")
    data = pack(network, coder)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise CompressionError(f"cannot write {target}: {error}: free space or choose another folder") from error
    return len(data)


def load_compressed(path: str | os.PathLike[str]) -> Network:
    """Read a network that ``save_compressed`` wrote, trusting nothing in the file.

    Raises:
        CompressionError: unreadable, too large, damaged, or of a newer version.
    """
    data = read_compressed(path)
    try:
        return unpack(data)
    except CompressionError as error:
        raise CompressionError(f"{Path(path)}: {error}") from error


def read_compressed(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a file that ``save_compressed`` wrote, not decoded.

    Raises:
        CompressionError: unreadable or too large.
    """
    source = Path(path)
    try:
        with source.open("rb") as file:
            data = file.read(LARGEST_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise CompressionError(f"cannot read {source}: {error}") from error
    if len(data) > LARGEST_FILE_BYTES:
        raise CompressionError(f"{source} has more than {LARGEST_FILE_BYTES} bytes, the limit")
    return data
