"""From an assignment to the exact format of every tensor: scales and tables are chosen here, before anything runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from hwsim.arith.dot_formats import DotFormats, can_accumulate
from hwsim.arith.fit import fit
from hwsim.errors import FormatError, all_faults, unknown_name
from hwsim.formats import FixedFormat, NumberFormat, ScaledFormat, parse
from hwsim.formats.grid import BlockGrid, FixedGrid, LevelGrid
from hwsim.formats.scaled import MAX_SCALE
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.network.base import Op
from hwsim.network.float_run import activations_float
from hwsim.network.graph import Network
from hwsim.network.layer import INPUT, Layer
from hwsim.network.ops import (
    Add,
    AvgPool2d,
    Concat,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    Relu,
    Relu6,
    Softmax,
)  # fmt: skip
from hwsim.network.resolved import ResolvedLayer, ResolvedNetwork

__all__ = ["ResolvedLayer", "ResolvedNetwork", "Resolver", "covering", "final_layer", "layers_with_formats", "resolve"]

#: A sum of inputs is a dot product with this weight: the number one.
ONE = parse("ufixed<1,1>")
_INHERITING = (MaxPool2d, Flatten, Relu, Relu6, Softmax)


def resolve(network: Network, assignment: Assignment, calibration: NDArray[Any]) -> ResolvedNetwork:
    """Choose every scale and table of one assignment; see ``Resolver``. Raises FormatError."""
    return Resolver(network, calibration).resolve(assignment)


def final_layer(network: Network) -> str:
    """Return the layer whose sums are the network's answer: its output leaves the accumulator unrounded."""
    layer = network.layer(network.output)
    while isinstance(layer.op, Softmax | Flatten) and layer.inputs[0] != INPUT:
        layer = network.layer(layer.inputs[0])
    return layer.name


def layers_with_formats(network: Network) -> tuple[Layer, ...]:
    """Return the layers that can have formats of their own; the others hand on what they read."""
    return tuple(layer for layer in network.layers if not isinstance(layer.op, _INHERITING))


def _check_overrides(network: Network, assignment: Assignment) -> None:
    takes = {layer.name for layer in layers_with_formats(network)} | {INPUT}
    faults = [
        unknown_name("layer with formats of its own", name, takes)
        for name, _ in assignment.overrides
        if name not in takes
    ]
    if faults:
        raise FormatError(all_faults(f"formats for network {network.name!r}", faults))


class Resolver:
    """Chooses scales and tables for many assignments of one network; each is chosen once for a tensor and a format.

    Args:
        network: folded.
        calibration: images [B, C, H, W] that activation scales are chosen on; unused where all have theirs.
    """

    def __init__(self, network: Network, calibration: NDArray[Any]) -> None:
        self.network = network
        self._calibration = calibration
        self._final = final_layer(network)
        self._activations: dict[str, NDArray[Any]] | None = None
        self._fits: dict[tuple[str, NumberFormat], NumberFormat] = {}
        self._layers: dict[tuple[str, tuple[NumberFormat, ...], LayerFormats], ResolvedLayer] = {}

    def resolve(self, assignment: Assignment) -> ResolvedNetwork:
        """Choose every scale and table, and check that every layer can run.

        Raises:
            FormatError: an override names no layer, or a format cannot do what its place asks; all faults at once.
        """
        _check_overrides(self.network, assignment)
        formats = {INPUT: self._fitted(INPUT, assignment.of(INPUT).acts)}
        layers, faults = [], []
        for layer in self.network.layers:
            try:
                resolved = self._take(layer, tuple(formats[name] for name in layer.inputs), assignment.of(layer.name))
                layers.append(resolved)
                formats[layer.name] = resolved.output
            except FormatError as error:
                faults.append(f"layer {layer.name!r}: {error}")
                formats[layer.name] = parse("fixed<8,4>")
        if faults:
            raise FormatError(all_faults(f"network {self.network.name!r} in these formats", faults))
        return ResolvedNetwork(self.network, formats[INPUT], tuple(layers))

    def forget_activations(self) -> None:
        """Free the calibration images' feature maps; they are computed again if a new format asks for them."""
        self._activations = None

    def _take(self, layer: Layer, inputs: tuple[NumberFormat, ...], formats: LayerFormats) -> ResolvedLayer:
        key = (layer.name, inputs, formats)
        if key not in self._layers:
            self._layers[key] = self._resolve(layer, layer.op, inputs, formats)
        return self._layers[key]

    def _resolve(self, layer: Layer, op: Op, inputs: tuple[NumberFormat, ...], formats: LayerFormats) -> ResolvedLayer:
        if isinstance(op, _INHERITING):
            return ResolvedLayer(layer, inputs, inputs[0])
        if isinstance(op, Concat):
            return ResolvedLayer(layer, inputs, self._fitted(layer.name, formats.acts))
        if isinstance(op, Conv2d | Linear):
            weights = self._fitted(f"{layer.name}.weight", formats.weights)
            dot = _matrix_formats(weights, inputs[0], formats)
        elif isinstance(op, Add | AvgPool2d | GlobalAvgPool):
            dot = _sum_formats(covering(inputs), formats)
        else:
            raise FormatError(f"{op.kind} cannot run on the array; fold it first")
        output = dot.acc if layer.name == self._final else self._fitted(layer.name, formats.acts)
        has_bias = f"{layer.name}.bias" in self.network.tensors
        return ResolvedLayer(layer, inputs, output, dot, (formats.bias or dot.acc) if has_bias else None)

    def _fitted(self, tensor: str, fmt: NumberFormat) -> NumberFormat:
        if fmt.is_fitted:
            return fmt
        if (tensor, fmt) not in self._fits:
            self._fits[tensor, fmt] = fit(fmt, self._values(tensor))
        return self._fits[tensor, fmt]

    def _values(self, tensor: str) -> NDArray[Any]:
        if tensor == INPUT:
            return self._calibration
        if tensor in self.network.tensors:
            return self.network.tensor(tensor)
        if self._activations is None:
            self._activations = activations_float(self.network, self._calibration)
        return self._activations[tensor]


