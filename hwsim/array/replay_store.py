"""What lies in a scratchpad and what crosses the bus, tile by tile: a part of ``hwsim.array.replay``."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction

from hwsim.array.parts import Memory
from hwsim.array.replay_edge import Bits

Tile = tuple[int, ...]


@dataclass
class Burst:
    """One transfer over the bus, and what is left of it.

    Attributes:
        memory: the scratchpad.
        way: "in" or "out".
        bits: that cross the bus.
        held: that pass the scratchpad's port.
    """

    memory: Memory
    way: str
    bits: Bits
    held: Bits

    def clock(self, bus: Bits | None) -> None:
        """Move what bus and port can in one cycle; without a limit all passes at once."""
        port = self.memory.bits_per_cycle
        self.bits = 0 if bus is None else max(0, self.bits - bus)
        self.held = 0 if port is None else max(0, self.held - port)

    def takes_time(self, bus: Bits | None) -> bool:
        """Return whether anything is left for which there is a limit."""
        limited = (self.bits, bus), (self.held, self.memory.bits_per_cycle)
        return any(bits > 0 and pace is not None for bits, pace in limited)


class Store:
    """What of one tensor lies in its scratchpad."""

    def __init__(self, memory: Memory, loops: str, partial: bool) -> None:
        self.memory, self.loops, self._partial = memory, loops, partial
        self._set: Tile | None = None
        self._kept: dict[Tile, Bits] = {}
        self.share = Fraction(0)  #: of each tile that is kept
        self.history: list[tuple[Tile | None, Bits, Bits, Bits]] = []

    def begin(self, owner: Tile, sizes: list[Bits], largest: Bits) -> None:
        """Forget the tiles of another set; decide which share of each tile of this one to keep."""
        if owner == self._set:
            return
        self._set, self._kept = owner, {}
        room = Fraction(self.memory.usable_bits)
        if sum(sizes) <= room:
            self.share = Fraction(1)
        else:
            self.share = max(Fraction(0), room - largest) / sum(sizes) if self._partial else Fraction(0)

    def use(self, tile: Tile, bits: Bits) -> Bits:
        """Return the bits of ``tile`` that are not there, and keep of it what is to be kept."""
        missing = bits - self._kept.get(tile, 0)
        self._kept[tile] = bits * self.share
        self.history.append((self._set, sum(self._kept.values()), bits - self._kept[tile], bits))
        return missing

    def most_held(self) -> Bits:
        """Return the most bits held at a time where each tile is brought in while the one before is in use."""
        held = [kept + passing for _, kept, passing, _ in self.history]
        for (own, kept, passing, _), (other, later, next_passing, tile) in itertools.pairwise(self.history):
            held.append(later + passing + next_passing if own == other else kept + passing + tile)
        return max(held)

    def forget(self) -> None:
        """Another group begins."""
        self._set = None
