"""What a layer without products is to the machine: operations of the vector unit, by width and place."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hwsim.array import VectorWork
from hwsim.array.functions import GELU, LSTM_ELEMENT, Steps, norm_steps, pointwise, softmax_steps
from hwsim.array.vector import Residence, average_pool, elementwise_add, elementwise_clip, elementwise_relu, max_pool
from hwsim.formats import parse
from hwsim.network import (
    Add,
    AvgPool2d,
    Concat,
    Flatten,
    Gelu,
    GlobalAvgPool,
    GroupSoftmax,
    Layer,
    LayerNorm,
    LstmCell,
    MaxPool2d,
    Op,
    Relu6,
    Shape,
    Softmax,
)  # fmt: skip
from hwsim.network.base import elements
from hwsim.network.run import LayerNumerics
from hwsim.on_chip import OnChip

_COUNTS = ("input_elements", "operands", "output_elements", "compares", "adds", "multiplies")


def vector_work(chip: OnChip, layer: Layer, numerics: LayerNumerics) -> VectorWork | None:
    """Return what the vector unit does for a layer; None for layers that are free or run on the host."""
    if isinstance(layer.op, Flatten | Softmax):
        return None
    shapes = chip.network.shapes
    sizes = [elements(shapes[name]) for name in layer.inputs]
    parts = (parse(text).storage_bits * size for text, size in zip(numerics.inputs, sizes, strict=True))
    stored = parse(numerics.output).storage_bits
    work = _operations(chip, layer, numerics)
    counts = {name: getattr(work, name) * chip.batch for name in _COUNTS}
    return replace(work, **counts, input_bits=sum(parts, Fraction(0)) / sum(sizes), output_bits=stored)


def _operations(chip: OnChip, layer: Layer, numerics: LayerNumerics) -> VectorWork:
    op, shapes = layer.op, chip.network.shapes
    residence: Residence = {"ifmap_in_dram": not chip.source_stays(layer), "ofmap_in_dram": not chip.stays(layer.name)}
    source, output = elements(shapes[layer.inputs[0]]), elements(shapes[layer.name])
    input_bits, output_bits = (parse(text).bits for text in (numerics.inputs[0], numerics.output))
    acc_bits = parse(numerics.acc).bits if numerics.acc else input_bits
    widths = (input_bits, acc_bits, output_bits)
    if isinstance(op, MaxPool2d):
        window = op.kernel[0] * op.kernel[1]
        return max_pool(
            layer.name, input_elements=source, output_elements=output, window=window, bits=input_bits, **residence
        )
    if isinstance(op, AvgPool2d | GlobalAvgPool):
        kernel = op.kernel if isinstance(op, AvgPool2d) else shapes[layer.inputs[0]][1:]
        window = kernel[0] * kernel[1]
        return average_pool(
            layer.name, input_elements=source, output_elements=output, window=window, bits=widths, **residence
        )
    if isinstance(op, Add):
        return elementwise_add(layer.name, elements=output, addends=len(layer.inputs), bits=widths, **residence)
    if isinstance(op, Concat):
        return VectorWork(layer.name, output, output, output, 0, 0, 0, input_bits, input_bits, output_bits, **residence)
    if isinstance(op, GroupSoftmax | LayerNorm | Gelu | LstmCell):
        inputs = sum(elements(shapes[name]) for name in layer.inputs)
        steps = _function_steps(op, shapes[layer.name])
        return pointwise(layer.name, inputs=inputs, outputs=output, steps=steps, bits=widths, **residence)
    rectifier = elementwise_clip if isinstance(op, Relu6) else elementwise_relu
    return rectifier(layer.name, elements=output, bits=input_bits, **residence)


def _function_steps(op: Op, shape: Shape) -> Steps:
    """Return the operations of a softmax, a normalisation, a GELU or an LSTM's pointwise part on a whole map."""
    count = elements(shape)
    positions = count // shape[0]
    if isinstance(op, GroupSoftmax):
        return softmax_steps(count, positions * op.groups)
    if isinstance(op, LayerNorm):
        return norm_steps(count, positions)
    return count * (GELU if isinstance(op, Gelu) else LSTM_ELEMENT)
