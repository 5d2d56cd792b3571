"""How one resolved layer is computed on a batch held as [..., images]: prepared once, run on every batch."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.dot_formats import DotFormats
from hwsim.formats import NumberFormat
from hwsim.network.base import Activation, Shape
from hwsim.network.geometry import Rows, Windows, as_rows, nonzero_per_tap
from hwsim.network.ops import (
    Add,
    AvgPool2d,
    Concat,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    Relu6,
    Softmax,
)  # fmt: skip
from hwsim.network.resolved import ResolvedLayer
from hwsim.network.windows import average_divisors

Values = NDArray[Any]


class Prepared(Protocol):
    """Dot products with one weight matrix."""

    paths: list[str]

    def run(self, x: Values, base: Rows, tap: Rows, first_image: int = 0) -> Values:
        """Return out [N, P, B]."""


class Arithmetic(Protocol):
    """What computes: hwsim.arith.kernels, or hwsim.arith.reference to check them."""

    def DotProduct(self, w: Values, bias: Values, formats: DotFormats) -> Prepared:  # noqa: N802
        """Prepare dot products."""

    def quantize(
        self, values: Values, fmt: NumberFormat, *, images_last: bool = False, first_image: int = 0, block_axis: int = 0
    ) -> Values:
        """Round to a format."""


@dataclass(frozen=True)
class Output:
    """What one call of a step gave.

    Attributes:
        values: the layer's output [..., B].
        effectual_macs: multiply-accumulates whose operands were both nonzero.
        paths: names of the kernels taken, in order of first use.
    """

    values: Values
    effectual_macs: int = 0
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Weights:
    """The weights of a layer in their format: one matrix per group, and how many of them are zero.

    Attributes:
        groups: [groups, N, K].
        nonzero: how many weights of each tap are not zero [groups, K].
        zeros: weights that are zero.
    """

    groups: Values
    nonzero: NDArray[np.int64]
    zeros: int

    @classmethod
    def of(cls, groups: Values) -> Weights:
        """Count the zeros."""
        nonzero = np.count_nonzero(groups, axis=1).astype(np.int64)
        return cls(groups, nonzero, groups.size - int(nonzero.sum()))


@dataclass
class _Tally:
    """What a call counts on its way: a step itself is never changed, so that many threads may run it."""

    effectual_macs: int = 0
    paths: list[str] = field(default_factory=list)

    def dot(self, part: Prepared, x: Values, base: Rows, tap: Rows, first_image: int) -> Values:
        """Run dot products and note the kernels."""
        own = copy(part)  # a prepared product notes on itself what it took; the numbers are shared, the notes are not
        own.paths = []
        out = own.run(x, base, tap, first_image)
        self.paths.extend(own.paths)
        return out


@dataclass(frozen=True)
class Step:
    """One layer ready to run, for any number of batches, configurations and threads at once.

    Attributes:
        resolved: the layer and its formats.
        shapes: of its inputs, then of its output.
        arithmetic: what computes.
        parts: prepared dot products, one per group.
        windows: where their inputs lie; None where there are none.
        weights: of a convolution or linear layer.
    """

    resolved: ResolvedLayer
    shapes: tuple[Shape, ...]
    arithmetic: Arithmetic
    parts: tuple[Prepared, ...] = ()
    windows: Windows | None = None
    weights: Weights | None = None

    def run(self, inputs: Sequence[Values], first_image: int) -> Output:
        """Return the output [..., B] in the layer's output format, and what computing it took."""
        tally = _Tally()
        values = self._values(inputs, first_image, tally)
        return Output(values, tally.effectual_macs, tuple(dict.fromkeys(tally.paths)))

    def _values(self, inputs: Sequence[Values], first_image: int, tally: _Tally) -> Values:
        op = self.resolved.layer.op
        if isinstance(op, Conv2d | Linear):
            return self._finish(self._matrix(inputs[0], first_image, tally), op.activation, first_image)
        if isinstance(op, Add):
            return self._finish(self._sum(inputs, first_image, tally), op.activation, first_image)
        if isinstance(op, AvgPool2d | GlobalAvgPool):
            return self._quantize(self._average(inputs[0], first_image, tally), first_image)
        if isinstance(op, MaxPool2d):
            return self._maximum(inputs[0])
        if isinstance(op, Concat):
            return np.concatenate([self._quantize(v, first_image) for v in inputs])
        return self._simple(inputs[0])

    def _simple(self, values: Values) -> Values:
        op = self.resolved.layer.op
        if isinstance(op, Flatten):
            return as_rows(values)
        if isinstance(op, Softmax):
            powers = np.exp(values.astype(np.float64) - values.max(axis=0, keepdims=True))
            return np.asarray(powers / powers.sum(axis=0, keepdims=True))
        limit = Activation.RELU6 if isinstance(op, Relu6) else Activation.RELU
        return self._activate(values, limit, self.resolved.output)

    def _activate(self, values: Values, activation: Activation, fmt: NumberFormat) -> Values:
        if activation is Activation.NONE:
            return values
        clipped: Values = np.maximum(values, 0)
        if activation is Activation.RELU:
            return clipped
        six = self.arithmetic.quantize(np.array([6.0]), fmt)
        return np.asarray(np.minimum(clipped, six[0]))

    def _finish(self, sums: Values, activation: Activation, first_image: int) -> Values:
        """Activation on the accumulator's numbers, then one rounding to the output format."""
        dot = self.resolved.dot
        assert dot is not None
        activated = self._activate(sums, activation, dot.acc).reshape(*self.shapes[-1], -1)
        return activated if self.resolved.output == dot.acc else self._quantize(activated, first_image)

    def _quantize(self, values: Values, first_image: int) -> Values:
        return self.arithmetic.quantize(values, self.resolved.output, images_last=True, first_image=first_image)

    def _matrix(self, values: Values, first_image: int, tally: _Tally) -> Values:
        assert self.weights is not None
        maps = values if self.windows is None else self.windows.pad(values)
        rows = as_rows(maps)
        base, tap = self.geometry(rows.shape[0])
        per_group = rows.shape[0] // len(self.parts)
        outputs = []
        for group, part in enumerate(self.parts):
            own = rows[group * per_group : (group + 1) * per_group]
            tally.effectual_macs += int(nonzero_per_tap(own, base, tap) @ self.weights.nonzero[group])
            outputs.append(tally.dot(part, own, base, tap, first_image))
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def geometry(self, rows: int) -> tuple[Rows, Rows]:
        """Return the rows of the first input of each output, and of the others relative to it."""
        if self.windows is not None:
            return self.windows.base, self.windows.tap
        return np.zeros(1, dtype=np.int64), np.arange(rows, dtype=np.int64)

    def _sum(self, inputs: Sequence[Values], first_image: int, tally: _Tally) -> Values:
        rows = np.concatenate([as_rows(v) for v in inputs])
        each = rows.shape[0] // len(inputs)
        tap = np.arange(len(inputs), dtype=np.int64) * each
        return tally.dot(self.parts[0], rows, np.arange(each, dtype=np.int64), tap, first_image)

    def _average(self, values: Values, first_image: int, tally: _Tally) -> Values:
        assert self.windows is not None
        rows = as_rows(self.windows.pad(values))
        area = self.windows.padded[0] * self.windows.padded[1]
        origin = (np.arange(values.shape[0]) * area)[:, None] + self.windows.base[None, :]
        sums = tally.dot(self.parts[0], rows, origin.reshape(-1), self.windows.tap, first_image)
        divisors = self._divisors().reshape(1, -1, 1)
        quotients = sums.astype(np.float64).reshape(values.shape[0], -1, sums.shape[-1]) / divisors
        return np.asarray(quotients.reshape(*self.shapes[-1], -1))

    def _divisors(self) -> Values:
        op, source = self.resolved.layer.op, self.shapes[0]
        if isinstance(op, AvgPool2d):
            assert self.windows is not None
            size = (source[1], source[2])
            divisors = average_divisors(size, op, self.windows.output, op.count_include_pad)
            return np.asarray(np.broadcast_to(divisors, self.windows.output))
        return np.array([source[1] * source[2]])

    def _maximum(self, values: Values) -> Values:
        assert self.windows is not None
        padded = self.windows.pad(values, -np.inf)
        (down, right), (high, wide) = self.windows.stride, self.windows.output
        views = [
            padded[:, y : y + (high - 1) * down + 1 : down, x : x + (wide - 1) * right + 1 : right]
            for y, x in np.ndindex(*self.windows.kernel)
        ]
        result = views[0].copy()
        for view in views[1:]:
            np.maximum(result, view, out=result)
        return result
