"""The shape of a synthesised element: its widths, and what follows from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cached_property

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
        return all(own <= theirs for own, theirs in zip(self.values, other.values, strict=True))

    def distance(self, other: Widths) -> float:
        """Return how far apart two elements are: the root of the summed squares of log2 of the ratios of 1 + width."""
        return math.dist(self._logarithms, other._logarithms)

    @cached_property
    def values(self) -> tuple[int, ...]:
        """The widths in the order of ``WIDTH_NAMES``; ``dataclasses.astuple`` copies each and is slow."""
        return tuple(getattr(self, name) for name in WIDTH_NAMES)

    @cached_property
    def _logarithms(self) -> tuple[float, ...]:
        return tuple(math.log2(1 + width) for width in self.values)


WIDTH_NAMES = tuple(field.name for field in fields(Widths))
Law = tuple[float, ...]
Toggles = tuple[float, float, float]  #: bits that change per cycle on activation, weight and sum


def effectual_terms(w: Widths) -> float:
    """Return the shifters of an element, of which an odd bit's, with one distance, is a half.

    Additive powers of two have a sign and two bits for each term (Li et al., ICLR 2020); an odd bit is a term that is
    either there or not. Codes with a sign for each term have more bits than that.
    """
    return min(float(w.terms), (w.weight_bits - 1) / 2) if w.terms > 1 else float(w.terms)


def distances(w: Widths) -> int:
    """Return how many places the product of a shift-add element is wider than the activation.

    Terms with a sign each (ShiftCNN, Gudovskiy and Rigazio 2017) begin one place after one another. Terms under one
    sign, which n of them show by having no more than 2 n + 1 bits, interleave three distances each and reach further.
    """
    apart = w.positions - 1 + w.terms - 1
    if w.terms == 1 or w.weight_bits > 2 * w.terms + 1:
        return apart
    pairs, odd = divmod(w.weight_bits - 1, 2)
    return max(apart, 3 * pairs - 1 + odd)


def product_bits(w: Widths) -> int:
    """Return the width of what the shifters of a shift-add element put out."""
    return w.act + distances(w)


def window(w: Widths) -> int:
    """Return the width in which a float element aligns and adds: its exact product, or its sum if that is wider."""
    return max(w.act + w.factor, w.acc)


def shifters(w: Widths) -> float:
    """Return the shifters of a float element, of which two align and normalise its sum.

    Where it keeps subnormals two more bring a product to begin with a one, and a small result to its last place.
    """
    return 4.0 if w.extra else 2.0


def blocks(w: Widths) -> float:
    """Return the parts of a float element as wide as window and sum: align, add, normalise; a fourth for subnormals."""
    return 4.0 if w.extra else 3.0


def reach(w: Widths) -> int:
    """Return the wider exponent of the operands: few bits of it leave little to align, and products that are 0."""
    return max(w.act_exponent, w.factor_exponent)
