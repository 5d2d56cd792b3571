"""What one inference costs on a machine: cycles, traffic, energy, power and area, layer by layer.

Needs no weights and no images, only what the layers ran in and how many of their products were not zero: new prices or
another machine need no new inference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil

from hwsim.array import (
    ActionCount,
    Component,
    Cycles,
    Machine,
    VectorWork,
    Workload,
    fits_on_chip,
    layer_cycles,
    layer_traffic,
    utilisation,
    vector_cycles,
    vector_traffic,
)  # fmt: skip
from hwsim.array.vector import Residence, average_pool, elementwise_add, elementwise_relu, max_pool
from hwsim.cost import (
    PriceTable,
    array_area_um2,
    average_power_w,
    leakage_energy_pj,
    leakage_w,
    memory_area_um2,
    price_counts,
    price_pe,
)  # fmt: skip
from hwsim.formats import parse
from hwsim.formats.pe import PeSpec
from hwsim.formats.pe_kinds import pe_for
from hwsim.network import (
    INPUT,
    Add,
    AvgPool2d,
    Concat,
    Conv2d,
    Flatten,
    Gemm,
    GlobalAvgPool,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    Softmax,
    gemm_shape,
)  # fmt: skip
from hwsim.network.base import elements
from hwsim.network.run import LayerNumerics


@dataclass(frozen=True)
class LayerHardware:
    """One layer on the machine, for one image.

    Attributes:
        name: of the layer.
        op: kind of operation.
        unit: "array", "vector" or "-" for layers that move nothing.
        gemm: the matrix products; None off the array.
        cycles: by part of the time; None where the layer takes none.
        utilisation: share of PE-cycles that do a multiply-accumulate, 0 to 1.
        macs: multiply-accumulates, padding included.
        effectual_macs: those with both operands nonzero, an average over images.
        energy_pj: by component.
        pe: the processing element.
    """

    name: str
    op: str
    unit: str
    gemm: Gemm | None
    cycles: Cycles
    utilisation: float
    macs: int
    effectual_macs: float
    energy_pj: dict[str, float]
    pe: PeSpec | None = None


@dataclass(frozen=True)
class HardwareResult:
    """One inference on a machine, priced by one table.

    Attributes:
        machine: canonical spelling of the machine.
        table: name of the price table.
        cycles: of all layers, one after another.
        runtime_s: cycles at the machine's clock.
        energy_pj: by component.
        energy_total_pj: their sum.
        power_w: average, energy over runtime.
        area_um2: of the array and of the scratchpads whose price is known.
        weight_bits: that all weights take in memory.
        unpriced: names of parts whose price the table does not know; they are missing from the sums.
        layers: one by one.
    """

    machine: str
    table: str
    cycles: int
    runtime_s: float
    energy_pj: dict[str, float]
    energy_total_pj: float
    power_w: float
    area_um2: float
    weight_bits: int
    unpriced: tuple[str, ...]
    layers: tuple[LayerHardware, ...] = field(repr=False)


def run_hardware(
    network: Network, layers: Sequence[LayerNumerics], machine: Machine, table: PriceTable, total_images: int
) -> HardwareResult:
    """Count and price one inference, the average over ``total_images`` images.

    Args:
        network: folded; only its shapes are read.
        layers: what the layers ran in, from ``run_numerics``.
        machine: the hardware.
        table: the prices.
        total_images: images that ``layers`` counted over.

    Raises:
        MachineError: a layer that the machine cannot run.
        CostError: an operation that the table has no price for.
    """
    chip = _Residence(network, {layer.name: layer for layer in layers}, machine)
    priced = tuple(_price_layer(chip, layer, machine, table, total_images) for layer in layers)
    cycles = sum(layer.cycles.total for layer in priced)
    runtime_s = machine.runtime_s(cycles)
    energy = {component.value: 0.0 for component in Component}
    for layer in priced:
        for component, value in layer.energy_pj.items():
            energy[component] += value
    leakage, area_um2, unpriced = _silicon(priced, machine, table)
    energy[Component.LEAKAGE.value] = leakage * runtime_s
    total_pj = sum(energy.values())
    return HardwareResult(
        machine=str(machine),
        table=table.name,
        cycles=cycles,
        runtime_s=runtime_s,
        energy_pj=energy,
        energy_total_pj=total_pj,
        power_w=average_power_w(total_pj, runtime_s),
        area_um2=area_um2,
        weight_bits=ceil(sum(_weight_bits(layer) for layer in layers)),
        unpriced=unpriced,
        layers=priced,
    )


def _weight_bits(layer: LayerNumerics) -> Fraction:
    return parse(layer.weights).storage_bits * layer.weight_count if layer.weights else Fraction(0)


def _silicon(
    layers: Sequence[LayerHardware], machine: Machine, table: PriceTable
) -> tuple[float, float, tuple[str, ...]]:
    """Return leakage in pJ per second, area in um2 and what is not known, of an array of the largest element needed.

    Layers in other kinds of element would need more; that is named among what is not known.
    """
    elements_ = {layer.pe for layer in layers if layer.pe is not None}
    if not elements_:
        return 0.0, 0.0, ()
    largest = max(elements_, key=lambda pe: (price_pe(pe, table).area_um2 or 0.0, str(pe)))
    rows, columns = machine.array.rows, machine.array.columns
    leak = leakage_w(largest, rows, columns, machine.capacities, table)
    memory = memory_area_um2(machine.capacities, table)
    array = array_area_um2(largest, rows, columns, table)
    unpriced = [f"leakage of {name}" for name in leak.unknown] + [f"area of {name}" for name in memory.unknown]
    if any(price_pe(pe, table).area_um2 is None for pe in elements_):
        unpriced.append("area of the processing elements")
    kinds = sorted({pe.kind.value for pe in elements_} - {largest.kind.value})
    if kinds:
        unpriced.append(f"area and leakage of {' and '.join(kinds)} beside {largest.kind.value}")
    return leakage_energy_pj(leak, 1.0), (array or 0.0) + memory.value, tuple(unpriced)


@dataclass(frozen=True)
class _Residence:
    """Which feature maps stay on the chip: those that fit, and that only the next layer reads, there.

    A flatten moves nothing: what it names is the map before it. A softmax runs on the host, so its input leaves.
    """

    network: Network
    numerics: dict[str, LayerNumerics]
    machine: Machine

    def stays(self, name: str) -> bool:
        """True where the output of layer ``name`` never leaves the chip."""
        tensor = self._tensor(name)
        moving = [layer for layer in self.network.layers if not isinstance(layer.op, Flatten)]
        readers = [layer for layer in moving if tensor in map(self._tensor, layer.inputs)]
        if tensor == INPUT or len(readers) != 1 or len(readers[0].inputs) != 1 or isinstance(readers[0].op, Softmax):
            return False
        order = [layer.name for layer in moving]
        if order.index(readers[0].name) != order.index(tensor) + 1:
            return False
        bits = parse(self.numerics[tensor].output).storage_bits * elements(self.network.shapes[tensor])
        return fits_on_chip(self.machine, bits)

    def _tensor(self, name: str) -> str:
        """Return the layer that wrote what ``name`` names."""
        while name != INPUT and isinstance((layer := self.network.layer(name)).op, Flatten):
            name = layer.inputs[0]
        return name

    def source_stays(self, layer: Layer) -> bool:
        """True where every input of ``layer`` is on the chip already."""
        return all(self.stays(name) for name in layer.inputs)


def _price_layer(
    chip: _Residence, numerics: LayerNumerics, machine: Machine, table: PriceTable, images: int
) -> LayerHardware:
    layer = chip.network.layer(numerics.name)
    if isinstance(layer.op, Conv2d | Linear):
        return _price_matrix(chip, layer, numerics, machine, table, images)
    work = _vector_work(chip, layer, numerics)
    if work is None:
        return LayerHardware(layer.name, numerics.op, "-", None, Cycles(0, 0, 0, 0), 0.0, 0, 0.0, {})
    energy = _energy(vector_traffic(machine, work), _adder(numerics), machine, table)
    cycles = Cycles(1, 0, vector_cycles(machine, work), 0)
    return LayerHardware(layer.name, numerics.op, "vector", None, cycles, 0.0, 0, 0.0, energy)


def _adder(numerics: LayerNumerics) -> PeSpec | None:
    """Return an element in the format of a vector layer's sums, so that floats are added as floats."""
    if numerics.acc is None:
        return None
    acc = parse(numerics.acc)
    return pe_for(acc, acc, acc)


