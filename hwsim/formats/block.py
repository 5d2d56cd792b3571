"""Microscaling: ``mx<ELEMENT,SIZE>``, blocks of elements that share an 8-bit power-of-two scale (OCP MX v1.0)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hwsim.errors import FormatError
from hwsim.formats.base import NumberFormat, Overflow, Special
from hwsim.formats.fixed import FixedFormat
from hwsim.formats.grid import BlockGrid, FixedGrid, FloatGrid, floor_log2
from hwsim.formats.minifloat import FloatFormat

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

    def encode(self, value: Fraction | float | int, random24: int = 0) -> int:
        """Round ``value`` to an element of a block whose scale is 2^0 and return its code."""
        return self.element.encode(value, random24)

    def grid(self) -> BlockGrid:
        """Return the arithmetic description."""
        element: FixedGrid | FloatGrid = self.element.grid()
        largest = element.maximum if isinstance(element, FloatGrid) else Fraction(element.max_abs) / 2
        return BlockGrid(element, floor_log2(largest), self.size)

    @property
    def description(self) -> str:
        """One line for a listing."""
        return f"blocks of {self.size} x {self.element} with one 8-bit power-of-two scale"

    def __str__(self) -> str:
        """Return the canonical spelling: the standard name where there is one."""
        name = next((n for n, fmt in STANDARD_BLOCKS.items() if fmt == self), None)
        return name or f"mx<{self.element},{self.size}>"


def _saturating(exponent_bits: int, mantissa_bits: int, like: FloatFormat) -> FloatFormat:
    return FloatFormat(exponent_bits, mantissa_bits, specials=like.specials, overflow=Overflow.SATURATE)


def _standard_blocks() -> dict[str, BlockFormat]:
    from hwsim.formats.minifloat import STANDARD_FLOATS as floats

    return {
        "mxfp8e5m2": BlockFormat(_saturating(5, 2, floats["e5m2"])),
        "mxfp8e4m3": BlockFormat(floats["e4m3"]),
        "mxfp6e3m2": BlockFormat(floats["e3m2"]),
        "mxfp6e2m3": BlockFormat(floats["e2m3"]),
        "mxfp4": BlockFormat(floats["e2m1"]),
        "mxint8": BlockFormat(FixedFormat(8, 2)),
    }


#: The concrete formats of OCP MX v1.0, table 1.
STANDARD_BLOCKS: dict[str, BlockFormat] = _standard_blocks()
