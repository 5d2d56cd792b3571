"""From an assignment to the exact format of every tensor: scales and tables are chosen here, before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.dot_formats import DotFormats, can_accumulate
from hwsim.arith.fit import fit
from hwsim.errors import FormatError, all_faults, unknown_name
from hwsim.formats import FixedFormat, NumberFormat, ScaledFormat, parse
from hwsim.formats.grid import BlockGrid, FixedGrid, LevelGrid
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

#: A sum of inputs is a dot product with this weight: the number one.
ONE = parse("ufixed<1,1>")
_INHERITING = (MaxPool2d, Flatten, Relu, Relu6, Softmax)


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


@dataclass(frozen=True)
class ResolvedNetwork:
    """A folded network, the format of its input, and its layers resolved in order."""

    network: Network
    input_format: NumberFormat
    layers: tuple[ResolvedLayer, ...]


def resolve(network: Network, assignment: Assignment, calibration: NDArray[Any]) -> ResolvedNetwork:
    """Choose every scale and table, and check that every layer can run.

    Args:
        network: folded.
        assignment: formats by layer.
        calibration: images [B, C, H, W] that activation scales are chosen on; unused where all have theirs.

    Raises:
        FormatError: an override names no layer, or a format cannot do what its place asks; all faults at once.
    """
    _check_overrides(network, assignment)
    names = {INPUT: assignment.of(INPUT).acts} | {
        layer.name: assignment.of(layer.name).acts for layer in network.layers
    }
    needs = not all(fmt.is_fitted for fmt in names.values())
    seen: dict[str, NDArray[Any]] = {INPUT: calibration}
    if needs:
        seen |= activations_float(network, calibration)
    state = _Resolution(network, assignment, seen, {INPUT: fit(names[INPUT], calibration)}, final_layer(network))
    layers, faults = [], []
    for layer in network.layers:
        try:
            layers.append(state.take(layer))
        except FormatError as error:
            faults.append(f"layer {layer.name!r}: {error}")
            state.formats[layer.name] = parse("fixed<8,4>")
    if faults:
        raise FormatError(all_faults(f"network {network.name!r} in these formats", faults))
    return ResolvedNetwork(network, state.formats[INPUT], tuple(layers))


def final_layer(network: Network) -> str:
    """Return the layer whose sums are the network's answer: its output leaves the accumulator unrounded."""
    layer = network.layer(network.output)
    while isinstance(layer.op, Softmax | Flatten) and layer.inputs[0] != INPUT:
        layer = network.layer(layer.inputs[0])
    return layer.name


def _check_overrides(network: Network, assignment: Assignment) -> None:
    takes = {layer.name for layer in network.layers if not isinstance(layer.op, _INHERITING)} | {INPUT}
    faults = [
        unknown_name("layer with formats of its own", name, takes)
        for name, _ in assignment.overrides
        if name not in takes
    ]
    if faults:
        raise FormatError(all_faults(f"formats for network {network.name!r}", faults))


@dataclass
class _Resolution:
    network: Network
    assignment: Assignment
    seen: dict[str, NDArray[Any]]
    formats: dict[str, NumberFormat]
    final: str

    def take(self, layer: Layer) -> ResolvedLayer:
        resolved = self._resolve(layer, layer.op, self.assignment.of(layer.name))
        self.formats[layer.name] = resolved.output
        return resolved

    def _resolve(self, layer: Layer, op: Op, formats: LayerFormats) -> ResolvedLayer:
        inputs = tuple(self.formats[name] for name in layer.inputs)
        if isinstance(op, _INHERITING):
            return ResolvedLayer(layer, inputs, inputs[0])
        if isinstance(op, Concat):
            return ResolvedLayer(layer, inputs, fit(formats.acts, self.seen.get(layer.name, np.zeros(1))))
        if isinstance(op, Conv2d | Linear):
            dot = _matrix_formats(self.network.weight(layer.name), inputs[0], formats)
        elif isinstance(op, Add | AvgPool2d | GlobalAvgPool):
            dot = _sum_formats(covering(inputs), formats)
        else:
            raise FormatError(f"{op.kind} cannot run on the array; fold it first")
        output = dot.acc if layer.name == self.final else fit(formats.acts, self.seen.get(layer.name, np.zeros(1)))
        return ResolvedLayer(layer, inputs, output, dot, formats.bias or dot.acc)


def _matrix_formats(weight: NDArray[Any], acts: NumberFormat, formats: LayerFormats) -> DotFormats:
    weights = fit(formats.weights, weight)
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
        return replace(fmt, exponent=unit + fmt.element.fraction_bits)
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
