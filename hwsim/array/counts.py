"""What happens on the machine, counted and not yet priced."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from fractions import Fraction


class Component(enum.Enum):
    """Where energy is spent; the columns of every breakdown, in this order."""

    __hash__ = object.__hash__  # one object each; the hash of its name is ten times slower

    PE = "pe"
    REGISTER = "register"
    SRAM = "sram"
    DRAM = "dram"
    VECTOR = "vector"
    LEAKAGE = "leakage"


class Action(enum.Enum):
    """What a component does once."""

    __hash__ = object.__hash__

    MAC = "mac"  #: one multiply-accumulate (or shift-accumulate) whose operands are both nonzero
    MAC_GATED = "mac_gated"  #: one with a zero operand, held still by the machine's zero gating
    READ = "read"
    WRITE = "write"
    CLOCK = "clock"  #: a clock edge at a register that captures nothing new; only where clocks are not gated
    ADD = "add"
    COMPARE = "compare"
    MULTIPLY = "multiply"


@dataclass(frozen=True)
class ActionCount:
    """``count`` times ``action`` on ``component``, each moving or computing ``bits`` bits.

    Attributes:
        component: where.
        action: what.
        unit: the instance, e.g. "ifmap_sram", "psum_register", "pe"; names the memory whose size sets the price.
        bits: bits per action (for a memory: bits moved per action; for the PE: 0, its PeSpec says all).
        count: how often per inference batch; a Fraction where it is an average over images.
    """

    component: Component
    action: Action
    unit: str
    bits: int
    count: int | Fraction

    @property
    def total_bits(self) -> int | Fraction:
        """Bits moved by all of these actions."""
        return self.bits * self.count
