"""Dot products in any formats: the choice of the fastest kernel that is proved exact, and the call of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith import fixed_paths, float_paths
from hwsim.arith.batch import Batch, PreparedWeights, Rows, Values
from hwsim.arith.bounds import operand
from hwsim.arith.dot_formats import DotFormats
from hwsim.arith.params import FLOAT64
from hwsim.arith.problem import Problem
from hwsim.arith.quantize import fits_float32
from hwsim.errors import FormatError

#: Every way to compute a dot product, the fastest first; each returns None where it is not proved exact.
PATHS: dict[str, Callable[[Batch], tuple[str, Values] | None]] = {
    "exact": float_paths.exact,
    "shift16": fixed_paths.shift16,
    "fixed16": fixed_paths.fixed16,
    "shift_add": fixed_paths.shift_add,
    "float_free": float_paths.float_free,
    "fixed_even/float32": fixed_paths.fixed_even32,
    "fixed32": fixed_paths.fixed32,
    "fixed_even/float64": fixed_paths.fixed_even64,
    "float_even": float_paths.float_even,
    "float_flush": float_paths.float_flush,
    "float_infinite": float_paths.float_infinite,
    "shift_add_any": fixed_paths.shift_add_any,
    "fixed_any": fixed_paths.fixed_any,
    "float_any": float_paths.float_any,
}


class DotProduct:
    """Dot products with one weight matrix, prepared once and run on many batches.

    Args:
        w: weights [N, K], members of ``formats.weights``.
        bias: [N], members of ``formats.acc``.
        formats: fitted formats.
        only: names of the paths that may be taken; all of ``PATHS`` if None. The result never depends on it.

    Attributes:
        paths: names of the kernels taken so far, in order of first use.
    """

    def __init__(
        self, w: NDArray[Any], bias: NDArray[Any], formats: DotFormats, only: Collection[str] | None = None
    ) -> None:
        self.formats = formats
        self.paths: list[str] = []
        self._weights = PreparedWeights(w, bias, formats)
        self._attempts = [attempt for name, attempt in PATHS.items() if only is None or name in only]

    def run(self, x: Values, base: Rows, tap: Rows, first_image: int = 0) -> Values:
        """Return out [N, P, B] for activations x [R, B]; see hwsim.arith.reference.dot_products.

        Raises:
            FormatError: the formats cannot be emulated exactly; the message says which width is too much.
        """
        found = self._attempt(x, base, tap, first_image)
        if found is None and x.shape[1] > 1:
            # Extremes of different images can be too far apart for any lane: what is possible must not depend on which
            # images share a batch.
            half = x.shape[1] // 2
            parts = self.run(x[:, :half], base, tap, first_image), self.run(x[:, half:], base, tap, first_image + half)
            return np.concatenate(parts, axis=2)
        if found is None:
            raise FormatError(_too_wide(self._problem(x), self.formats))
        path, out = found
        if path not in self.paths:
            self.paths.append(path)
        return out.astype(np.float32 if fits_float32(self._weights.acc) else np.float64, copy=False)

    def _problem(self, x: Values) -> Problem:
        weights = self._weights
        acts = operand(x, self.formats.acts.grid())
        product: Any = weights.product
        return Problem(weights.operand, acts, product, weights.acc, weights.w, weights.bias, weights.row_sums)

    def _attempt(self, x: Values, base: Rows, tap: Rows, first_image: int) -> tuple[str, Values] | None:
        batch = Batch(self._weights, self._problem(x), x, base, tap, first_image)
        return next((found for attempt in self._attempts if (found := attempt(batch)) is not None), None)


def dot_products(
    w: NDArray[Any], x: NDArray[Any], base: NDArray[Any], tap: NDArray[Any], bias: NDArray[Any],
    formats: DotFormats, *, first_image: int = 0,
) -> Values:  # fmt: skip
    """Return the dot products of hwsim.arith.reference.dot_products, computed by the fastest exact kernel."""
    rows = np.asarray(base, dtype=np.int64), np.asarray(tap, dtype=np.int64)
    return DotProduct(w, bias, formats).run(x, *rows, first_image)


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
