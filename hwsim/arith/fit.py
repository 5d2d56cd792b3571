"""Choosing what a format leaves open for a tensor: the exponent of its scale, or the table of its codebook."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.quantize import quantize
from hwsim.errors import FormatError
from hwsim.formats import CodebookFormat, NumberFormat, PowerOfTwoFormat, ScaledFormat
from hwsim.formats.grid import FixedGrid, FloatGrid, Grid, LevelGrid, floor_log2, power_of_two
from hwsim.formats.scaled import MAX_SCALE

KMEANS_ITERATIONS = 50
SCALE_CANDIDATES = 5  #: exponents tried, from the one that clips nothing downwards


def fit(fmt: NumberFormat, values: NDArray[Any]) -> NumberFormat:
    """Return ``fmt`` with its free parameter chosen for ``values``; itself where nothing is free.

    Scales: for ``pow2`` the rule of INQ (Zhou et al. 2017, eq. 3), n1 = floor(log2(4 max|w| / 3)); elsewhere the
    power of two with the least squared error among the smallest that clips nothing and the four below it.
    Codebooks: k-means. Deterministic.

    Raises:
        FormatError: values are not finite.

    >>> from hwsim.formats import parse
    >>> str(fit(parse("int8"), np.array([-0.9, 0.4])))
    'int8@2^-7'
    """
    data = np.asarray(values, dtype=np.float64).ravel()
    if fmt.is_fitted:
        return fmt
    if not bool(np.isfinite(data).all()):
        raise FormatError(f"cannot fit {fmt} to a tensor with {int((~np.isfinite(data)).sum())} non-finite values")
    if isinstance(fmt, ScaledFormat):
        return replace(fmt, exponent=_scale_exponent(fmt, data))
    assert isinstance(fmt, CodebookFormat)
    return _filled(fmt, data)


def _scale_exponent(fmt: ScaledFormat, data: NDArray[np.float64]) -> int:
    largest = Fraction(float(np.abs(data).max(initial=0.0)))
    if largest == 0:
        return 0
    if isinstance(fmt.element, PowerOfTwoFormat):
        return _limited(floor_log2(largest * Fraction(4, 3)))
    top = _unclipped_exponent(fmt.element.grid(), data)
    candidates = [_limited(top - i) for i in range(SCALE_CANDIDATES)]
    errors = [_squared_error(replace(fmt, exponent=exponent), data) for exponent in candidates]
    return candidates[int(np.argmin(errors))]


def _unclipped_exponent(grid: Grid, data: NDArray[np.float64]) -> int:
    """Return the least e such that no value lies beyond an end of the grid times 2^e; an end at zero has no say."""
    lowest, highest = _ends(grid)
    reached = Fraction(float(data.min())), Fraction(float(data.max()))
    ratios = [value / end for value, end in zip(reached, (lowest, highest), strict=True) if end and value / end > 0]
    return max((-floor_log2(1 / ratio) for ratio in ratios), default=0)


def _ends(grid: Grid) -> tuple[Fraction, Fraction]:
    if isinstance(grid, FixedGrid):
        unit = power_of_two(grid.lsb)
        return grid.minimum * unit, grid.maximum * unit
    if isinstance(grid, LevelGrid):
        return grid.levels[0], grid.levels[-1]
    assert isinstance(grid, FloatGrid)
    return -grid.maximum, grid.maximum


def _limited(exponent: int) -> int:
    return max(-MAX_SCALE, min(MAX_SCALE, exponent))


def _squared_error(fmt: NumberFormat, data: NDArray[np.float64]) -> float:
    """Return the error in the very format; infinite where a value overflows to an infinity or a NaN."""
    with np.errstate(over="ignore"):
        error = float(np.square(quantize(data, fmt).astype(np.float64) - data).sum())
    return np.inf if np.isnan(error) else error


def _filled(fmt: CodebookFormat, data: NDArray[np.float64]) -> CodebookFormat:
    centres = kmeans(data, fmt.size)
    entry = fit(fmt.entry, centres)
    table = {Fraction(float(v)) for v in quantize(centres, entry)}
    return replace(fmt, entry=entry, values=tuple(sorted(table)))


def kmeans(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return at most ``size`` ascending centres of one-dimensional k-means, deterministic; a zero stays zero.

    >>> kmeans(np.array([0.1, 0.2, 0.9, 1.0]), 2)
    array([0.15, 0.95])
    """
    has_zero = bool(np.any(values == 0))
    data = np.sort(values[values != 0]) if has_zero else np.sort(values)
    free = size - 1 if has_zero else size
    if data.size == 0:
        return np.zeros(1)
    centres = np.unique(np.linspace(data[0], data[-1], free))
    prefix = np.concatenate([[0.0], np.cumsum(data)])
    for _ in range(KMEANS_ITERATIONS):
        edges = np.searchsorted(data, (centres[1:] + centres[:-1]) / 2)
        bounds = np.concatenate([[0], edges, [data.size]])
        counts = np.diff(bounds)
        sums = np.diff(prefix[bounds])
        moved = np.where(counts > 0, sums / np.maximum(counts, 1), centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return np.unique(np.append(centres, 0.0)) if has_zero else centres
