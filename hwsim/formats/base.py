"""What a number format is: a frozen, hashable value with an exact meaning for every code.

Only independent parameters are stored; limits are derived. Rounding and overflow belong to the format, so
nothing global changes what an operation means.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from hwsim.errors import FormatError

if TYPE_CHECKING:
    from hwsim.formats.grid import Grid


class Rounding(enum.Enum):
    """How a value between two neighbours of a format is rounded."""

    NEAREST_EVEN = "rne"  #: to the nearest; a tie goes to the even multiple of the last place
    TOWARD_ZERO = "rtz"  #: truncation of the magnitude
    TOWARD_POSITIVE = "rtp"  #: ceiling
    TOWARD_NEGATIVE = "rtn"  #: floor: what dropping bits of a two's complement number does
    HALF_UP = "rhu"  #: floor(x/q + 1/2)*q: a tie goes toward plus infinity
    STOCHASTIC = "sr"  #: floor(x/q + u)*q, u = 24 hashed bits of the position (see hwsim.arith.random24)


class Overflow(enum.Enum):
    """What happens to a rounded value outside the range of a format."""

    SATURATE = "sat"  #: the nearest end of the range
    WRAP = "wrap"  #: modulo 2^bits (fixed point only)
    INFINITY = "inf"  #: the infinity of the format, or its NaN where it has no infinity


class Special(enum.Enum):
    """The codes that are not numbers."""

    NAN = "nan"
    POSITIVE_INFINITY = "inf"
    NEGATIVE_INFINITY = "-inf"


class PeKind(enum.Enum):
    """The processing element that a pair of formats needs."""

    SHIFT_ADD = "shift_add"  #: weight = one signed power of two or zero
    MULTI_SHIFT_ADD = "multi_shift_add"  #: weight = a sum of such terms
    INT_MAC = "int_mac"  #: integer multiplier and adder
    FLOAT_MAC = "float_mac"  #: floating-point multiplier and adder
    CODEBOOK_MAC = "codebook_mac"  #: table look-up, then a multiplier and an adder


class NumberFormat(ABC):
    """A finite set of numbers with a code of ``bits`` bits for each.

    Subclasses are frozen dataclasses. ``str(fmt)`` is the canonical spelling and ``parse(str(fmt)) == fmt``.
    """

    @property
    @abstractmethod
    def bits(self) -> int:
        """Bits of one code."""

    @property
    @abstractmethod
    def storage_bits(self) -> Fraction:
        """Bits that one number takes in memory, a share of any block scale included."""

    @abstractmethod
    def decode(self, code: int) -> Fraction | Special:
        """Return the exact value of ``code``. Raises FormatError outside 0 <= code < 2^bits."""

    @abstractmethod
    def code_of(self, value: Fraction | Special) -> int:
        """Return a code of ``value``, which must be a member of the format.

        Raises FormatError where it is not. Zero gives the positive zero.
        """

    def encode(self, value: Fraction | float | int | Special, random24: int = 0) -> int:
        """Round ``value`` to the format and return its code.

        Args:
            value: any number; an infinity follows the overflow rule of the format.
            random24: 24 random bits, used by STOCHASTIC only.

        Raises:
            FormatError: NaN where the format has none, an infinity where it wraps, a format still to be fitted.
        """
        from hwsim.formats.nonfinite import round_special, special_of

        special = special_of(value)
        if special is not None:
            return self.code_of(round_special(special, self.grid(), self))
        return self.code_of(self.grid().round(Fraction(value), random24))  # type: ignore[union-attr, arg-type]

    @abstractmethod
    def grid(self) -> Grid:
        """Return the exact arithmetic description that kernels and the reference work from.

        Raises FormatError where the format still has a parameter to be fitted to a tensor.
        """

    @property
    @abstractmethod
    def description(self) -> str:
        """One line for ``hwsim formats``."""

    @property
    def is_fitted(self) -> bool:
        """False while a scale or a table must still be chosen for a tensor."""
        return True

    def codes(self) -> Iterator[int]:
        """Iterate over all assigned codes, specials included."""
        return iter(range(1 << self.bits))


def require_member(fmt: NumberFormat, value: object, found: bool) -> None:
    """Raise FormatError unless ``found``: ``value`` is not one of the numbers of ``fmt``."""
    if not found:
        raise FormatError(f"{value} is not a number of {fmt}: round it with encode() first")
