"""What crosses the chip's edge: every tensor once, and again at each further use where it could not be kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from hwsim.array.counts import Action, ActionCount, Component
from hwsim.array.machine import Machine
from hwsim.array.moves import moved, whole
from hwsim.array.parts import Dataflow, Memory
from hwsim.array.shortfall import InfeasibleError, Shortfall
from hwsim.array.tiling import FIXED, Tiling, nest_of
from hwsim.array.workload import Workload


@dataclass(frozen=True)
class Crossing:
    """Words of one kind that cross between DRAM and a scratchpad.

    Attributes:
        memory: the scratchpad on the chip's side.
        action: READ of DRAM, or WRITE to it.
        word_bits: bits of a word in DRAM.
        words: how many, all groups; a Fraction where a share of a tensor is kept.
        held_bits: bits of a word in the scratchpad; they differ where weights are unpacked on the way.
    """

    memory: Memory
    action: Action
    word_bits: Fraction
    words: int | Fraction
    held_bits: Fraction


def crossings(machine: Machine, workload: Workload, tiling: Tiling = FIXED) -> tuple[Crossing, ...]:
    """Return what crosses the chip's edge for a layer, in both directions.

    A tensor is used once in each turn of the one loop that does not cut it. What of it stays in its scratchpad from
    one use to the next moves once, the rest at each use (``Nest.kept``). Sums that cannot stay go out and come back at
    each K tile but the last.

    Raises:
        InfeasibleError: a feature map is said to stay on the chip and does not fit.
    """
    _check_residence(machine, workload)
    nest = nest_of(machine, workload, tiling)
    acts, weights, sums = nest.tensors
    ifmap, filters, ofmap = machine.srams
    read, write = Action.READ, Action.WRITE
    fetched = workload.groups * acts.words * (1 + nest.refetched(acts)) if workload.ifmap_in_dram else 0
    filled = weights.words * (1 + nest.refetched(weights)) * _weight_groups(workload, filters)
    stationary = machine.array.dataflow is Dataflow.OUTPUT_STATIONARY
    spilled = 0 if stationary else workload.groups * sums.words * nest.refetched(sums)
    biases = workload.n * _weight_groups(workload, filters) if workload.has_bias else 0
    outputs = workload.ofmap_elements if workload.ofmap_in_dram else 0
    accumulator = Fraction(workload.acc_bits)
    return (
        _plain(ifmap, read, workload.act_memory_bits, whole(fetched)),
        Crossing(filters, read, workload.weight_outside_bits, whole(filled), workload.weight_memory_bits),
        _plain(filters, read, workload.bias_memory_bits, biases),
        _plain(ofmap, read, accumulator, whole(spilled)),
        _plain(ofmap, write, accumulator, whole(spilled)),
        _plain(ofmap, write, workload.output_memory_bits, outputs),
    )


def _plain(memory: Memory, action: Action, bits: Fraction, words: int | Fraction) -> Crossing:
    return Crossing(memory, action, bits, words, bits)


def both_ends(machine: Machine, workload: Workload, tiling: Tiling = FIXED) -> tuple[ActionCount, ...]:
    """Return ``fill_traffic`` and ``dram_traffic``: both ends of what crosses the chip's edge.

    Raises:
        InfeasibleError: a feature map is said to stay on the chip and does not fit.
    """
    found = crossings(machine, workload, tiling)
    return (*map(_fill, found), *(_dram(machine, crossing) for crossing in found))


def dram_traffic(machine: Machine, workload: Workload, tiling: Tiling = FIXED) -> Iterator[ActionCount]:
    """Yield the reads and writes of DRAM for a layer.

    Raises:
        InfeasibleError: a feature map is said to stay on the chip and does not fit.
    """
    for crossing in crossings(machine, workload, tiling):
        yield _dram(machine, crossing)


def fill_traffic(machine: Machine, workload: Workload, tiling: Tiling = FIXED) -> Iterator[ActionCount]:
    """Yield the other end of ``dram_traffic``: scratchpads written with what comes, read for what leaves.

    A scratchpad with a stated width is filled and emptied in whole words, packed without gaps.
    """
    for crossing in crossings(machine, workload, tiling):
        yield _fill(crossing)


def _dram(machine: Machine, crossing: Crossing) -> ActionCount:
    return moved(Component.DRAM, crossing.action, machine.dram.name, crossing.word_bits, crossing.words)


def _fill(crossing: Crossing) -> ActionCount:
    action = Action.WRITE if crossing.action is Action.READ else Action.READ
    memory = crossing.memory
    if memory.word_bits is None:
        return moved(Component.SRAM, action, memory.name, crossing.held_bits, crossing.words)
    words = -int(-crossing.held_bits * crossing.words // memory.word_bits)
    return ActionCount(Component.SRAM, action, memory.name, memory.word_bits, words)


def fits_on_chip(machine: Machine, bits: int | Fraction) -> bool:
    """Return whether a feature map of ``bits`` bits can stay between two layers.

    The ofmap scratchpad of one layer becomes the ifmap scratchpad of the next, so it must fit the smaller of the two,
    or the smaller half where they are double buffered.

    >>> from hwsim.array.machine import parse_machine
    >>> fits_on_chip(parse_machine("4x4-ws,ifmap=1KiB"), 8192)
    True
    """
    return bits <= min(machine.ifmap_sram.usable_bits, machine.ofmap_sram.usable_bits)


def _weight_groups(workload: Workload, filters: Memory) -> int:
    """Return how often weights and biases pass: once a group, or once in all where groups share weights that fit."""
    if not workload.weights_shared:
        return workload.groups
    return 1 if workload.weight_elements * workload.weight_memory_bits <= filters.usable_bits else workload.groups


def _check_residence(machine: Machine, workload: Workload) -> None:
    needs = (
        (workload.ifmap_in_dram, machine.ifmap_sram, workload.act_memory_bits * workload.ifmap_elements),
        (workload.ofmap_in_dram, machine.ofmap_sram, workload.output_memory_bits * workload.ofmap_elements),
    )
    shortfalls = [
        Shortfall(
            f"a feature map that is to stay in {memory.name!r}",
            whole(Fraction(bits)),
            memory.usable_bits,
            "bits",
            "enlarge it or let the map go through DRAM",
        )
        for in_dram, memory, bits in needs
        if not in_dram and bits > memory.usable_bits
    ]
    if shortfalls:
        raise InfeasibleError(f"layer {workload.layer!r}", shortfalls)
