"""What made a sweep: enough to repeat it and to judge whether a difference is ours or the machine's."""

from __future__ import annotations

import json
import os
import platform
import shlex
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from models.provenance import code_version
from precision_search.runner import Progress

if TYPE_CHECKING:
    import pandas as pd

_PACKAGES = ("numpy", "numba", "joblib", "pandas", "matplotlib")
_IDENTITIES = ("network", "network_hash", "dataset", "split", "images", "data_hash", "price_table", "price_table_hash",
               "kernel_version", "simulator_version", "machine")  # fmt: skip


def write_manifest(path: Path, command: Sequence[str], progress: Progress, frame: pd.DataFrame) -> None:
    """Write the manifest of a run as JSON.

    Args:
        path: where.
        command: the command line, word by word.
        progress: the run's last progress.
        frame: every configuration of the space, as ``Results.frame`` returns it.
    """
    manifest = {
        "command": shlex.join(command),
        "code_version": code_version(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "inputs": {name: sorted(frame[name].unique().tolist()) for name in _IDENTITIES},
        "configurations": {
            "total": progress.total,
            "in this run": progress.done,
            "by status": {str(key): int(count) for key, count in frame["status"].value_counts().items()},
        },
        "elapsed_s": round(progress.elapsed_s, 3),
        "images": progress.images,
        "macs": progress.macs,
        "computed_macs": progress.computed_macs,
        "numerically_equal": progress.equal,
    }
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
