"""What can go wrong between RTL and a price row."""

from __future__ import annotations

from hwsim.errors import HwsimError


class SynthError(HwsimError, ValueError):
    """A tool that is missing or fails, a library that lacks a cell, a grid or technology that does not exist."""


class NetlistMismatchError(SynthError):
    """A netlist that does not compute what the reference computes: no number of it may be written."""
