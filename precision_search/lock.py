"""One writer per result file, enforced by a lock that the kernel releases however the holder dies."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from precision_search.errors import StoreError


class WriterLock:
    """Holds ``<store>.lock`` until closed.

    The file stays behind on purpose: removing it would let two writers lock two different files of one name.
    """

    def __init__(self, store: Path) -> None:
        """Take the lock.

        Raises:
            StoreError: another process holds it, or the folder cannot be written.
        """
        self.path = store.with_name(store.name + ".lock")
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(
                f"{str(self.path)!r} cannot be written ({error.strerror}); "
                "choose a writable place for the results with --store"
            ) from error
        self._take(store)

    def _take(self, store: Path) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 200, 0).decode(errors="replace").strip() or "another process"
            os.close(self._descriptor)
            raise StoreError(
                f"{str(store)!r} is being written by {holder}; wait for it, stop it, or name another file with "
                "--store (reading it with frontier, plot, export and status is possible at any time)"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def close(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)
