"""Which command, code, packages and machine make a result."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path


@functools.cache
def code_version() -> str:
    """Return the installed version and, in a git checkout, the commit: ``0.1.0+g1a2b3c4`` or ``…-dirty``.

    The first call of a process decides: a commit that is made while it runs is not the code that it runs. Long work
    therefore calls this before it begins.
    """
    version = package_version("hwsim")
    commit = _commit(Path(__file__).resolve().parent)
    return f"{version}+g{commit}" if commit else version


def package_version(package: str) -> str:
    """Return the version of an installed package, or ``not installed``."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def code_and_packages() -> dict[str, str]:
    """Return what a result's bits depend on beside its inputs.

    >>> sorted(code_and_packages())
    ['code', 'machine', 'numpy', 'python', 'torch']
    """
    return {
        "code": code_version(),
        "python": platform.python_version(),
        "numpy": package_version("numpy"),
        "torch": package_version("torch"),
        "machine": f"{platform.machine()} {_processor()}".strip(),
    }


def provenance(command: str = "") -> dict[str, str]:
    """Return which command, code, packages and machine make a result, and when (UTC).

    Args:
        command: What the user typed; default: the words of this process.

    >>> sorted(provenance("models study x"))
    ['code', 'command', 'machine', 'made_at', 'numpy', 'processors', 'python', 'torch']
    """
    return {
        "command": command or shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        **code_and_packages(),
        "processors": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def is_dirty(code: str) -> bool:
    """Return whether a code version names a checkout with changes that are in no commit."""
    return code.endswith("-dirty")


def _commit(folder: Path) -> str:
    if not (folder.parent / ".git").exists():
        return ""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""  # no git, or no commit yet: the version alone has to do


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
