"""Rounding whole arrays to a format: the choice of the quantizer."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.params import FLOAT64, any_params
from hwsim.arith.quantize_kernels import quantize_any, quantize_even
from hwsim.errors import FormatError, NotANumberError
from hwsim.formats.base import NumberFormat, Overflow, Rounding
from hwsim.formats.grid import BlockGrid, FixedGrid, FloatGrid, Grid, LevelGrid, floor_log2

Values = NDArray[np.floating[Any]]


def quantize(
    values: NDArray[Any], fmt: NumberFormat, *, images_last: bool = False, first_image: int = 0, block_axis: int = 0
) -> Values:
    """Round every element of ``values`` to ``fmt``; the fast twin of hwsim.arith.reference.quantize.

    Returns:
        float32 where that holds every value of the format, float64 elsewhere; same shape; zeros are positive.

    Raises:
        FormatError: NaN where the format has none, or an infinity where it wraps.

    >>> from hwsim.formats import parse
    >>> quantize(np.array([0.3, 1.0, 100.0]), parse("fixed<4,3>"))
    array([0.5, 1. , 3.5], dtype=float32)
    """
    grid = fmt.grid()
    source = np.asarray(values)
    if isinstance(grid, BlockGrid):
        return _quantize_blocks(source, grid, block_axis)
    lanes = source.shape[-1] if images_last else source.size
    rows = np.ascontiguousarray(source).reshape(-1, max(lanes, 1))
    out = np.empty(rows.shape, dtype=np.float32 if fits_float32(grid) else np.float64)
    if isinstance(grid, LevelGrid):
        _reject_nan(rows, fmt)
        out[:] = _nearest_level(rows, grid)
    else:
        _quantize_rows(rows, out, grid, first_image, fmt)
    return out.reshape(source.shape)


def _quantize_rows(rows: Values, out: Values, grid: FixedGrid | FloatGrid, first_image: int, fmt: NumberFormat) -> None:
    special = not bool(np.isfinite(rows).all())
    if special and not getattr(grid, "has_nan", False):
        _reject_nan(rows, fmt)
    if isinstance(grid, FixedGrid) and grid.overflow is Overflow.WRAP:
        _quantize_wrapping(rows, out, grid, first_image, fmt)
        return
    simple = grid.rounding is Rounding.NEAREST_EVEN and grid.overflow is Overflow.SATURATE
    if simple and not special and (isinstance(grid, FixedGrid) or grid.subnormals):
        q = any_params(grid)
        magic = 1.5 * 2.0 ** (FLOAT64.precision - 1) * q.last_place
        quantize_even(rows, out, magic, q.exponent_mask, q.emin_bits, q.low, q.high)
    else:
        quantize_any(_within_reach(rows, grid), out, any_params(grid), first_image)


def _within_reach(rows: Values, grid: FixedGrid | FloatGrid) -> Values:
    """Bring numbers whose scaled value would leave float64 to ones that every mode rounds alike.

    Only a grid of one significant bit is reached from above, and only one with steps above 1 from below; anything
    below 2^-700 is then less than 2^-24 of a step.
    """
    if rows.dtype == np.float32 or (grid.quantum <= 0 and getattr(grid, "precision", 2) > 1):
        return rows
    wide = rows.astype(np.float64)
    moved = np.copysign(np.clip(np.abs(wide), 2.0**-700, 2.0**1022), wide)
    return np.where(np.isfinite(wide) & (wide != 0), moved, wide)


def _quantize_wrapping(rows: Values, out: Values, grid: FixedGrid, first_image: int, fmt: NumberFormat) -> None:
    if not bool(np.isfinite(rows).all()):
        raise FormatError(f"an infinity reached {fmt}, which wraps")
    unit, span = 2.0**grid.lsb, (grid.maximum - grid.minimum + 1) * 2.0**grid.lsb
    # Exact, keeps the sign, and moves by an even number of steps: it commutes with every rounding.
    near = np.fmod(rows.astype(np.float64), span)
    wide = replace(grid, minimum=-(1 << 50), maximum=1 << 50, overflow=Overflow.SATURATE)
    rounded = np.empty(rows.shape)
    quantize_any(_within_reach(near, wide), rounded, any_params(wide), first_image)
    wrapped = np.fmod(rounded, span)
    wrapped = np.where(wrapped < grid.minimum * unit, wrapped + span, wrapped)
    out[:] = np.where(wrapped > grid.maximum * unit, wrapped - span, wrapped) + 0.0


def _nearest_level(rows: Values, grid: LevelGrid) -> NDArray[np.float64]:
    levels = np.array([float(level) for level in grid.levels])
    below, above = _middles(levels)
    wide = rows.astype(np.float64)
    # A tie goes away from zero; halfway between -x and x, to x.
    index = np.where(wide >= 0, np.searchsorted(above, wide, "right"), np.searchsorted(below, wide, "left"))
    return np.asarray(levels[index] + 0.0)


def _middles(levels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the float64 next below and next above the exact middle of each two levels: itself where it is one."""
    exact = [(Fraction(low) + Fraction(high)) / 2 for low, high in pairwise(levels.tolist())]
    near = np.array([float(middle) for middle in exact])
    error = np.array([(middle > value) - (middle < value) for middle, value in zip(exact, near.tolist(), strict=True)])
    below = np.where(error < 0, np.nextafter(near, -np.inf), near)
    return below, np.where(error > 0, np.nextafter(near, np.inf), near)


