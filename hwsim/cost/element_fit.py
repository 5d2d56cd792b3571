"""A price of an element that no row has: a law fitted to the table's rows.

What does not depend on operands (area, delay, leakage, clock pins) is held between the rows around it:

    price(w) = max over rows r <= w of r,  min over rows r >= w of r,  and between them the law at w

so that a price lies between those of a smaller and a larger element, equals a row's own price there, and never falls as
a width grows: the law does not (its coefficients are not negative) and neither do the bounds. Only where the table's
own rows fall with a width does a price, at those rows. An energy belongs to an operand stream as well: finer weights
may toggle less. Its law has the toggles of the buses among its terms, and at equal toggles it never falls either.

Which law is used is decided by leaving out each row in turn and predicting it from the others; the error found that way
is what is stated with every interpolated price.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hwsim.cost.element_laws import CONSTANT_FREE, PRODUCTS, law_terms
from hwsim.cost.element_shape import Toggles, Widths
from hwsim.cost.least_squares import Floats, nonnegative
from hwsim.formats.base import PeKind

LAWS = ("full", "lean", "size", "bare", "power")
MOVING = ("active", "moving", "flowing")  #: that know the toggles of the buses
BOTH = ("active", "moving")  #: of which "both" is the geometric mean
CALM, GLITCH = "core_zero_delay_pj", "glitch"
ENERGIES = ("core_pj", "core_zero_delay_pj", "core_gated_pj", "register_pj")  #: that depend on the operands
_TIE, _TIE_OPTION = 1e-9, 1e-6  #: of the weight of a term, and of one that elements have or have not
_LEAST = 0.05  #: of the smallest row: no price below that is believed


@dataclass(frozen=True)
class LeaveOneOut:
    """Relative errors of rows predicted from the others.

    Attributes:
        rms: root mean square.
        worst: largest.
        rows: how many rows were left out.
        law: that was fitted.
        errors: of each row, with its sign, in the order of the rows.
        blind_rms: root mean square where the toggles of the row left out had to be predicted from the others too; None
            for a law without toggles.
    """

    rms: float
    worst: float
    rows: int
    law: str
    errors: tuple[float, ...] = ()
    blind_rms: float | None = None


class QuantityFit:
    """One price of one kind of element under one dataflow.

    Args:
        kind: of the element.
        quantity: column of ``ElementRow``.
        widths: of the rows.
        values: of the rows, above 0.
        toggles: of the rows' own streams, for an energy; None where it is not known or does not matter.
        guessed: the same, as the other rows would have it.
        calm: energies of the rows without glitches, where the energy is better predicted in two steps.
    """

    def __init__(
        self,
        kind: PeKind,
        quantity: str,
        widths: Sequence[Widths],
        values: Sequence[float],
        toggles: Sequence[Toggles] | None = None,
        guessed: Sequence[Toggles] | None = None,
        calm: Sequence[float] | None = None,
    ) -> None:
        self._kind, self._quantity = kind, quantity
        self._widths, self._values = tuple(widths), np.array(values, dtype=np.float64)
        self._toggles, self._guessed, self._calm = toggles, guessed, calm

    def at(self, widths: Widths, toggles: Toggles | None = None) -> float:
        """Return the price at ``widths``, for an energy at ``toggles`` of the buses."""
        own = self._law_at(self.error.law if self.error else "size", widths, toggles)
        return self._held(own, widths, np.ones(len(self._values), dtype=bool))

    def _law_at(self, law: str, widths: Widths, toggles: Toggles | None) -> float:
        if law == "both":
            return math.sqrt(math.prod(self._law_at(own, widths, toggles) for own in BOTH))
        if law == "staged":
            return math.prod(part._law_at(own, widths, toggles) for own, part in self._stages.items())
        return self._of(law, self._terms(law, [widths], toggles and [toggles])[0], self._coefficients[law][0])

    @cached_property
    def error(self) -> LeaveOneOut | None:
        """The error of the law that predicts left-out rows best; None for fewer than three rows."""
        if len(self._values) < 3:
            return None
        return min((self.leave_one_out(law) for law in self.laws), key=lambda error: error.rms)

    @property
    def laws(self) -> tuple[str, ...]:
        """The laws that the rows can tell apart: two rows more than a law has terms; the one of size always."""
        single = self._single_laws
        both = ("both",) if set(BOTH) <= set(single) else ()
        staged = all(law in part.laws for law, part in self._stages.items()) if self._stages else False
        return (*single, *both, "staged") if staged else (*single, *both)

    @cached_property
    def _single_laws(self) -> tuple[str, ...]:
        names = ("glitch",) if self._quantity == GLITCH else (*LAWS, *(MOVING if self._toggles else ()))
        terms = {name: law_terms(self._kind, self._quantity, name, self._widths[0]) for name in names}
        most = len(self._values) - 2
        return tuple(
            law
            for law, own in terms.items()
            if own is not None and (law == "size" or len(own) + (law not in CONSTANT_FREE) <= most)
        )

    @cached_property
    def _stages(self) -> dict[str, QuantityFit]:
        """The energy without glitches, and by how much it grows with them."""
        if self._calm is None or self._toggles is None:
            return {}
        calm = QuantityFit(self._kind, CALM, self._widths, self._calm, self._toggles, self._guessed)
        share = [float(own) / still for own, still in zip(self._values, self._calm, strict=True)]
        return {"active": calm, "glitch": QuantityFit(self._kind, GLITCH, self._widths, share)}

    def leave_one_out(self, law: str) -> LeaveOneOut:
        """Return the error of ``law``: each row predicted by a fit to the others and held between the others."""
        errors = self._errors(law, self._toggles)
        blind = self._errors(law, self._guessed) if law not in LAWS and law != "glitch" else None
        worst, unseen = max(map(abs, errors)), None if blind is None else _rms(blind)
        return LeaveOneOut(_rms(errors), worst, len(errors), law, tuple(errors), unseen)

    def _errors(self, law: str, toggles: Sequence[Toggles] | None) -> list[float]:
        errors, kept = [], np.ones(len(self._values), dtype=bool)
        for index, predicted in enumerate(self._predictions(law, toggles)):
            kept[index] = False
            errors.append(self._held(predicted, self._widths[index], kept) / float(self._values[index]) - 1)
            kept[index] = True
        return errors

    def _predictions(self, law: str, toggles: Sequence[Toggles] | None) -> list[float]:
        """Return what ``law``, fitted to the other rows, says of each row."""
        if law == "both":
            pairs = zip(*(self._predictions(own, toggles) for own in BOTH), strict=True)
            return [math.sqrt(math.prod(pair)) for pair in pairs]
        if law == "staged":
            parts = (part._predictions(own, toggles) for own, part in self._stages.items())
            return [math.prod(pair) for pair in zip(*parts, strict=True)]
        matrix, target = self._system(law)
        terms = self._terms(law, self._widths, toggles)
        (gram, moment), free = self._normal(law), self._coefficients[law][1]
        found = []
        for index, (own, wanted) in enumerate(zip(matrix, target, strict=True)):
            others, _ = nonnegative(gram - np.outer(own, own), moment - own * wanted, free)
            found.append(self._of(law, terms[index], others))
        return found

    @cached_property
    def _coefficients(self) -> dict[str, tuple[Floats, NDArray[np.bool_]]]:
        """Coefficients of each law, and which of them are not 0."""
        found = {}
        for law in self._single_laws:
            found[law] = nonnegative(*self._normal(law))
        return found

    def _normal(self, law: str) -> tuple[Floats, Floats]:
        """Return the normal equations, with a weight on each term that decides between two that rows cannot tell apart.

        What all rows have alike belongs to the constant; what all clamp, to the sum rather than to its clamp.
        """
        matrix, target = self._system(law)
        gram = matrix.T @ matrix
        plain, clamped = (
            law_terms(self._kind, self._quantity, law, replace(self._widths[0], extra=extra), (2.0, 2.0, 2.0)) or ()
            for extra in (0, 1)
        )
        ties = [_TIE_OPTION if own and not none else _TIE for none, own in zip(plain, clamped, strict=True)]
        gram[range(len(ties)), range(len(ties))] *= 1 + np.array(ties)
        return gram, matrix.T @ target

    def _system(self, law: str) -> tuple[Floats, Floats]:
        """Return the equations of least squares: of the relative error of a sum, of the logarithm of a product."""
        terms = self._terms(law, self._widths, self._toggles)
        if law in PRODUCTS:
            return terms, np.log(self._values)
        return terms / self._values[:, None], np.ones(len(self._values))

    @staticmethod
    def _of(law: str, terms: Floats, coefficients: Floats) -> float:
        found = float(terms @ coefficients)
        return math.exp(min(found, 700.0)) if law in PRODUCTS else found

    def _terms(self, law: str, widths: Sequence[Widths], toggles: Sequence[Toggles] | None) -> Floats:
        """Return [rows, terms]; the constant may have either sign, so it is there twice."""
        none = (0.0, 0.0, 0.0)
        pairs = zip(widths, toggles or [none] * len(widths), strict=True)
        rows = [law_terms(self._kind, self._quantity, law, own, bits) or () for own, bits in pairs]
        constant = () if law in CONSTANT_FREE else (1.0, -1.0)
        return np.array([(*row, *constant) for row in rows], dtype=np.float64)

    @cached_property
    def _grid(self) -> NDArray[np.int64]:
        return np.array([own.values for own in self._widths], dtype=np.int64)

    def _held(self, value: float, widths: Widths, kept: NDArray[np.bool_]) -> float:
        """Hold a law's value between the rows that are larger and smaller in every width; an energy stays as it is."""
        if self._toggles is not None:
            return max(value, _LEAST * float(self._values[kept].min()))
        own = np.array(widths.values, dtype=np.int64)
        below = self._values[kept & (self._grid <= own).all(axis=1)]
        above = self._values[kept & (self._grid >= own).all(axis=1)]
        held = min(max(value, _LEAST * float(self._values[kept].min())), float(above.min(initial=math.inf)))
        return max(held, float(below.max(initial=0.0)))


def _rms(errors: Sequence[float]) -> float:
    return math.sqrt(math.fsum(error * error for error in errors) / len(errors))
