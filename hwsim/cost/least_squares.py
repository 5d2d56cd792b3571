"""Least squares with coefficients that cannot be negative, so that a price cannot fall as a width grows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TOLERANCE = 1e-10


def nonnegative(
    gram: Floats, moment: Floats, start: NDArray[np.bool_] | None = None
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the x >= 0 that minimises x'Gx/2 - m'x, and which of its entries are free (not held at 0).

    The active-set method of Lawson and Hanson (Solving Least Squares Problems, 1974, chapter 23) on the normal
    equations.

    Args:
        gram: G = A'A, [n, n].
        moment: m = A'b, [n].
        start: entries to try as free first, for instance those of a neighbouring problem.

    >>> nonnegative(np.eye(2), np.array([2.0, -1.0]))[0].tolist()
    [2.0, 0.0]
    """
    sizes = np.sqrt(np.where(np.diagonal(gram) > 0, np.diagonal(gram), 1.0))
    x, free = _scaled(gram / np.outer(sizes, sizes), moment / sizes, start)
    return x / sizes, free


def _scaled(gram: Floats, moment: Floats, start: NDArray[np.bool_] | None) -> tuple[Floats, NDArray[np.bool_]]:
    """Solve for terms of size one, so that what is small beside the largest is small in what it adds."""
    count = len(moment)
    scale = float(np.abs(moment).max(initial=0.0)) or 1.0
    if start is not None:
        guess = _solve(gram, moment, start)
        if bool((guess >= 0).all()) and bool((moment - gram @ guess <= _TOLERANCE * scale)[~start].all()):
            return guess, start
    free, x = np.zeros(count, dtype=bool), np.zeros(count)
    for _ in range(3 * count + 1):
        gradient = np.where(free, -np.inf, moment - gram @ x)
        best = int(gradient.argmax())
        if gradient[best] <= _TOLERANCE * scale:
            break
        free[best] = True
        x = _step_back(gram, moment, free, x)
    return x, free


def _step_back(gram: Floats, moment: Floats, free: NDArray[np.bool_], x: Floats) -> Floats:
    """Move to the solution over the free entries, dropping those that would become negative on the way."""
    while True:
        wanted = _solve(gram, moment, free)
        bad = free & (wanted <= 0)
        if not bad.any():
            return wanted
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.where(bad, x / (x - wanted), np.inf)
        x = x + float(np.nanmin(steps)) * (wanted - x)
        free &= x > _TOLERANCE * max(float(x.max()), 1e-300)
        x = np.where(free, x, 0.0)


def _solve(gram: Floats, moment: Floats, free: NDArray[np.bool_]) -> Floats:
    x = np.zeros(len(moment))
    if free.any():
        x[free] = np.linalg.lstsq(gram[np.ix_(free, free)], moment[free], rcond=1e-12)[0]
    return x
