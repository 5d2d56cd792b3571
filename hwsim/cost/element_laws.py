"""How the prices of a synthesised element grow with its widths: terms of a sum with coefficients that are not negative.

Each law is a list of terms none of which falls as a width grows. A table's own rows give the coefficients; which
list is used for which price is decided by the error on rows that were left out (``hwsim.cost.element_fit``).
"""

from __future__ import annotations

import math

from hwsim.cost.element_moving import active_terms, glitch_terms, logarithms, moving_terms
from hwsim.cost.element_shape import Law, Toggles, Widths, blocks, effectual_terms, product_bits, reach, window
from hwsim.formats.base import PeKind

CONSTANT_FREE = ("size", "bare", "moving", "flowing")  #: sums of which nothing is left at no width
PRODUCTS = ("power", "active", "glitch")  #: laws of logarithms


def law_terms(kind: PeKind, quantity: str, law: str, w: Widths, toggles: Toggles = (0.0, 0.0, 0.0)) -> Law | None:
    """Return the terms of ``law`` at ``w``, without the constant; None where it has none for this kind and quantity.

    "full", "lean", "size" and "bare" are sums of terms; "power" is a product of powers, of which these are the
    logarithms; "active" is one of widths and of the bits that toggle on the buses, "moving" and "flowing" are sums of
    parts of the circuit times those; "glitch" is a factor on the energy without glitches.
    """
    core = quantity.startswith("core_") and quantity.endswith("_pj")
    whole = quantity in ("area_um2", "core_area_um2", "leakage_w")
    if law == "glitch":
        return glitch_terms(w)
    if law in ("moving", "flowing"):
        return moving_terms(kind, w, toggles, law == "flowing") if core else None
    if law in ("power", "active"):
        own = active_terms(kind, w, toggles) if core and law == "active" else None
        powers = _float_size(w) if whole and kind is PeKind.FLOAT_MAC else _powers(kind, w)
        return own or (powers if law == "power" else (*powers, *logarithms(toggles)))
    if law == "bare":
        return _bare(w) if w.terms and (core or whole) else None
    return _sum(kind, quantity, law, w)


def _sum(kind: PeKind, quantity: str, law: str, w: Widths) -> Law:
    if quantity in ("register_pj", "clock_pj", "register_bits"):
        return (float(w.act_bits), float(w.weight_bits), float(w.acc_bits)) if law == "full" else (_registers(w),)
    if quantity in ("delay_ns", "delay_tight_ns"):
        return _delay(w, law)
    parts = _CORE[kind](w, law)
    return (*parts, _registers(w)) if quantity in ("area_um2", "leakage_w") and law == "full" else parts


def _bare(w: Widths) -> Law:
    """Stages of the shifters, adders of their products, the accumulator's."""
    terms = effectual_terms(w)
    return (terms * w.act * math.log2(w.positions + 1), terms * product_bits(w), float(w.acc))


def _float_size(w: Widths) -> Law:
    """Partial products beside the widths of window and sum; what few exponent bits leave out; subnormals."""
    size = w.act * w.factor + blocks(w) * (window(w) + w.acc)
    return (math.log(size), -math.log1p(2.0 ** (3 - reach(w))), float(w.extra))


def _powers(kind: PeKind, w: Widths) -> Law:
    """Logarithms of what an element grows with: where wide sums toggle more, energy is a product of widths."""
    sums, extra = math.log(w.acc), float(w.extra)
    if kind in (PeKind.SHIFT_ADD, PeKind.MULTI_SHIFT_ADD):
        # Far distances are seldom taken, so what one more of them adds to the energy dies away.
        near = 1 - 1 / w.positions, math.log1p(-(2.0**-w.positions))
        act = math.log(w.act)
        return (sums, act, act * near[0], math.log(w.positions), *near, math.log(w.terms), extra)
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
