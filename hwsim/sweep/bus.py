"""What the chip's edge can carry, and what a fold asks of it, on many machines at once."""

from __future__ import annotations

from dataclasses import dataclass

from hwsim.sweep.closed_forms import Ints
from hwsim.sweep.movement import Flags


@dataclass(frozen=True)
class Bus:
    """What crosses the chip's edge in a cycle, by scratchpad (its own port may be slower), [points, 1].

    Attributes:
        bits, cycles: so many bits in so many cycles.
        limited: whether there is a limit at all.
        halves: the scratchpad is double buffered.
    """

    bits: tuple[Ints, Ints, Ints]
    cycles: tuple[Ints, Ints, Ints]
    limited: tuple[Flags, Flags, Flags]
    halves: tuple[Flags, Flags, Flags]


@dataclass(frozen=True)
class Moved:
    """Cycles of the bus for one fold: with the array standing still (alone), and beside its computation."""

    in_alone: Ints
    in_beside: Ints
    out_alone: Ints
    out_beside: Ints
