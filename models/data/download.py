"""Checked downloads: several sources, SHA-256 before use, atomic replacement."""

from __future__ import annotations

import hashlib
import http.client
import os
import tarfile
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, TypeVar, cast

from hwsim.errors import DataError, all_faults

Progress = Callable[[str, int, int], None]
_CHUNK_BYTES = 1 << 16
_TIMEOUT_S = 30.0
_T = TypeVar("_T")


@dataclass(frozen=True)
class RemoteFile:
    """A file that is known by its content.

    Attributes:
        name: File name on disk.
        size_bytes: Exact size.
        sha256: Hex digest of the content.
        urls: Where to get it, tried in this order.
        member_of_tar: the URLs name ``.tar.gz`` archives that hold the file, in any folder.
    """

    name: str
    size_bytes: int
    sha256: str
    urls: tuple[str, ...]
    member_of_tar: bool = False


def fetch(files: Sequence[RemoteFile], folder: Path, progress: Progress | None = None) -> tuple[Path, ...]:
    """Return the paths of ``files`` in ``folder``; download those that are not there with the right content.

    A source that fails, or that sends other bytes, is passed over for the next. A file appears whole or not at all.
    The members of one archive come in one pass over it.

    Args:
        files: What to fetch.
        folder: Created when missing.
        progress: Called with (name, bytes so far, bytes in all).

    Raises:
        DataError: when no source gave the right bytes (all reasons are listed) or the folder cannot be written.
    """
    groups: dict[object, list[RemoteFile]] = {}
    for file in files:
        groups.setdefault(file.urls if file.member_of_tar else file, []).append(file)
    for group in groups.values():
        _fetch_group(group, folder, progress)
    return tuple(folder / file.name for file in files)


def _fetch_group(files: Sequence[RemoteFile], folder: Path, progress: Progress | None) -> None:
    """Fetch one file, or several members of one archive."""
    faults = []
    missing = _missing(files, folder)
    if not missing:
        return
    for url in files[0].urls:
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response:
                if files[0].member_of_tar:
                    _store_members(response, missing, folder, progress)
                else:
                    _store(response, missing[0], folder / missing[0].name, progress)
            return
        except _WriteError as error:
            raise DataError(str(error)) from error
        except (OSError, ValueError, EOFError, tarfile.TarError, http.client.HTTPException) as error:
            faults.append(f"{url}: {error}")
        missing = _missing(files, folder)
    names = ", ".join(file.name for file in missing)
    way_out = "Get it elsewhere and name its folder with --from DIR"
    raise DataError(f"{all_faults(f'fetching {names}', faults or ['no source is known'])}\n{way_out}")


def copy_all(
    files: Sequence[RemoteFile], source: Path, folder: Path, progress: Progress | None = None
) -> tuple[Path, ...]:
    """Copy ``files`` from ``source`` into ``folder``, checked like a download, and return their paths there.

    Args:
        files: What to copy; those that are there with the right content stay.
        source: A folder that holds them, itself or in a folder of its own; or, for members of an archive, the archive
            or a folder that holds it under its published name.
        folder: Created when missing.
        progress: As in ``fetch``.

    Raises:
        DataError: when they are not there, have other content, or cannot be written.
    """
    archives = sorted({url.rpartition("/")[2] for file in files if file.member_of_tar for url in file.urls})
    archive = next((path for path in (source, *(source / name for name in archives)) if path.is_file()), None)
    homes = [home for home in _with_folders(source) if any((home / file.name).is_file() for file in files)]
    if archives and not homes and archive is not None:
        _copy_members(files, archive, folder, progress)
        return tuple(folder / file.name for file in files)
    if not homes and _missing(files, folder):
        names = ", ".join(file.name for file in files)
        other = f", nor {' or '.join(archives)}" if archives else ""
        raise DataError(f"{source} holds none of {names}, itself or in a folder of its own{other}: name where they are")
    return tuple(copy_from(file, homes[0] if homes else source, folder, progress) for file in files)


def _with_folders(source: Path) -> list[Path]:
    """Return ``source`` and the folders in it, by name; nothing where it is no folder."""
    if not source.is_dir():
        return []
    return [source, *sorted(path for path in source.iterdir() if path.is_dir())]


