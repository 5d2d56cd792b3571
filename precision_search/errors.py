"""The errors of the explorer: each says what was found, what was expected, and the way out."""

from __future__ import annotations

from hwsim.errors import HwsimError


class SpaceError(HwsimError, ValueError):
    """A search space that cannot be read or enumerated; the message lists every fault."""


class StoreError(HwsimError, OSError):
    """A result file that cannot be opened, written or understood. What it already held is left as it was."""


class SelectionError(HwsimError, ValueError):
    """A question to the stored results that has no answer, or several."""


class RunnerError(HwsimError, RuntimeError):
    """Workers that cannot be kept alive. Every finished configuration is already in the store."""
