"""Registers and wires of a systolic array, clocked one cycle at a time.

``None`` on a wire means that nothing is there. A register that captures ``None`` is clock-gated and not counted.
Nothing in this module knows a formula: cycles are what the clock counts, accesses what the registers do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hwsim.array.counts import Action

Number = Any
Wires = list[Number | None]
Access = tuple[str, Action, str]  #: unit, action, and whose width the word has: act, weight, acc or output


@dataclass
class AccessLog:
    """What every register and scratchpad did, in words by (unit, role), and what the PEs did."""

    reads: Counter[tuple[str, str]] = field(default_factory=Counter)
    writes: Counter[tuple[str, str]] = field(default_factory=Counter)
    macs: int = 0
    effectual_macs: int = 0

    def read(self, unit: str, role: str, wires: Sequence[Number | None]) -> None:
        """Count the words on ``wires`` as read from ``unit``."""
        if words := len(wires) - wires.count(None):
            self.reads[unit, role] += words

    def write(self, unit: str, role: str, wires: Sequence[Number | None]) -> None:
        """Count the words on ``wires`` as captured by ``unit``."""
        if words := len(wires) - wires.count(None):
            self.writes[unit, role] += words

    def accesses(self) -> dict[Access, int]:
        """Return all words by unit, action and role."""
        reads = {(unit, Action.READ, role): words for (unit, role), words in self.reads.items()}
        return reads | {(unit, Action.WRITE, role): words for (unit, role), words in self.writes.items()}


@dataclass(frozen=True)
class Arithmetic:
    """The operations of a PE; each may round or saturate."""

    multiply: Callable[[Number, Number], Number]
    add: Callable[[Number, Number], Number]
    zero: Number = 0


class Edge(Protocol):
    """What stands around the array: the scratchpads' ports, in words of one tile."""

    def held_row(self, row: int) -> Wires | None:
        """Return the stationary operand of ``row``, None for an idle row."""

    def side(self, time: int) -> Wires:
        """Return what enters the rows at ``time`` of the stream, before the skew."""

    def top(self, time: int) -> Wires:
        """Return what enters the columns at ``time`` of the stream, before the skew."""

    def starts_in_columns(self) -> bool:
        """Load the bias registers; return whether the tile's sums start in the columns and not at ``top``."""

    def start(self, column: int) -> Number:
        """Return the value at which the sums of ``column`` start."""

    def collect(self, bottom: Wires) -> None:
        """Take the words that stand at the bottom edge."""


class Skew:
    """A triangle of registers: lane ``i`` is delayed by ``i`` cycles."""

    def __init__(self, lanes: int, log: AccessLog, unit: str, role: str) -> None:
        self._lanes: list[Wires] = [[None] * lane for lane in range(lanes)]
        self._log, self._unit, self._role = log, unit, role

    def clock(self, inputs: Wires) -> Wires:
        """Put ``inputs`` on the lanes, return what leaves in the same cycle, then capture."""
        outputs: Wires = []
        for lane, word in enumerate(inputs):
            chain = [word, *self._lanes[lane]]
            self._log.read(self._unit, self._role, self._lanes[lane])
            outputs.append(chain.pop())
            self._log.write(self._unit, self._role, chain)
            self._lanes[lane] = chain
        return outputs


class TokenLane:
    """A chain of control bits as long as the way of a datum; says when the datum is visible at the end."""

    def __init__(self, length: int) -> None:
        self._bits = [False] * length
        self.first: int | None = None  #: cycle, from 0, after whose clock edge the first token was visible
        self.last = -1  #: the same for the latest token
        self.seen = 0
        self._cycle = 0

    def clock(self, token: bool) -> bool:
        """Shift ``token`` in; return whether one stands at the end after the clock edge."""
        self._bits = [token, *self._bits][:-1]
        if self._bits[-1]:
            self.first = self._cycle if self.first is None else self.first
            self.last = self._cycle
            self.seen += 1
        self._cycle += 1
        return self._bits[-1]

    def span(self) -> tuple[int, int]:
        """Return the cycles before the first token was visible, and from then on with the last one included."""
        assert self.first is not None, "no token has come through yet"
        return self.first, self.last - self.first + 1


def pass_right(registers: Wires, word: Number | None, log: AccessLog, unit: str, role: str) -> tuple[Wires, Wires]:
    """Return what a row of PEs sees on its operand wires, and its pass registers after the clock edge."""
    seen = [word, *registers]
    log.read(unit, role, registers)
    captured = seen[: len(registers)]
    log.write(unit, role, captured)
    return seen, captured