def _energy(counts: Sequence[ActionCount], pe: PeSpec | None, machine: Machine, table: PriceTable) -> dict[str, float]:
    priced = price_counts(counts, pe, machine.capacities, table)
    return {component.value: value for component, value in priced.items()}


def _price_matrix(
    chip: _Residence, layer: Layer, numerics: LayerNumerics, machine: Machine, table: PriceTable, images: int
) -> LayerHardware:
    work = _workload(chip, layer, numerics, images)
    pe = _pe(numerics)
    cycles = layer_cycles(machine, work)
    energy = _energy(layer_traffic(machine, work), pe, machine, table)
    gemm = gemm_shape(chip.network, layer)
    used = utilisation(machine, work, cycles)
    effectual = numerics.effectual_macs / images
    return LayerHardware(layer.name, numerics.op, "array", gemm, cycles, used, gemm.macs, effectual, energy, pe)


def _pe(numerics: LayerNumerics) -> PeSpec:
    assert numerics.weights is not None
    assert numerics.acc is not None
    product = None if numerics.product is None else parse(numerics.product)
    return pe_for(parse(numerics.weights), parse(numerics.inputs[0]), parse(numerics.acc), product)


def _workload(chip: _Residence, layer: Layer, numerics: LayerNumerics, images: int) -> Workload:
    gemm, shapes = gemm_shape(chip.network, layer), chip.network.shapes
    acts, output = parse(numerics.inputs[0]), parse(numerics.output)
    weights, acc = parse(numerics.weights or ""), parse(numerics.acc or "")
    return Workload(
        layer=layer.name,
        m=gemm.m,
        n=gemm.n,
        k=gemm.k,
        groups=gemm.groups,
        act_bits=acts.bits,
        weight_bits=weights.bits,
        acc_bits=acc.bits,
        output_bits=ceil(output.storage_bits),
        ifmap_elements=elements(shapes[layer.inputs[0]]),
        weight_elements=numerics.weight_count,
        ofmap_elements=elements(shapes[layer.name]),
        effectual_macs=Fraction(numerics.effectual_macs, images),
        has_bias=numerics.bias is not None,
        act_storage_bits=acts.storage_bits,
        weight_storage_bits=weights.storage_bits,
        output_storage_bits=output.storage_bits,
        bias_storage_bits=parse(numerics.bias).storage_bits if numerics.bias else None,
        ifmap_in_dram=not chip.source_stays(layer),
        ofmap_in_dram=not chip.stays(layer.name),
    )


def _vector_work(chip: _Residence, layer: Layer, numerics: LayerNumerics) -> VectorWork | None:
    """Return what the vector unit does for a layer; None for layers that are free or run on the host."""
    if isinstance(layer.op, Flatten | Softmax):
        return None
    shapes = chip.network.shapes
    sizes = [elements(shapes[name]) for name in layer.inputs]
    parts = (parse(text).storage_bits * size for text, size in zip(numerics.inputs, sizes, strict=True))
    stored = parse(numerics.output).storage_bits
    return replace(
        _operations(chip, layer, numerics), input_bits=sum(parts, Fraction(0)) / sum(sizes), output_bits=stored
    )


def _operations(chip: _Residence, layer: Layer, numerics: LayerNumerics) -> VectorWork:
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
    return elementwise_relu(layer.name, elements=output, bits=input_bits, **residence)
