"""Which processing element a set of formats needs."""

from __future__ import annotations

from fractions import Fraction

from hwsim.formats.base import NumberFormat, Overflow, PeKind
from hwsim.formats.block import BlockFormat
from hwsim.formats.codebook import CodebookFormat
from hwsim.formats.fixed import FixedFormat
from hwsim.formats.grid import power_of_two
from hwsim.formats.minifloat import FloatFormat
from hwsim.formats.pe import Operand, PeSpec
from hwsim.formats.powtwo import PowerSumFormat
from hwsim.formats.scaled import ScaledFormat


def element_of(fmt: NumberFormat) -> NumberFormat:
    """Return the format of the codes, without a tensor's scale or a block's."""
    return fmt.element if isinstance(fmt, ScaledFormat | BlockFormat) else fmt


def operand_of(fmt: NumberFormat) -> Operand:
    """Return the wires that a number of ``fmt`` takes.

    >>> from hwsim.formats.spec import parse
    >>> operand_of(parse("e4m3"))
    Operand(bits=8, significand_bits=4, exponent_bits=4)
    """
    element = element_of(fmt)
    if isinstance(element, FloatFormat):
        return Operand(element.bits, element.mantissa_bits + 1, element.exponent_bits)
    return Operand(element.bits, element.bits)


def activation_of(fmt: NumberFormat) -> Operand:
    """Return the wires of an activation as it reaches the multiplier or shifter: its code is decoded on the way.

    A power of two or a sum of them arrives as the integer that it is in units of its smallest step, an index of a
    codebook as the entry.

    >>> from hwsim.formats.spec import parse
    >>> activation_of(parse("pow2<4>"))  # 0, ±1, ±2, ±4, ±8: four bits and a sign
    Operand(bits=4, significand_bits=5, exponent_bits=0)
    """
    element = element_of(fmt)
    if isinstance(element, CodebookFormat):
        entry = activation_of(element.entry)
        return Operand(element.bits, entry.significand_bits, entry.exponent_bits)
    if isinstance(element, PowerSumFormat):
        return Operand(element.bits, _reach(element) + 1)
    return operand_of(element)


def pe_for(weights: NumberFormat, acts: NumberFormat, acc: NumberFormat, product: NumberFormat | None = None) -> PeSpec:
    """Return the processing element for a multiply-accumulate in these formats.

    Shifters need fixed-point activations and accumulators; a power of two times a floating-point number is priced as
    a floating-point multiplier with the one or few significant bits that such a weight has.

    >>> from hwsim.formats.spec import parse
    >>> pe_for(parse("pow2<4>"), parse("fixed<8,4>"), parse("fixed<24,12>")).kind
    <PeKind.SHIFT_ADD: 'shift_add'>
    """
    kind = _kind(weights, acts, acc)
    act, weight, accumulator = activation_of(acts), operand_of(weights), operand_of(acc)
    factor = _factor(weights, kind)
    powers = element_of(weights)
    shifts = kind in (PeKind.SHIFT_ADD, PeKind.MULTI_SHIFT_ADD)
    shifted = powers if shifts and isinstance(powers, PowerSumFormat) else None
    terms, positions = (shifted.terms, shifted.shift_positions) if shifted else (0, 0)
    exact = _exact_product(act, factor, shifted)
    product_operand = operand_of(product) if product is not None else exact
    sums = element_of(acc)
    saturating = not (isinstance(sums, FixedFormat) and sums.overflow is Overflow.WRAP)
    subnormals = not (isinstance(sums, FloatFormat) and not sums.subnormals)
    return PeSpec(kind, act, weight, factor, product_operand, accumulator, terms, positions, saturating, subnormals)


def _kind(weights: NumberFormat, acts: NumberFormat, acc: NumberFormat) -> PeKind:
    element = element_of(weights)
    if isinstance(element, CodebookFormat):
        return PeKind.CODEBOOK_MAC
    integer = isinstance(element_of(acc), FixedFormat) and not activation_of(acts).is_float
    if integer and isinstance(element, PowerSumFormat):
        return PeKind.SHIFT_ADD if element.terms == 1 else PeKind.MULTI_SHIFT_ADD
    if integer and isinstance(element, FixedFormat):
        return PeKind.INT_MAC
    return PeKind.FLOAT_MAC


def _factor(weights: NumberFormat, kind: PeKind) -> Operand:
    """The weight as it reaches the multiplier: a table's entry, or the significant bits of a power sum."""
    element = element_of(weights)
    if isinstance(element, CodebookFormat):
        return _factor(element.entry, kind)
    if isinstance(element, PowerSumFormat) and kind in (PeKind.FLOAT_MAC, PeKind.CODEBOOK_MAC):
        exponents = [e for code in element.codes() for _, e in element.term_list(code) or ()]
        exponent_bits = max(1, (max(exponents) - min(exponents)).bit_length())
        return Operand(element.bits, _odd_bits(element), exponent_bits)
    return operand_of(element)


def _odd_bits(element: PowerSumFormat) -> int:
    """Most significant bits that a value of a power sum has once its trailing zeros are dropped."""
    values = {abs(element.decode(code)) for code in element.codes()} - {Fraction(0)}
    return max((value * value.denominator).numerator.bit_length() - _trailing_zeros(value) for value in values)


def _trailing_zeros(value: Fraction) -> int:
    return (value.numerator & -value.numerator).bit_length() - 1


def _exact_product(act: Operand, factor: Operand, powers: PowerSumFormat | None) -> Operand:
    if powers is not None:
        width = act.significand_bits + _reach(powers)
        return Operand(width, width)
    if act.is_float or factor.is_float:
        significand = act.significand_bits + factor.significand_bits
        exponent = max(act.exponent_bits, factor.exponent_bits) + 1
        return Operand(significand + exponent, significand, exponent)
    width = act.significand_bits + factor.significand_bits
    return Operand(width, width)


def _reach(element: PowerSumFormat) -> int:
    """Bits of the largest magnitude of a power sum in units of its smallest step."""
    levels = element.grid()
    return int(levels.max_abs / power_of_two(levels.quantum)).bit_length()
