"""Opening SQLite for one writer or many readers, with every SQLite error turned into a StoreError that helps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from precision_search.errors import StoreError
from precision_search.schema import check_identity

_ADVICE = {
    "SQLITE_NOTADB": "it is not an SQLite database; name another file with --store",
    "SQLITE_CORRUPT": "it is damaged; restore a copy, or start afresh with another --store",
    "SQLITE_FULL": "no space left; free some and run the same command again, finished configurations are kept",
    "SQLITE_READONLY": "it may not be written; choose a writable place with --store",
    "SQLITE_CANTOPEN": "it cannot be opened; check that the folder exists and that you may read and write it",
    "SQLITE_BUSY": "another program has locked it; close that program and run the same command again",
    "SQLITE_IOERR": "reading or writing it failed; check the disk and its free space, finished configurations are kept",
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn any SQLite error inside the block into a StoreError that names the file and the way out."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{str(path)!r}: {error}: {_advice(error)}") from error


def _advice(error: sqlite3.Error) -> str:
    name = str(getattr(error, "sqlite_errorname", ""))
    for prefix, advice in _ADVICE.items():
        if name.startswith(prefix):
            return advice
    return "the file is not as this version left it; restore a copy, or name another file with --store"


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open or create the file; the caller holds the writer lock and creates tables if it is empty.

    Raises:
        StoreError: it is damaged, foreign, newer, or its file system cannot hold a write-ahead log.
    """
    with explained(path):
        connection = sqlite3.connect(path, isolation_level=None, timeout=30.0)
        try:
            check_identity(connection, path)
            _check_sound(connection, path)
            _write_ahead(connection, path)
        except (sqlite3.Error, StoreError):
            connection.close()
            raise
        return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open an existing file read-only; possible while a writer is at work.

    Raises:
        StoreError: there is no such file, or it is not a store that this version can read.
    """
    if not path.is_file():
        raise StoreError(f"{str(path)!r} does not exist; make it with: precision-search run --store {path}")
    with explained(path):
        try:
            # Not mode=ro: that would leave empty -wal and -shm files behind, which the last writer alone removes.
            return _checked(path, "?mode=rw")
        except sqlite3.OperationalError:
            if path.with_name(path.name + "-wal").exists():
                raise
            # A finished store in a folder that cannot hold the -shm file: nobody can be writing it.
            return _checked(path, "?mode=ro&immutable=1")


def _checked(path: Path, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path.absolute().as_uri() + options, uri=True, isolation_level=None, timeout=30.0)
    try:
        connection.execute("PRAGMA query_only = ON")
        if not check_identity(connection, path):
            raise StoreError(f"{str(path)!r} is empty: no sweep has been stored in it yet")
    except (sqlite3.Error, StoreError):
        connection.close()
        raise
    return connection


def _check_sound(connection: sqlite3.Connection, path: Path) -> None:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StoreError(f"{str(path)!r}: {verdict}: {_ADVICE['SQLITE_CORRUPT']}")


def _write_ahead(connection: sqlite3.Connection, path: Path) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(
            f"{str(path)!r}: its file system gives journal mode {mode!r}, and readers beside a running sweep need "
            "'wal'; choose a local disk with --store"
        )
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
