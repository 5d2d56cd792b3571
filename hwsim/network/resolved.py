"""A network whose every tensor has the exact format that it is computed in."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hwsim.arith.dot_formats import DotFormats, unscaled
from hwsim.formats import NumberFormat, PowerSumFormat
from hwsim.formats.grid import Grid
from hwsim.network.graph import Network
from hwsim.network.keys import Key
from hwsim.network.layer import Layer
from hwsim.network.ops import Conv2d, Linear, Softmax

#: Spelled once for reports: what a softmax is computed in.
HOST_FORMAT = "binary64 on the host"


@dataclass(frozen=True)
class ResolvedLayer:
    """A layer with the fitted format of everything that it touches.

    Attributes:
        layer: the layer.
        inputs: format of each input tensor.
        output: format of the output tensor.
        dot: formats of its dot products; None for a layer that only selects or moves numbers.
        bias: format that its biases are stored in; None without biases.
    """

    layer: Layer
    inputs: tuple[NumberFormat, ...]
    output: NumberFormat
    dot: DotFormats | None = None
    bias: NumberFormat | None = None

    @cached_property
    def weights_key(self) -> Hashable:
        """Equal where the stored weights are the same numbers and are multiplied in the same way."""
        if self.dot is None:
            return None
        element = unscaled(self.dot.weights)
        shifts = element if isinstance(element, PowerSumFormat) else None
        return self.layer.name, self.dot.weights.grid(), shifts

    @cached_property
    def sums_key(self) -> Hashable:
        """Equal where the same inputs give the same sums, by the same kernels."""
        if self.dot is None:
            return None
        grids = tuple(map(_grid, (self.dot.acts, self.dot.product, self.dot.acc, self.bias)))
        return self.weights_key, grids

    @cached_property
    def names(self) -> dict[str, Any]:
        """Canonical spelling of every format, by role; None for a role that the layer does not have."""
        dot, matrix = self.dot, isinstance(self.layer.op, Conv2d | Linear)
        return {
            "inputs": tuple(map(str, self.inputs)),
            "output": HOST_FORMAT if isinstance(self.layer.op, Softmax) else str(self.output),
            "weights": str(dot.weights) if dot and matrix else None,
            "bias": str(self.bias) if self.bias else None,
            "product": str(dot.product) if dot and dot.product else None,
            "acc": str(dot.acc) if dot else None,
        }

    @cached_property
    def key(self) -> Key:
        """Equal for layers that turn the same inputs into the same outputs, however their formats are spelled."""
        return Key((self.layer.name, tuple(map(_grid, self.inputs)), _grid(self.output), self.sums_key))


@dataclass(frozen=True)
class ResolvedNetwork:
    """A folded network, the format of its input, and its layers resolved in order."""

    network: Network
    input_format: NumberFormat
    layers: tuple[ResolvedLayer, ...]

    @property
    def keys(self) -> tuple[Hashable, ...]:
        """What is computed, step by step: networks with the first n keys in common have the same maps up to there."""
        return Key(self.input_format.grid()), *(layer.key for layer in self.layers)


def _grid(fmt: NumberFormat | None) -> Grid | None:
    return None if fmt is None else fmt.grid()
