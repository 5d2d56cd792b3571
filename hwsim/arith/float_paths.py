"""The ways to compute a dot product in float lanes: each runs where its condition holds and returns None elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hwsim.arith import conditions, dot_kernels, float_kernels
from hwsim.arith.batch import Batch, Values, cast
from hwsim.arith.exact import exact_lane, exact_products
from hwsim.arith.params import FLOAT32, FLOAT64, EvenParams, Lane, any_params, even_params
from hwsim.arith.problem import Problem
from hwsim.errors import NotANumberError
from hwsim.formats.grid import FixedGrid, FloatGrid

Found = tuple[str, Values] | None


def exact(batch: Batch) -> Found:
    """Matrix products of the BLAS, where nothing is rounded or clamped."""
    lane = exact_lane(batch.problem)
    if lane is None:
        return None
    w, x = batch.weights.lanes(lane.dtype), cast(batch.x, lane.dtype)
    out = exact_products(w, x, batch.base, batch.tap, batch.weights.bias.astype(lane.dtype))
    return _path("exact", lane), positive_zero(out)


def float_free(batch: Batch) -> Found:
    """Nearest even, no clamp can fire."""
    return _even(batch, "float_free", conditions.float_free_applies, float_kernels.float_free)


def float_even(batch: Batch) -> Found:
    """Nearest even, saturating."""
    return _even(batch, "float_even", conditions.float_even_applies, float_kernels.float_even)


def float_flush(batch: Batch) -> Found:
    """Nearest even, saturating, subnormals flushed."""
    return _even(batch, "float_flush", conditions.float_flush_applies, float_kernels.float_flush)


def float_infinite(batch: Batch) -> Found:
    """Nearest even, overflow to infinity."""
    lane = _lane(batch.problem, conditions.float_infinite_applies)
    if lane is None:
        return None
    arguments = batch.float_arguments(lane)
    q, s = _params(batch, lane, infinite=True)
    float_kernels.float_infinite(*arguments, batch.rounds_product, q, s, batch.problem.all_finite)
    return _path("float_infinite", lane), positive_zero(arguments[-1])


def float_any(batch: Batch) -> Found:
    """Any rounding and overflow, fixed and floating point mixed: the general path, in float64 lanes."""
    problem = batch.problem
    if not conditions.float_any_applies(problem):
        return None
    arguments = batch.float_arguments(FLOAT64)
    q, s = any_params(batch.addend_grid), any_params(problem.acc)  # type: ignore[arg-type]
    if not problem.all_finite:
        _refuse_nan(batch)
    dot_kernels.float_any(*arguments, batch.rounds_product, q, s, problem.all_finite, batch.image)
    out = positive_zero(arguments[-1])
    if not getattr(problem.acc, "has_nan", False) and bool(np.isnan(out).any()):
        raise NotANumberError(f"NaN reached {batch.weights.formats.acc}, which has no code for it")
    return _path("float_any", FLOAT64), out


def positive_zero(values: Values) -> Values:
    """Turn -0 into +0: numbers have one zero in the contract."""
    values += 0
    return values


def _even(batch: Batch, name: str, applies: Callable[[Problem, Lane], bool], kernel: Any) -> Found:
    lane = _lane(batch.problem, applies)
    if lane is None:
        return None
    arguments = batch.float_arguments(lane)
    kernel(*arguments, batch.rounds_product, *_params(batch, lane))
    return _path(name, lane), positive_zero(arguments[-1])


def _lane(problem: Problem, applies: Callable[[Problem, Lane], bool]) -> Lane | None:
    return next((lane for lane in (FLOAT32, FLOAT64) if applies(problem, lane)), None)


def _params(batch: Batch, lane: Lane, infinite: bool = False) -> tuple[EvenParams, EvenParams]:
    addend, acc = batch.addend_grid, batch.problem.acc
    assert isinstance(addend, FloatGrid)
    assert isinstance(acc, FloatGrid)
    return even_params(addend, lane, infinite), even_params(acc, lane, infinite)


def _path(name: str, lane: Lane) -> str:
    return f"{name}/{np.dtype(lane.dtype)}"


def _refuse_nan(batch: Batch) -> None:
    """Raise where a product format meets a NaN; the accumulator's NaN is seen in its result, where it stays."""
    product = batch.problem.product
    if product is None or (not isinstance(product, FixedGrid) and getattr(product, "has_nan", False)):
        return
    if any(conditions.makes_nan(batch.problem, batch.x[start + batch.tap]) for start in batch.base):
        raise NotANumberError(f"NaN reached {batch.weights.formats.product}, which has no code for it")
