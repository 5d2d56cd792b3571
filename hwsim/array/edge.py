"""What the array asks of its scratchpads in each step of a fold: the demand at its edge, in bits.

A step is one clock of the array. Vectors are read and written whole: a word per row or per column of the tile. Sums are
collected at the bottom edge until the last column of a vector is there, and written then. Biases lie beside the weights
that they are read with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from hwsim.array.counts import Action, ActionCount, Component
from hwsim.array.machine import Machine
from hwsim.array.mapping import Axis
from hwsim.array.moves import whole
from hwsim.array.parts import Dataflow, Memory
from hwsim.array.tiling import Tiling, nest_of
from hwsim.array.workload import Workload

Bits = int | Fraction


@dataclass(frozen=True)
class Fold:
    """One fold as the edge sees it.

    Attributes:
        rows: of the tile.
        columns: of the tile.
        stream: words that pass.
        first: it holds the first k of its outputs, so sums start at the bias.
        last: it holds the last k, so outputs leave and not partial sums.
    """

    rows: int
    columns: int
    stream: int
    first: bool
    last: bool


@dataclass(frozen=True)
class Step:
    """``count`` steps that each ask for the same, in bits of one vector."""

    count: int
    ifmap_read: Bits = 0
    filter_read: Bits = 0
    ofmap_read: Bits = 0
    ofmap_write: Bits = 0


def fold_steps(machine: Machine, workload: Workload, fold: Fold) -> tuple[Step, ...]:
    """Return the steps of ``fold`` that ask for something.

    >>> from hwsim.array.machine import parse_machine
    >>> work = Workload.gemm(9, 3, 4)
    >>> [step.count for step in fold_steps(parse_machine("4x3-ws"), work, Fold(4, 3, 9, True, True))]
    [3, 1, 5, 4, 5]
    """
    flow = machine.array.dataflow
    if flow is Dataflow.OUTPUT_STATIONARY:
        return _sums_stay(workload, fold)
    bias = whole(workload.bias_memory_bits) if workload.has_bias and fold.first else 0
    acts, weights = whole(workload.act_memory_bits), whole(workload.weight_memory_bits)
    if flow is Dataflow.WEIGHT_STATIONARY:
        row = fold.columns * weights
        rows = (Step(fold.rows - 1, filter_read=row), Step(1, filter_read=row + fold.columns * bias))
        return (*rows, *_stream(machine, workload, fold, Step(1, ifmap_read=fold.rows * acts)))
    load = Step(fold.rows, ifmap_read=fold.columns * acts)
    return (load, *_stream(machine, workload, fold, Step(1, filter_read=fold.rows * weights + bias)))


def _stream(machine: Machine, workload: Workload, fold: Fold, moving: Step) -> tuple[Step, ...]:
    """Return the steps in which only operands enter, in which sums leave as well, and in which only sums leave.

    A vector of sums is whole ``delay`` steps after its operands entered: rows - 1 down, columns - 1 across.
    """
    delay = machine.array.rows - 1 + fold.columns - 1 + machine.output_register
    both = max(0, fold.stream - delay)
    alone = fold.stream - both
    sums: Bits = fold.columns * workload.acc_bits
    enters = 0 if fold.first else sums
    leaves = fold.columns * whole(workload.output_memory_bits) if fold.last else sums
    operands = (moving.ifmap_read, moving.filter_read, enters)
    return (Step(alone, *operands), Step(both, *operands, leaves), Step(alone, ofmap_write=leaves))


def _sums_stay(workload: Workload, fold: Fold) -> tuple[Step, ...]:
    acts, column = fold.rows * whole(workload.act_memory_bits), fold.columns * whole(workload.weight_memory_bits)
    bias = fold.columns * whole(workload.bias_memory_bits) if workload.has_bias else 0
    return (
        Step(1, acts, column + bias),
        Step(fold.stream - 1, acts, column),
        Step(fold.rows, ofmap_write=fold.columns * whole(workload.output_memory_bits)),
    )


def fold_kinds(machine: Machine, workload: Workload, tiling: Tiling) -> Iterator[tuple[Fold, int]]:
    """Yield each kind of fold with how many there are of it, all groups."""
    nest = nest_of(machine, workload, tiling)
    stays = machine.array.dataflow is Dataflow.OUTPUT_STATIONARY
    for columns, across in nest.axes["c"].sizes:
        for stream, blocks in nest.axes["t"].sizes:
            for rows, first, last, down in _row_kinds(nest.axes["r"], stays):
                yield Fold(rows, columns, stream, first, last), across * blocks * down * workload.groups


def _row_kinds(rows: Axis, stays: bool) -> Iterator[tuple[int, bool, bool, int]]:
    """Yield (rows of the tile, first, last, how many); where sums stay every fold is first and last."""
    if stays:
        yield from ((size, True, True, count) for size, count in rows.sizes)
        return
    rest = rows.extent - (rows.folds - 1) * rows.side
    if rows.folds == 1:
        yield rest, True, True, 1
        return
    yield rows.side, True, False, 1
    if rows.folds > 2:
        yield rows.side, False, False, rows.folds - 2
    yield rest, False, True, 1


def word_accesses(machine: Machine, workload: Workload, tiling: Tiling) -> Iterator[ActionCount]:
    """Yield accesses at the array's edge in whole words, of the scratchpads whose word has a stated width.

    A vector takes ceil(bits / word) accesses; what a word has beyond the vector is read or written for nothing.
    """
    counts = {(memory.name, action): 0 for memory in machine.srams for action in (Action.READ, Action.WRITE)}
    ifmap, filters, ofmap = machine.srams
    for fold, times in fold_kinds(machine, workload, tiling):
        for step in fold_steps(machine, workload, fold):
            for memory, action, bits in (
                (ifmap, Action.READ, step.ifmap_read),
                (filters, Action.READ, step.filter_read),
                (ofmap, Action.READ, step.ofmap_read),
                (ofmap, Action.WRITE, step.ofmap_write),
            ):
                counts[memory.name, action] += times * step.count * _words(memory, bits)
    for memory in machine.srams:
        if memory.word_bits is not None:
            for action in (Action.READ, Action.WRITE):
                yield ActionCount(Component.SRAM, action, memory.name, memory.word_bits, counts[memory.name, action])


def _words(memory: Memory, bits: Bits) -> int:
    return 0 if memory.word_bits is None else -int(-bits // memory.word_bits)