def _quantize_blocks(values: Values, grid: BlockGrid, axis: int) -> Values:
    """Scale each block by its own power of two, round the elements on the unscaled grid, and scale back."""
    moved = np.moveaxis(values.astype(np.float64), axis, -1)
    if not bool(np.isfinite(moved).all()):
        raise FormatError("block formats take finite numbers only: an infinity or a NaN reached one")
    length = moved.shape[-1]
    padded = np.pad(moved, [(0, 0)] * (moved.ndim - 1) + [(0, -length % grid.size)])
    blocks = padded.reshape(-1, grid.size)
    largest = np.abs(blocks).max(axis=1, initial=0.0)
    exponent = np.clip(np.frexp(largest)[1] - 1 - grid.element_emax, grid.scale_min, grid.scale_max)
    exponent = np.where(largest == 0, grid.scale_min, exponent)[:, None]
    unscaled = np.ldexp(blocks, -exponent)
    # What underflows here is still not zero to a directed rounding.
    unscaled = np.where((unscaled == 0) & (blocks != 0), np.copysign(2.0**-1074, blocks), unscaled)
    rounded = np.empty(blocks.shape)
    quantize_any(_within_reach(unscaled, grid.element), rounded, any_params(grid.element), 0)
    restored = np.ldexp(rounded, exponent).reshape(padded.shape)[..., :length]
    return np.ascontiguousarray(np.moveaxis(restored, -1, axis))


def _reject_nan(rows: Values, fmt: NumberFormat) -> None:
    if bool(np.isnan(rows).any()):
        raise NotANumberError(f"NaN reached {fmt}, which has no code for it")


def fits_float32(grid: Grid) -> bool:
    """True where every value of the grid is exactly a float32."""
    if isinstance(grid, BlockGrid):
        return False
    if isinstance(grid, LevelGrid):
        levels = np.array([float(level) for level in grid.levels])
        with np.errstate(over="ignore"):
            return bool((levels.astype(np.float32) == levels).all())
    bits = grid.precision if isinstance(grid, FloatGrid) else (max(-grid.minimum, grid.maximum)).bit_length()
    if isinstance(grid, FixedGrid) and grid.minimum == -(1 << (bits - 1)):
        bits -= 1
    return bits <= 24 and grid.quantum >= -149 and floor_log2(grid.max_abs) <= 127
