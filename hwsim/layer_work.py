"""What a layer is to the machine: products for the array or operations for the vector unit, by width and place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from math import ceil

from hwsim.array import Machine, VectorWork, Workload
from hwsim.array.compress import packed_bits
from hwsim.array.functions import GELU, LSTM_ELEMENT, Steps, norm_steps, pointwise, softmax_steps
from hwsim.array.moves import whole
from hwsim.array.parts import Compression
from hwsim.array.vector import Residence, average_pool, elementwise_add, elementwise_clip, elementwise_relu, max_pool
from hwsim.formats import parse
from hwsim.formats.pe import PeSpec
from hwsim.formats.pe_kinds import pe_for
from hwsim.network import (
    PRODUCTS,
    Add,
    AvgPool2d,
    Concat,
    Flatten,
    Gelu,
    Gemm,
    GlobalAvgPool,
    GroupSoftmax,
    Layer,
    LayerNorm,
    LstmCell,
    MatMul,
    MaxPool2d,
    Network,
    Op,
    Recurrent,
    Relu6,
    Shape,
    Softmax,
    gemm_shape,
)  # fmt: skip
from hwsim.network.activity import Activity
from hwsim.network.base import elements
from hwsim.network.run import LayerNumerics
from hwsim.on_chip import OnChip

_COUNTS = ("input_elements", "operands", "output_elements", "compares", "adds", "multiplies")


@dataclass(frozen=True)
class Task:
    """One layer as the machine sees it: what to do, in which kind of element.

    Attributes:
        name: of the layer.
        op: kind of operation.
        work: products for the array, operations for the vector unit, or None where nothing moves.
        pe: the processing element; of a vector layer, an element in the format of its sums.
        gemm: the matrix products of one image; None off the array.
        effectual_macs: multiply-accumulates with both operands nonzero, an average over images.
        activity: how much the buses toggle; None where nobody looked.
    """

    name: str
    op: str
    work: Workload | VectorWork | None
    pe: PeSpec | None = None
    gemm: Gemm | None = None
    effectual_macs: float = 0.0
    activity: Activity | None = None


def layer_tasks(
    network: Network, layers: Sequence[LayerNumerics], machine: Machine, images: int, batch: int = 1
) -> tuple[Task, ...]:
    """Return what each layer is to the machine; layers that are the same work share one object.

    Args:
        network: folded; only its shapes are read.
        layers: what the layers ran in.
        machine: decides which maps stay on the chip.
        images: that ``layers`` counted over.
        batch: images that go through together.
    """
    chip = OnChip(network, {layer.name: layer for layer in layers}, machine, batch)
    known: dict[tuple[object, ...], Task] = {}
    tasks = []
    for numerics in layers:
        layer = network.layer(numerics.name)
        key = _work_key(chip, layer, numerics)
        if key not in known:
            known[key] = _task(chip, layer, numerics, images)
        task = known[key]
        tasks.append(task if task.name == layer.name else replace(task, name=layer.name))
    return tuple(tasks)


def _work_key(chip: OnChip, layer: Layer, numerics: LayerNumerics) -> tuple[object, ...]:
    """Return everything that a layer's work depends on, but for its name."""
    shapes = chip.network.shapes
    places = chip.source_stays(layer), chip.stays(layer.name)
    formats = numerics.inputs, numerics.output, numerics.weights, numerics.bias, numerics.product, numerics.acc
    counts = numerics.effectual_macs, numerics.weight_count, numerics.weight_zeros, numerics.activity
    sources, packed = tuple(shapes[name] for name in layer.inputs), numerics.packed_bits
    return layer.op, sources, shapes[layer.name], *places, *formats, *counts, packed


def _task(chip: OnChip, layer: Layer, numerics: LayerNumerics, images: int) -> Task:
    if isinstance(layer.op, PRODUCTS):
        effectual = numerics.effectual_macs * chip.batch / images
        work = workload(chip, layer, numerics, images)
        pe, gemm = array_element(numerics), gemm_shape(chip.network, layer)
        return Task(layer.name, numerics.op, work, pe, gemm, effectual, numerics.activity)
    return Task(layer.name, numerics.op, vector_work(chip, layer, numerics), vector_element(numerics))


