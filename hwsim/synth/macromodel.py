"""The macro-model: core energy as a base plus a slope for every bit that changes on each bus, none of them negative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hwsim.synth.errors import SynthError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MacroModel:
    """``energy_pj = base_pj + act_pj * act + weight_pj * weight + sum_pj * sum``, in toggles per cycle on each bus.

    Attributes:
        base_pj: energy at no toggle, pJ per cycle.
        act_pj, weight_pj, sum_pj: pJ per toggle.
        error: largest relative error on the streams held out.
    """

    base_pj: float
    act_pj: float
    weight_pj: float
    sum_pj: float
    error: float

    def energy_pj(self, act: float, weight: float, total: float) -> float:
        """Return the energy at these toggles per cycle, pJ."""
        return self.base_pj + self.act_pj * act + self.weight_pj * weight + self.sum_pj * total


def fit_model(
    toggles: Sequence[tuple[float, float, float]],
    energies_pj: Sequence[float],
    held_out: Sequence[tuple[tuple[float, float, float], float]],
) -> MacroModel:
    """Fit the four coefficients by least squares of the *relative* error, none below zero.

    Args:
        toggles: per stream, toggles per cycle on act, weight and sum_in.
        energies_pj: per stream, energy per cycle.
        held_out: (toggles, energy) of streams that the fit does not see.

    Raises:
        SynthError: fewer streams than coefficients, or an energy that is not positive.

    >>> model = fit_model([(0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1, 1)], [1.5, 2.5, 1.0, 4.0], [((2, 0, 0), 4.5)])
    >>> round(model.base_pj, 6), round(model.act_pj, 6), round(model.error, 6)
    (0.5, 2.0, 0.0)
    """
    measured = np.array(energies_pj, dtype=np.float64)
    if len(measured) < 4 or not bool((measured > 0).all()):
        raise SynthError(f"a macro-model needs 4 streams with an energy above 0 pJ, not {measured.tolist()}")
    rows = np.column_stack([np.ones(len(measured)), np.array(toggles, dtype=np.float64)])
    found = non_negative_least_squares(rows / measured[:, None], np.ones(len(measured)))
    base, act, weight, total = (float(value) for value in found)
    model = MacroModel(base, act, weight, total, 0.0)
    errors = [abs(model.energy_pj(*seen) / energy - 1.0) for seen, energy in held_out]
    return MacroModel(base, act, weight, total, max(errors, default=0.0))


def non_negative_least_squares(matrix: Floats, target: Floats) -> Floats:
    """Return the x >= 0 that minimises ``|matrix x - target|``, for few columns: every set of free ones is tried.

    The minimum of a convex problem over the orthant is the unconstrained minimum over the columns that are not zero
    there, so the best non-negative one among all 2^n subsets is it (n = 4 here: 15 small solves).

    >>> non_negative_least_squares(np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([1.0, -1.0])).tolist()
    [1.0, 0.0]
    """
    columns = matrix.shape[1]
    best, least = np.zeros(columns), float(target @ target)
    for size in range(1, columns + 1):
        for chosen in combinations(range(columns), size):
            part, *_ = np.linalg.lstsq(matrix[:, chosen], target, rcond=None)
            left = matrix[:, chosen] @ part - target
            if bool((part >= 0).all()) and float(left @ left) < least:
                best, least = np.zeros(columns), float(left @ left)
                best[list(chosen)] = part
    return best
