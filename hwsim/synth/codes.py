"""Codes to numbers and back, whole arrays at a time; equal to ``decode`` and ``encode`` of the formats."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.quantize import quantize
from hwsim.formats import FixedFormat, FloatFormat, NumberFormat, ScaledFormat
from hwsim.formats.grid import FixedGrid
from hwsim.formats.pe_kinds import element_of

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


def codes_of(values: Floats, fmt: NumberFormat) -> Codes:
    """Return the codes of ``values`` rounded to ``fmt``, same shape. The numbers must be finite.

    >>> from hwsim.formats import parse
    >>> codes_of(np.array([-0.5, 0.3, 9.0]), parse("fixed<4,3>")).tolist()
    [15, 1, 7]
    """
    rounded = quantize(np.asarray(values, dtype=np.float64), fmt).astype(np.float64)
    element, scale = element_of(fmt), 2.0 ** (getattr(fmt, "exponent", 0) or 0)
    if isinstance(element, FixedFormat) and _is_plain(fmt):
        steps = np.rint(rounded / scale * 2.0**element.fraction_bits).astype(np.int64)
        return steps & ((1 << element.bits) - 1)
    if isinstance(element, FloatFormat) and _is_plain(fmt) and bool(np.isfinite(rounded).all()):
        return _float_codes(rounded / scale, element)
    numbers, where = np.unique(rounded, return_inverse=True)
    codes = np.array([fmt.encode(Fraction(float(number))) for number in numbers], dtype=np.int64)
    return codes[where].reshape(rounded.shape)


def values_of(codes: Codes, fmt: NumberFormat) -> Floats:
    """Return the numbers that ``codes`` stand for, same shape; codes of finite numbers only.

    >>> from hwsim.formats import parse
    >>> values_of(np.array([15, 1, 7]), parse("fixed<4,3>")).tolist()
    [-0.5, 0.5, 3.5]
    """
    known, where = np.unique(codes, return_inverse=True)
    grid = fmt.grid() if isinstance(element_of(fmt), FixedFormat) else None
    if isinstance(grid, FixedGrid) and _is_plain(fmt):
        return signed(codes, fmt).astype(np.float64) * np.float64(2.0**grid.lsb)
    numbers = np.array([float(fmt.decode(int(code))) for code in known])  # type: ignore[arg-type]  # finite
    return numbers[where].reshape(codes.shape)


def signed(codes: Codes, fmt: NumberFormat) -> Codes:
    """Return fixed-point codes as the integers that they are in units of the format's step."""
    element = element_of(fmt)
    assert isinstance(element, FixedFormat)
    return codes - ((codes >> (element.bits - 1)) << element.bits) * element.signed


def _is_plain(fmt: NumberFormat) -> bool:
    return isinstance(fmt, FixedFormat | FloatFormat | ScaledFormat)


def _float_codes(values: Floats, element: FloatFormat) -> Codes:
    """As ``FloatFormat.code_of``: significand plus exponent field; a normal number's hidden bit adds one to it."""
    assert element.bias is not None
    magnitude = np.abs(values)
    exponent = np.maximum(np.frexp(magnitude)[1] - 1, 1 - element.bias)
    significand = np.ldexp(magnitude, element.mantissa_bits - exponent).astype(np.int64)
    codes = significand + ((exponent.astype(np.int64) + element.bias - 1) << element.mantissa_bits)
    codes = np.where(magnitude == 0, 0, codes)
    return np.where(values < 0, codes | (1 << (element.bits - 1)), codes)
