"""Which code made a result."""

from __future__ import annotations

import functools
import importlib.metadata
import subprocess
from pathlib import Path


@functools.cache
def code_version() -> str:
    """Return the installed version and, in a git checkout, the commit: ``0.1.0+g1a2b3c4`` or ``…-dirty``."""
    try:
        version = importlib.metadata.version("hwsim")
    except importlib.metadata.PackageNotFoundError:
        version = "uninstalled"
    commit = _commit(Path(__file__).resolve().parent)
    return f"{version}+g{commit}" if commit else version


def _commit(folder: Path) -> str:
    if not (folder.parent / ".git").exists():
        return ""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""  # no git, or no commit yet: the version alone has to do
