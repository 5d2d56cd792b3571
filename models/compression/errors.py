"""What goes wrong in compression, for the user to put right."""

from __future__ import annotations

from hwsim.errors import HwsimError


class CompressionError(HwsimError):
    """An option, a recipe, a network or a file that compression cannot work with."""
