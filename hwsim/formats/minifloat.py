"""Floating point of any width: ``float<E,M>`` with bias, subnormals, special codes and overflow of your choice."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from fractions import Fraction

from hwsim.errors import FormatError
from hwsim.formats.base import NumberFormat, Overflow, Rounding, Special, require_member
from hwsim.formats.fixed import check_code, check_seed, mode_options
from hwsim.formats.grid import FloatGrid, floor_log2, power_of_two

MAX_EXPONENT_BITS = 8
MAX_MANTISSA_BITS = 23


class Specials(enum.Enum):
    """Which codes are not numbers."""

    NONE = "finite"  #: every code is a number
    IEEE = "ieee"  #: the largest exponent holds the infinities and the NaNs
    FN = "fn"  #: only the all-ones code of each sign is NaN, no infinity (OCP FP8 e4m3)


def default_overflow(specials: Specials) -> Overflow:
    """IEEE formats overflow to infinity, all others saturate, unless said otherwise."""
    return Overflow.INFINITY if specials is Specials.IEEE else Overflow.SATURATE


@dataclass(frozen=True)
class FloatFormat(NumberFormat):
    """Sign, E exponent bits, M mantissa bits (IEEE 754-2019 §3.4 with free widths).

    value = (-1)^s * 2^(e - bias) * (1 + m/2^M); for e = 0, with subnormals, 2^(1 - bias) * m/2^M.

    Attributes:
        exponent_bits: E, 1 to 8.
        mantissa_bits: M, 0 to 23 (the hidden bit not counted).
        bias: exponent bias; None means 2^(E-1) - 1.
        specials: which codes are infinities or NaN.
        subnormals: kept if true, else results below the smallest normal number are flushed after rounding.
        rounding: how values between two codes are rounded.
        overflow: None means infinity for IEEE specials and saturation otherwise.
        seed: of stochastic rounding, 0 to 2^32 - 1.

    >>> FloatFormat(4, 3, specials=Specials.FN).grid().maximum
    Fraction(448, 1)
    """

    exponent_bits: int
    mantissa_bits: int
    bias: int | None = None
    specials: Specials = Specials.NONE
    subnormals: bool = True
    rounding: Rounding = Rounding.NEAREST_EVEN
    overflow: Overflow | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.exponent_bits <= MAX_EXPONENT_BITS:
            raise FormatError(f"{self.exponent_bits} exponent bits: must be 1 to {MAX_EXPONENT_BITS} bits")
        if not 0 <= self.mantissa_bits <= MAX_MANTISSA_BITS:
            raise FormatError(f"{self.mantissa_bits} mantissa bits: must be 0 to {MAX_MANTISSA_BITS} bits")
        standard = (1 << (self.exponent_bits - 1)) - 1
        object.__setattr__(self, "bias", standard if self.bias is None else self.bias)
        overflow = default_overflow(self.specials) if self.overflow is None else self.overflow
        object.__setattr__(self, "overflow", overflow)
        check_seed(self.seed)
        self._check_bias_and_specials()

    def _check_bias_and_specials(self) -> None:
        if abs(self._bias) > 160:
            raise FormatError(f"exponent bias {self.bias}: must be -160 to 160")
        if self.overflow is Overflow.WRAP:
            raise FormatError("floating point cannot wrap: overflow must be 'sat' or 'inf'")
        if self.overflow is Overflow.INFINITY and self.specials is Specials.NONE:
            raise FormatError("overflow 'inf' needs a code for it: add 'ieee' or 'fn', or overflow 'sat'")
        if self.specials is Specials.IEEE and (self.exponent_bits == 1 or self.mantissa_bits == 0):
            raise FormatError(
                f"IEEE specials need 2 exponent bits and 1 mantissa bit, not E={self.exponent_bits} and "
                f"M={self.mantissa_bits}: infinity and NaN would leave no normal number, or be the same code"
            )
        if self.specials is Specials.FN and self.exponent_bits + self.mantissa_bits < 2:
            raise FormatError("'fn' needs at least 2 bits of exponent and mantissa: its NaN is the all-ones code")

    @property
    def _bias(self) -> int:
        assert self.bias is not None
        return self.bias

    @property
    def bits(self) -> int:
        """Bits of one code: 1 + E + M."""
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def storage_bits(self) -> Fraction:
        """Bits that one number takes in memory."""
        return Fraction(self.bits)

    def decode(self, code: int) -> Fraction | Special:
        """Return the exact value of ``code``; without subnormals, the codes with e = 0 are zeros."""
        check_code(self, code)
        sign = -1 if code >> (self.bits - 1) else 1
        exponent = (code >> self.mantissa_bits) & ((1 << self.exponent_bits) - 1)
        mantissa = code & ((1 << self.mantissa_bits) - 1)
        special = self._special(sign, exponent, mantissa)
        if special is not None:
            return special
        if exponent == 0:
            return sign * mantissa * self.subnormals * power_of_two(1 - self._bias - self.mantissa_bits)
        return sign * ((1 << self.mantissa_bits) + mantissa) * power_of_two(exponent - self._bias - self.mantissa_bits)

    def _special(self, sign: int, exponent: int, mantissa: int) -> Special | None:
        if exponent != (1 << self.exponent_bits) - 1 or self.specials is Specials.NONE:
            return None
        if self.specials is Specials.FN:
            return Special.NAN if mantissa == (1 << self.mantissa_bits) - 1 else None
        if mantissa:
            return Special.NAN
        return Special.POSITIVE_INFINITY if sign > 0 else Special.NEGATIVE_INFINITY

    def code_of(self, value: Fraction | Special) -> int:
        """Return the code of a member of the format."""
        if isinstance(value, Special):
            return self._special_code(value)
        magnitude, sign = abs(value), int(value < 0) << (self.bits - 1)
        if magnitude == 0:
            return 0
        exponent = max(floor_log2(magnitude), 1 - self._bias)
        significand = magnitude / power_of_two(exponent - self.mantissa_bits)
        code = int(significand) + ((exponent + self._bias - 1) << self.mantissa_bits)
        require_member(self, value, significand.denominator == 1 and code <= self._largest_code())
        require_member(self, value, self.subnormals or code >= 1 << self.mantissa_bits)
        return sign | code

    def _special_code(self, value: Special) -> int:
        top = (1 << (self.bits - 1)) - 1
        infinity = top - (1 << self.mantissa_bits) + 1
        if value is Special.NAN:
            require_member(self, value.value, self.specials is not Specials.NONE)
            return infinity | (1 << (self.mantissa_bits - 1)) if self.specials is Specials.IEEE else top
        require_member(self, value.value, self.specials is Specials.IEEE)
        return infinity | (int(value is Special.NEGATIVE_INFINITY) << (self.bits - 1))

    def _largest_code(self) -> int:
        top = (1 << (self.bits - 1)) - 1
        if self.specials is Specials.IEEE:
            return top - (1 << self.mantissa_bits)
        return top - 1 if self.specials is Specials.FN else top

    def grid(self) -> FloatGrid:
        """Return the arithmetic description."""
        largest = self.decode(self._largest_code())
        assert isinstance(largest, Fraction)
        assert self.overflow is not None
        return FloatGrid(
            precision=self.mantissa_bits + 1,
            emin=1 - self._bias,
            maximum=largest,
            subnormals=self.subnormals,
            rounding=self.rounding,
            overflow=self.overflow,
            has_infinity=self.specials is Specials.IEEE,
            has_nan=self.specials is not Specials.NONE,
            seed=self.seed,
        )

    @property
    def description(self) -> str:
        """One line for a listing."""
        specials = {"finite": "no special codes", "ieee": "infinities and NaN", "fn": "NaN, no infinity"}
        flushed = "" if self.subnormals else ", subnormals flushed to zero"
        return f"floating point, bias {self.bias}, {specials[self.specials.value]}{flushed}"

    def __str__(self) -> str:
        """Return the canonical spelling: the standard name where there is one."""
        name = next((n for n, fmt in STANDARD_FLOATS.items() if fmt == self), None)
        return name or self._generic_spelling()

    def _generic_spelling(self) -> str:
        options = [] if self.specials is Specials.NONE else [self.specials.value]
        if self.bias != (1 << (self.exponent_bits - 1)) - 1:
            options.append(f"bias={self.bias}")
        if not self.subnormals:
            options.append("ftz")
        options += mode_options(self.grid(), Rounding.NEAREST_EVEN, default_overflow(self.specials))
        return f"float<{','.join([str(self.exponent_bits), str(self.mantissa_bits), *options])}>"


#: The standard formats: IEEE 754-2019, bfloat16, TensorFloat-32, OCP OFP8 v1.0 and OCP MX v1.0 elements.
STANDARD_FLOATS: dict[str, FloatFormat] = {
    "fp32": FloatFormat(8, 23, specials=Specials.IEEE),
    "tf32": FloatFormat(8, 10, specials=Specials.IEEE),
    "fp16": FloatFormat(5, 10, specials=Specials.IEEE),
    "bf16": FloatFormat(8, 7, specials=Specials.IEEE),
    "e5m2": FloatFormat(5, 2, specials=Specials.IEEE),
    "e4m3": FloatFormat(4, 3, specials=Specials.FN),
    "e3m2": FloatFormat(3, 2),
    "e2m3": FloatFormat(2, 3),
    "e2m1": FloatFormat(2, 1),
}
