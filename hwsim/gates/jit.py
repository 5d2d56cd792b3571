"""Compilation of the kernels, on first call, stored beside them where the folder can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """Return ``function`` compiled on first call, without the interpreter lock.

    numba's store notices a change of the file that holds a kernel and of no other, so a kernel inlines nothing from
    another file.
    """
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return njit(cache=True, **options)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # numba found no folder that it may write to
        return njit(**options)(function)  # type: ignore[no-any-return]
