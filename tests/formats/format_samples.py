"""Formats and numbers that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from hwsim.formats import FixedFormat, FloatFormat, Overflow, Rounding, Special, Specials

ROUNDINGS = tuple(Rounding)
TINY = Fraction(1, 2**90)
RANDOM_BITS = (0, 1, 2**23, 2**24 - 1)


def pairs_of_widths(low: int, high: int) -> Iterator[tuple[int, int]]:
    """(E, M) of every float of low to high bits."""
    for bits in range(low, high + 1):
        yield from ((e, bits - 1 - e) for e in range(1, min(8, bits - 1) + 1) if bits - 1 - e <= 23)


def special_kinds(e: int, m: int) -> list[Specials]:
    """The uses of the top codes that E and M allow."""
    ieee = [Specials.IEEE] if e >= 2 and m >= 1 else []
    return [Specials.NONE, *ieee, *([Specials.FN] if e + m >= 2 else [])]


def float_modes(fmt: FloatFormat) -> list[Overflow]:
    """The overflow modes of a float."""
    return [Overflow.SATURATE] if fmt.specials is Specials.NONE else [Overflow.SATURATE, Overflow.INFINITY]


def small_floats(low: int, high: int) -> list[FloatFormat]:
    """Every float of low to high bits, with every use of the top codes, subnormals kept and flushed."""
    return [
        FloatFormat(e, m, specials=kind, subnormals=keeps)
        for e, m in pairs_of_widths(low, high)
        for kind in special_kinds(e, m)
        for keeps in (True, False)
    ]


def small_fixed(low: int, high: int) -> list[FixedFormat]:
    """Fixed point of low to high bits, the point inside and outside the word."""
    return [
        FixedFormat(width, integer_bits, signed)
        for width in range(low, high + 1)
        for integer_bits in {-2, 0, 1, width // 2, width, width + 3}
        for signed in (True, False)
    ]


def between(values: list[Fraction]) -> Iterator[Fraction]:
    """Each value, and where it can go wrong between two of them: the middle, just beside it, beside the ends."""
    for low, high in zip(values, values[1:], strict=False):
        middle = (low + high) / 2
        yield from (low, low + TINY, low + (high - low) / 3, middle - TINY, middle, middle + TINY, high - TINY)
    yield values[-1]


def as_text(value: Fraction | Special | str) -> Fraction | str:
    """The name of a special; a number as it is."""
    return value.value if isinstance(value, Special) else value
