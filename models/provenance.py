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

_UNKNOWN = "unknown"
_SOURCES = ("hwsim/*.py", "models/*.py", "precision_search/*.py")


@functools.cache
def code_version() -> str:
    """Return the installed version and, in a git checkout, the commit: ``0.1.0+g1a2b3c4`` or ``…-dirty``.

    A checkout is dirty where a file differs from its commit, and where a package holds Python files that are in no
    commit. Where git cannot say which commit it is, the code is ``0.1.0+unknown``.

    The first call of a process decides: a commit that is made while it runs is not the code that it runs. Long work
    therefore calls this before it begins.
    """
    version = package_version("hwsim")
    commit = _commit(Path(__file__).resolve().parent.parent)
    return f"{version}+{commit}" if commit else version


def package_version(package: str) -> str:
    """Return the version of an installed package, or ``not installed``."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def code_and_packages() -> dict[str, str]:
    """Return what a result's bits depend on beside its inputs; of the GPU, where there is one, see ``accelerator``.

    >>> sorted(code_and_packages())
    ['code', 'machine', 'numba', 'numpy', 'python', 'torch']
    """
    return {
        "code": code_version(),
        "python": platform.python_version(),
        "numpy": package_version("numpy"),
        "numba": package_version("numba"),
        "torch": package_version("torch"),
        "machine": f"{platform.machine()} {_processor()}".strip(),
    }


def accelerator() -> dict[str, str]:
    """Return the GPU that torch computes on in this process; nothing where torch is not loaded or finds none."""
    torch = sys.modules.get("torch")
    return {"accelerator": torch.cuda.get_device_name()} if torch is not None and torch.cuda.is_available() else {}


def provenance(command: str = "") -> dict[str, str]:
    """Return which command, code, packages and machine make a result, and when (UTC); the GPU where there is one.

    Args:
        command: What the user typed; default: the words of this process.

    >>> sorted(name for name in provenance("models study x") if name != "accelerator")
    ['code', 'command', 'machine', 'made_at', 'numba', 'numpy', 'processors', 'python', 'torch']
    """
    return {
        "command": command or shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        **code_and_packages(),
        **accelerator(),
        "processors": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def is_dirty(code: str) -> bool:
    """Return whether a code version names changes that are in no commit, or a checkout that git cannot read."""
    return code.endswith(("-dirty", f"+{_UNKNOWN}"))


def _commit(checkout: Path) -> str:
    """Return ``g`` and the commit; nothing outside a checkout, ``unknown`` where git fails, or has no commit yet."""
    if not (checkout / ".git").exists():
        return ""
    try:
        commit = _git(checkout, "describe", "--always", "--dirty", "--exclude=*")
        new = _git(checkout, "ls-files", "--others", "--exclude-standard", "--", *_SOURCES)
    except (OSError, subprocess.SubprocessError):
        return _UNKNOWN
    return f"g{commit}-dirty" if new and not commit.endswith("-dirty") else f"g{commit}"


def _git(checkout: Path, *words: str) -> str:
    command = ["git", "-C", str(checkout), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
