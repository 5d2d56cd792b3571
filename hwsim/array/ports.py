"""How long the array waits for the ports of its scratchpads, fold by fold, in closed form.

The array stands still until every vector of a step has been read or written. A vector of b bits takes ceil(b / W)
cycles of a port that moves W bits a cycle (word times banks). One read/write port reads and writes one after the other,
a read and a write port at the same time. Scratchpads work beside each other, so a step takes as long as the slowest.
"""

from __future__ import annotations

from hwsim.array.edge import Bits, Fold, Step, fold_steps
from hwsim.array.machine import Machine
from hwsim.array.parts import Memory, Ports
from hwsim.array.workload import Workload

Waits = tuple[int, int, int]  #: cycles by scratchpad: ifmap, filter, ofmap


def vector_cycles(memory: Memory, bits: Bits) -> int:
    """Return the cycles of a port of ``memory`` for a vector of ``bits`` bits; 0 where there is no limit.

    >>> vector_cycles(Memory("ifmap_sram", 8192, word_bits=32, banks=2), 100)
    2
    """
    width = memory.bits_per_cycle
    return 0 if width is None else -int(-bits // width)


def memory_cycles(memory: Memory, read: Bits, write: Bits) -> int:
    """Return the cycles that ``memory`` needs for one vector read and one written."""
    reading, writing = vector_cycles(memory, read), vector_cycles(memory, write)
    return max(reading, writing) if memory.ports is Ports.ONE_R_ONE_W else reading + writing


def step_waits(machine: Machine, step: Step) -> Waits:
    """Return the cycles beyond the first that one such step takes, booked on the slowest scratchpad."""
    ifmap, filters, ofmap = machine.srams
    cycles = (
        memory_cycles(ifmap, step.ifmap_read, 0),
        memory_cycles(filters, step.filter_read, 0),
        memory_cycles(ofmap, step.ofmap_read, step.ofmap_write),
    )
    slowest = cycles.index(max(cycles))
    extra = max(0, max(cycles) - 1)
    return (extra * (slowest == 0), extra * (slowest == 1), extra * (slowest == 2))


def fold_waits(machine: Machine, workload: Workload, fold: Fold) -> Waits:
    """Return the cycles that the array waits for each scratchpad in one fold.

    >>> from hwsim.array.machine import parse_machine
    >>> machine = parse_machine("4x3-ws,ifmap=1KiB/16b")  # half of the four 8-bit activations that a step asks for
    >>> fold_waits(machine, Workload.gemm(9, 3, 4), Fold(4, 3, 9, True, True))
    (9, 0, 0)
    """
    ifmap = filters = ofmap = 0
    for step in fold_steps(machine, workload, fold):
        own = step_waits(machine, step)
        ifmap += step.count * own[0]
        filters += step.count * own[1]
        ofmap += step.count * own[2]
    return ifmap, filters, ofmap
