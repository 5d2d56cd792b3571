"""How many threads there are, and how to keep a BLAS from multiplying them."""

from __future__ import annotations

import functools
import os
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def blas_single_threaded() -> AbstractContextManager[Any]:
    """Keep matrix products of this process to one thread each, where threadpoolctl is there to say so.

    Without it the bits are the same, but a BLAS may start more threads than there are cores: set OMP_NUM_THREADS=1.
    """
    controller = _controller()
    return nullcontext() if controller is None else controller.limit(limits=1, user_api="blas")  # type: ignore[no-any-return]


@functools.cache
def _controller() -> Any:
    """Return what knows the libraries that are loaded; finding them takes milliseconds."""
    if find_spec("threadpoolctl") is None:
        return None
    return import_module("threadpoolctl").ThreadpoolController()
