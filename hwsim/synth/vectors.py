"""Directed vectors: the corners of every format, where random numbers seldom go."""

from __future__ import annotations

import numpy as np

from hwsim.formats import FloatFormat, NumberFormat, Special
from hwsim.formats.pe_kinds import element_of
from hwsim.synth.codes import Codes
from hwsim.synth.oracle import Oracle
from hwsim.synth.point import Point
from hwsim.synth.streams import Stream


def corner_codes(fmt: NumberFormat) -> tuple[int, ...]:
    """Return the codes of a format's corners that are finite numbers.

    Zero, the smallest and largest, the smallest of either sign; for floats also the ends of the subnormal range, one,
    and the codes around the largest number.

    >>> from hwsim.formats import parse
    >>> corner_codes(parse("fixed<4,4>"))
    (0, 1, 6, 7, 8, 9, 14, 15)
    """
    top = 1 << (fmt.bits - 1)
    positive = {0, 1, top - 2, top - 1}
    element = element_of(fmt)
    if isinstance(element, FloatFormat):
        unit = 1 << element.mantissa_bits
        one = ((1 << (element.exponent_bits - 1)) - 1) * unit
        positive |= {unit - 1, unit, unit + 1, one - 1, one, one + 1, top - unit - 1, top - unit}
    codes = sorted(code for base in positive for code in (base, base | top) if 0 <= base < top)
    assigned = set(fmt.codes()) if fmt.bits <= 12 else None
    known = [code for code in codes if assigned is None or code in assigned]
    return tuple(code for code in known if not isinstance(fmt.decode(code), Special))


def corner_stream(point: Point, cycles: int, seed: int) -> Stream:
    """Return a stream whose three codes are drawn from the corners of their formats, each cycle a sum of its own."""
    rng = np.random.default_rng([seed, 0xC0])
    act, weight, total = (_drawn(rng, fmt, cycles) for fmt in (point.acts, point.weights, point.acc))
    return Stream(act, weight, total, Oracle(point).each(act, weight, total), np.ones(cycles, dtype=np.bool_))


def _drawn(rng: np.random.Generator, fmt: NumberFormat, cycles: int) -> Codes:
    return rng.choice(np.array(corner_codes(fmt), dtype=np.int64), cycles)
