"""Where downloaded data lies."""

from __future__ import annotations

import os
from pathlib import Path


def data_root(root: Path | None = None) -> Path:
    """Return the folder of downloaded data: ``root``, else ``$HWSIM_DATA``, else the user's cache folder.

    >>> data_root(Path("here")).name
    'here'
    """
    if root is not None:
        return root
    if os.environ.get("HWSIM_DATA"):
        return Path(os.environ["HWSIM_DATA"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hwsim"
