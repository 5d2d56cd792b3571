"""What can go wrong with hardware text and the tools that read it."""

from __future__ import annotations

from hwsim.errors import HwsimError


class RtlError(HwsimError, ValueError):
    """Formats or a machine that the RTL does not do; the message names the way out."""


class ToolError(HwsimError, RuntimeError):
    """A simulator or synthesiser that is missing, or that failed."""
