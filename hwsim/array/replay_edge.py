"""The array and the ports of its scratchpads, step by step: the inner half of ``hwsim.array.replay``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from hwsim.array.machine import Machine
from hwsim.array.moves import whole
from hwsim.array.parts import Dataflow, Memory, Ports
from hwsim.array.workload import Workload

Bits = int | Fraction


@dataclass
class ReplayResult:
    """What the clock and the counters show at the end.

    Attributes:
        cycles: in all.
        waits: cycles in which the array stood still, by the names of ``stalls.Waits``.
        dram_bits: bits that crossed, by (scratchpad, "in" or "out").
        accesses: whole words at the array's edge, by (scratchpad, "read" or "write").
    """

    cycles: int = 0
    waits: Counter[str] = field(default_factory=Counter)
    dram_bits: dict[tuple[str, str], Bits] = field(default_factory=dict)
    accesses: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(frozen=True)
class ReplayFold:
    """The ranges of one fold by loop, its turn in each, and whether it holds the first and the last k."""

    group: int
    ranges: dict[str, range]
    turns: dict[str, int]
    first: bool
    last: bool


@dataclass
class _Port:
    """What a scratchpad still has to move for the step at hand."""

    memory: Memory
    read: Bits
    write: Bits

    def clock(self) -> bool:
        """Move what the ports can in one cycle; return whether anything is left."""
        width = self.memory.bits_per_cycle
        if width is None:
            self.read = self.write = 0
        elif self.memory.ports is Ports.ONE_R_ONE_W:
            self.read, self.write = max(0, self.read - width), max(0, self.write - width)
        elif self.read:
            self.read = max(0, self.read - width)
        else:
            self.write = max(0, self.write - width)
        return bool(self.read or self.write)


class ArrayReplay:
    """The array at work on one fold after another."""

    def __init__(self, machine: Machine, workload: Workload, result: ReplayResult) -> None:
        self._machine, self._work, self._result = machine, workload, result
        self._flow = machine.array.dataflow
        self._stays = self._flow is Dataflow.OUTPUT_STATIONARY

    def run(self, fold: ReplayFold) -> Iterator[bool]:
        """Yield, once a cycle, whether the array is at work in it."""
        for demand in self._demands(fold):
            ports = [_Port(memory, *need) for memory, need in zip(self._machine.srams, demand, strict=True)]
            for port in ports:
                for bits, way in ((port.read, "read"), (port.write, "write")):
                    if bits and port.memory.word_bits:
                        self._result.accesses[port.memory.name, way] += -int(-bits // port.memory.word_bits)
            finished, cycles = [0, 0, 0], 0
            left = True
            while left:
                yield True
                cycles += 1
                still = [port.clock() for port in ports]
                finished = [cycles + 1 if more else done for more, done in zip(still, finished, strict=True)]
                left = any(still)
            slowest = finished.index(max(finished))
            if cycles > 1:
                self._result.waits[("ifmap_port", "filter_port", "ofmap_port")[slowest]] += cycles - 1
        yield False

    def _demands(self, fold: ReplayFold) -> Iterator[tuple[tuple[Bits, Bits], ...]]:
        """Yield (read, write) bits of the three scratchpads for each step of the array."""
        work, rows, columns = self._work, self._machine.array.rows, self._machine.array.columns
        p, q, t = (len(fold.ranges[loop]) for loop in "rct")
        act, weight, acc = whole(work.act_memory_bits), whole(work.weight_memory_bits), work.acc_bits
        bias = whole(work.bias_memory_bits) if work.has_bias and fold.first else 0
        leaving = whole(work.output_memory_bits) if fold.last else acc
        late = self._machine.output_register
        none = (0, 0)
        if self._stays:
            for step in range(t + rows + columns - 2):
                first = bias if step == 0 else 0
                reads = ((p * act, 0), (q * (weight + first), 0)) if step < t else (none, none)
                yield (*reads, none)
            # A row at the bottom edge is written in the step that brings it there; the bottom row is there at once.
            shifts = 0 if self._machine.direct_outputs else rows - 1 + late
            written = [q * leaving for _ in range(p)]
            waits = self._row_waits(written)
            for _ in range(shifts + waits):
                yield (none, none, none)
            return
        ws = self._flow is Dataflow.WEIGHT_STATIONARY
        for row in reversed(range(rows)):
            extra = bias if row == 0 else 0
            if row >= p:
                yield (none, none, none)
            elif ws:
                yield (none, (q * (weight + extra), 0), none)
            else:
                yield ((q * act, 0), none, none)
        arrived = Counter[int]()
        for step in range(t + rows + columns - 2 + late):
            running = step < t
            ifmap = (p * act, 0) if running and ws else none
            filters = (p * weight + bias, 0) if running and not ws else none
            enters = q * acc if running and not fold.first else 0
            for column in range(q):
                vector = step - column - (rows - 1) - late
                arrived[vector] += 0 <= vector < t
            complete = [vector for vector, there in arrived.items() if there == q]
            for vector in complete:
                del arrived[vector]
            yield (ifmap, filters, (enters, len(complete) * q * leaving))

    def _row_waits(self, rows: list[Bits]) -> int:
        """Write the rows of finished sums one after another; return the cycles beyond one each."""
        memory, extra = self._machine.ofmap_sram, 0
        for bits in rows:
            port = _Port(memory, 0, bits)
            if memory.word_bits:
                self._result.accesses[memory.name, "write"] += -int(-bits // memory.word_bits)
            while port.clock():
                extra += 1
        self._result.waits["ofmap_port"] += extra
        return extra
