"""The codebook of INQ: zero and a few powers of two of either sign, and how a weight becomes one of them.

Source: Zhou et al., "Incremental Network Quantization", ICLR 2017, eq. 1 to 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import all_faults
from hwsim.formats import PowerOfTwoFormat, ScaledFormat
from hwsim.formats.scaled import MAX_SCALE
from models.compression.errors import CompressionError

Rounding = Literal["thresholds", "nearest"]

MIN_BITS, MAX_BITS = 2, 6  #: of one code of hwsim's ``pow2``
_LOWER = 5  # exponents below the paper's that are tried for the least error


@dataclass(frozen=True)
class Codebook:
    """The numbers 0 and +-2^n2 ... +-2^n1 with n2 = n1 + 1 - 2^(b-1)/2: 2^(b-2) powers of two.

    Attributes:
        bits: b, 2 (ternary) to 6.
        top: n1, -64 to 64.

    >>> book = Codebook(bits=3, top=-1)
    >>> book.bottom, book.levels.tolist(), str(book.format)
    (-2, [-0.5, -0.25, 0.0, 0.25, 0.5], 'pow2<3>@2^-1')

    Raises:
        CompressionError: bits or exponent out of bounds.
    """

    bits: int
    top: int

    def __post_init__(self) -> None:
        faults = bits_faults(self.bits)
        if abs(self.top) > MAX_SCALE:
            faults.append(f"its largest number is 2^{self.top}; exponents from -{MAX_SCALE} to {MAX_SCALE} have a code")
        if faults:
            raise CompressionError(all_faults("codebook of powers of two", faults))

    @classmethod
    def of(cls, values: NDArray[Any], bits: int) -> Codebook:
        """Return the codebook of a layer with the weights ``values``: n1 = floor(log2(4 max|w| / 3)), exactly.

        Zeros alone have the codebook with n1 = 0.

        >>> Codebook.of(np.array([0.1, -0.74]), bits=5).top, Codebook.of(np.array([0.1, -0.75]), bits=5).top
        (-1, 0)

        Raises:
            CompressionError: weights that are not finite, or too large or small for an exponent from -64 to 64.
        """
        largest = float(np.abs(_finite(values)).max(initial=0.0))
        if largest == 0:
            return cls(bits, 0)
        # 2^n <= 4 s / 3 is 3/4 2^n <= s; with s = m 2^e and 1/2 <= m < 1 the largest such n is e or e - 1.
        mantissa, exponent = np.frexp(largest)
        return cls(bits, int(exponent) - int(mantissa < 0.75))

    @classmethod
    def least_squares(cls, values: NDArray[Any], bits: int) -> Codebook:
        """Return the codebook with the least squared error: that of ``of``, or one of the next lower ones.

        It cuts off weights beyond 3/2 2^n1, which the paper's never does; a few large weights then no longer decide
        where the few numbers of two or three bits lie. The paper's stays among equals.

        >>> values = np.array([1.0, *[0.24, -0.24] * 20])
        >>> Codebook.of(values, bits=2).top, Codebook.least_squares(values, bits=2).top
        (0, -2)

        Raises:
            CompressionError: as ``of``.
        """
        first = cls.of(values, bits)
        books = [first, *(cls(bits, first.top - i) for i in range(1, _LOWER + 1) if first.top - i >= -MAX_SCALE)]
        errors = [float(np.square(book.quantize(values).astype(np.float64) - values).sum()) for book in books]
        return books[int(np.argmin(errors))]

    @property
    def bottom(self) -> int:
        """n2, exponent of the smallest power of two."""
        return self.top + 1 - (1 << (self.bits - 2))

    @property
    def levels(self) -> NDArray[np.float64]:
        """All its numbers, ascending: 2^(b-1) + 1."""
        powers = np.ldexp(1.0, np.arange(self.bottom, self.top + 1))
        return np.concatenate([-powers[::-1], [0.0], powers])

    @property
    def format(self) -> ScaledFormat:
        """The format of hwsim with the same numbers."""
        return ScaledFormat(PowerOfTwoFormat(self.bits), self.top)

    def quantize(self, values: NDArray[Any], rounding: Rounding = "thresholds") -> NDArray[np.float32]:
        """Return every weight as a number of the codebook, float32, of the same shape; zeros are positive.

        "thresholds" is eq. 4: with beta a number of the codebook and alpha the next smaller one (0 for the smallest
        power), sgn(w) beta where (alpha + beta)/2 <= |w| < 3 beta/2, zero below half the smallest power. "nearest" is
        the search of the authors' code. They differ in ties alone: eq. 4 takes the larger magnitude, as hwsim's
        ``pow2`` does, the search the smaller. Eq. 4 gives nothing but zero from 3/2 2^n1 on, where no weight is when
        n1 is computed from them; a weight that has grown beyond becomes 2^n1 under both.

        >>> book = Codebook(bits=3, top=0)
        >>> weights = np.array([0.24, 0.25, 0.74, 0.75, -9.0])
        >>> book.quantize(weights).tolist()
        [0.0, 0.5, 0.5, 1.0, -1.0]
        >>> book.quantize(weights, "nearest").tolist()
        [0.0, 0.0, 0.5, 0.5, -1.0]

        Raises:
            CompressionError: weights that are not finite.
        """
        source = _finite(values)
        wide = np.abs(source)
        mantissa, exponent = np.frexp(wide)
        half = np.ldexp(1.0, self.bottom - 1)
        if rounding == "thresholds":
            is_upper, is_zero = mantissa >= 0.75, wide < half
        else:
            is_upper, is_zero = mantissa > 0.75, wide <= half
        power = np.clip(np.where(is_upper, exponent, exponent - 1), self.bottom, self.top)
        return np.where(is_zero, 0.0, np.copysign(np.ldexp(1.0, power), source)).astype(np.float32)

    def holds(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where ``values`` are numbers of the codebook."""
        return np.isin(np.asarray(values, dtype=np.float64), self.levels)


def bits_faults(bits: int) -> list[str]:
    """Return what is wrong with a number of bits per code."""
    return [] if MIN_BITS <= bits <= MAX_BITS else [f"bits is {bits}; needed: {MIN_BITS} to {MAX_BITS} bits"]


def _finite(values: NDArray[Any]) -> NDArray[np.float64]:
    wide = np.asarray(values, dtype=np.float64)
    bad = wide.size - int(np.isfinite(wide).sum())
    if bad:
        raise CompressionError(f"{bad} of {wide.size} weights are not finite: train with a lower learning rate")
    return wide
