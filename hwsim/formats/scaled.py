"""A power-of-two scale per tensor: ``int8``, ``pow2<4>``, ``e4m3@auto``; ``@2^k`` once it is chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from hwsim.errors import FormatError
from hwsim.formats.base import NumberFormat, Special
from hwsim.formats.fixed import FixedFormat
from hwsim.formats.grid import Grid, power_of_two
from hwsim.formats.minifloat import FloatFormat
from hwsim.formats.powtwo import PowerSumFormat

MAX_SCALE = 64


@dataclass(frozen=True)
class ScaledFormat(NumberFormat):
    """Every value of ``element`` times 2^exponent.

    Attributes:
        element: the format of the codes.
        exponent: of the scale, -64 to 64; None until it is fitted to a tensor.

    >>> ScaledFormat(FixedFormat(8, 8), -7).decode(0x40)
    Fraction(1, 2)
    """

    element: FixedFormat | FloatFormat | PowerSumFormat
    exponent: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.element, FixedFormat | FloatFormat | PowerSumFormat):
            raise FormatError(f"{self.element} cannot be scaled: fixed, float and power-of-two formats can")
        if self.exponent is not None and abs(self.exponent) > MAX_SCALE:
            raise FormatError(f"scale 2^{self.exponent}: the exponent must be -{MAX_SCALE} to {MAX_SCALE}")

    @property
    def is_fitted(self) -> bool:
        """True once the scale is chosen."""
        return self.exponent is not None

    @property
    def bits(self) -> int:
        """Bits of one code."""
        return self.element.bits

    @property
    def storage_bits(self) -> Fraction:
        """Bits that one number takes in memory; the scale, one per tensor, is not counted."""
        return self.element.storage_bits

    @property
    def _scale(self) -> Fraction:
        if self.exponent is None:
            raise FormatError(f"{self} has no scale yet: name one as @2^k, or fit it with hwsim.arith.fit(fmt, values)")
        return power_of_two(self.exponent)

    def decode(self, code: int) -> Fraction | Special:
        """Return the exact value of ``code``."""
        value = self.element.decode(code)
        return value if isinstance(value, Special) else value * self._scale

    def codes(self) -> Iterator[int]:
        """Iterate over the assigned codes."""
        return self.element.codes()

    def code_of(self, value: Fraction | Special) -> int:
        """Return the code of a member of the format."""
        return self.element.code_of(value if isinstance(value, Special) else value / self._scale)

    def grid(self) -> Grid:
        """Return the arithmetic description. Raises FormatError before the scale is chosen."""
        self._scale  # noqa: B018 - raises where the scale is missing
        assert self.exponent is not None
        return self.element.grid().shifted(self.exponent)

    @property
    def description(self) -> str:
        """One line for a listing."""
        return f"{self.element.description}; one power-of-two scale per tensor"

    @property
    def _is_integer(self) -> bool:
        return isinstance(self.element, FixedFormat) and self.element.integer_bits == self.element.width

    def __str__(self) -> str:
        """Return the canonical spelling; integers and powers of two are scaled per tensor unless they say otherwise."""
        name = str(self.element)
        if self._is_integer:
            name = name.replace("fixed<", "int<").replace(f"<{self.bits},{self.bits}", f"<{self.bits}")
            name = name.removesuffix(">").replace("int<", "int") if name.count(",") == 0 else name
        bare = self._is_integer or isinstance(self.element, PowerSumFormat)
        return name + ("" if bare else "@auto") if self.exponent is None else f"{name}@2^{self.exponent}"
