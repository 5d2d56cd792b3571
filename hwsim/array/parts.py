"""The parts of a machine: processing elements, scratchpads, DRAM."""

from __future__ import annotations

import enum
from dataclasses import dataclass

KIBIBYTE_BITS = 8 * 1024
MAX_SIDE = 65_536


class Dataflow(enum.Enum):
    """Which operand stays in the processing elements while the others move past it."""

    WEIGHT_STATIONARY = "ws"  #: rows = K, columns = N, stream = M; partial sums move down
    OUTPUT_STATIONARY = "os"  #: rows = M, columns = N, stream = K; sums stay, then drain down
    INPUT_STATIONARY = "is"  #: rows = K, columns = M, stream = N; partial sums move down


@dataclass(frozen=True)
class PeArray:
    """``rows`` x ``columns`` processing elements under one dataflow."""

    rows: int
    columns: int
    dataflow: Dataflow

    @property
    def pes(self) -> int:
        """Number of processing elements."""
        return self.rows * self.columns

    def faults(self) -> list[str]:
        """Return what is wrong with the array, one sentence a fault."""
        sides = (("rows", self.rows), ("columns", self.columns))
        return [
            f"{name} is {side!r}: give a whole number of processing elements from 1 to {MAX_SIDE}"
            for name, side in sides
            if not is_count(side) or side > MAX_SIDE
        ]


@dataclass(frozen=True)
class Memory:
    """An on-chip scratchpad of ``capacity_bits`` bits."""

    name: str
    capacity_bits: int

    def faults(self) -> list[str]:
        """Return what is wrong with the memory, one sentence a fault."""
        if is_count(self.capacity_bits):
            return []
        return [f"capacity of {self.name!r} is {self.capacity_bits!r} bits: give a whole number of at least 1 bit"]


@dataclass(frozen=True)
class Dram:
    """The memory outside the chip; it holds everything."""

    name: str = "dram"


def is_count(value: object) -> bool:
    """Return whether ``value`` is a whole number of at least 1 (``True`` is not a number)."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
