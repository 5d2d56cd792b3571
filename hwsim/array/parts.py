"""The parts of a machine: processing elements, scratchpads, DRAM."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from fractions import Fraction

KIBIBYTE_BITS = 8 * 1024
MAX_SIDE = 65_536


class Dataflow(enum.Enum):
    """Which operand stays in the processing elements while the others move past it."""

    WEIGHT_STATIONARY = "ws"  #: rows = K, columns = N, stream = M; partial sums move down
    OUTPUT_STATIONARY = "os"  #: rows = M, columns = N, stream = K; sums stay, then drain down
    INPUT_STATIONARY = "is"  #: rows = K, columns = M, stream = N; partial sums move down


class Objective(enum.Enum):
    """What tiles and loop order are chosen for."""

    FIXED = "fixed"  #: column tiles outside, row tiles inside, the whole stream at once
    TIME = "time"  #: fewest cycles, then least energy
    ENERGY = "energy"  #: least energy, then fewest cycles


class Compression(enum.Enum):
    """How many bits a packed weight takes (``hwsim.array.compress``)."""

    NONE = "none"  #: every code at its storage bits
    BITMAP = "bitmap"  #: one bit a weight that says whether it is zero, then the codes of the others
    ENTROPY = "entropy"  #: an ideal code for the places of the zeros, then the codes of the others
    STATED = "stated"  #: as many bits a weight as the machine says, whatever its zeros (``Machine.packed_weight_bits``)
    LAYERS = "layers"  #: as many bits a weight as each layer says (``LayerNumerics.packed_bits``)


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


class Ports(enum.Enum):
    """What a memory can do in one cycle, in each of its banks."""

    ONE_RW = "1rw"  #: one word read or written
    ONE_R_ONE_W = "1r1w"  #: one word read and another one written


@dataclass(frozen=True)
class Memory:
    """An on-chip scratchpad.

    Attributes:
        name: as counts name it.
        capacity_bits: bits that it holds.
        word_bits: width of a port; an access moves a whole word. None: as wide as what is asked for, so that the
            memory never keeps the array waiting and every access moves the bits asked for.
        banks: banks side by side, each with ports of its own; they work on consecutive words.
        ports: what each bank can do in a cycle.
        double_buffered: one half is filled or emptied while the array works on the other one.
    """

    name: str
    capacity_bits: int
    word_bits: int | None = None
    banks: int = 1
    ports: Ports = Ports.ONE_RW
    double_buffered: bool = False

    @property
    def usable_bits(self) -> int:
        """Bits that the array can work on at a time: all of them, or half if double buffered.

        >>> Memory("ifmap_sram", 8192, double_buffered=True).usable_bits
        4096
        """
        return self.capacity_bits // 2 if self.double_buffered else self.capacity_bits

    @property
    def bits_per_cycle(self) -> int | None:
        """Bits that one kind of port moves in a cycle, all banks together: word times banks. None: no limit.

        >>> Memory("ifmap_sram", 8192, word_bits=64, banks=2).bits_per_cycle
        128
        """
        return None if self.word_bits is None else self.word_bits * self.banks

    def faults(self) -> list[str]:
        """Return what is wrong with the memory, one sentence a fault."""
        wholes = (("capacity", self.capacity_bits, "bits", "bit"), ("banks", self.banks, "banks", "bank"))
        faults = [
            f"{what} of {self.name!r} is {value!r} {many}: give a whole number of at least 1 {one}"
            for what, value, many, one in wholes
            if not is_count(value)
        ]
        if self.word_bits is not None and not is_count(self.word_bits):
            faults.append(
                f"word of {self.name!r} is {self.word_bits!r} bits: give at least 1 bit, or None for no limit"
            )
        elif not faults and self.word_bits is not None and self.word_bits * self.banks > self.capacity_bits:
            faults.append(
                f"{self.name!r} has {self.banks} words of {self.word_bits} bits side by side and holds "
                f"{self.capacity_bits} bits: enlarge it, or make its word narrower"
            )
        if not faults and self.double_buffered and self.capacity_bits < 2:
            faults.append(f"{self.name!r} holds 1 bit and cannot be halved: enlarge it, or leave double out")
        return faults


class DramKind(enum.Enum):
    """Kinds of DRAM that a price per bit is known of (``hwsim.cost.memories``)."""

    DDR3 = "ddr3"
    LPDDR = "lpddr"
    LPDDR4 = "lpddr4"
    HBM2 = "hbm2"
    HBM3 = "hbm3"
    HBM4 = "hbm4"
    HOROWITZ = "horowitz45"


@dataclass(frozen=True)
class Dram:
    """The memory outside the chip; it holds everything.

    Attributes:
        name: as counts name it.
        kind: what it is made of, which sets its price; None: what the price table says.
        bandwidth_gb_s: 10^9 bytes per second that cross the chip's edge, in both directions together; None: no limit.
    """

    name: str = "dram"
    kind: DramKind | None = None
    bandwidth_gb_s: float | None = None

    def bits_per_cycle(self, clock_mhz: float) -> Fraction | None:
        """Return the bits that cross the edge in one cycle of ``clock_mhz``, exactly; None: no limit.

        >>> Dram(bandwidth_gb_s=1.6).bits_per_cycle(500.0)
        Fraction(128, 5)
        """
        if self.bandwidth_gb_s is None:
            return None
        return Fraction(str(self.bandwidth_gb_s)) * 8000 / Fraction(str(clock_mhz))

    def faults(self) -> list[str]:
        """Return what is wrong with the DRAM, one sentence a fault."""
        given = self.bandwidth_gb_s
        if given is None or (math.isfinite(given) and given > 0):
            return []
        return [f"bandwidth of {self.name!r} is {given!r} GB/s: give more than 0, or None for no limit"]


def is_count(value: object) -> bool:
    """Return whether ``value`` is a whole number of at least 1 (``True`` is not a number)."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
