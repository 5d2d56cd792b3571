"""The exact meaning of a format for arithmetic: which values exist and how any rational number becomes one of them.

A grid is what remains of a format when its codes are forgotten. It is the single input of the reference and of every
fast kernel, so a scaled, a signed and an unsigned format need no code of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from hwsim.formats.base import Overflow, Rounding, Special

RANDOM_BITS = 24  #: bits of the uniform number of stochastic rounding


def power_of_two(exponent: int) -> Fraction:
    """Return 2^exponent exactly, for any sign of the exponent."""
    return Fraction(1 << exponent) if exponent >= 0 else Fraction(1, 1 << -exponent)


def floor_log2(value: Fraction) -> int:
    """Return floor(log2(value)) of a positive rational, exactly.

    >>> floor_log2(Fraction(3, 4)), floor_log2(Fraction(8))
    (-1, 3)
    """
    guess = value.numerator.bit_length() - value.denominator.bit_length()
    return guess if power_of_two(guess) <= value else guess - 1


def round_integer(value: Fraction, rounding: Rounding, random24: int = 0) -> int:
    """Round a rational to an integer; the definition of every rounding mode in one place.

    Args:
        value: the number, in units of the last place.
        rounding: the mode.
        random24: 24 random bits, used by STOCHASTIC only.

    >>> [round_integer(Fraction(5, 2), mode) for mode in (Rounding.NEAREST_EVEN, Rounding.HALF_UP)]
    [2, 3]
    """
    floor = value.numerator // value.denominator
    fraction = value - floor
    if rounding is Rounding.NEAREST_EVEN:
        return floor + int(fraction > Fraction(1, 2) or (fraction == Fraction(1, 2) and floor % 2 == 1))
    if rounding is Rounding.TOWARD_ZERO:
        return floor + int(value < 0 and fraction > 0)
    if rounding is Rounding.TOWARD_POSITIVE:
        return floor + int(fraction > 0)
    if rounding is Rounding.TOWARD_NEGATIVE:
        return floor
    if rounding is Rounding.HALF_UP:
        return floor + int(fraction >= Fraction(1, 2))
    return floor + int(fraction + Fraction(random24, 1 << RANDOM_BITS) >= 1)


@dataclass(frozen=True)
class FixedGrid:
    """The multiples code * 2^lsb with minimum <= code <= maximum."""

    lsb: int
    minimum: int
    maximum: int
    rounding: Rounding
    overflow: Overflow
    seed: int = 0

    @property
    def max_abs(self) -> Fraction:
        """The largest magnitude."""
        return max(-self.minimum, self.maximum) * power_of_two(self.lsb)

    @property
    def quantum(self) -> int:
        """Exponent q such that every value is a multiple of 2^q."""
        return self.lsb

    def shifted(self, exponent: int) -> FixedGrid:
        """Return the grid with every value multiplied by 2^exponent."""
        return replace(self, lsb=self.lsb + exponent)

    def round(self, value: Fraction, random24: int = 0) -> Fraction:
        """Return the member of the grid that ``value`` becomes."""
        code = round_integer(value / power_of_two(self.lsb), self.rounding, random24)
        if self.overflow is Overflow.WRAP:
            code = (code - self.minimum) % (self.maximum - self.minimum + 1) + self.minimum
        return min(max(code, self.minimum), self.maximum) * power_of_two(self.lsb)


@dataclass(frozen=True)
class FloatGrid:
    """Floating point: ``precision`` significant bits down to the exponent ``emin``, then equally spaced subnormals.

    Attributes:
        precision: significand bits p = M + 1, the hidden one included.
        emin: exponent of the smallest normal number 2^emin.
        maximum: the largest finite number.
        subnormals: kept if true, else results below 2^emin become zero after rounding.
        has_infinity: the format has codes for infinities.
        has_nan: the format has a code for NaN.
    """

    precision: int
    emin: int
    maximum: Fraction
    subnormals: bool
    rounding: Rounding
    overflow: Overflow
    has_infinity: bool = False
    has_nan: bool = False
    seed: int = 0

    @property
    def max_abs(self) -> Fraction:
        """The largest finite magnitude."""
        return self.maximum

    @property
    def emax(self) -> int:
        """Exponent of the largest finite number."""
        return floor_log2(self.maximum)

    @property
    def quantum(self) -> int:
        """Exponent q such that every finite value is a multiple of 2^q."""
        return self.emin - self.precision + 1

    def shifted(self, exponent: int) -> FloatGrid:
        """Return the grid with every value multiplied by 2^exponent."""
        return replace(self, emin=self.emin + exponent, maximum=self.maximum * power_of_two(exponent))

    def round(self, value: Fraction, random24: int = 0) -> Fraction | Special:
        """Return the member of the grid that ``value`` becomes; a Special where it overflows in INFINITY mode."""
        if value == 0:
            return value
        ulp = power_of_two(max(floor_log2(abs(value)), self.emin) - self.precision + 1)
        rounded = round_integer(value / ulp, self.rounding, random24) * ulp
        if not self.subnormals and abs(rounded) < power_of_two(self.emin):
            return Fraction(0)
        if abs(rounded) <= self.maximum:
            return rounded
        return self._overflowed(rounded)

    def _overflowed(self, rounded: Fraction) -> Fraction | Special:
        positive = rounded > 0
        inward = (
            self.rounding is Rounding.TOWARD_ZERO
            or (self.rounding is Rounding.TOWARD_NEGATIVE and positive)
            or (self.rounding is Rounding.TOWARD_POSITIVE and not positive)
        )
        # IEEE 754-2019 §7.4: a directed rounding that points inward delivers the largest finite number.
        if self.overflow is Overflow.SATURATE or inward:
            return self.maximum if positive else -self.maximum
        if not self.has_infinity:
            return Special.NAN
        return Special.POSITIVE_INFINITY if positive else Special.NEGATIVE_INFINITY


@dataclass(frozen=True)
class LevelGrid:
    """An explicit, ascending list of values; nearest wins, a tie goes to the larger magnitude, then to the positive.

    That tie rule is equation (4) of INQ (Zhou et al., ICLR 2017). Values beyond the ends saturate.
    """

    levels: tuple[Fraction, ...]

    @property
    def max_abs(self) -> Fraction:
        """The largest magnitude."""
        return max(abs(self.levels[0]), abs(self.levels[-1]))

    @cached_property
    def quantum(self) -> int:
        """Exponent q such that every value is a multiple of 2^q."""
        return min((dyadic_exponent(level) for level in self.levels if level), default=0)

    def shifted(self, exponent: int) -> LevelGrid:
        """Return the grid with every value multiplied by 2^exponent."""
        factor = power_of_two(exponent)
        return LevelGrid(tuple(level * factor for level in self.levels))

    def round(self, value: Fraction, random24: int = 0) -> Fraction:
        """Return the nearest level."""
        return min(self.levels, key=lambda level: (abs(level - value), -abs(level), -level))


@dataclass(frozen=True)
class BlockGrid:
    """Blocks of ``size`` elements along one axis that share a power-of-two scale (OCP MX v1.0 §5-6).

    The scale of a block is 2^(floor(log2(max|x|)) - element_emax), clamped to the E8M0 range.
    """

    element: FixedGrid | FloatGrid
    element_emax: int
    size: int
    scale_min: int = -127
    scale_max: int = 127

    @property
    def max_abs(self) -> Fraction:
        """The largest magnitude at the largest scale."""
        return self.element.max_abs * power_of_two(self.scale_max)

    @property
    def quantum(self) -> int:
        """Exponent q such that every value at any scale is a multiple of 2^q."""
        return self.element.quantum + self.scale_min

    def scale_exponent(self, largest: Fraction) -> int:
        """Return the exponent of the scale of a block whose largest magnitude is ``largest``."""
        if largest == 0:
            return self.scale_min
        return min(max(floor_log2(largest) - self.element_emax, self.scale_min), self.scale_max)

    def round_block(self, values: list[Fraction]) -> list[Fraction]:
        """Return one block on the grid of its own scale."""
        exponent = self.scale_exponent(max(map(abs, values)))
        scaled = self.element.shifted(exponent)
        return [_finite(scaled.round(value)) for value in values]


Grid = FixedGrid | FloatGrid | LevelGrid | BlockGrid


def dyadic_exponent(value: Fraction) -> int:
    """Return the largest e such that value is an integer multiple of 2^e. Raises ValueError if there is none.

    >>> dyadic_exponent(Fraction(3, 8)), dyadic_exponent(Fraction(12))
    (-3, 2)
    """
    denominator = value.denominator
    if denominator & (denominator - 1):
        raise ValueError(f"{value} is not a dyadic rational: its denominator {denominator} is not a power of two")
    if denominator > 1:
        return 1 - denominator.bit_length()
    return (value.numerator & -value.numerator).bit_length() - 1 if value else 0


def _finite(value: Fraction | Special) -> Fraction:
    if isinstance(value, Special):
        raise ValueError(f"a block element overflowed to {value.value}; block elements must saturate")
    return value
