"""What one inference costs on a machine: cycles, traffic, energy, power and area, layer by layer.

Needs no weights and no images, only what the layers ran in and how many of their products were not zero: new prices or
another machine need no new inference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil
from typing import TypeVar

from hwsim.array import (
    FIXED,
    Action,
    ActionCount,
    Component,
    Cycles,
    Machine,
    VectorWork,
    idle_clock_counts,
    layer_time,
    layer_traffic,
    utilisation,
    vector_time,
    vector_traffic,
)  # fmt: skip
from hwsim.array.compress import packed_bits
from hwsim.array.parts import Compression, Objective
from hwsim.array.vector import requantise_counts
from hwsim.cost import (
    PriceTable,
    Usage,
    average_power_w,
    clock_notes,
    mac_range_pj,
    memory_notes,
    price_notes,
    price_split,
)  # fmt: skip
from hwsim.floorplan import AreaBudget, plan
from hwsim.formats import parse
from hwsim.formats.pe import PeSpec
from hwsim.hardware_result import HardwareResult, LayerHardware
from hwsim.layer_work import Task, array_element, layer_tasks
from hwsim.network import Network
from hwsim.network.run import LayerNumerics
from hwsim.silicon import silicon
from hwsim.tile_choice import choose_tiling


def run_hardware(
    network: Network,
    layers: Sequence[LayerNumerics],
    machine: Machine | AreaBudget,
    table: PriceTable,
    total_images: int,
    batch: int = 1,
) -> HardwareResult:
    """Count and price one inference, the average over ``total_images`` images.

    Args:
        network: folded; only its shapes are read.
        layers: what the layers ran in, from ``run_numerics``.
        machine: the hardware; or an area, from which rows, columns and clock are chosen for these layers.
        table: the prices.
        total_images: images that ``layers`` counted over.
        batch: images that go through together, layer by layer: cycles and energy are those of all of them.

    Raises:
        MachineError: a layer that the machine cannot run.
        CostError: an operation that the table has no price for.
    """
    if isinstance(machine, AreaBudget):
        names = {layer.name for layer in network.product_layers}
        floorplan = plan(machine, (array_element(layer) for layer in layers if layer.name in names), table)
        result = run_hardware(network, layers, floorplan.machine, table, total_images, batch)
        return replace(result, floorplan=floorplan)
    tasks = layer_tasks(network, layers, machine, total_images, batch)
    return price_tasks(tasks, machine, table, weight_bits(layers, machine.compression, machine.packed_weight_bits))


def price_tasks(tasks: Sequence[Task], machine: Machine, table: PriceTable, stored_bits: int) -> HardwareResult:
    """Count and price what is done one after another.

    Args:
        tasks: what each layer is to the machine, in the order in which they run.
        machine: the hardware.
        table: the prices.
        stored_bits: that all weights take in DRAM, for the record.

    Raises:
        MachineError: a layer that the machine cannot run.
        CostError: an operation that the table has no price for.
    """
    known: dict[int, LayerHardware] = {}
    for task in tasks:
        if id(task.work) not in known:
            known[id(task.work)] = _price_task(task, machine, table)
    priced = tuple(_named(known[id(task.work)], task) for task in tasks)
    cycles = sum(layer.cycles.total for layer in priced)
    runtime_s = machine.runtime_s(cycles)
    energy = {component.value: 0.0 for component in Component}
    for layer in priced:
        for component, value in layer.energy_pj.items():
            energy[component] += value
    leakage, area_um2, unpriced = silicon({layer.pe for layer in priced if layer.pe is not None}, machine, table)
    energy[Component.LEAKAGE.value] = leakage * runtime_s
    total_pj = sum(energy.values())
    glitches = [layer.glitch_pj for layer in priced if layer.unit == "array"]
    known_glitches = [value for value in glitches if value is not None]
    return HardwareResult(
        machine=str(machine),
        table=table.name,
        cycles=cycles,
        runtime_s=runtime_s,
        energy_pj=energy,
        energy_total_pj=total_pj,
        power_w=average_power_w(total_pj, runtime_s),
        area_um2=area_um2,
        weight_bits=stored_bits,
        unpriced=unpriced,
        layers=priced,
        energy_low_pj=total_pj - sum(known_glitches) if len(known_glitches) == len(glitches) > 0 else None,
        memory_pj=_added(layer.memory_pj for layer in priced),
        memory_bits=_added(layer.memory_bits for layer in priced),
        waits=_added(dict(layer.cycles.waits) for layer in priced),
        memories=memory_notes(machine, table),
    )


def _named(layer: LayerHardware, task: Task) -> LayerHardware:
    same = layer.name == task.name and layer.op == task.op
    return layer if same else replace(layer, name=task.name, op=task.op)


_N = TypeVar("_N", int, float)


def _added(parts: Iterable[Mapping[str, _N]]) -> dict[str, _N]:
    sums: dict[str, _N] = {}
    for part in parts:
        for name, value in part.items():
            sums[name] = sums[name] + value if name in sums else value
    return sums


def weight_bits(
    layers: Sequence[LayerNumerics], packing: Compression = Compression.NONE, stated: float | None = None
) -> int:
    """Return the bits that all weights take in DRAM."""
    counts: Counter[tuple[str, int, int, float | None]] = Counter()
    for layer in layers:
        if layer.weights:
            zeros = 0 if packing is Compression.NONE else layer.weight_zeros
            own = layer.packed_bits if packing is Compression.LAYERS else stated
            counts[layer.weights, layer.weight_count if zeros else 0, zeros, own] += layer.weight_count
    parts = (
        packed_bits(parse(fmt).storage_bits, own, zeros, packing, bits) * count
        for (fmt, own, zeros, bits), count in counts.items()
    )
    return ceil(sum(parts, Fraction(0)))


def _price_task(task: Task, machine: Machine, table: PriceTable) -> LayerHardware:
    work = task.work
    if work is None:
        return LayerHardware(task.name, task.op, "-", None, Cycles(0, 0, 0, 0), 0.0, 0, 0.0, {})
    if isinstance(work, VectorWork):
        traffic = vector_traffic(machine, work)
        energy, moved = _energies_pj(traffic, task.pe, machine, table, Usage())
        cycles, bits = vector_time(machine, work), _memory_bits(traffic, machine)
        return LayerHardware(
            task.name, task.op, "vector", None, cycles, 0.0, 0, 0.0, energy, memory_pj=moved, memory_bits=bits
        )
    flows = task.activity.flows if task.activity else None
    usage = Usage.of(machine.array.dataflow, machine.zero_gating, flows)
    assert task.pe is not None
    fixed = machine.tiling is Objective.FIXED
    tiling = FIXED if fixed else choose_tiling(machine, work, task.pe, table, usage)
    cycles = layer_time(machine, work, tiling)
    counts = (
        *layer_traffic(machine, work, tiling),
        *requantise_counts(work),
        *idle_clock_counts(machine, work, cycles.total),
    )
    energy, moved = _energies_pj(counts, task.pe, machine, table, usage)
    used = utilisation(machine, work, cycles)
    layer = LayerHardware(
        task.name, task.op, "array", task.gemm, cycles, used, work.macs, task.effectual_macs, energy, task.pe,
        moved, str(tiling), memory_bits=_memory_bits(counts, machine),
        weight_bits=(float(work.weight_outside_bits), float(work.weight_memory_bits)),
    )  # fmt: skip
    return _with_elements(layer, counts, machine, table, usage) if table.elements else layer


def _with_elements(
    layer: LayerHardware, counts: Sequence[ActionCount], machine: Machine, table: PriceTable, usage: Usage
) -> LayerHardware:
    """Add what a table of synthesised elements knows beside the energy."""
    assert layer.pe is not None
    ends, macs = mac_range_pj(layer.pe, table, usage), sum(c.count for c in counts if c.action is Action.MAC)
    glitches = None if ends is None else (ends[1] - ends[0]) * float(macs)
    notes = (*price_notes(layer.pe, table, usage), *clock_notes(layer.pe, table, usage, machine.clock_mhz))
    return replace(layer, glitch_pj=glitches, notes=notes)


def dynamic_energy_pj(
    counts: Sequence[ActionCount], pe: PeSpec | None, machine: Machine, table: PriceTable, usage: Usage | None = None
) -> dict[str, float]:
    """Return the energy in pJ of ``counts`` on ``machine`` by component. Raises CostError."""
    return _energies_pj(counts, pe, machine, table, usage or Usage())[0]


def _energies_pj(
    counts: Sequence[ActionCount], pe: PeSpec | None, machine: Machine, table: PriceTable, usage: Usage
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the energy of ``counts`` by component and by memory."""
    priced, moved = price_split(counts, pe, machine.memories, table, usage)
    return {component.value: value for component, value in priced.items()}, moved


def _memory_bits(counts: Iterable[ActionCount], machine: Machine) -> dict[str, float]:
    """Return the bits that scratchpads and DRAM read and write."""
    moved = {name: Fraction(0) for name in machine.memories}
    for count in counts:
        if count.unit in moved:
            moved[count.unit] += count.total_bits
    return {name: float(bits) for name, bits in moved.items()}
