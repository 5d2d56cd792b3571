"""One dot product about to run: its prepared weights, its inputs, and what is known of both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.bounds import operand
from hwsim.arith.conditions import integer_shifts
from hwsim.arith.dot_formats import DotFormats, unscaled
from hwsim.arith.params import NO_ROUNDING_INT, Lane, int_params
from hwsim.arith.problem import Problem
from hwsim.arith.quantize_kernels import scale_into
from hwsim.formats import PowerSumFormat, ScaledFormat
from hwsim.formats.grid import FixedGrid, FloatGrid

CACHE_LINE = 64  #: bytes
_SAFE_UNITS = {4: 120, 8: 1000}  #: size of a float in bytes -> exponents that it holds with room to spare

Rows = NDArray[np.int64]
Values = NDArray[np.floating[Any]]


class PreparedWeights:
    """A weight matrix and its bias in the lanes that kernels ask for, each made once.

    Args:
        w: weights [N, K], members of ``formats.weights``.
        bias: [N], members of ``formats.acc``.
        formats: fitted formats.
    """

    def __init__(self, w: NDArray[Any], bias: NDArray[Any], formats: DotFormats) -> None:
        self.formats = formats
        self.w = np.ascontiguousarray(w, dtype=np.float64)
        self.bias = np.asarray(bias, dtype=np.float64)
        self.operand = operand(self.w, formats.weights.grid())
        self.acc = formats.acc.grid()
        self.product = formats.product.grid() if formats.product is not None else None
        self._lanes: dict[str, tuple[int | None, NDArray[Any]]] = {}
        self._packed: dict[int, tuple[NDArray[Any], ...]] = {}

    def lanes(self, dtype: type, unit: int | None = None) -> NDArray[Any]:
        """The weights as ``dtype``, in units of 2^unit where that is given."""
        known = self._lanes.get(np.dtype(dtype).name)
        if known is None or known[0] != unit:  # one unit per type is kept, so that memory stays bounded
            known = unit, cast(self.w, dtype, unit)
            self._lanes[np.dtype(dtype).name] = known
        return known[1]

    @cached_property
    def row_sums(self) -> NDArray[np.float64]:
        """Sum of |w| over each row."""
        return np.asarray(np.abs(self.w).sum(axis=1))

    def packed_shifts(self, left: int) -> tuple[NDArray[Any], ...]:
        """Order, count, sign and distance of the nonzero single terms of each row (see narrow_kernels.shift16)."""
        if left not in self._packed:
            assert self.shifts is not None
            sign, shift = (part[:, :, 0] for part in self.shifts)
            order = np.argsort(sign == 0, axis=1, kind="stable").astype(np.int64)
            signs = np.minimum(np.take_along_axis(sign, order, axis=1), 0).astype(np.int16)
            distances = (np.take_along_axis(shift, order, axis=1) + left).astype(np.int16)
            self._packed[left] = order, np.count_nonzero(sign, axis=1), signs, distances
        return self._packed[left]

    @cached_property
    def shifts(self) -> tuple[NDArray[np.int8], NDArray[np.int64]] | None:
        """Sign and left shift [N, K, terms] of weights that are sums of powers of two, or None for others."""
        return _shift_lists(self.w, self.formats)


@dataclass(frozen=True)
class Batch:
    """Prepared weights met by activations x [R, B]: row base[p] + tap[k] is input k of position p."""

    weights: PreparedWeights
    problem: Problem
    x: Values
    base: Rows
    tap: Rows
    image: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the result [N, P, B]."""
        return self.weights.w.shape[0], self.base.shape[0], self.x.shape[1]

    @property
    def fixed_acc(self) -> FixedGrid:
        """The accumulator's grid, where it is fixed point."""
        assert isinstance(self.problem.acc, FixedGrid)
        return self.problem.acc

    @property
    def rounds_product(self) -> bool:
        """True where products are rounded before they are added."""
        return self.problem.product is not None

    @property
    def addend_grid(self) -> FixedGrid | FloatGrid:
        """The grid of rounded products; the accumulator's, unused, where they are exact."""
        grid = self.problem.product if self.problem.product is not None else self.problem.acc
        assert isinstance(grid, FixedGrid | FloatGrid)
        return grid

    def float_arguments(self, lane: Lane) -> tuple[Any, ...]:
        """The first six arguments of a kernel in float lanes; the last of them is the result."""
        out = aligned(self.shape, lane.dtype)
        bias: NDArray[Any] = self.weights.bias.astype(lane.dtype)
        return self.weights.lanes(lane.dtype), lanes_of(self.x, lane.dtype), self.base, self.tap, bias, out

    def integer_inputs(self, lane: type, x_left: int = 0) -> tuple[Any, Any, Any, Any, NDArray[Any]]:
        """Activations (moved left by ``x_left`` bits), rows, bias and room for the result in integer lanes."""
        out = aligned(self.shape, lane)
        x = lanes_of(self.x, lane, self.problem.acts.quantum - x_left)
        return x, self.base, self.tap, cast(self.weights.bias, lane, self.fixed_acc.lsb), out

    def integer_moves(self) -> tuple[Any, Any, Any]:
        """Shifts and roundings of the general integer kernels: (product, sum) left shifts, IntParams of both."""
        product_left, product_right, sum_left, sum_right = integer_shifts(self.problem)
        product = self.problem.product
        q = NO_ROUNDING_INT if product is None else int_params(product, product_right)  # type: ignore[arg-type]
        return (np.int64(product_left), np.int64(sum_left)), q, int_params(self.fixed_acc, sum_right)