def _matrix_formats(weights: NumberFormat, acts: NumberFormat, formats: LayerFormats) -> DotFormats:
    unit = weights.grid().quantum + acts.grid().quantum
    product = None if formats.product is None else _at_unit(formats.product, unit)
    return DotFormats(weights, acts, _at_unit(formats.acc, unit), product)


def _sum_formats(acts: NumberFormat, formats: LayerFormats) -> DotFormats:
    return DotFormats(ONE, acts, _at_unit(formats.acc, acts.grid().quantum))


def _at_unit(fmt: NumberFormat, unit: int) -> NumberFormat:
    """Give an integer accumulator without a scale the unit of the products that it adds up."""
    if fmt.is_fitted:
        return fmt
    if isinstance(fmt, ScaledFormat) and isinstance(fmt.element, FixedFormat):
        exponent = unit + fmt.element.fraction_bits
        if abs(exponent) > MAX_SCALE:
            raise FormatError(
                f"{fmt} would count in units of the exact product, 2^{unit}, and a scale goes from 2^-{MAX_SCALE} to"
                f" 2^{MAX_SCALE}: add in float<E,M> or fixed<W,I>, or name the scale with @2^k"
            )
        return replace(fmt, exponent=exponent)
    if not can_accumulate(fmt):
        raise FormatError(f"{fmt} cannot be added in: for products and sums use fixed<W,I>, int<W> or float<E,M>")
    raise FormatError(f"{fmt} as a product or accumulator needs a scale of its own: write it with @2^k")


def covering(formats: tuple[NumberFormat, ...]) -> NumberFormat:
    """Return one format that has every number of ``formats``: what an adder for all of them must take in.

    Raises:
        FormatError: no such format exists in the grammar.

    >>> str(covering((parse("fixed<8,4>"), parse("fixed<8,1>"))))
    'fixed<11,4>'
    """
    if len(set(formats)) == 1:
        return formats[0]
    grids = [fmt.grid() for fmt in formats]
    if any(isinstance(grid, BlockGrid | LevelGrid) for grid in grids) or not all(
        isinstance(g, FixedGrid) for g in grids
    ):
        raise FormatError(
            f"its inputs are {' and '.join(map(str, formats))}, and no one adder takes both: name one format for them"
        )
    lsb = min(grid.quantum for grid in grids)
    low = min(grid.minimum << (grid.lsb - lsb) for grid in grids if isinstance(grid, FixedGrid))
    high = max(grid.maximum << (grid.lsb - lsb) for grid in grids if isinstance(grid, FixedGrid))
    signed = low < 0
    width = max((-low - 1).bit_length() if low else 0, high.bit_length()) + signed
    return FixedFormat(width, width + lsb, signed)
