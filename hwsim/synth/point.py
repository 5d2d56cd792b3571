"""What is synthesised: one processing element, named by its formats."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from hwsim.errors import all_faults
from hwsim.formats import FixedFormat, FloatFormat, NumberFormat, Overflow, ScaledFormat, parse
from hwsim.formats.base import PeKind
from hwsim.formats.pe import PeSpec
from hwsim.formats.pe_kinds import element_of, pe_for
from hwsim.synth.errors import SynthError


@dataclass(frozen=True)
class Point:
    """One processing element: formats with all scales fixed so that no product is shifted on its way to the sum.

    Attributes:
        weights, acts, acc: fitted formats; integers in units of their smallest step.
        product: what a product is rounded to before it is added; None adds it exactly.

    >>> point = make_point("pow2<4>", "int8", "int24")
    >>> point.name, point.kind.value, point.pe.shift_positions
    ('pow2<4>,int8,int24', 'shift_add', 4)
    """

    weights: NumberFormat
    acts: NumberFormat
    acc: NumberFormat
    product: NumberFormat | None = None

    @cached_property
    def pe(self) -> PeSpec:
        """The widths of this element."""
        return pe_for(self.weights, self.acts, self.acc, self.product)

    @property
    def kind(self) -> PeKind:
        """The kind of element."""
        return self.pe.kind

    @property
    def is_float(self) -> bool:
        """True where sums are floating point."""
        return isinstance(element_of(self.acc), FloatFormat)

    @property
    def saturating(self) -> bool:
        """True where the accumulator clamps; it wraps, or overflows to infinity, otherwise."""
        element = element_of(self.acc)
        return isinstance(element, FixedFormat | FloatFormat) and element.overflow is Overflow.SATURATE

    @property
    def subnormals(self) -> bool:
        """True where floating-point sums keep subnormal numbers."""
        element = element_of(self.acc)
        return isinstance(element, FloatFormat) and element.subnormals

    @property
    def name(self) -> str:
        """The formats without scales: weights, acts, acc, and the product's where there is one."""
        parts = [self.weights, self.acts, self.acc, *([self.product] if self.product else [])]
        return ",".join(_spelled(fmt) for fmt in parts)


def make_point(weights: str, acts: str, acc: str, product: str | None = None) -> Point:
    """Return the element of four spelled formats. Scales that are free are fixed; floats round products to the sum.

    A floating-point product is rounded to the accumulator's format unless ``product`` names another or is ``exact``.

    Raises:
        SynthError: the formats do not make an element, or the accumulator is narrower than one product.
    """
    held, moving, total = (_whole_steps(parse(text)) for text in (weights, acts, acc))
    named = None if product in (None, "exact") else _whole_steps(parse(product or ""))
    if product is None and isinstance(element_of(total), FloatFormat):
        named = total
    point = Point(held, moving, total, named)
    faults = _faults(point)
    if faults:
        raise SynthError(all_faults(f"the element {point.name}", faults))
    return point


def _faults(point: Point) -> list[str]:
    faults = []
    if point.kind is PeKind.CODEBOOK_MAC:
        faults.append("a codebook's table is not synthesised; name the format of its entries instead")
    if not point.is_float and point.kind is not PeKind.FLOAT_MAC:
        product, acc = point.pe.product.bits, point.pe.accumulator.bits
        if acc < product:
            faults.append(f"an accumulator of {acc} bits cannot hold one product of {product} bits; widen it")
    return faults


def _whole_steps(fmt: NumberFormat) -> NumberFormat:
    """Return ``fmt`` with its scale chosen so that its smallest step is 1 (floats keep their exponents)."""
    if not isinstance(fmt, ScaledFormat) or fmt.is_fitted:
        return fmt
    if isinstance(fmt.element, FloatFormat):
        return fmt.element
    unscaled = replace(fmt, exponent=0)
    return replace(fmt, exponent=-unscaled.grid().quantum)


def _spelled(fmt: NumberFormat) -> str:
    return str(replace(fmt, exponent=None)) if isinstance(fmt, ScaledFormat) else str(fmt)
