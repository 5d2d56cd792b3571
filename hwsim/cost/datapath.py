"""What a processing element is made of: the operations of one multiply-accumulate, as widths and not yet priced."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hwsim.array.parts import Dataflow
from hwsim.cost.rows import Operation
from hwsim.cost.usage import Usage
from hwsim.formats.base import PeKind
from hwsim.formats.pe import Operand, PeSpec


@dataclass(frozen=True)
class Term:
    """``count`` units of one kind inside a processing element.

    Attributes:
        name: what the unit does there.
        operation: what to price.
        bits: width, see Operation; need not be whole.
        count: how many.
        positions: shift distances, or entries of a look-up table.
        exponent_bits: exponent width of a floating-point unit.
    """

    name: str
    operation: Operation
    bits: float
    count: int = 1
    positions: int = 0
    exponent_bits: int = 0


def mac_terms(pe: PeSpec) -> tuple[Term, ...]:
    """Return the units that switch in one multiply-accumulate, registers excluded."""
    shifts = pe.kind in (PeKind.SHIFT_ADD, PeKind.MULTI_SHIFT_ADD)
    product = _shift_terms(pe) if shifts else _multiply_terms(pe)
    return (*product, *_accumulate_terms(pe))


def lookup_terms(pe: PeSpec) -> tuple[Term, ...]:
    """Return the look-up of a codebook's entry; nothing for other elements."""
    if pe.kind is not PeKind.CODEBOOK_MAC:
        return ()
    return (Term("codebook", Operation.LUT, pe.factor.bits, positions=1 << pe.weight.bits),)


def gated_terms(pe: PeSpec) -> tuple[Term, ...]:
    """Return the units that switch when an operand is zero and the rest is held: the test for zero."""
    return (Term("zero test of the activation", Operation.COMPARE, pe.act.bits),)


def register_terms(pe: PeSpec) -> tuple[Term, ...]:
    """Return the registers of one processing element: activation, weight and partial sum.

    They give area and leakage here; their energy is counted by the array as reads and writes.
    """
    widths = {"activation": pe.act.bits, "weight": pe.weight.bits, "partial sum": pe.accumulator.bits}
    return tuple(Term(f"{name} register", Operation.REGISTER_WRITE, 1, count=bits) for name, bits in widths.items())


def second_register_terms(pe: PeSpec, usage: Usage) -> tuple[Term, ...]:
    """Return the shadow or drain register of an element that has one: as wide as what stays in the element.

    Area and leakage only, as ``register_terms``.
    """
    if not usage.second_register:
        return ()
    staying = {
        Dataflow.WEIGHT_STATIONARY: ("shadow", pe.weight.bits),
        Dataflow.INPUT_STATIONARY: ("shadow", pe.act.bits),
        Dataflow.OUTPUT_STATIONARY: ("drain", pe.accumulator.bits),
    }
    name, bits = staying[usage.dataflow]
    return (Term(f"{name} register", Operation.REGISTER_WRITE, 1, count=bits),)


def shifter_bits(bits: int, positions: int) -> float:
    """Return the mean width of the stages of a left shifter of ``bits`` by up to ``positions`` - 1 places.

    With the small distances first, stage j shifts by 2^j and puts out bits + 2^(j+1) - 1 wires; summed over
    S = log2(positions) stages and divided by S this is bits - 1 + 2 (positions - 1) / S.

    >>> shifter_bits(8, 2)
    9.0
    """
    return bits - 1 + 2 * (positions - 1) / math.log2(positions)


def _shift_terms(pe: PeSpec) -> tuple[Term, ...]:
    terms = max(pe.terms, 1)
    if pe.act.is_float:
        exponent = max(pe.act.exponent_bits, pe.product.exponent_bits)
        return (Term("exponent adder", Operation.INT_ADD, exponent, terms), *_combine(pe.product, terms))
    shifter: tuple[Term, ...] = ()
    if pe.shift_positions > 1:
        width = shifter_bits(pe.act.significand_bits, pe.shift_positions)
        shifter = (Term("shifter", Operation.SHIFT, width, terms, positions=pe.shift_positions),)
    return (*shifter, *_combine(pe.product, terms))


def _combine(product: Operand, terms: int) -> tuple[Term, ...]:
    return (_adder("sum of the terms", product, terms - 1),) if terms > 1 else ()


def _multiply_terms(pe: PeSpec) -> tuple[Term, ...]:
    multiplier = _multiplier(pe.act, pe.factor)
    return (*lookup_terms(pe), multiplier)


def _multiplier(act: Operand, factor: Operand) -> Term:
    """An a x b multiplier is priced as a square one of sqrt(a b): the same number of partial product bits."""
    bits = math.sqrt(act.significand_bits * factor.significand_bits)
    if not (act.is_float or factor.is_float):
        return Term("multiplier", Operation.INT_MUL, bits)
    exponent = max(act.exponent_bits, factor.exponent_bits)
    return Term("multiplier", Operation.FLOAT_MUL, bits, exponent_bits=exponent)


def _adder(name: str, operand: Operand, count: int = 1) -> Term:
    if not operand.is_float:
        return Term(name, Operation.INT_ADD, operand.significand_bits, count)
    return Term(name, Operation.FLOAT_ADD, operand.significand_bits, count, exponent_bits=operand.exponent_bits)


def _accumulate_terms(pe: PeSpec) -> tuple[Term, ...]:
    adder = _adder("accumulator adder", pe.accumulator)
    if not pe.product.is_float or pe.accumulator.is_float:
        return (adder,)
    width = pe.accumulator.bits
    return (Term("alignment to the fixed-point accumulator", Operation.SHIFT, width, positions=width), adder)