def _copy_members(files: Sequence[RemoteFile], archive: Path, folder: Path, progress: Progress | None) -> None:
    missing = _missing(files, folder)
    try:
        with archive.open("rb") as stream:
            if missing:
                _store_members(stream, missing, folder, progress)
    except (OSError, ValueError, EOFError, tarfile.TarError, zlib.error, _WriteError) as error:
        raise DataError(f"{archive}: {error}") from error


def copy_from(file: RemoteFile, source: Path, folder: Path, progress: Progress | None = None) -> Path:
    """Copy ``file`` from the folder ``source`` into ``folder``, checked like a download.

    Raises:
        DataError: when it is missing there, has other content, or cannot be written.
    """
    path = folder / file.name
    if _is(path, file):
        return path
    try:
        with (source / file.name).open("rb") as stream:
            _store(stream, file, path, progress)
    except (_WriteError, ValueError) as error:
        raise DataError(f"{source / file.name}: {error}") from error
    except OSError as error:
        raise DataError(f"{source / file.name} cannot be read ({error.strerror or error})") from error
    return path


def checked_file(file: RemoteFile, folder: Path, dataset: str, size: str) -> Path:
    """Return the path of ``file`` in ``folder``, its content checked.

    Args:
        file: What is needed.
        folder: Where it has to be.
        dataset: What ``models fetch`` calls it.
        size: of the download, for the message.

    Raises:
        DataError: when it is missing or has other content; the message says how to get it.
    """
    path = folder / file.name
    if not path.is_file():
        raise DataError(
            f"{path} does not exist: run `models fetch {dataset}` ({size}), or `models fetch {dataset} --from DIR` with"
            f" its files in DIR, or set HWSIM_DATA to the folder that holds {dataset}/"
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != file.sha256:
        raise DataError(
            f"{path}: sha256 is {digest}; needed: {file.sha256}. Run `models fetch {dataset}` to replace it"
        )
    return path


class _WriteError(Exception):
    """The local side failed, so another source would not help."""


def _missing(files: Sequence[RemoteFile], folder: Path) -> list[RemoteFile]:
    return [file for file in files if not _is(folder / file.name, file)]


def _is(path: Path, file: RemoteFile) -> bool:
    if not path.is_file() or path.stat().st_size != file.size_bytes:
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def _store_members(stream: BinaryIO, files: Sequence[RemoteFile], folder: Path, progress: Progress | None) -> None:
    awaited = {file.name: file for file in files}
    with tarfile.open(fileobj=stream, mode="r|gz") as archive:
        for member in archive:
            file = awaited.pop(Path(member.name).name, None) if member.isfile() else None
            if file is not None:
                _store(cast(BinaryIO, archive.extractfile(member)), file, folder / file.name, progress)
            if not awaited:
                return
    raise ValueError(f"the archive holds no {', '.join(awaited)}")


def _store(stream: BinaryIO, file: RemoteFile, path: Path, progress: Progress | None) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    _local(lambda: path.parent.mkdir(parents=True, exist_ok=True), path)
    try:
        with _local(lambda: part.open("wb"), path) as target:
            _copy_checked(stream, target, file, progress)
        _local(lambda: os.replace(part, path), path)
    finally:
        _local(lambda: part.unlink(missing_ok=True), path)


def _copy_checked(stream: BinaryIO, target: IO[bytes], file: RemoteFile, progress: Progress | None) -> None:
    digest, received = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK_BYTES):
        received += len(chunk)
        if received > file.size_bytes:
            raise ValueError(f"sent more than the {file.size_bytes} bytes that it should have")
        digest.update(chunk)
        _local(lambda: target.write(chunk), Path(file.name))
        if progress:
            progress(file.name, received, file.size_bytes)
    _local(target.flush, Path(file.name))
    if received != file.size_bytes:
        raise ValueError(f"sent {received} bytes; needed: {file.size_bytes}")
    if digest.hexdigest() != file.sha256:
        raise ValueError(f"sha256 is {digest.hexdigest()}; needed: {file.sha256}")


def _local(action: Callable[[], _T], path: Path) -> _T:
    try:
        return action()
    except OSError as error:
        raise _WriteError(
            f"{path} cannot be written: {error.strerror or error}. Free space, or set HWSIM_DATA"
        ) from error
