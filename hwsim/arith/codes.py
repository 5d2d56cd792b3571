"""Whole arrays of numbers as the codes that stand for them on wires; the fast twin of ``NumberFormat.code_of``."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.formats import BlockFormat, NumberFormat, ScaledFormat
from hwsim.formats.base import Special
from hwsim.formats.grid import BlockGrid, FixedGrid, FloatGrid, LevelGrid
from hwsim.formats.minifloat import FloatFormat

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


def codes_of(values: NDArray[Any], fmt: NumberFormat, *, block_axis: int = 0) -> Codes:
    """Return the code of every element of ``values``, which are numbers of ``fmt``; same shape.

    The codes of a block are those at the scale that its own largest magnitude asks for.

    Args:
        values: numbers that ``quantize`` returned for this format; NaN and infinities where it has them.
        fmt: a fitted format.
        block_axis: the axis along which a block format groups its elements.

    >>> from hwsim.formats import parse
    >>> codes_of(np.array([-0.5, 1.0]), parse("fixed<4,2>")).tolist()
    [14, 4]
    """
    numbers = np.asarray(values, dtype=np.float64)
    grid = fmt.grid()
    if isinstance(grid, BlockGrid):
        assert isinstance(fmt, BlockFormat)
        return codes_of(_unscaled_blocks(numbers, grid, block_axis), fmt.element)
    if isinstance(grid, FixedGrid):
        return np.rint(np.ldexp(numbers, -grid.lsb)).astype(np.int64) & ((1 << fmt.bits) - 1)
    if isinstance(grid, LevelGrid):
        levels, codes = _level_codes(fmt)
        return codes[np.minimum(np.searchsorted(levels, numbers), len(levels) - 1)]
    element, exponent = _element(fmt)
    return _float_codes(np.ldexp(numbers, -exponent), element, element.grid())


def _element(fmt: NumberFormat) -> tuple[FloatFormat, int]:
    scaled = fmt.element if isinstance(fmt, ScaledFormat) else fmt
    assert isinstance(scaled, FloatFormat)
    exponent = fmt.exponent if isinstance(fmt, ScaledFormat) else 0
    assert exponent is not None
    return scaled, exponent


@lru_cache(maxsize=256)
def _level_codes(fmt: NumberFormat) -> tuple[Floats, Codes]:
    grid = fmt.grid()
    assert isinstance(grid, LevelGrid)
    levels = [float(level) for level in grid.levels]
    return np.array(levels), np.array([fmt.code_of(level) for level in grid.levels], dtype=np.int64)


def _float_codes(values: Floats, fmt: FloatFormat, grid: FloatGrid) -> Codes:
    """Sign, biased exponent, mantissa: IEEE 754-2019 §3.4 with the widths of ``fmt``."""
    mantissa, magnitude = fmt.mantissa_bits, np.where(np.isfinite(values), np.abs(values), 0.0)
    _, exponent = np.frexp(magnitude)
    exponent = np.maximum(exponent - 1, grid.emin)
    significand = np.rint(np.ldexp(magnitude, mantissa - exponent)).astype(np.int64)
    codes: Codes = significand + ((exponent - grid.emin).astype(np.int64) << mantissa)
    codes = np.where(magnitude == 0, 0, codes)
    codes = codes | (np.where(values < 0, 1, 0) << (fmt.bits - 1))
    for special, where in (
        (Special.NAN, np.isnan(values)),
        (Special.POSITIVE_INFINITY, values == np.inf),
        (Special.NEGATIVE_INFINITY, values == -np.inf),
    ):
        if bool(where.any()):
            codes = np.where(where, fmt.code_of(special), codes)
    return codes


def _unscaled_blocks(values: Floats, grid: BlockGrid, axis: int) -> Floats:
    """Divide every block by its scale, 2^(floor(log2(largest)) - emax of the element), and clamp to the element."""
    moved = np.moveaxis(values, axis, 0)
    padded = np.concatenate([moved, np.zeros((-len(moved) % grid.size, *moved.shape[1:]))])
    blocks = padded.reshape(-1, grid.size, *moved.shape[1:])
    largest = np.abs(blocks).max(axis=1, keepdims=True)
    _, exponent = np.frexp(largest)
    scale = np.clip(exponent - 1 - grid.element_emax, grid.scale_min, grid.scale_max)
    most = float(grid.element.max_abs)
    unscaled = np.clip(np.ldexp(blocks, np.where(largest > 0, -scale, 0)), -most, most)
    return np.moveaxis(unscaled.reshape(padded.shape)[: len(moved)], 0, axis)
