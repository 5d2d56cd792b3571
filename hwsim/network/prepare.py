"""Steps made ready to run, each once: for a layer and its formats, not for a configuration."""

from __future__ import annotations

from collections.abc import Collection, Hashable

import numpy as np

from hwsim.errors import HwsimError
from hwsim.network.base import Op, Pair, Shape
from hwsim.network.geometry import Windows, windows
from hwsim.network.graph import Network
from hwsim.network.ops import AvgPool2d, Conv2d, GlobalAvgPool, Linear, MaxPool2d
from hwsim.network.resolved import ResolvedLayer
from hwsim.network.steps import Arithmetic, Prepared, Step, Values, Weights

#: What a prepared weight takes at most: itself, its copies in the lanes of kernels, and sign and shift of two terms.
BYTES_PER_WEIGHT = 48


class StepCache:
    """Prepared steps of one network by what they compute; weights are quantized once per layer and format."""

    def __init__(self, network: Network, arithmetic: Arithmetic) -> None:
        self._network = network
        self._arithmetic = arithmetic
        self._weights: dict[Hashable, Weights | None] = {}
        self._steps: dict[Hashable, Step] = {}
        self._errors: dict[Hashable, HwsimError] = {}

    def step(self, resolved: ResolvedLayer) -> Step:
        """Return the step of a layer. Raises HwsimError, each time, where its weights cannot be had in their format."""
        key = resolved.key
        if key in self._errors:
            raise self._errors[key]
        if key not in self._steps:
            try:
                self._steps[key] = prepare(self._network, resolved, self._arithmetic, self._quantized(resolved))
            except HwsimError as error:
                self._errors[key] = error
                raise
        return self._steps[key]

    def keep(self, keys: Collection[Hashable]) -> None:
        """Drop every step that is not among ``keys``."""
        self._steps = {key: step for key, step in self._steps.items() if key in keys}
        used = {step.resolved.weights_key for step in self._steps.values()}
        self._weights = {key: weights for key, weights in self._weights.items() if key in used}

    def _quantized(self, resolved: ResolvedLayer) -> Weights | None:
        key = resolved.weights_key
        if key not in self._weights:
            self._weights[key] = quantized_weights(self._network, resolved, self._arithmetic)
        return self._weights[key]


def prepared_bytes(network: Network, resolved: ResolvedLayer) -> int:
    """Return about how much memory a prepared step takes, bytes."""
    weight = network.tensors.get(f"{resolved.layer.name}.weight")
    return 0 if weight is None else BYTES_PER_WEIGHT * weight.size


def quantized_weights(network: Network, resolved: ResolvedLayer, arithmetic: Arithmetic) -> Weights | None:
    """Return the weights of a layer in their format, or None for a layer without."""
    op, dot = resolved.layer.op, resolved.dot
    if not isinstance(op, Conv2d | Linear) or dot is None:
        return None
    weight = arithmetic.quantize(network.weight(resolved.layer.name), dot.weights, block_axis=1)
    groups = op.groups if isinstance(op, Conv2d) else 1
    return Weights.of(weight.reshape(groups, weight.shape[0] // groups, -1))


def prepare(network: Network, resolved: ResolvedLayer, arithmetic: Arithmetic, weights: Weights | None) -> Step:
    """Make a layer ready to run with what ``quantized_weights`` returned for it."""
    layer = resolved.layer
    shapes = (*(network.shapes[name] for name in layer.inputs), network.shapes[layer.name])
    moved = _windows(layer.op, shapes)
    parts: tuple[Prepared, ...] = ()
    if weights is not None:
        parts = _matrix_parts(network, resolved, arithmetic, weights)
    elif resolved.dot is not None:
        count = len(layer.inputs) if moved is None else moved.tap.size
        parts = (arithmetic.DotProduct(np.ones((1, count)), np.zeros(1), resolved.dot),)
    return Step(resolved, shapes, arithmetic, parts, moved, weights)


def _matrix_parts(
    network: Network, resolved: ResolvedLayer, arithmetic: Arithmetic, weights: Weights
) -> tuple[Prepared, ...]:
    dot, stored = resolved.dot, network.bias(resolved.layer.name)
    assert dot is not None
    groups, filters, _ = weights.groups.shape
    bias: Values = np.zeros(groups * filters) if stored is None else np.asarray(stored)
    if resolved.bias is not None:
        bias = arithmetic.quantize(bias, resolved.bias)
    bias = arithmetic.quantize(bias, dot.acc).reshape(groups, filters)
    return tuple(arithmetic.DotProduct(w, b, dot) for w, b in zip(weights.groups, bias, strict=True))


def _windows(op: Op, shapes: tuple[Shape, ...]) -> Windows | None:
    source, output = shapes[0], (shapes[-1][1], shapes[-1][2]) if len(shapes[-1]) == 3 else (1, 1)
    if isinstance(op, Conv2d):
        return windows(source, source[0] // op.groups, op.kernel, op.stride, op.padding, output)
    if isinstance(op, MaxPool2d | AvgPool2d):
        return windows(source, 1, op.kernel, op.stride, op.padding, output)
    if isinstance(op, GlobalAvgPool):
        kernel: Pair = (source[1], source[2])
        return windows(source, 1, kernel, (1, 1), (0, 0), (1, 1))
    return None
