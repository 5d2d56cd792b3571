"""How one resolved layer is computed on a batch held as [..., images]: prepared once, run on every batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.dot_formats import DotFormats
from hwsim.formats import NumberFormat
from hwsim.network.base import Activation, Pair, Shape
from hwsim.network.geometry import Rows, Windows, as_rows, windows
from hwsim.network.graph import Network
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
from hwsim.network.resolve import ResolvedLayer
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


@dataclass
class Step:
    """One layer ready to run.

    Attributes:
        resolved: the layer and its formats.
        shapes: of its inputs, then of its output.
        arithmetic: what computes.
        parts: prepared dot products, one per group.
        windows: where their inputs lie; None where there are none.
        effectual_macs: multiply-accumulates so far whose operands were both nonzero.
    """

    resolved: ResolvedLayer
    shapes: tuple[Shape, ...]
    arithmetic: Arithmetic
    parts: list[Prepared] = field(default_factory=list)
    windows: Windows | None = None
    nonzero_weights: list[NDArray[np.int64]] = field(default_factory=list)
    weight_zeros: int = 0
    weight_count: int = 0
    effectual_macs: int = 0

    @property
    def paths(self) -> tuple[str, ...]:
        """Names of the kernels taken."""
        return tuple(dict.fromkeys(path for part in self.parts for path in part.paths))

    def run(self, inputs: Sequence[Values], first_image: int) -> Values:
        """Return the output [..., B] in the layer's output format."""
        op = self.resolved.layer.op
        if isinstance(op, Conv2d | Linear):
            return self._finish(self._matrix(inputs[0], first_image), op.activation, first_image)
        if isinstance(op, Add):
            return self._finish(self._sum(inputs, first_image), op.activation, first_image)
        if isinstance(op, AvgPool2d | GlobalAvgPool):
            return self._quantize(self._average(inputs[0], first_image), first_image)
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

    def _matrix(self, values: Values, first_image: int) -> Values:
        maps = values if self.windows is None else self.windows.pad(values)
        rows = as_rows(maps)
        base, tap = self._geometry(rows.shape[0])
        per_group = rows.shape[0] // len(self.parts)
        outputs = []
        for group, part in enumerate(self.parts):
            own = rows[group * per_group : (group + 1) * per_group]
            self._count(own, base, tap, group)
            outputs.append(part.run(own, base, tap, first_image))
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def _geometry(self, rows: int) -> tuple[Rows, Rows]:
        if self.windows is not None:
            return self.windows.base, self.windows.tap
        return np.zeros(1, dtype=np.int64), np.arange(rows, dtype=np.int64)

    def _count(self, rows: Values, base: Rows, tap: Rows, group: int) -> None:
        """Count the products of two nonzero numbers: per tap, nonzero activations times nonzero weights."""
        nonzero = np.count_nonzero(rows, axis=1)
        per_tap = sum((nonzero[start + tap] for start in base), np.zeros(tap.size, dtype=np.int64))
        self.effectual_macs += int(per_tap @ self.nonzero_weights[group])

    def _sum(self, inputs: Sequence[Values], first_image: int) -> Values:
        rows = np.concatenate([as_rows(v) for v in inputs])
        each = rows.shape[0] // len(inputs)
        tap = np.arange(len(inputs), dtype=np.int64) * each
        return self.parts[0].run(rows, np.arange(each, dtype=np.int64), tap, first_image)

    def _average(self, values: Values, first_image: int) -> Values:
        assert self.windows is not None
        rows = as_rows(self.windows.pad(values))
        area = self.windows.padded[0] * self.windows.padded[1]
        origin = (np.arange(values.shape[0]) * area)[:, None] + self.windows.base[None, :]
        sums = self.parts[0].run(rows, origin.reshape(-1), self.windows.tap, first_image)
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


def prepare(network: Network, resolved: ResolvedLayer, arithmetic: Arithmetic) -> Step:
    """Quantize the weights of a layer and lay out its windows."""
    layer = resolved.layer
    shapes = (*(network.shapes[name] for name in layer.inputs), network.shapes[layer.name])
    step = Step(resolved, shapes, arithmetic)
    step.windows = _windows(layer.op, shapes)
    if isinstance(layer.op, Conv2d | Linear):
        _prepare_matrix(step, network, layer.op)
    elif resolved.dot is not None:
        assert not isinstance(layer.op, Concat)
        count = len(layer.inputs) if step.windows is None else step.windows.tap.size
        step.parts.append(arithmetic.DotProduct(np.ones((1, count)), np.zeros(1), resolved.dot))
    return step


def _windows(op: Any, shapes: tuple[Shape, ...]) -> Windows | None:
    source, output = shapes[0], (shapes[-1][1], shapes[-1][2]) if len(shapes[-1]) == 3 else (1, 1)
    if isinstance(op, Conv2d):
        return windows(source, source[0] // op.groups, op.kernel, op.stride, op.padding, output)
    if isinstance(op, MaxPool2d | AvgPool2d):
        return windows(source, 1, op.kernel, op.stride, op.padding, output)
    if isinstance(op, GlobalAvgPool):
        kernel: Pair = (source[1], source[2])
        return windows(source, 1, kernel, (1, 1), (0, 0), (1, 1))
    return None


def _prepare_matrix(step: Step, network: Network, op: Conv2d | Linear) -> None:
    dot, name = step.resolved.dot, step.resolved.layer.name
    assert dot is not None
    weight = step.arithmetic.quantize(network.weight(name), dot.weights, block_axis=1)
    stored = network.bias(name)
    bias: Values = np.zeros(weight.shape[0]) if stored is None else np.asarray(stored)
    if step.resolved.bias is not None:
        bias = step.arithmetic.quantize(bias, step.resolved.bias)
    bias = step.arithmetic.quantize(bias, dot.acc)
    groups = op.groups if isinstance(op, Conv2d) else 1
    matrix = weight.reshape(groups, weight.shape[0] // groups, -1)
    step.weight_count, step.weight_zeros = weight.size, int(np.count_nonzero(weight == 0))
    for part, part_bias in zip(matrix, bias.reshape(groups, -1), strict=True):
        step.nonzero_weights.append(np.count_nonzero(part, axis=0).astype(np.int64))
        step.parts.append(step.arithmetic.DotProduct(part, part_bias, dot))


#: Spelled once for reports: what a softmax is computed in.
HOST_FORMAT = "binary64 on the host"
