"""The greedy search of ShiftCNN: a weight as a sum of powers of two, the nearest to what is left each time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.formats import NumberFormat, ScaledFormat, ShiftCnnFormat
from models.compression.errors import CompressionError


def greedy(values: NDArray[Any], fmt: NumberFormat) -> NDArray[np.float64]:
    """Return sums of N powers of two: term n is the power nearest to the rest, or 0 below the term's smallest.

    Source: Gudovskiy & Rigazio, arXiv 1706.02393, and its released script: e = floor(log2 |r|), one more where
    |r| > 1.5 2^e; the term is sgn(r) 2^e, or 0 where 2 - n - e > 2^(B-1) - 1. The script divides by max|w|; here the
    scale of ``fmt``, a power of two, takes that place, and a term beyond the format's largest is that one.

    Args:
        values: Weights.
        fmt: A fitted ``shiftcnn<N,B>@2^k``.

    >>> from hwsim.formats import parse
    >>> greedy(np.array([0.7, -0.3, 0.001]), parse("shiftcnn<2,3>@2^0")).tolist()
    [0.75, -0.25, 0.0]

    Raises:
        CompressionError: another format.
    """
    if not (isinstance(fmt, ScaledFormat) and isinstance(fmt.element, ShiftCnnFormat) and fmt.exponent is not None):
        raise CompressionError(f"the greedy search takes shiftcnn<N,B>@2^k, not {fmt}")
    rest = np.ldexp(np.asarray(values, dtype=np.float64), -fmt.exponent)
    total = np.zeros_like(rest)
    for place in range(fmt.element.term_count):
        term = _nearest_power(rest, top=-place, count=(1 << (fmt.element.term_bits - 1)) - 1)
        total, rest = total + term, rest - term
    return np.ldexp(total, fmt.exponent)


def _nearest_power(rest: NDArray[np.float64], top: int, count: int) -> NDArray[np.float64]:
    """Return the power of two nearest to each number, a tie to the smaller, of ``count`` powers down from 2^top."""
    mantissa, exponent = np.frexp(np.abs(rest))
    power = np.where(mantissa > 0.75, exponent, exponent - 1)
    is_zero = (rest == 0) | (power <= top - count)
    return np.where(is_zero, 0.0, np.copysign(np.ldexp(1.0, np.minimum(power, top)), rest))
