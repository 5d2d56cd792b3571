"""Dot products in any formats: the choice of the fastest kernel that is proved exact, and the call of it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith import conditions, dot_kernels
from hwsim.arith.bounds import operand
from hwsim.arith.conditions import Problem
from hwsim.arith.dot_formats import DotFormats, element_of
from hwsim.arith.params import FLOAT32, FLOAT64, NO_ROUNDING_INT, Lane, any_params, even_params, int_params
from hwsim.arith.quantize import fits_float32
from hwsim.errors import FormatError, NotANumberError
from hwsim.formats import PowerSumFormat, ScaledFormat
from hwsim.formats.base import Overflow
from hwsim.formats.grid import FixedGrid, FloatGrid

Rows = NDArray[np.int64]
Values = NDArray[np.floating[Any]]


class DotProduct:
    """Dot products with one weight matrix, prepared once and run on many batches.

    Args:
        w: weights [N, K], members of ``formats.weights``.
        bias: [N], members of ``formats.acc``.
        formats: fitted formats.

    Attributes:
        paths: names of the kernels taken so far, in order of first use.
    """

    def __init__(self, w: NDArray[Any], bias: NDArray[Any], formats: DotFormats) -> None:
        self.formats = formats
        self.paths: list[str] = []
        self._w = np.ascontiguousarray(w, dtype=np.float64)
        self._bias = np.asarray(bias, dtype=np.float64)
        self._weights = operand(self._w, formats.weights.grid())
        self._acc = formats.acc.grid()
        self._product = formats.product.grid() if formats.product is not None else None
        self._shifts = _shift_lists(self._w, formats)
        self._prepared: dict[str, NDArray[Any]] = {}

    def run(self, x: Values, base: Rows, tap: Rows, first_image: int = 0) -> Values:
        """Return out [N, P, B] for activations x [R, B]; see hwsim.arith.reference.dot_products.

        Raises:
            FormatError: the formats cannot be emulated exactly; the message says which width is too much.
        """
        acts = operand(x, self.formats.acts.grid())
        problem = Problem(self._weights, acts, self._product, self._acc, self._w, self._bias)  # type: ignore[arg-type]
        out = self._integer(problem, x, base, tap, first_image)
        if out is None:
            out = self._even(problem, x, base, tap)
        if out is None:
            out = self._any(problem, x, base, tap, first_image)
        return out.astype(np.float32 if fits_float32(self._acc) else np.float64, copy=False)

    def _note(self, path: str) -> None:
        if path not in self.paths:
            self.paths.append(path)

    def _cast(self, dtype: type, unit: int | None = None) -> NDArray[Any]:
        """The weights as ``dtype``, in units of 2^unit where that is given."""
        key = f"{np.dtype(dtype)}:{unit}"
        if key not in self._prepared:
            self._prepared[key] = _cast(self._w, dtype, unit)
        return self._prepared[key]

    def _integer(self, problem: Problem, x: Values, base: Rows, tap: Rows, image: int) -> Values | None:
        acc = problem.acc
        if not isinstance(acc, FixedGrid) or not isinstance(problem.product, FixedGrid | None):
            return None
        if self._shifts is None and conditions.fixed_even_applies(problem, FLOAT64):
            return None
        if not conditions.integer_applies(problem, 64):
            return None
        codes = (
            self._shift_add(problem, x, base, tap, image)
            if self._shifts
            else self._fixed_any(problem, x, base, tap, image)
        )
        return np.ldexp(codes.astype(np.float64), acc.lsb)

    def _shift_add(self, problem: Problem, x: Values, base: Rows, tap: Rows, image: int) -> NDArray[Any]:
        assert isinstance(problem.acc, FixedGrid)
        assert self._shifts is not None
        acc = problem.acc
        sign, shift = self._shifts
        _, _, sum_left, sum_right = conditions.integer_shifts(problem)
        distance = int(shift.max(initial=0)) + sum_left
        exact_sum = problem.product is None and sum_right == 0 and acc.overflow is Overflow.SATURATE and distance < 63
        lane = np.int32 if exact_sum and distance < 31 and conditions.integer_applies(problem, 32) else np.int64
        codes, out, bias = self._integer_buffers(problem, x, base, lane)
        if exact_sum:
            self._note(f"shift_add/{np.dtype(lane)}")
            low, high = _lane_limits(acc, lane)
            dot_kernels.shift_add(sign, (shift + sum_left).astype(lane), codes, base, tap, bias, out, low, high)
        else:
            self._note("shift_add_any/int64")
            up, q, s = self._integer_moves(problem)
            dot_kernels.shift_add_any(sign, shift, codes, base, tap, bias, out, up, q, s, image)
        return out

    def _fixed_any(self, problem: Problem, x: Values, base: Rows, tap: Rows, image: int) -> NDArray[Any]:
        self._note("fixed_any/int64")
        codes, out, bias = self._integer_buffers(problem, x, base, np.int64)
        up, q, s = self._integer_moves(problem)
        w = self._cast(np.int64, problem.weights.quantum)
        dot_kernels.fixed_any(w, codes, base, tap, bias, out, up, q, s, image)
        return out

    def _integer_buffers(self, problem: Problem, x: Values, base: Rows, lane: type) -> tuple[NDArray[Any], ...]:
        assert isinstance(problem.acc, FixedGrid)
        out: NDArray[Any] = np.empty((self._w.shape[0], base.shape[0], x.shape[1]), dtype=lane)
        return _cast(x, lane, problem.acts.quantum), out, _cast(self._bias, lane, problem.acc.lsb)

    def _integer_moves(self, problem: Problem) -> tuple[Any, Any, Any]:
        assert isinstance(problem.acc, FixedGrid)
        product_left, product_right, sum_left, sum_right = conditions.integer_shifts(problem)
        q = NO_ROUNDING_INT if self._product is None else int_params(self._product, product_right)  # type: ignore[arg-type]
        return (np.int64(product_left), np.int64(sum_left)), q, int_params(problem.acc, sum_right)

    def _even(self, problem: Problem, x: Values, base: Rows, tap: Rows) -> Values | None:
        for lane in (FLOAT32, FLOAT64):
            if conditions.fixed_even_applies(problem, lane):
                return self._fixed_even(problem, lane, x, base, tap)
            if conditions.float_even_applies(problem, lane):
                return self._float_even(problem, lane, x, base, tap)
        return None

    def _lane_arguments(self, lane: Lane, x: Values, base: Rows, tap: Rows) -> tuple[Any, ...]:
        out: NDArray[Any] = np.empty((self._w.shape[0], base.shape[0], x.shape[1]), dtype=lane.dtype)
        return self._cast(lane.dtype), _cast(x, lane.dtype), base, tap, self._bias.astype(lane.dtype), out

    def _fixed_even(self, problem: Problem, lane: Lane, x: Values, base: Rows, tap: Rows) -> Values:
        self._note(f"fixed_even/{np.dtype(lane.dtype)}")
        arguments = self._lane_arguments(lane, x, base, tap)
        product = problem.product if problem.product is not None else problem.acc
        assert isinstance(problem.acc, FixedGrid)
        assert isinstance(product, FixedGrid)
        acc_limits, product_limits = _magic(problem.acc, lane), _magic(product, lane)
        dot_kernels.fixed_even(*arguments, problem.product is not None, *acc_limits, *product_limits)
        return _positive_zero(arguments[-1])

    def _float_even(self, problem: Problem, lane: Lane, x: Values, base: Rows, tap: Rows) -> Values:
        self._note(f"float_even/{np.dtype(lane.dtype)}")
        arguments = self._lane_arguments(lane, x, base, tap)
        product = problem.product if problem.product is not None else problem.acc
        assert isinstance(problem.acc, FloatGrid)
        assert isinstance(product, FloatGrid)
        q, s = (even_params(conditions.saturating_twin(grid), lane) for grid in (product, problem.acc))
        dot_kernels.float_even(*arguments, problem.product is not None, q, s)
        return _positive_zero(arguments[-1])

    def _any(self, problem: Problem, x: Values, base: Rows, tap: Rows, image: int) -> Values:
        if not conditions.float_any_applies(problem):
            raise FormatError(_too_wide(problem, self.formats))
        self._note("float_any/float64")
        arguments = self._lane_arguments(FLOAT64, x, base, tap)
        product = problem.product if problem.product is not None else problem.acc
        q, s = any_params(product), any_params(problem.acc)  # type: ignore[arg-type]
        rounds_product = problem.product is not None
        finite = problem.all_finite
        if not finite:
            self._refuse_nan(problem, x, base, tap)
        dot_kernels.float_any(*arguments, rounds_product, q, s, finite, image)
        out = _positive_zero(arguments[-1])
        if not getattr(problem.acc, "has_nan", False) and bool(np.isnan(out).any()):
            raise NotANumberError(f"NaN reached {self.formats.acc}, which has no code for it")
        return out

    def _refuse_nan(self, problem: Problem, x: Values, base: Rows, tap: Rows) -> None:
        """Raise where a product format meets a NaN; the accumulator's NaN is seen in its result, where it stays."""
        if problem.product is None or getattr(problem.product, "has_nan", False):
            return
        if any(conditions.makes_nan(problem, x[start + tap]) for start in base):
            raise NotANumberError(f"NaN reached {self.formats.product}, which has no code for it")


