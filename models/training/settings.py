"""What torch has set while the project computes with it, put back afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_CUBLAS, _DETERMINISTIC = "CUBLAS_WORKSPACE_CONFIG", ":4096:8"


@contextmanager
def torch_settings(threads: int) -> Iterator[None]:
    """Compute with ``threads`` torch threads and deterministic operations; what was set before is set again at the end.

    Sums depend on the number of threads in their last bits, so whatever has to be repeated runs under this. Where
    torch is not installed there is nothing to set.

    Args:
        threads: At least 1.
    """
    if find_spec("torch") is None:
        yield
        return
    import torch
    from torch.utils import deterministic

    cudnn = torch.backends.cudnn
    threads_before, deterministic_before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    short, tried, precision = cudnn.allow_tf32, cudnn.benchmark, torch.get_float32_matmul_precision()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    try:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        # Else convolutions in float32 have the mantissas of bfloat16's kin on a GPU, 10 bits.
        cudnn.allow_tf32 = False
        # Else a caller's "medium" or "high" would round the factors of products in float32.
        torch.set_float32_matmul_precision("highest")
        # It takes what is fastest at the moment, and so not always the same.
        cudnn.benchmark = False
        # It finds reads of unset memory, and costs time.
        deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        yield
    finally:
        torch.set_num_threads(threads_before)
        torch.set_float32_matmul_precision(precision)
        cudnn.allow_tf32, cudnn.benchmark = short, tried
        torch.use_deterministic_algorithms(deterministic_before, warn_only=warned)
        deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]


def training_device(reduced: bool) -> torch.device:
    """Return where a training runs: on a GPU if its recipe allows reduced precision and there is one, else on the CPU.

    The environment variable without which cuBLAS is not deterministic is set where it is not, before CUDA starts.

    Args:
        reduced: Of the recipe.
    """
    import torch

    if not (reduced and torch.cuda.is_available()):
        return torch.device("cpu")
    # Source: torch.use_deterministic_algorithms and the cuBLAS manual, "Results reproducibility".
    os.environ.setdefault(_CUBLAS, _DETERMINISTIC)
    return torch.device("cuda")
