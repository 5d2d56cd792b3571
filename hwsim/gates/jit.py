"""Compilation of the kernels, on first call, stored beside them where the folder can be written.

numba's own store notices a change of the one file that holds a kernel; the stamp here is a hash of all files of this
room, because kernels call each other across files.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


@cache
def source_stamp() -> str:
    """Return a hash of every source file beside this one."""
    digest = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class _Cache(FunctionCache):  # type: ignore[misc]
    """The store of one kernel; what cannot be read or written costs a compilation and no more."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = IndexDataCacheFile(
            cache_path=self._cache_path, filename_base=self._impl.filename_base, source_stamp=source_stamp()
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the stored machine code, or None where there is none or it is damaged."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # noqa: BLE001  damaged bytes raise whatever the unpickler trips over
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store the machine code if that is possible."""
        try:
            super().save_overload(sig, data)
        except Exception:  # noqa: BLE001  a full disk, a read-only folder, a damaged index
            return


def compiled(function: Kernel) -> Kernel:
    """Return ``function`` compiled on first call, without the interpreter lock."""
    dispatcher = njit(nogil=True, error_model="numpy")(function)
    try:
        dispatcher._cache = _Cache(function)
    except RuntimeError:  # numba found no folder that it may write to
        return dispatcher  # type: ignore[no-any-return]
    return dispatcher  # type: ignore[no-any-return]


def inlined(function: Kernel) -> Kernel:
    """Return ``function`` to be copied into the kernels that call it."""
    return njit(inline="always", error_model="numpy")(function)  # type: ignore[no-any-return]
