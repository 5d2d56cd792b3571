"""How the prices of a synthesised element grow with its widths: terms of a sum with coefficients that are not negative.

Each law is a list of terms none of which falls as a width grows. A table's own rows give the coefficients; which
list is used for which price is decided by the error on rows that were left out (``hwsim.cost.element_fit``).
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, fields

from hwsim.cost.elements import ElementRow
from hwsim.formats.base import PeKind
from hwsim.formats.pe import PeSpec


@dataclass(frozen=True)
class Widths:
    """Everything about an element that its price depends on, as numbers; see ``ElementRow``.

    ``extra`` is 1 for an integer accumulator that clamps and for a float that keeps subnormals, else 0.
    """

    act_bits: int
    act: int
    act_exponent: int
    weight_bits: int
    factor: int
    factor_exponent: int
    acc_bits: int
    acc: int
    acc_exponent: int
    terms: int
    positions: int
    extra: int

    @classmethod
    def of_row(cls, row: ElementRow) -> Widths:
        """Return the widths of a row."""
        extra = row.subnormals if row.kind is PeKind.FLOAT_MAC else row.saturating
        return cls(
            row.act_bits, row.act_significand, row.act_exponent, row.weight_bits, row.factor_significand,
            row.factor_exponent, row.acc_bits, row.acc_significand, row.acc_exponent, row.terms, row.positions,
            int(extra),
        )  # fmt: skip

    @classmethod
    def of_pe(cls, pe: PeSpec) -> Widths:
        """Return the widths of an element."""
        extra = pe.subnormals if pe.kind is PeKind.FLOAT_MAC else pe.saturating
        act, factor, acc = pe.act, pe.factor, pe.accumulator
        return cls(
            act.bits, act.significand_bits, act.exponent_bits, pe.weight.bits, factor.significand_bits,
            factor.exponent_bits, acc.bits, acc.significand_bits, acc.exponent_bits, pe.terms, pe.shift_positions,
            int(extra),
        )  # fmt: skip

    def within(self, other: Widths) -> bool:
        """Return whether no width is larger than that of ``other``."""
        return all(own <= theirs for own, theirs in zip(astuple(self), astuple(other), strict=True))

    def distance(self, other: Widths) -> float:
        """Return how far apart two elements are: the root of the summed squares of log2 of the ratios of widths."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return math.sqrt(sum(math.log2((1 + own) / (1 + theirs)) ** 2 for own, theirs in pairs))


WIDTH_NAMES = tuple(field.name for field in fields(Widths))
Law = tuple[float, ...]
Toggles = tuple[float, float, float]  #: bits that change per cycle on activation, weight and sum
LEAST_TOGGLES = 1e-3


def law_terms(kind: PeKind, quantity: str, law: str, w: Widths, toggles: Toggles = (0.0, 0.0, 0.0)) -> Law:
    """Return the terms of ``law`` at ``w``, without the constant.

    "full", "lean" and "size" are sums of terms; "power" is a product of powers, of which these are the logarithms;
    "active" is one of widths and of the bits that toggle on the buses.
    """
    if law == "power":
        return _powers(kind, w)
    if law == "active":
        return (*_powers(kind, w), *(math.log(max(bits, LEAST_TOGGLES)) for bits in toggles))
    if quantity in ("register_pj", "clock_pj", "register_bits"):
        return (float(w.act_bits), float(w.weight_bits), float(w.acc_bits)) if law == "full" else (_registers(w),)
    if quantity in ("delay_ns", "delay_tight_ns"):
        return _delay(w, law)
    core = _CORE[kind](w, law)
    whole = quantity in ("area_um2", "leakage_w")
    return (*core, _registers(w)) if whole and law == "full" else core


def _powers(kind: PeKind, w: Widths) -> Law:
    """Logarithms of what an element grows with: where wide sums toggle more, energy is a product of widths."""
    sums, extra = math.log(w.acc), float(w.extra)
    if kind in (PeKind.SHIFT_ADD, PeKind.MULTI_SHIFT_ADD):
        # Far distances are seldom taken, so what one more of them adds to the energy dies away.
        reach = 1 - 1 / w.positions, math.log1p(-(2.0**-w.positions))
        act = math.log(w.act)
        return (sums, act, act * reach[0], math.log(w.positions), *reach, math.log(w.terms), extra)
    product = math.log(w.act * w.factor)
    if kind is PeKind.INT_MAC:
        return (sums, product, math.log(w.act), math.log(w.factor), extra)
    exponents = math.log(w.act_exponent + w.factor_exponent), math.log(w.acc_exponent)
    return (sums, product, *exponents, extra)


def _registers(w: Widths) -> float:
    return float(w.act_bits + w.weight_bits + w.acc_bits)


def _shift(w: Widths, law: str) -> Law:
    """A barrel shifter of log2(P + 1) stages per term, adders of the terms, the accumulator's adder, its clamp."""
    stages = w.terms * w.act * math.log2(w.positions + 1)
    product = w.terms * (w.act + w.positions)
    if law == "size":
        return (stages + product + 2.0 * w.acc,)
    if law == "lean":
        return (stages, float(w.acc))
    return (stages, float(product), float(w.act), float(w.positions), float(w.acc), float(w.extra * w.acc))


def _whole(w: Widths, law: str) -> Law:
    """One full adder per partial product bit, the accumulator's adder, its clamp."""
    partial = float(w.act * w.factor)
    if law == "size":
        return (partial + w.acc,)
    if law == "lean":
        return (partial, float(w.acc))
    return (partial, float(w.act + w.factor), float(w.acc), float(w.extra * w.acc))


def _float(w: Widths, law: str) -> Law:
    """Partial products, exponent adders, and the shifters of the sum, log2(p) stages of p bits each."""
    partial, shifters = float(w.act * w.factor), w.acc * math.log2(w.acc + 1)
    if law == "size":
        return (partial + 4.0 * shifters,)
    if law == "lean":
        return (partial, shifters, float(w.acc_exponent))
    kept = w.extra * (shifters + w.act + w.factor)
    exponents = float(w.act_exponent + w.factor_exponent)
    return (partial, float(w.act + w.factor), shifters, float(w.acc), float(w.acc_exponent), exponents, float(kept))


_CORE = {
    PeKind.SHIFT_ADD: _shift,
    PeKind.MULTI_SHIFT_ADD: _shift,
    PeKind.INT_MAC: _whole,
    PeKind.FLOAT_MAC: _float,
}


def _delay(w: Widths, law: str) -> Law:
    """Levels of logic: trees and carry chains grow between the logarithm and the width itself."""
    acc, factor, act = math.log2(w.acc), math.log2(w.act * w.factor), float(w.act + w.factor)
    shift = w.terms * math.log2(w.positions + 1)
    if law == "size":
        return (acc + factor + shift,)
    if law == "lean":
        return (acc, factor, shift)
    return (acc, factor, shift, float(w.acc), act, float(w.extra) * acc, float(w.acc_exponent + w.act_exponent))
