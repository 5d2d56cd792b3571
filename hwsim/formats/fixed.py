"""Fixed point: ``fixed<W,I>`` (two's complement) and ``ufixed<W,I>``, W bits of which I before the binary point."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from hwsim.errors import FormatError
from hwsim.formats.base import NumberFormat, Overflow, Rounding, Special, require_member
from hwsim.formats.grid import FixedGrid, power_of_two

MAX_WIDTH = 48
MAX_SEED = (1 << 32) - 1


@dataclass(frozen=True)
class FixedFormat(NumberFormat):
    """W-bit fixed point with I integer bits (the sign bit included), as ap_fixed<W,I> counts them.

    Attributes:
        width: total bits W, 1 to 48.
        integer_bits: bits before the binary point I; may be negative or exceed W, the point then lies outside.
        signed: two's complement if true.
        rounding: how values between two codes are rounded.
        overflow: SATURATE or WRAP.
        seed: of stochastic rounding, 0 to 2^32 - 1.

    >>> FixedFormat(8, 4).decode(0x80)
    Fraction(-8, 1)
    """

    width: int
    integer_bits: int
    signed: bool = True
    rounding: Rounding = Rounding.NEAREST_EVEN
    overflow: Overflow = Overflow.SATURATE
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MAX_WIDTH:
            raise FormatError(f"fixed point width {self.width} bits: must be 1 to {MAX_WIDTH} bits")
        if abs(self.integer_bits) > 64:
            raise FormatError(f"fixed point with {self.integer_bits} integer bits: must be -64 to 64")
        check_seed(self.seed)
        if self.overflow is Overflow.INFINITY:
            raise FormatError("fixed point has no infinity: overflow must be 'sat' or 'wrap', not 'inf'")

    @property
    def bits(self) -> int:
        """Bits of one code."""
        return self.width

    @property
    def storage_bits(self) -> Fraction:
        """Bits that one number takes in memory."""
        return Fraction(self.width)

    @property
    def fraction_bits(self) -> int:
        """Bits after the binary point, W - I."""
        return self.width - self.integer_bits

    def decode(self, code: int) -> Fraction:
        """Return the exact value of ``code``."""
        check_code(self, code)
        negative = self.signed and code >> (self.width - 1)
        return (code - (1 << self.width) * negative) * power_of_two(-self.fraction_bits)

    def code_of(self, value: Fraction | Special) -> int:
        """Return the code of a member of the format."""
        require_member(self, value, isinstance(value, Fraction))
        assert isinstance(value, Fraction)
        integer = value / power_of_two(-self.fraction_bits)
        grid = self.grid()
        require_member(self, value, integer.denominator == 1 and grid.minimum <= integer <= grid.maximum)
        return int(integer) & ((1 << self.width) - 1)

    def grid(self) -> FixedGrid:
        """Return the arithmetic description."""
        low = -(1 << (self.width - 1)) if self.signed else 0
        return FixedGrid(-self.fraction_bits, low, low + (1 << self.width) - 1, self.rounding, self.overflow, self.seed)

    @property
    def description(self) -> str:
        """One line for a listing."""
        kind = "two's complement" if self.signed else "unsigned"
        return f"{kind} fixed point, {self.integer_bits} integer and {self.fraction_bits} fraction bits"

    def __str__(self) -> str:
        """Return the canonical spelling."""
        options = mode_options(self, Rounding.NEAREST_EVEN, Overflow.SATURATE)
        return f"{'' if self.signed else 'u'}fixed<{','.join([str(self.width), str(self.integer_bits), *options])}>"


class _HasModes(Protocol):
    @property
    def rounding(self) -> Rounding: ...
    @property
    def overflow(self) -> Overflow: ...
    @property
    def seed(self) -> int: ...


def check_code(fmt: NumberFormat, code: int) -> None:
    """Raise FormatError unless 0 <= code < 2^bits."""
    if not 0 <= code < 1 << fmt.bits:
        raise FormatError(f"code {code} is outside {fmt}: codes are 0 to {(1 << fmt.bits) - 1}")


def check_seed(seed: int) -> None:
    """Raise FormatError unless ``seed`` is a 32-bit number."""
    if not 0 <= seed <= MAX_SEED:
        raise FormatError(f"seed {seed} of stochastic rounding: must be 0 to {MAX_SEED}")


def mode_options(fmt: _HasModes, default_rounding: Rounding, default_overflow: Overflow) -> list[str]:
    """Return the spelled-out rounding, overflow and seed where they differ from the defaults."""
    options = []
    if fmt.rounding is not default_rounding:
        options.append(fmt.rounding.value)
    if fmt.overflow is not default_overflow:
        options.append(fmt.overflow.value)
    if fmt.seed:
        options.append(f"seed={fmt.seed}")
    return options