def aligned(shape: tuple[int, ...], dtype: type) -> NDArray[Any]:
    """Return an uninitialised array that starts on a cache line.

    numpy starts 16 bytes off one: each vector of 64 bytes would straddle two lines, at a third of the speed.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.empty(size + CACHE_LINE, dtype=np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    return raw[start : start + size].view(dtype).reshape(shape)


def lanes_of(values: NDArray[Any], dtype: type, unit: int | None = None) -> NDArray[Any]:
    """Return ``values`` as aligned lanes, in units of 2^unit where that is given; exact.

    Elements are multiples of the unit, and their codes fit the lane: scaling by a power of two that the values' own
    type holds is exact and stays in its range.
    """
    out = aligned(values.shape, dtype)
    if unit is None:
        np.copyto(out, values, casting="unsafe")
    elif abs(unit) < _SAFE_UNITS[values.dtype.itemsize]:
        flat = np.ascontiguousarray(values).reshape(-1)
        scale_into(flat, values.dtype.type(2.0**-unit), out.reshape(-1))
    else:
        np.copyto(out, np.ldexp(values.astype(np.float64), -unit), casting="unsafe")
    return out


def cast(values: NDArray[Any], dtype: type, unit: int | None = None) -> NDArray[Any]:
    """Return ``values`` as contiguous lanes, in units of 2^unit where that is given; exact."""
    scaled = values if unit is None else np.ldexp(values.astype(np.float64, copy=False), -unit)
    return np.ascontiguousarray(scaled, dtype=dtype)


def _shift_lists(w: NDArray[np.float64], formats: DotFormats) -> tuple[NDArray[np.int8], NDArray[np.int64]] | None:
    element = unscaled(formats.weights)
    fixed_acts = isinstance(formats.acts.grid(), FixedGrid) and isinstance(formats.acc.grid(), FixedGrid)
    if not isinstance(element, PowerSumFormat) or not fixed_acts:
        return None
    scale = formats.weights.exponent if isinstance(formats.weights, ScaledFormat) else 0
    assert scale is not None
    values, index = np.unique(w, return_inverse=True)
    sign = np.zeros((values.size, element.terms), dtype=np.int8)
    shift = np.zeros((values.size, element.terms), dtype=np.int64)
    unit = formats.weights.grid().quantum
    for i, value in enumerate(values):
        for t, (s, exponent) in enumerate(element.shift_list(Fraction(value) / Fraction(2) ** scale)):
            sign[i, t], shift[i, t] = s, exponent + scale - unit
    return sign[index.reshape(w.shape)], shift[index.reshape(w.shape)]
