"""What a user of the gates can get wrong: each message names the cell, net or attribute, and the way out."""

from __future__ import annotations

from hwsim.errors import HwsimError


class LibertyError(HwsimError, ValueError):
    """A liberty file that cannot be read, or that lacks what was asked of it."""


class NetlistError(HwsimError, ValueError):
    """A netlist that cannot be timed or simulated: unknown cells, undriven nets, loops."""


class StimulusError(HwsimError, ValueError):
    """Inputs of a simulation that do not fit the ports of the netlist."""