def dot_products(
    w: NDArray[Any], x: NDArray[Any], base: NDArray[Any], tap: NDArray[Any], bias: NDArray[Any],
    formats: DotFormats, *, first_image: int = 0,
) -> Values:  # fmt: skip
    """Return the dot products of hwsim.arith.reference.dot_products, computed by the fastest exact kernel."""
    rows = np.asarray(base, dtype=np.int64), np.asarray(tap, dtype=np.int64)
    return DotProduct(w, bias, formats).run(x, *rows, first_image)


def _cast(values: NDArray[Any], dtype: type, unit: int | None = None) -> NDArray[Any]:
    scaled = values if unit is None else np.ldexp(values.astype(np.float64), -unit)
    return np.ascontiguousarray(scaled, dtype=dtype)


def _magic(grid: FixedGrid, lane: Lane) -> tuple[Any, Any, Any]:
    unit = 2.0**grid.lsb
    values = 1.5 * 2.0 ** (lane.precision - 1) * unit, grid.minimum * unit, grid.maximum * unit
    return tuple(lane.dtype(value) for value in values)  # type: ignore[return-value]


def _lane_limits(grid: FixedGrid, lane: type) -> tuple[Any, Any]:
    """The ends of the range as the lane can hold them; an end beyond it is one that no sum reaches."""
    info = np.iinfo(lane)
    return lane(max(grid.minimum, info.min)), lane(min(grid.maximum, info.max))


def _positive_zero(values: Values) -> Values:
    """Turn -0 into +0: numbers have one zero in the contract."""
    values += 0
    return values


def _shift_lists(w: NDArray[np.float64], formats: DotFormats) -> tuple[NDArray[np.int8], NDArray[np.int64]] | None:
    """Return sign and left shift [N, K, terms] of weights that are sums of powers of two, or None for others."""
    element = element_of(formats.weights)
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


def _too_wide(problem: Problem, formats: DotFormats) -> str:
    bits = problem.weights.bits + problem.acts.bits
    roles = f"weights {formats.weights}, acts {formats.acts}, product {formats.product}, acc {formats.acc}"
    if bits > FLOAT64.precision:
        return (
            f"{roles}: exact products need {bits} significant bits and at most {FLOAT64.precision} can be emulated: "
            "use narrower operands"
        )
    return (
        f"{roles} cannot be emulated exactly: wrapping and stochastic rounding to more than 28 bits need finite "
        "fixed-point operands, and integer sums must stay below 2^62"
    )
