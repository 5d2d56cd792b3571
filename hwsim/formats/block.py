"""Microscaling: ``mx<ELEMENT,SIZE>``, blocks of elements that share an 8-bit power-of-two scale (OCP MX v1.0)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from hwsim.errors import FormatError
from hwsim.formats.base import NumberFormat, Overflow, Special
from hwsim.formats.fixed import FixedFormat
from hwsim.formats.grid import BlockGrid, floor_log2
from hwsim.formats.minifloat import STANDARD_FLOATS, FloatFormat

SCALE_BITS = 8


@dataclass(frozen=True)
class BlockFormat(NumberFormat):
    """Elements in blocks of ``size`` along the reduction axis, one E8M0 scale 2^-127 ... 2^127 per block.

    Attributes:
        element: the format of an element; must saturate (OCP MX v1.0 §6.3).
        size: elements per block; 32 in the standard formats.

    >>> BlockFormat(FloatFormat(2, 1)).storage_bits
    Fraction(17, 4)
    """

    element: FloatFormat | FixedFormat
    size: int = 32

    def __post_init__(self) -> None:
        if not isinstance(self.element, FloatFormat | FixedFormat):
            raise FormatError(f"block elements must be float<E,M> or fixed<W,I>, not {self.element}")
        if not 1 <= self.size <= 1024:
            raise FormatError(f"block of {self.size} elements: must be 1 to 1024")
        if self.element.overflow is not Overflow.SATURATE:
            raise FormatError(f"block elements must saturate: write {self.element} with the option 'sat'")

    @property
    def bits(self) -> int:
        """Bits of one element's code; the scale is counted in storage_bits."""
        return self.element.bits

    @property
    def storage_bits(self) -> Fraction:
        """Bits per element with its share of the scale."""
        return self.element.bits + Fraction(SCALE_BITS, self.size)

    def decode(self, code: int) -> Fraction | Special:
        """Return the value of an element code in a block whose scale is 2^0."""
        return self.element.decode(code)

    def code_of(self, value: Fraction | Special) -> int:
        """Return the element code of a value in a block whose scale is 2^0."""
        return self.element.code_of(value)

    def encode(self, value: Fraction | float | int | Special, random24: int = 0) -> int:
        """Round ``value`` to an element of a block whose scale is 2^0 and return its code."""
        return self.element.encode(value, random24)

    def grid(self) -> BlockGrid:
        """Return the arithmetic description."""
        return BlockGrid(self.element.grid(), self._element_emax, self.size)

    @property
    def _element_emax(self) -> int:
        """Exponent of the largest number; of two's complement, that of the largest positive one (OCP MX v1.0, §5.3)."""
        signed_fixed = isinstance(self.element, FixedFormat) and self.element.signed
        return floor_log2(self.element.grid().max_abs) - int(signed_fixed)

    @property
    def description(self) -> str:
        """One line for a listing."""
        return f"blocks of {self.size} x {self.element} with one 8-bit power-of-two scale"

    def __str__(self) -> str:
        """Return the canonical spelling: the standard name where there is one."""
        name = next((n for n, fmt in STANDARD_BLOCKS.items() if fmt == self), None)
        return name or f"mx<{self.element},{self.size}>"


def _standard_blocks() -> dict[str, BlockFormat]:
    return {
        "mxfp8e5m2": BlockFormat(replace(STANDARD_FLOATS["e5m2"], overflow=Overflow.SATURATE)),
        "mxfp8e4m3": BlockFormat(STANDARD_FLOATS["e4m3"]),
        "mxfp6e3m2": BlockFormat(STANDARD_FLOATS["e3m2"]),
        "mxfp6e2m3": BlockFormat(STANDARD_FLOATS["e2m3"]),
        "mxfp4": BlockFormat(STANDARD_FLOATS["e2m1"]),
        "mxint8": BlockFormat(FixedFormat(8, 2)),
    }


#: The concrete formats of OCP MX v1.0, table 1.
STANDARD_BLOCKS: dict[str, BlockFormat] = _standard_blocks()
