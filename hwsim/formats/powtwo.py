"""Weights that a shifter multiplies by: ``pow2<B>``, ``apot<B>`` and ``shiftcnn<N,B>``.

All three are written with their largest term near 1; a power-of-two scale per tensor (``@2^k``) moves them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from hwsim.errors import FormatError
from hwsim.formats.base import NumberFormat, Special, require_member
from hwsim.formats.fixed import check_code
from hwsim.formats.grid import LevelGrid, power_of_two

Term = tuple[int, int]  #: (sign +1 or -1, exponent e): the number sign * 2^e


class PowerSumFormat(NumberFormat):
    """A number format whose every value is a sum of at most ``terms`` signed powers of two."""

    @property
    @abstractmethod
    def terms(self) -> int:
        """How many powers of two a value may have: shifters in the processing element."""

    @abstractmethod
    def term_list(self, code: int) -> tuple[Term, ...] | None:
        """Return the shift list of ``code``, empty for zero; None where the code is not assigned."""

    @abstractmethod
    def _term_exponents(self) -> tuple[tuple[int, ...], ...]:
        """Exponents that each term can have."""

    @property
    def shift_positions(self) -> int:
        """Distances that the widest of the shifters must offer."""
        return max(len(exponents) for exponents in self._term_exponents())

    @property
    def storage_bits(self) -> Fraction:
        """Bits that one number takes in memory."""
        return Fraction(self.bits)

    def decode(self, code: int) -> Fraction:
        """Return the exact value of ``code``. Raises FormatError for a code that is not assigned."""
        check_code(self, code)
        terms = self.term_list(code)
        if terms is None:
            raise FormatError(f"code {code} of {self} is not assigned: iterate over codes() instead")
        return sum((sign * power_of_two(exponent) for sign, exponent in terms), Fraction(0))

    def codes(self) -> Iterator[int]:
        """Iterate over the assigned codes."""
        return (code for code in range(1 << self.bits) if self.term_list(code) is not None)

    def code_of(self, value: Fraction | Special) -> int:
        """Return the lowest code of a member of the format."""
        codes = _lowest_codes(self)
        require_member(self, value, value in codes)
        return codes[value]  # type: ignore[index]

    def shift_list(self, value: Fraction) -> tuple[Term, ...]:
        """Return the signed powers of two that add up to ``value``, fewest first found by code order."""
        return _shift_lists(self)[value]

    def grid(self) -> LevelGrid:
        """Return the arithmetic description."""
        return _power_sum_grid(self)


@lru_cache(maxsize=64)
def _power_sum_grid(fmt: PowerSumFormat) -> LevelGrid:
    return LevelGrid(tuple(sorted({fmt.decode(code) for code in fmt.codes()})))


@lru_cache(maxsize=64)
def _lowest_codes(fmt: PowerSumFormat) -> dict[Fraction, int]:
    return {fmt.decode(code): code for code in reversed(list(fmt.codes()))}


@lru_cache(maxsize=64)
def _shift_lists(fmt: PowerSumFormat) -> dict[Fraction, tuple[Term, ...]]:
    lists: dict[Fraction, tuple[Term, ...]] = {}
    for code in fmt.codes():
        terms = fmt.term_list(code)
        assert terms is not None
        known = lists.get(fmt.decode(code))
        if known is None or len(terms) < len(known):
            lists[fmt.decode(code)] = terms
    return lists


def _check_bits(name: str, bits: int, low: int, high: int) -> None:
    if not low <= bits <= high:
        raise FormatError(f"{name} with {bits} bits: must be {low} to {high} bits")


@dataclass(frozen=True)
class PowerOfTwoFormat(PowerSumFormat):
    """The codebook of INQ: 0 and +-2^0 ... +-2^-(2^(B-2) - 1) (Zhou et al., ICLR 2017, §2.1).

    With n1 as the scale, n2 = n1 + 1 - 2^(B-1)/2. Code = sign bit, then 0 for zero or 1 + shift distance.

    >>> [str(PowerOfTwoFormat(3).decode(code)) for code in PowerOfTwoFormat(3).codes()]
    ['0', '1', '1/2', '-1', '-1/2']
    """

    width: int

    def __post_init__(self) -> None:
        _check_bits("pow2", self.width, 2, 6)

    @property
    def bits(self) -> int:
        """Bits of one code."""
        return self.width

    @property
    def terms(self) -> int:
        """One shifter."""
        return 1

    def _term_exponents(self) -> tuple[tuple[int, ...], ...]:
        return (tuple(-i for i in range(1 << (self.width - 2))),)

    def term_list(self, code: int) -> tuple[Term, ...] | None:
        """Return the one term of ``code``."""
        sign, magnitude = -1 if code >> (self.width - 1) else 1, code & ((1 << (self.width - 1)) - 1)
        if magnitude == 0:
            return () if sign > 0 else None
        return ((sign, 1 - magnitude),) if magnitude <= self.shift_positions else None

    @property
    def description(self) -> str:
        """One line for a listing."""
        return f"zero and {self.shift_positions} powers of two of either sign (INQ)"

    def __str__(self) -> str:
        """Return the canonical spelling."""
        return f"pow2<{self.width}>"


@dataclass(frozen=True)
class ApotFormat(PowerSumFormat):
    """Additive powers of two (Li et al., ICLR 2020, §2.2): a sign and B-1 magnitude bits, two bits per term.

    Term i of n is 0 or 2^-i, 2^-(i+n), 2^-(i+2n). An odd bit adds a term that is 0 or 2^-2n and moves the last
    exponents of the others down by one place, as in the authors' level builder. The paper divides by the largest
    level; here the power-of-two scale of the tensor takes that place.
    """

    width: int

    def __post_init__(self) -> None:
        _check_bits("apot", self.width, 3, 9)

    @property
    def bits(self) -> int:
        """Bits of one code."""
        return self.width

    @property
    def terms(self) -> int:
        """Shifters: one per two magnitude bits, rounded up."""
        return self.width // 2

    def _term_exponents(self) -> tuple[tuple[int, ...], ...]:
        pairs, odd = divmod(self.width - 1, 2)
        full = [tuple(-(i + step * pairs + odd * (step == 2)) for step in range(3)) for i in range(pairs)]
        return tuple(full) + (((-2 * pairs,),) if odd else ())

    def term_list(self, code: int) -> tuple[Term, ...] | None:
        """Return the terms of ``code``: sign bit, then the fields of the terms, first term in the lowest bits."""
        sign, rest = -1 if code >> (self.width - 1) else 1, code & ((1 << (self.width - 1)) - 1)
        found: list[Term] = []
        for exponents in self._term_exponents():
            field_bits = 2 if len(exponents) == 3 else 1
            field, rest = rest & ((1 << field_bits) - 1), rest >> field_bits
            if field:
                found.append((sign, exponents[field - 1]))
        return None if sign < 0 and not found else tuple(found)

    @property
    def description(self) -> str:
        """One line for a listing."""
        return f"sum of up to {self.terms} powers of two, one sign (APoT)"

    def __str__(self) -> str:
        """Return the canonical spelling."""
        return f"apot<{self.width}>"


@dataclass(frozen=True)
class ShiftCnnFormat(PowerSumFormat):
    """ShiftCNN: the sum of N terms, each with its own sign and B bits (Gudovskiy & Rigazio 2017, §3).

    Term n (from 1) is 0 or +-2^(1-n) ... +-2^(1-n-(2^(B-1)-2)). Values are rounded to the nearest sum, which is
    never farther than the authors' greedy residual search.
    """

    term_count: int
    term_bits: int

    def __post_init__(self) -> None:
        if not (1 <= self.term_count <= 4 and 2 <= self.term_bits <= 5 and self.bits <= 12):
            raise FormatError(
                f"shiftcnn<{self.term_count},{self.term_bits}>: needs 1 to 4 terms of 2 to 5 bits, 12 bits in all"
            )

    @property
    def bits(self) -> int:
        """Bits of one code."""
        return self.term_count * self.term_bits

    @property
    def terms(self) -> int:
        """Shifters."""
        return self.term_count

    def _term_exponents(self) -> tuple[tuple[int, ...], ...]:
        positions = (1 << (self.term_bits - 1)) - 1
        return tuple(tuple(-n - i for i in range(positions)) for n in range(self.term_count))

    def term_list(self, code: int) -> tuple[Term, ...] | None:
        """Return the terms of ``code``: per term a sign bit over a shift field, first term in the lowest bits."""
        found: list[Term] = []
        half = 1 << (self.term_bits - 1)
        for exponents in self._term_exponents():
            field, code = code & (2 * half - 1), code >> self.term_bits
            if field == half:
                return None
            if field:
                found.append((-1 if field > half else 1, exponents[field % half - 1]))
        return tuple(found)

    @property
    def description(self) -> str:
        """One line for a listing."""
        return f"sum of {self.term_count} signed powers of two of {self.term_bits} bits each (ShiftCNN)"

    def __str__(self) -> str:
        """Return the canonical spelling."""
        return f"shiftcnn<{self.term_count},{self.term_bits}>"
