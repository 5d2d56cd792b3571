"""Compiling kernels once per machine: numba's disk cache, made to notice every change and to heal itself.

numba's own cache looks at the date of the file that holds a kernel. The building blocks that a kernel inlines lie in
other files, so an update of one of them would leave stale machine code in use. Here the stamp is a hash of all sources
of the kernel's own room and of ``arith``, whose blocks other rooms use. What cannot be read back is thrown away and
compiled again; what cannot be written is done without.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache

BLOCKS = Path(__file__).parent / "arith"


@cache
def source_stamp(room: Path) -> str:
    """Return a hash of every source file that a kernel in the folder ``room`` may be made of."""
    digest = hashlib.sha256()
    for folder in sorted({room, BLOCKS}):
        for path in sorted(folder.glob("*.py")):
            digest.update(f"{folder.name}/{path.name}".encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class KernelCache(FunctionCache):  # type: ignore[misc]
    """The disk cache of one kernel."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = source_stamp(Path(function.__code__.co_filename).parent)
        self._cache_file = IndexDataCacheFile(
            cache_path=self._cache_path, filename_base=self._impl.filename_base, source_stamp=stamp
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the stored machine code, or None, after a flush, where it is damaged."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # noqa: BLE001  damaged bytes raise whatever the unpickler trips over
            self._discard()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store the machine code; a full disk or a read-only folder costs a compilation next time, and no more."""
        try:
            super().save_overload(sig, data)
        except OSError:
            return
        except Exception:  # noqa: BLE001  a damaged index is read before it is extended
            self._discard()

    def _discard(self) -> None:
        try:
            self.flush()
        except OSError:
            self.disable()


def compiled(function: Callable[..., Any]) -> Any:
    """Return ``function`` compiled on first call, without the interpreter lock, with IEEE division, and cached."""
    dispatcher = njit(nogil=True, error_model="numpy")(function)
    try:
        dispatcher._cache = KernelCache(function)
    except RuntimeError:  # numba found no folder that it may write to
        dispatcher._cache = NullCache()
    return dispatcher


def inlined(function: Callable[..., Any]) -> Any:
    """Return ``function`` to be copied into the kernels that call it."""
    return njit(inline="always", error_model="numpy")(function)
