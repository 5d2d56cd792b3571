"""What a layer is to the machine: products for the array or operations for the vector unit, by width and place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from math import ceil

from hwsim.array import Machine, VectorWork, Workload
from hwsim.array.compress import packed_bits
from hwsim.array.moves import whole
from hwsim.array.parts import Compression
from hwsim.formats import parse
from hwsim.formats.pe import PeSpec
from hwsim.formats.pe_kinds import pe_for
from hwsim.network import PRODUCTS, Gemm, Layer, MatMul, Network, Recurrent, gemm_shape
from hwsim.network.activity import Activity
from hwsim.network.base import elements
from hwsim.network.run import LayerNumerics
from hwsim.on_chip import OnChip
from hwsim.vector_work import vector_work


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
