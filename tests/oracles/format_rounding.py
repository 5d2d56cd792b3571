"""Rounding by looking at the neighbours in a list of values: no exponents, no shifts. Imports no code under test."""

from __future__ import annotations

import bisect
from fractions import Fraction

HALF = Fraction(1, 2)


def choose(low: Fraction, high: Fraction, low_is_even: bool, value: Fraction, mode: str, random24: int = 0) -> Fraction:
    """Return the neighbour that ``value``, strictly between low and high, is rounded to."""
    position = (value - low) / (high - low)
    if mode == "rtp":
        return high
    if mode == "rtn":
        return low
    if mode == "rtz":
        return low if value > 0 else high
    if mode == "sr":
        return high if position + Fraction(random24, 2**24) >= 1 else low
    if position == HALF:
        return high if mode == "rhu" or not low_is_even else low
    return high if position > HALF else low


def round_float(
    value: Fraction, magnitudes: list[Fraction], limits: tuple[Fraction, Fraction], keeps: bool, mode: str,
    overflow: str, random24: int = 0, one_bit: bool = False,
) -> Fraction | str:  # fmt: skip
    """Round to signed values whose magnitudes are given, beyond the largest too; then flush; then overflow.

    Args:
        value: the number.
        magnitudes: ascending, index parity = parity of the last significand bit.
        limits: smallest normal number, largest finite number.
        keeps: subnormals are kept.
        mode: rounding.
        overflow: "sat", or what an overflow gives: "inf" or "nan".
        random24: random bits.
        one_bit: the significand is one bit: a tie between two normal numbers goes to the larger.
    """
    result = _nearest(value, magnitudes, mode, random24, one_bit)
    if not keeps and abs(result) < limits[0]:
        return Fraction(0)
    if abs(result) <= limits[1]:
        return result
    end = limits[1] if value > 0 else -limits[1]
    # IEEE 754-2019 §7.4 a-d
    to_infinity = {"rne": True, "rhu": True, "sr": True, "rtz": False, "rtp": value > 0, "rtn": value < 0}[mode]
    if overflow == "sat" or not to_infinity:
        return end
    return "nan" if overflow == "nan" else ("inf" if value > 0 else "-inf")


def _nearest(value: Fraction, magnitudes: list[Fraction], mode: str, random24: int, one_bit: bool) -> Fraction:
    below = bisect.bisect_right(magnitudes, abs(value)) - 1
    if magnitudes[below] == abs(value):
        return value
    inner, outer = magnitudes[below], magnitudes[below + 1]
    inner_even = below % 2 == 0 if not one_bit else inner == 0
    if value > 0:
        return choose(inner, outer, inner_even, value, mode, random24)
    return choose(-outer, -inner, not inner_even, value, mode, random24)


def round_fixed(value: Fraction, values: list[Fraction], mode: str, overflow: str, random24: int = 0) -> Fraction:
    """Round to the ascending, equally spaced ``values``, whose list may be continued at both ends."""
    step = values[1] - values[0] if len(values) > 1 else None
    assert step
    span = step * len(values)
    low = values[0]
    while low > value:
        low -= span
    while low + span <= value:
        low += span
    window = [low + i * step for i in range(len(values) + 1)]
    below = bisect.bisect_right(window, value) - 1
    if window[below] == value:
        result = value
    else:
        even = (window[below] / step) % 2 == 0
        result = choose(window[below], window[below + 1], even, value, mode, random24)
    if overflow == "sat":
        return min(max(result, values[0]), values[-1])
    while result > values[-1]:
        result -= span
    while result < values[0]:
        result += span
    return result


def nearest_level(value: Fraction, levels: list[Fraction]) -> Fraction:
    """Return the nearest level by comparing all distances; of two, the one farther from zero, then the positive one."""
    distance = min(abs(level - value) for level in levels)
    candidates = [level for level in levels if abs(level - value) == distance]
    reach = max(abs(level) for level in candidates)
    return max(level for level in candidates if abs(level) == reach)


def mx_block(
    values: list[Fraction], magnitudes: list[Fraction], emax: int, asymmetric: Fraction | None = None
) -> list[Fraction]:
    """OCP MX v1.0 §6.3: X = 2^floor(log2 max|V|) / 2^emax, clamped to E8M0; P_i = round(V_i / X), saturating.

    Args:
        values: one block.
        magnitudes: of the element format, ascending from zero, index parity = code parity.
        emax: exponent of the largest normal number of the element.
        asymmetric: the most negative number where it is not minus the largest.
    """
    largest = max(map(abs, values))
    exponent = -127
    if largest:
        exponent = -400
        while Fraction(2) ** (exponent + 1) <= largest:
            exponent += 1
        exponent = min(max(exponent - emax, -127), 127)
    scale = Fraction(2) ** exponent
    return [_element(v / scale, magnitudes, asymmetric) * scale for v in values]


def _element(value: Fraction, magnitudes: list[Fraction], asymmetric: Fraction | None) -> Fraction:
    top = magnitudes[-1]
    if value < 0 and asymmetric is not None:
        magnitudes, top = [*magnitudes, -asymmetric], -asymmetric
    if abs(value) >= top:
        return top if value > 0 else -top
    return _nearest(value, magnitudes, "rne", 0, False)
