"""The oracle: the numerics contract written out, one exact operation at a time, never optimised.

Shares no code with the kernels beyond the grids' own definition of rounding. Every function has a fast twin of the
same name in hwsim.arith.kernels.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.dot_formats import DotFormats
from hwsim.arith.random24 import random24
from hwsim.errors import FormatError, NotANumberError
from hwsim.formats.base import NumberFormat, Overflow, Rounding, Special
from hwsim.formats.grid import BlockGrid, FixedGrid, FloatGrid, Grid, LevelGrid

Number = Fraction | Special
_INFINITIES = {Special.POSITIVE_INFINITY: 1, Special.NEGATIVE_INFINITY: -1}


def quantize(
    values: NDArray[Any], fmt: NumberFormat, *, images_last: bool = False, first_image: int = 0, block_axis: int = 0
) -> NDArray[np.float64]:
    """Round every element of ``values`` to ``fmt``.

    Args:
        values: finite or infinite numbers, any shape.
        fmt: a fitted format.
        images_last: the last axis counts images (for the positions of stochastic rounding).
        first_image: index of the first image in the data split.
        block_axis: the axis along which a block format groups its elements.

    Returns:
        float64 array of the same shape; zeros are positive.

    Raises:
        FormatError: NaN where the format has none, an infinity where it wraps, either where it is in blocks.
    """
    grid = fmt.grid()
    if isinstance(grid, BlockGrid):
        if not all(math.isfinite(v) for v in np.asarray(values, dtype=np.float64).flat):
            raise FormatError("block formats take finite numbers only: an infinity or a NaN reached one")
        return np.apply_along_axis(_round_blocks, block_axis, np.asarray(values, dtype=np.float64), grid)
    flat = np.asarray(values, dtype=np.float64).reshape(-1)
    lanes = values.shape[-1] if images_last else flat.size
    rounded = [
        to_float(round_number(from_float(float(v)), grid, 0, i // lanes, first_image + i % lanes, fmt))
        for i, v in enumerate(flat)
    ]
    return np.array(rounded, dtype=np.float64).reshape(values.shape)


def dot_products(
    w: NDArray[Any], x: NDArray[Any], base: NDArray[Any], tap: NDArray[Any], bias: NDArray[Any],
    formats: DotFormats, *, first_image: int = 0,
) -> NDArray[np.float64]:  # fmt: skip
    """Return out[n, p, b] = bias[n] + sum over k of w[n, k] * x[base[p] + tap[k], b], rounded step by step.

    Args:
        w: weights [N, K], members of the weight format.
        x: activations [R, B], members of the activation format.
        base: row of the first input of each output position [P].
        tap: row offset of each input of a position [K].
        bias: [N], members of the accumulator format.
        formats: the formats of operands, products and accumulator.
        first_image: index of the first column of ``x`` in the data split.

    Returns:
        float64 [N, P, B].
    """
    out = np.empty((w.shape[0], base.shape[0], x.shape[1]))
    for n, p, b in np.ndindex(*out.shape):
        column = [from_float(float(x[base[p] + t, b])) for t in tap]
        row = [from_float(float(v)) for v in w[n]]
        out[n, p, b] = to_float(
            _dot(row, column, from_float(float(bias[n])), formats, n * base.shape[0] + p, first_image + b)
        )
    return out


def _dot(
    row: list[Number], column: list[Number], bias: Number, formats: DotFormats, position: int, image: int
) -> Number:
    total = bias
    for k, (a, b) in enumerate(zip(row, column, strict=True)):
        product = exact_product(a, b)
        if formats.product is not None:
            product = round_number(product, formats.product.grid(), 2 * k + 2, position, image, formats.product)
        total = round_number(exact_sum(total, product), formats.acc.grid(), 2 * k + 3, position, image, formats.acc)
    return total


def round_number(value: Number, grid: Grid, step: int, row: int, image: int, fmt: object) -> Number:
    """Round one number, infinities and NaN included, at its position."""
    if isinstance(value, Special):
        return _round_special(value, grid, fmt)
    if isinstance(grid, LevelGrid | BlockGrid):
        assert isinstance(grid, LevelGrid)
        return grid.round(value)
    stochastic = grid.rounding is Rounding.STOCHASTIC
    return grid.round(value, random24(grid.seed, step, row, image) if stochastic else 0)


def _round_special(value: Special, grid: Grid, fmt: object) -> Number:
    if value is Special.NAN:
        if isinstance(grid, FloatGrid) and grid.has_nan:
            return value
        raise NotANumberError(f"NaN reached {fmt}, which has no code for it")
    sign = _INFINITIES[value]
    if isinstance(grid, FloatGrid) and grid.overflow is Overflow.INFINITY:
        return value if grid.has_infinity else Special.NAN
    if isinstance(grid, FixedGrid) and grid.overflow is Overflow.WRAP:
        raise FormatError(f"an infinity reached {fmt}, which wraps")
    if isinstance(grid, FixedGrid):
        return (grid.maximum if sign > 0 else grid.minimum) * Fraction(2) ** grid.lsb
    if isinstance(grid, LevelGrid):
        return grid.levels[-1 if sign > 0 else 0]
    return sign * grid.max_abs


def exact_product(a: Number, b: Number) -> Number:
    """Return a * b without rounding; infinities and NaN as IEEE 754 has them."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a * b
    return from_float(to_float(a) * to_float(b))


def exact_sum(a: Number, b: Number) -> Number:
    """Return a + b without rounding; infinities and NaN as IEEE 754 has them."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a + b
    return from_float(to_float(a) + to_float(b))


def _round_blocks(values: NDArray[np.float64], grid: BlockGrid) -> NDArray[np.float64]:
    exact = [Fraction(float(v)) for v in values]
    blocks = [exact[i : i + grid.size] for i in range(0, len(exact), grid.size)]
    return np.array([float(v) for block in blocks for v in grid.round_block(block)])


def from_float(value: float) -> Number:
    """Return the exact number that a float holds."""
    value = float(value)
    if math.isnan(value):
        return Special.NAN
    if math.isinf(value):
        return Special.POSITIVE_INFINITY if value > 0 else Special.NEGATIVE_INFINITY
    return Fraction(value)


def to_float(value: Number) -> float:
    """Return the float that holds an exact number. Raises FormatError where none does."""
    if isinstance(value, Special):
        return float(value.value)
    result = float(value)
    if Fraction(result) != value:
        raise FormatError(f"{value} does not fit a 64-bit float exactly")
    return result


class DotProduct:
    """The same call as hwsim.arith.dot.DotProduct, computed by ``dot_products`` above."""

    def __init__(self, w: NDArray[Any], bias: NDArray[Any], formats: DotFormats) -> None:
        self.formats = formats
        self.paths = ["reference"]
        self._w, self._bias = w, bias

    def run(self, x: NDArray[Any], base: NDArray[Any], tap: NDArray[Any], first_image: int = 0) -> NDArray[np.float64]:
        """Return out [N, P, B] for activations x [R, B]."""
        self.paths = ["reference"]
        return dot_products(self._w, x, base, tap, self._bias, self.formats, first_image=first_image)
