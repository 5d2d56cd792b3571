"""How many bits a layer moves, by level and in closed form: DRAM, scratchpads, registers, and the MACs themselves.

Derivations are in ``docs/timing.md``; ``hwsim.array.stepper`` counts the same accesses one by one. Nothing is priced
here. Idle rows and columns of a ragged tile are clock-gated: only the sums that pass through them are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from hwsim.array.blocks import blocks
from hwsim.array.counts import Action, ActionCount, Component
from hwsim.array.dram import both_ends
from hwsim.array.edge import word_accesses
from hwsim.array.machine import Machine
from hwsim.array.mapping import Mapping, map_layer
from hwsim.array.moves import moved
from hwsim.array.parts import Dataflow
from hwsim.array.tiling import FIXED, Tiling
from hwsim.array.workload import Workload


def layer_traffic(machine: Machine, workload: Workload, tiling: Tiling = FIXED) -> tuple[ActionCount, ...]:
    """Return everything that happens while a layer runs, all groups, without the actions that never happen.

    Scratchpads of a stated width are counted in whole words, others in the words that are asked for.

    >>> from hwsim.array.machine import parse_machine
    >>> counts = layer_traffic(parse_machine("4x4-ws"), Workload.gemm(2, 3, 4))
    >>> counts[0].action, counts[0].count
    (<Action.MAC: 'mac'>, 24)

    Raises:
        MachineError: a feature map is said to stay on the chip and does not fit.
    """
    counts = (
        *mac_counts(machine, workload),
        *edge_traffic(machine, workload, tiling),
        *crossing_traffic(machine, workload, tiling),
    )
    return tuple(count for count in counts if count.count)


def edge_traffic(machine: Machine, workload: Workload, tiling: Tiling = FIXED) -> Iterator[ActionCount]:
    """Yield what moves in the array and at its edge; of a tiling only the number of blocks matters."""
    wide = {memory.name for memory in machine.srams if memory.word_bits is None}
    for block, times in blocks(machine, workload, tiling):
        yield from (_times(count, times) for count in register_traffic(machine, block))
        yield from (_times(count, times) for count in sram_traffic(machine, block) if count.unit in wide)
    if len(wide) < len(machine.srams):
        yield from word_accesses(machine, workload, tiling)


def crossing_traffic(machine: Machine, workload: Workload, tiling: Tiling = FIXED) -> Iterator[ActionCount]:
    """Yield what crosses the chip's edge, at both ends: DRAM and the scratchpads that it fills and empties.

    Raises:
        InfeasibleError: a feature map is said to stay on the chip and does not fit.
    """
    yield from both_ends(machine, workload, tiling)


def _times(count: ActionCount, times: int) -> ActionCount:
    return count if times == 1 else replace(count, count=count.count * times)


def mac_counts(machine: Machine, workload: Workload) -> Iterator[ActionCount]:
    """Yield the MACs that switch and, with zero gating and known zeros, those that hold still.

    Their sum is M*N*K*groups whatever the array.
    """
    gated: int | Fraction = 0
    if machine.zero_gating and workload.effectual_macs is not None:
        gated = workload.macs - workload.effectual_macs
    yield ActionCount(Component.PE, Action.MAC, "pe", 0, workload.macs - gated)
    yield ActionCount(Component.PE, Action.MAC_GATED, "pe", 0, gated)


def sram_traffic(machine: Machine, workload: Workload) -> Iterator[ActionCount]:
    """Yield the reads and writes at the array's edge, per operand.

    The stationary operand is read once, a streamed one once per fold across the other axis, padding included. Partial
    sums are written and read back at accumulator width between K folds; outputs leave at their own width.
    """
    mapping = map_layer(machine.array, workload)
    acts, weights, biases = _edge_reads(machine, mapping, workload)
    outputs, acc = workload.m * workload.n, workload.acc_bits
    sums = outputs * (_k_folds(machine, mapping) - 1)
    ifmap, filters, ofmap = (memory.name for memory in machine.srams)
    rows = (
        (Action.READ, ifmap, workload.act_memory_bits, acts),
        (Action.READ, filters, workload.weight_memory_bits, weights),
        (Action.READ, filters, workload.bias_memory_bits, biases if workload.has_bias else 0),
        (Action.READ, ofmap, acc, sums),
        (Action.WRITE, ofmap, acc, sums),
        (Action.WRITE, ofmap, workload.output_memory_bits, outputs),
    )
    for action, unit, bits, count in rows:
        yield moved(Component.SRAM, action, unit, bits, count * workload.groups)


def register_traffic(machine: Machine, workload: Workload) -> Iterator[ActionCount]:
    """Yield the words that each kind of register captures (write) and hands on (read)."""
    mapping = map_layer(machine.array, workload)
    if machine.array.dataflow is Dataflow.OUTPUT_STATIONARY:
        rows = _output_stationary_registers(machine, mapping)
    else:
        rows = _stationary_registers(machine, mapping, workload.has_bias)
    operand = {"act": workload.act_bits, "weight": workload.weight_bits}
    for unit, writes, reads in rows:
        if unit == "bias_register" and not workload.has_bias:
            continue
        bits = operand.get(unit.partition("_")[0], workload.acc_bits)
        yield moved(Component.REGISTER, Action.WRITE, unit, bits, writes * workload.groups)
        yield moved(Component.REGISTER, Action.READ, unit, bits, reads * workload.groups)


def _edge_reads(machine: Machine, mapping: Mapping, workload: Workload) -> tuple[int, int, int]:
    """Return the activations, weights and biases that one group reads from its scratchpads."""
    rows, columns = mapping.rows.folds, mapping.columns.folds
    acts, weights = workload.m * workload.k, workload.n * workload.k
    if machine.array.dataflow is Dataflow.WEIGHT_STATIONARY:
        return acts * columns, weights, workload.n
    if machine.array.dataflow is Dataflow.INPUT_STATIONARY:
        return acts, weights * columns, workload.n * columns
    return acts * columns, weights * rows, workload.n * rows


def _k_folds(machine: Machine, mapping: Mapping) -> int:
    return 1 if machine.array.dataflow is Dataflow.OUTPUT_STATIONARY else mapping.rows.folds


_Row = tuple[str, int, int]


def _stationary_registers(machine: Machine, mapping: Mapping, has_bias: bool) -> tuple[_Row, ...]:
    """Return (unit, writes, reads) of one group where an operand is held and sums move down."""
    rows, columns, stream = mapping.rows, mapping.columns, mapping.stream
    weights_held = machine.array.dataflow is Dataflow.WEIGHT_STATIONARY
    held, moving = ("weight", "act") if weights_held else ("act", "weight")
    shifts = rows.triangle * columns.extent
    tile_sums = stream * columns.extent * rows.folds
    entering = rows.folds - 1 + (has_bias and not weights_held)
    skew = stream * rows.triangle * columns.folds
    passed = stream * rows.extent * (columns.extent - columns.folds)
    top = stream * columns.triangle * entering
    out = tile_sums if machine.output_register else 0
    bias = (columns.extent, stream * columns.extent) if weights_held else (0, 0)
    tiles = rows.extent * columns.extent
    loaded: tuple[_Row, ...] = ((f"{held}_register", shifts + tiles, shifts + stream * tiles),)
    if machine.shadow_registers:
        shadow = (f"{held}_shadow_register", shifts + tiles, shifts + tiles)
        loaded = (shadow, (f"{held}_register", tiles, stream * tiles))
    return (
        *loaded,
        (f"{moving}_register", passed, passed),
        (f"{moving}_skew_register", skew, skew),
        ("psum_register", tile_sums * rows.side, tile_sums * rows.side),
        ("psum_skew_register", top, top),
        ("bias_register", *bias),
        ("output_register", out, out),
    )


def _output_stationary_registers(machine: Machine, mapping: Mapping) -> tuple[_Row, ...]:
    """Return (unit, writes, reads) of one group where the sums stay and both operands move."""
    rows, columns, stream = mapping.rows, mapping.columns, mapping.stream
    outputs = rows.extent * columns.extent
    drain = (rows.extent * (rows.side - 1) - rows.triangle) * columns.extent
    act_passed = stream * rows.extent * (columns.extent - columns.folds)
    weight_passed = stream * columns.extent * (rows.extent - rows.folds)
    act_skew = stream * rows.triangle * columns.folds
    weight_skew = stream * columns.triangle * rows.folds
    out = outputs if machine.output_register else 0
    summed, moved_out = stream * outputs + (0 if machine.direct_outputs else drain), 0
    if machine.drain_registers:
        summed, moved_out = (stream - 1) * outputs, outputs + drain
    return (
        ("act_register", act_passed, act_passed),
        ("act_skew_register", act_skew, act_skew),
        ("weight_register", weight_passed, weight_passed),
        ("weight_skew_register", weight_skew, weight_skew),
        ("psum_register", summed, summed),
        ("drain_register", moved_out, moved_out),
        ("bias_register", columns.extent * rows.folds, outputs),
        ("output_register", out, out),
    )
