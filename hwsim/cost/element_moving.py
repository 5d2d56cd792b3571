"""What an element's energy grows with, as its operand streams move: parts of the circuit times the bits that toggle.

Each function returns terms none of which falls as a width grows at equal toggles, so that a law of them with
coefficients that are not negative does not fall either.
"""

from __future__ import annotations

import math

from hwsim.cost.element_shape import Law, Toggles, Widths, distances, effectual_terms, reach, shifters, window
from hwsim.formats.base import PeKind

_LEAST_TOGGLES = 1e-3
_LEAST_ROWS = 0.5  #: of partial products; the first row is no adder


def logarithms(toggles: Toggles) -> Law:
    """Return the logarithms of toggles, of a wire that never moves those of one that hardly does."""
    return tuple(math.log(max(bits, _LEAST_TOGGLES)) for bits in toggles)


def active_terms(kind: PeKind, w: Widths, toggles: Toggles) -> Law | None:
    """Return logarithms of what a core's energy is a product of; None where no list was better than all."""
    _, weight, total = logarithms(toggles)
    if kind is PeKind.INT_MAC:
        rows = max(w.factor - 1.0, _LEAST_ROWS)
        return (math.log(w.act * rows + 2.0 * w.acc), math.log(rows), math.log(w.act), float(w.extra), total)
    if kind is PeKind.FLOAT_MAC:
        wide = window(w)
        size = math.log(w.act * w.factor + shifters(w) / 2 * wide * math.log2(wide + 1))
        return (size, -(2.0 ** -reach(w)), float(w.extra), weight, total)
    return None


def glitch_terms(w: Widths) -> Law:
    """Return logarithms of what glitches of a float grow with: its shifters, as long as sum and window."""
    return (math.log(w.acc * shifters(w)), math.log(window(w) * shifters(w)))


def moving_terms(kind: PeKind, w: Widths, toggles: Toggles, whole: bool) -> Law | None:
    """Return the terms of a sum over parts of the circuit; None for floats, whose parts are too many for their rows.

    Args:
        kind: of the element.
        w: its widths.
        toggles: of its buses.
        whole: also the parts that matter in some streams only.
    """
    if kind is PeKind.FLOAT_MAC:
        return None
    if kind is PeKind.INT_MAC:
        return _whole_numbers(w, toggles, whole)
    return _several_shifts(w, toggles, whole) if kind is PeKind.MULTI_SHIFT_ADD else _shift(w, toggles, whole)


def _shift(w: Widths, toggles: Toggles, whole: bool) -> Law:
    """The adder by what passes it, the shifter by the activation, and by the distance, which slides the addend."""
    act, weight, total = toggles
    stages = math.log2(w.positions + 1)
    slides = (weight * w.act, weight * w.act * stages)
    lean = (total, total * w.acc, w.extra * total, act * stages, act, *slides, float(w.acc))
    return (*lean, weight * w.acc, w.act * stages) if whole else lean


def _several_shifts(w: Widths, toggles: Toggles, whole: bool) -> Law:
    """Shifter stages, how far the terms reach over one another, the adder by what passes it."""
    terms, stages = effectual_terms(w), math.log2(w.positions + 1)
    lean = (terms * w.act * stages, terms * distances(w), toggles[2])
    return (*lean, terms * toggles[0] * stages) if whole else lean


def _whole_numbers(w: Widths, toggles: Toggles, whole: bool) -> Law:
    """Rows of partial products by the operand that moves, the adder by what passes it."""
    act, weight, total = toggles
    rows, columns = max(w.factor - 1.0, _LEAST_ROWS), max(w.act - 1.0, _LEAST_ROWS)
    parts = (act * rows, weight * columns, rows * columns)
    lean = (total, total * w.acc, w.extra * total, *parts)
    deep = min(w.act, w.factor)
    return (*lean, act * rows * deep, weight * columns * deep) if whole else lean
