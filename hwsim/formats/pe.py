"""What the hardware has to be for a set of formats: the processing element as widths, without its price."""

from __future__ import annotations

from dataclasses import dataclass

from hwsim.formats.base import PeKind


@dataclass(frozen=True)
class Operand:
    """The wires of one operand of a processing element.

    Attributes:
        bits: bits of one code as stored and moved.
        significand_bits: bits that enter the multiplier or adder (hidden one included; the whole word for integers).
        exponent_bits: bits of exponent, 0 for fixed point.
    """

    bits: int
    significand_bits: int
    exponent_bits: int = 0

    @property
    def is_float(self) -> bool:
        """True for a floating-point operand."""
        return self.exponent_bits > 0


@dataclass(frozen=True)
class PeSpec:
    """One processing element: its kind and the width of everything that enters and leaves it.

    Attributes:
        kind: the unit that the formats need.
        act: the activation operand, as it reaches the multiplier or shifter.
        weight: the weight operand as stored (a shift code, a table index, an integer, a float).
        factor: the weight operand as it reaches the multiplier (a codebook's entry); equals ``weight`` otherwise.
        product: the product as it reaches the adder.
        accumulator: the accumulator register and adder.
        terms: powers of two in a weight (1 for shift_add, n for multi_shift_add, 0 for multipliers).
        shift_positions: how many different distances the shifter has (0 for multipliers).
        saturating: an integer accumulator clamps; it wraps otherwise.
        subnormals: a floating-point accumulator keeps subnormal numbers; it flushes them otherwise.
    """

    kind: PeKind
    act: Operand
    weight: Operand
    factor: Operand
    product: Operand
    accumulator: Operand
    terms: int = 0
    shift_positions: int = 0
    saturating: bool = True
    subnormals: bool = True
