"""What crosses the chip's edge: every tensor once, and again at every sweep where its scratchpad is too small."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from hwsim.array.counts import Action, ActionCount, Component
from hwsim.array.machine import Machine
from hwsim.array.mapping import Mapping, map_layer
from hwsim.array.moves import moved, whole
from hwsim.array.parts import Dataflow, Memory
from hwsim.array.workload import Workload
from hwsim.errors import MachineError, all_faults


def dram_traffic(machine: Machine, workload: Workload) -> Iterator[ActionCount]:
    """Yield the reads and writes of DRAM for a layer.

    A tensor that the dataflow sweeps s times is fetched s times if one sweep does not fit its scratchpad (a cyclic
    sweep through a smaller least-recently-used buffer never hits), else once. Partial sums of a column tile that do not
    fit go out and come back at every K fold.

    Raises:
        MachineError: a feature map is said to stay on the chip and does not fit.
    """
    _check_residence(machine, workload)
    mapping = map_layer(machine.array, workload)
    acts, weights = _fetched(machine, mapping, workload)
    acc, sums = Fraction(workload.acc_bits), _spilled_sums(machine, mapping, workload)
    outputs = workload.ofmap_elements if workload.ofmap_in_dram else 0
    rows = (
        (Action.READ, workload.act_memory_bits, acts),
        (Action.READ, workload.weight_memory_bits, weights),
        (Action.READ, workload.bias_memory_bits, workload.n * workload.groups if workload.has_bias else 0),
        (Action.READ, acc, sums),
        (Action.WRITE, acc, sums),
        (Action.WRITE, workload.output_memory_bits, outputs),
    )
    for action, bits, count in rows:
        yield moved(Component.DRAM, action, machine.dram.name, bits, count)


def fits_on_chip(machine: Machine, bits: int | Fraction) -> bool:
    """Return whether a feature map of ``bits`` bits can stay between two layers.

    The ofmap scratchpad of one layer becomes the ifmap scratchpad of the next, so it must fit the smaller of the two.

    >>> from hwsim.array.machine import parse_machine
    >>> fits_on_chip(parse_machine("4x4-ws,ifmap=1KiB"), 8192)
    True
    """
    return bits <= min(machine.ifmap_sram.capacity_bits, machine.ofmap_sram.capacity_bits)


def _fetched(machine: Machine, mapping: Mapping, workload: Workload) -> tuple[int | Fraction, int | Fraction]:
    """Return the activations and weights that come from DRAM (column tiles outer, row tiles inner), all groups."""
    flow, rows, columns = machine.array.dataflow, mapping.rows, mapping.columns
    shared = workload.weights_shared
    ifmap_bits = workload.act_memory_bits * workload.ifmap_elements / workload.groups
    filter_bits = workload.weight_memory_bits * workload.weight_elements / (1 if shared else workload.groups)
    act_sweeps: int | Fraction = 1
    weight_sweeps: int | Fraction = 1
    if flow is Dataflow.INPUT_STATIONARY:
        weight_sweeps = _sweeps(machine.filter_sram, filter_bits, columns.folds)
    else:
        act_sweeps = _sweeps(machine.ifmap_sram, ifmap_bits, columns.folds)
    if flow is Dataflow.OUTPUT_STATIONARY:
        shares = [(Fraction(piece, columns.extent), count) for piece, count in columns.sizes]
        weight_sweeps = sum(
            share * count * _sweeps(machine.filter_sram, filter_bits * share, rows.folds) for share, count in shares
        )
    if shared:
        weight_sweeps *= _sweeps(machine.filter_sram, filter_bits, workload.groups)
    acts = workload.ifmap_elements * act_sweeps if workload.ifmap_in_dram else 0
    return whole(acts), whole(workload.weight_elements * weight_sweeps)


def _sweeps(memory: Memory, bits: Fraction, sweeps: int) -> int:
    return 1 if bits <= memory.capacity_bits else sweeps


def _spilled_sums(machine: Machine, mapping: Mapping, workload: Workload) -> int:
    """Return the partial sums that leave the chip and come back, all groups."""
    if machine.array.dataflow is Dataflow.OUTPUT_STATIONARY:
        return 0
    spilled = sum(
        columns * count
        for columns, count in mapping.columns.sizes
        if mapping.stream * columns * workload.acc_bits > machine.ofmap_sram.capacity_bits
    )
    return mapping.stream * spilled * (mapping.rows.folds - 1) * workload.groups


def _check_residence(machine: Machine, workload: Workload) -> None:
    needs = (
        (workload.ifmap_in_dram, machine.ifmap_sram, workload.act_memory_bits * workload.ifmap_elements),
        (workload.ofmap_in_dram, machine.ofmap_sram, workload.output_memory_bits * workload.ofmap_elements),
    )
    faults = [
        f"a feature map of {bits} bits is to stay in {memory.name!r}, which holds {memory.capacity_bits} bits: "
        "enlarge it or let the map go through DRAM"
        for in_dram, memory, bits in needs
        if not in_dram and bits > memory.capacity_bits
    ]
    if faults:
        raise MachineError(all_faults(f"layer {workload.layer!r}", faults))
