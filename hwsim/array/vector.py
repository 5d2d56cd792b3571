"""The vector unit: pooling, additions and activations that the array does not do."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypedDict, Unpack

from hwsim.array.counts import Action, ActionCount, Component
from hwsim.array.cycles import Cycles
from hwsim.array.machine import Machine
from hwsim.array.moves import moved
from hwsim.array.parts import Memory, is_count
from hwsim.array.ports import vector_cycles as vector_port
from hwsim.array.stalls import transfer_cycles
from hwsim.array.workload import Workload
from hwsim.errors import MachineError, all_faults


@dataclass(frozen=True)
class VectorWork:
    """One layer on the vector unit; every operation works on ``op_bits`` bits and a lane does one a cycle.

    Attributes:
        layer: name for reports.
        input_elements: elements stored in memory that are needed, each fetched from DRAM once.
        operands: elements read from the ifmap scratchpad (windows that overlap read again).
        output_elements: elements written.
        compares: comparisons.
        adds: additions.
        multiplies: multiplications.
        input_bits: bits of an input element in memory; an average where inputs differ or share block scales.
        op_bits: bits of an operand of an operation.
        output_bits: bits of an output element in memory.
        ifmap_in_dram: inputs come from DRAM; False where the layer before left them on the chip.
        ofmap_in_dram: outputs go to DRAM; False where the next layer finds them on the chip.

    Raises:
        MachineError: lists every fault at once.
    """

    layer: str
    input_elements: int
    operands: int
    output_elements: int
    compares: int
    adds: int
    multiplies: int
    input_bits: int | Fraction
    op_bits: int
    output_bits: int | Fraction
    ifmap_in_dram: bool = True
    ofmap_in_dram: bool = True

    def __post_init__(self) -> None:
        optional = ("compares", "adds", "multiplies")
        wholes = ("input_elements", "operands", "output_elements", "op_bits")
        faults = [
            f"{name} is {getattr(self, name)!r}: give at least 1"
            for name in wholes
            if not is_count(getattr(self, name))
        ]
        faults += [
            f"{name} is {getattr(self, name)!r}: give more than 0 bits"
            for name in ("input_bits", "output_bits")
            if not getattr(self, name) > 0
        ]
        faults += [
            f"{name} is {getattr(self, name)!r}: give at least 0" for name in optional if getattr(self, name) < 0
        ]
        if faults:
            raise MachineError(all_faults(f"vector work of layer {self.layer!r}", faults))

    @property
    def operations(self) -> int:
        """Operations of all kinds."""
        return self.compares + self.adds + self.multiplies


def vector_cycles(machine: Machine, work: VectorWork) -> int:
    """Return the cycles of ``work``: ceil(operations / lanes), with the pipeline kept full.

    >>> from hwsim.array.machine import parse_machine
    >>> pool = max_pool("pool", input_elements=64, output_elements=16, window=4, bits=8)
    >>> vector_cycles(parse_machine("4x4-ws,lanes=32"), pool)
    2
    """
    return -(-work.operations // machine.vector_lanes)


def vector_traffic(machine: Machine, work: VectorWork) -> tuple[ActionCount, ...]:
    """Return the operations of ``work`` and the words that it moves, without those that never happen."""
    vector, sram, dram = Component.VECTOR, Component.SRAM, Component.DRAM
    fetched = work.input_elements if work.ifmap_in_dram else 0
    stored = work.output_elements if work.ofmap_in_dram else 0
    taken, given = Fraction(work.input_bits), Fraction(work.output_bits)
    counts = (
        ActionCount(vector, Action.COMPARE, "vector", work.op_bits, work.compares),
        ActionCount(vector, Action.ADD, "vector", work.op_bits, work.adds),
        ActionCount(vector, Action.MULTIPLY, "vector", work.op_bits, work.multiplies),
        moved(sram, Action.READ, machine.ifmap_sram.name, taken, work.operands),
        moved(sram, Action.WRITE, machine.ofmap_sram.name, given, work.output_elements),
        moved(sram, Action.WRITE, machine.ifmap_sram.name, taken, fetched),
        moved(sram, Action.READ, machine.ofmap_sram.name, given, stored),
        moved(dram, Action.READ, machine.dram.name, taken, fetched),
        moved(dram, Action.WRITE, machine.dram.name, given, stored),
    )
    return tuple(_in_words(machine, count) for count in counts if count.count)


def _in_words(machine: Machine, count: ActionCount) -> ActionCount:
    """Return the accesses of a scratchpad in whole words, packed without gaps, where its width is stated."""
    memory = machine.memories.get(count.unit)
    if not isinstance(memory, Memory) or memory.word_bits is None:
        return count
    words = -int(-count.total_bits // memory.word_bits)
    return ActionCount(count.component, count.action, count.unit, memory.word_bits, words)


def vector_time(machine: Machine, work: VectorWork) -> Cycles:
    """Return the cycles of ``work`` with its memories.

    Where both scratchpads are double buffered, all but the first piece that comes and the last one that goes are moved
    beside the work; otherwise everything before and after. Operands and results pass the ports while it works.

    >>> from hwsim.array.machine import parse_machine
    >>> pool = max_pool("pool", input_elements=64, output_elements=16, window=4, bits=8)
    >>> vector_time(parse_machine("4x4-ws,dram=1GB/s"), pool).waits
    (('dram in', 32), ('dram out', 8))
    """
    ifmap, _, ofmap = machine.srams
    taken, given = Fraction(work.input_bits), Fraction(work.output_bits)
    own = vector_cycles(machine, work)
    ports = (vector_port(ifmap, work.operands * taken), vector_port(ofmap, work.output_elements * given))
    busy = max(own, *ports)
    coming = transfer_cycles(work.input_elements * taken * work.ifmap_in_dram, machine.dram_bits_per_cycle, ifmap)
    going = transfer_cycles(work.output_elements * given * work.ofmap_in_dram, machine.dram_bits_per_cycle, ofmap)
    waits = {f"{(ifmap, ofmap)[ports[1] > ports[0]].name} port": busy - own}
    if ifmap.double_buffered and ofmap.double_buffered:
        pieces = vector_pieces(work.operands, machine.vector_lanes)
        first, last = -(-coming // pieces), -(-going // pieces)
        late = max(0, coming - first + going - last - busy)
        waits |= {"first fill": first, "dram in": late, "last write-back": last}
    else:
        waits |= {"dram in": coming, "dram out": going}
    named = tuple((name, cycles) for name, cycles in waits.items() if cycles)
    return Cycles(1, 0, own, 0, stall=sum(cycles for _, cycles in named), waits=named)


def vector_pieces(operands: int, lanes: int) -> int:
    """Return into how many pieces the unit cuts what it streams through double buffers: one operand for each lane.

    The finest cut waits least, and every scratchpad holds it, so that a larger one is never slower.

    >>> vector_pieces(64, 10)
    7
    """
    return -(-operands // lanes)


class Residence(TypedDict, total=False):
    """Where the feature maps of vector work are; both are in DRAM unless said otherwise."""

    ifmap_in_dram: bool
    ofmap_in_dram: bool


def max_pool(
    layer: str, *, input_elements: int, output_elements: int, window: int, bits: int, **where: Unpack[Residence]
) -> VectorWork:
    """Return max pooling: ``window - 1`` comparisons an output."""
    operands = output_elements * window
    compares = output_elements * (window - 1)
    return VectorWork(layer, input_elements, operands, output_elements, compares, 0, 0, bits, bits, bits, **where)


def average_pool(
    layer: str,
    *,
    input_elements: int,
    output_elements: int,
    window: int,
    bits: tuple[int, int, int],
    **where: Unpack[Residence],
) -> VectorWork:
    """Return average pooling: ``window - 1`` additions and one multiplication by 1/window an output.

    ``bits`` are those of an input, of the sum and of an output.
    """
    operands, adds = output_elements * window, output_elements * (window - 1)
    return VectorWork(layer, input_elements, operands, output_elements, 0, adds, output_elements, *bits, **where)


def elementwise_add(
    layer: str, *, elements: int, addends: int, bits: tuple[int, int, int], **where: Unpack[Residence]
) -> VectorWork:
    """Return the sum of ``addends`` feature maps; ``bits`` are those of an input, of the sum and of an output.

    >>> elementwise_add("skip", elements=10, addends=2, bits=(8, 9, 8)).adds
    10
    """
    operands = elements * addends
    return VectorWork(layer, operands, operands, elements, 0, elements * (addends - 1), 0, *bits, **where)


def elementwise_clip(layer: str, *, elements: int, bits: int, **where: Unpack[Residence]) -> VectorWork:
    """Return a rectifier with an upper end (relu6) that was not merged: two comparisons an element."""
    return VectorWork(layer, elements, elements, elements, 2 * elements, 0, 0, bits, bits, bits, **where)


def requantise_counts(workload: Workload) -> tuple[ActionCount, ...]:
    """Return what brings the sums of a layer to the format of its outputs, at the array's bottom edge.

    Scales are powers of two, so that a sum is shifted by wiring; left are one addition that rounds and two comparisons
    that clamp (and rectify), as wide as the accumulator, per output. Every column has its own, so it takes no cycle.
    Sums that leave as they are take none.

    >>> [count.count for count in requantise_counts(Workload.gemm(2, 3, 4))]
    [6, 12]
    """
    if workload.output_bits == workload.acc_bits:
        return ()
    done = workload.m * workload.n * workload.groups
    unit, bits = "requantise", workload.acc_bits
    return (
        ActionCount(Component.VECTOR, Action.ADD, unit, bits, done),
        ActionCount(Component.VECTOR, Action.COMPARE, unit, bits, 2 * done),
    )


def elementwise_relu(layer: str, *, elements: int, bits: int, **where: Unpack[Residence]) -> VectorWork:
    """Return a rectifier that was not merged into the layer before it: one comparison an element."""
    return VectorWork(layer, elements, elements, elements, elements, 0, 0, bits, bits, bits, **where)
