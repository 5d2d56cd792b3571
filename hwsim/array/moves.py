"""Counts of moved words whose size in memory need not be a whole number of bits."""

from __future__ import annotations

from fractions import Fraction

from hwsim.array.counts import Action, ActionCount, Component


def moved(
    component: Component, action: Action, unit: str, word_bits: int | Fraction, words: int | Fraction
) -> ActionCount:
    """Return the count of ``words`` moves of ``word_bits`` bits; bit by bit where a word is no whole number of bits.

    >>> moved(Component.SRAM, Action.READ, "ifmap_sram", Fraction(33, 4), 100).total_bits
    825
    """
    if word_bits.denominator == 1:
        return ActionCount(component, action, unit, word_bits.numerator, words)
    return ActionCount(component, action, unit, 1, whole(word_bits * words))


def whole(value: int | Fraction) -> int | Fraction:
    """Return ``value`` as an int where it is one.

    >>> whole(Fraction(6, 2)), whole(Fraction(1, 2))
    (3, Fraction(1, 2))
    """
    return value.numerator if value.denominator == 1 else value
