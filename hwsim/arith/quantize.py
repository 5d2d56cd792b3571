"""Rounding whole arrays to a format: the choice of the quantizer."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.conditions import nearest_even_fits, overflows_at_power_of_two
from hwsim.arith.params import FLOAT32, FLOAT64, Lane, any_params, even_params
from hwsim.arith.quantize_kernels import quantize_any, quantize_even
from hwsim.errors import FormatError, NotANumberError
from hwsim.formats.base import NumberFormat, Overflow, Rounding
from hwsim.formats.grid import BlockGrid, FixedGrid, FloatGrid, Grid, LevelGrid, floor_log2

Values = NDArray[np.floating[Any]]


def quantize(
    values: NDArray[Any],
    fmt: NumberFormat,
    *,
    images_last: bool = False,
    first_image: int = 0,
    block_axis: int = 0,
    out: Values | None = None,
) -> Values:
    """Round every element of ``values`` to ``fmt``; the fast twin of hwsim.arith.reference.quantize.

    Args:
        values: numbers, any shape.
        fmt: a fitted format.
        images_last: the last axis counts images (for the positions of stochastic rounding).
        first_image: index of the first image in the data split.
        block_axis: the axis along which a block format groups its elements.
        out: contiguous array of the result's shape and type to write to; not for block formats.

    Returns:
        float32 where that holds every value of the format, float64 elsewhere; same shape; zeros are positive.

    Raises:
        FormatError: NaN where the format has none, an infinity where it wraps, or an ``out`` that cannot take the
            result.

    >>> from hwsim.formats import parse
    >>> quantize(np.array([0.3, 1.0, 100.0]), parse("fixed<4,3>"))
    array([0.5, 1. , 3.5], dtype=float32)
    """
    grid = fmt.grid()
    source = np.asarray(values)
    if source.dtype not in (np.float32, np.float64):
        source = source.astype(np.float64)
    if isinstance(grid, BlockGrid):
        if out is not None:
            raise FormatError(f"out cannot be given for {fmt}: block formats return a new array")
        return _quantize_blocks(source, grid, block_axis)
    lanes = source.shape[-1] if images_last else source.size
    rows = np.ascontiguousarray(source).reshape(-1, max(lanes, 1))
    result = _result(source, grid, out)
    target = result.reshape(rows.shape)
    if isinstance(grid, LevelGrid):
        _reject_nan(rows, fmt)
        target[:] = _nearest_level(rows, grid)
    else:
        _quantize_rows(rows, target, grid, first_image, fmt)
    return result


def _result(source: NDArray[Any], grid: Grid, out: Values | None) -> Values:
    dtype = np.dtype(np.float32 if fits_float32(grid) else np.float64)
    if out is None:
        return np.empty(source.shape, dtype=dtype)
    if out.shape != source.shape or out.dtype != dtype or not out.flags.c_contiguous:
        raise FormatError(
            f"out is {out.dtype} of shape {out.shape}: the result needs a contiguous {dtype} array of shape "
            f"{source.shape}"
        )
    return out


def _quantize_rows(rows: Values, out: Values, grid: FixedGrid | FloatGrid, first_image: int, fmt: NumberFormat) -> None:
    if _rounds_even(grid):
        _quantize_even(rows, out, grid, fmt)
        return
    if not getattr(grid, "has_nan", False):
        _reject_nan(rows, fmt)
    if isinstance(grid, FixedGrid) and grid.overflow is Overflow.WRAP:
        _quantize_wrapping(rows, out, grid, first_image, fmt)
        return
    quantize_any(_within_reach(rows, grid), out, any_params(grid), first_image)


def _rounds_even(grid: FixedGrid | FloatGrid) -> bool:
    """Nearest even with what the fast quantizer can do about range: saturate, or overflow as IEEE formats do."""
    if grid.rounding is not Rounding.NEAREST_EVEN:
        return False
    if isinstance(grid, FixedGrid):
        return grid.overflow is Overflow.SATURATE
    return grid.subnormals and (grid.overflow is Overflow.SATURATE or overflows_at_power_of_two(grid))


def _quantize_even(rows: Values, out: Values, grid: FixedGrid | FloatGrid, fmt: NumberFormat) -> None:
    infinite = grid.overflow is Overflow.INFINITY
    narrow = rows.dtype == np.float32 and out.dtype == np.float32 and _float32_rounds(grid, infinite)
    lane = FLOAT32 if narrow else FLOAT64
    nan = quantize_even(rows, out, *_even_arguments(grid, lane, infinite))
    if nan and not getattr(grid, "has_nan", False):
        raise NotANumberError(f"NaN reached {fmt} in {nan} elements, and it has no code for it")


def _even_arguments(grid: FixedGrid | FloatGrid, lane: Lane, infinite: bool) -> tuple[Any, ...]:
    zero = lane.dtype(0.0)
    if isinstance(grid, FloatGrid):
        q = even_params(grid, lane, infinite)
        return q.magic, q.exponent_mask, q.emin_bits, -q.limit, q.limit, zero, q.up, q.down
    integer = np.int32 if lane is FLOAT32 else np.int64
    emin_bits = integer((grid.lsb + lane.exponent_bias) << (lane.precision - 1))
    magic, one = lane.dtype(1.5 * 2.0 ** (lane.precision - 1)), lane.dtype(1.0)
    low, high = lane.dtype(grid.minimum * 2.0**grid.lsb), lane.dtype(grid.maximum * 2.0**grid.lsb)
    return magic, integer(0), emin_bits, low, high, zero, one, one


def _float32_rounds(grid: FixedGrid | FloatGrid, infinite: bool) -> bool:
    """Rounding in float32 lanes is exact: the magic constant keeps its place, and all limits are in range."""
    if isinstance(grid, FixedGrid):
        return max(-grid.minimum, grid.maximum) < 1 << 22 and -100 <= grid.lsb <= 100
    return nearest_even_fits(grid, FLOAT32, grid.emax + infinite)


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
