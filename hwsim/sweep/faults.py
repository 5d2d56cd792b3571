"""What can be wrong with a sweep."""

from __future__ import annotations

from hwsim.errors import HwsimError


class SweepError(HwsimError, ValueError):
    """A sweep of nothing, of too much, or a front of numbers that do not exist."""