def vector_element(numerics: LayerNumerics) -> PeSpec | None:
    """Return an element in the format of a vector layer's sums, so that floats are added as floats."""
    if numerics.acc is None:
        return None
    return _element(numerics.acc, numerics.acc, numerics.acc, None)


def factor_format(numerics: LayerNumerics) -> str:
    """Return the format that activations are multiplied by: of the weights, or of the second map of two."""
    return numerics.weights or numerics.inputs[1]


def array_element(numerics: LayerNumerics) -> PeSpec:
    """Return the processing element that a matrix layer ran on."""
    assert numerics.acc is not None
    return _element(factor_format(numerics), numerics.inputs[0], numerics.acc, numerics.product)


@lru_cache(maxsize=1024)
def _element(weights: str, acts: str, acc: str, product: str | None) -> PeSpec:
    return pe_for(parse(weights), parse(acts), parse(acc), None if product is None else parse(product))


def workload(chip: OnChip, layer: Layer, numerics: LayerNumerics, images: int) -> Workload:
    """Return a matrix layer as the array sees it, for one batch."""
    batch = chip.batch
    gemm, shapes = gemm_shape(chip.network, layer), chip.network.shapes
    acts, output = parse(numerics.inputs[0]), parse(numerics.output)
    weights, acc = parse(factor_format(numerics)), parse(numerics.acc or "")
    rows, groups = (gemm.m, gemm.groups * batch) if isinstance(layer.op, MatMul) else (gemm.m * batch, gemm.groups)
    second = elements(shapes[layer.inputs[1]]) * batch if isinstance(layer.op, MatMul) else numerics.weight_count
    read = layer.op.hidden * gemm.groups if isinstance(layer.op, Recurrent) else elements(shapes[layer.inputs[0]])
    return Workload(
        layer=layer.name,
        m=rows,
        n=gemm.n,
        k=gemm.k,
        groups=groups,
        act_bits=acts.bits,
        weight_bits=weights.bits,
        acc_bits=acc.bits,
        output_bits=ceil(output.storage_bits),
        ifmap_elements=read * batch,
        weight_elements=second,
        ofmap_elements=elements(shapes[layer.name]) * batch,
        effectual_macs=whole(Fraction(numerics.effectual_macs * batch, images)),
        has_bias=numerics.bias is not None,
        act_storage_bits=acts.storage_bits,
        weight_storage_bits=weight_storage_bits(chip.machine, numerics),
        weight_dram_bits=weight_dram_bits(chip.machine, numerics),
        output_storage_bits=output.storage_bits,
        bias_storage_bits=parse(numerics.bias).storage_bits if numerics.bias else None,
        ifmap_in_dram=not chip.source_stays(layer),
        ofmap_in_dram=not chip.stays(layer.name),
        weights_shared=isinstance(layer.op, Recurrent),
    )


def weight_storage_bits(machine: Machine, numerics: LayerNumerics) -> Fraction:
    """Return the bits of a weight in the filter scratchpad."""
    plain = parse(factor_format(numerics)).storage_bits
    return plain if machine.unpack_at_edge else weight_outside_bits(machine, numerics)


def weight_dram_bits(machine: Machine, numerics: LayerNumerics) -> Fraction | None:
    """Return the bits of a weight in DRAM where they may differ from those in the filter scratchpad, else None."""
    return weight_outside_bits(machine, numerics) if machine.unpack_at_edge else None


def weight_outside_bits(machine: Machine, numerics: LayerNumerics) -> Fraction:
    """Return the bits of a weight in DRAM; a second map in the place of weights is not packed.

    Raises:
        MachineError: the machine packs layer by layer, and nothing is said of this one.
    """
    bits = parse(factor_format(numerics)).storage_bits
    if not numerics.weights:
        return bits
    count, zeros, how = numerics.weight_count, numerics.weight_zeros, machine.compression
    stated = numerics.packed_bits if how is Compression.LAYERS else machine.packed_weight_bits
    return packed_bits(bits, count, zeros, how, stated)


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
