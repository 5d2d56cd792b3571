"""A layer between DRAM, scratchpads and array, cycle by cycle: the slow and obvious twin of ``stalls`` and ``ports``.

It walks through all tiles by itself, keeps a list of what lies in each scratchpad, moves bits over one bus and through
the ports each cycle, and lets the array take a step only when all that the step asks for is there. It knows no formula:
cycles are what its clock counts, waits are cycles in which the array stood still, traffic is what passed. Folds do not
overlap here (no shadow or drain registers).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

from hwsim.array.machine import Machine
from hwsim.array.moves import whole
from hwsim.array.parts import Dataflow
from hwsim.array.replay_edge import ArrayReplay, Bits, ReplayFold, ReplayResult
from hwsim.array.replay_store import Burst, Store
from hwsim.array.tiling import FIXED, Tiling
from hwsim.array.workload import Workload


def replay_layer(machine: Machine, workload: Workload, tiling: Tiling = FIXED) -> ReplayResult:
    """Run a layer cycle by cycle.

    >>> from hwsim.array.machine import parse_machine
    >>> replay_layer(parse_machine("8x8-ws,double,dram=1GB/s"), Workload.gemm(8, 8, 8)).waits["first_fill"]
    80
    """
    return _Replay(machine, workload, tiling).run()


class _Replay:
    def __init__(self, machine: Machine, workload: Workload, tiling: Tiling) -> None:
        self._machine, self._work, self._tiling = machine, workload, tiling
        self._flow = machine.array.dataflow
        self._stays = self._flow is Dataflow.OUTPUT_STATIONARY
        m, n, k = workload.m, workload.n, workload.k
        r, c, t = {"ws": (k, n, m), "os": (m, n, k), "is": (k, m, n)}[self._flow.value]
        block = -(-t // min(tiling.blocks, t))
        self._cuts = {
            "r": _cut(r, machine.array.rows),
            "c": _cut(c, machine.array.columns),
            "t": _cut(t, block),
        }
        names = {"ws": ("rt", "rc", "ct"), "os": ("rt", "ct", "rc"), "is": ("rc", "rt", "ct")}[self._flow.value]
        self._stores = [
            Store(memory, loops, tiling.partial) for memory, loops in zip(machine.srams, names, strict=True)
        ]
        self._extent = {"r": r, "c": c, "t": t}
        per_group = 1 if workload.weights_shared else workload.groups
        width = workload.output_memory_bits if self._stays else Fraction(workload.acc_bits)
        self._bits = [
            Fraction(workload.ifmap_elements, workload.groups) * workload.act_memory_bits,
            Fraction(workload.weight_elements, per_group) * workload.weight_memory_bits,
            Fraction(m * n) * width,
        ]
        self._largest = [max(self._all_tiles(index)) for index in range(3)]
        self._beside = [
            store.memory.double_buffered and largest <= store.memory.usable_bits
            for store, largest in zip(self._stores, self._largest, strict=True)
        ]
        self._bus = machine.dram_bits_per_cycle
        self._result = ReplayResult()
        self._array = ArrayReplay(machine, workload, self._result)

    def run(self) -> ReplayResult:
        """Run all folds, phase by phase."""
        folds = list(self._folds())
        bursts = [self._bursts(fold) for fold in folds]
        self._alone([b for b in bursts[0] if b.way == "in" and self._is_beside(b)], {"in": "first_fill"})
        for place, fold in enumerate(folds):
            own = bursts[place]
            names = {"in": "dram_in", "out": "dram_out"}
            self._alone([b for b in own if b.way == "in" and not self._is_beside(b)], names)
            before = bursts[place - 1] if place else []
            after = bursts[place + 1] if place + 1 < len(folds) else []
            beside = [b for b in before if b.way == "out" and self._is_beside(b)]
            beside += [b for b in after if b.way == "in" and self._is_beside(b)]
            self._together(fold, beside, names)
            self._alone([b for b in own if b.way == "out" and not self._is_beside(b)], names)
        self._alone([b for b in bursts[-1] if b.way == "out" and self._is_beside(b)], {"out": "write_back"})
        for store, overlapping in zip(self._stores, self._beside, strict=True):
            assert not overlapping or store.most_held() <= store.memory.capacity_bits, f"{store.memory.name} runs over"
        return self._result

    def _is_beside(self, burst: Burst) -> bool:
        return self._beside[[memory.name for memory in self._machine.srams].index(burst.memory.name)]

    def _alone(self, bursts: list[Burst], names: dict[str, str]) -> None:
        for burst in bursts:
            self._begin(burst)
            while burst.takes_time(self._bus):
                burst.clock(self._bus)
                self._result.cycles += 1
                self._result.waits[names[burst.way]] += 1

    def _together(self, fold: ReplayFold, bursts: list[Burst], names: dict[str, str]) -> None:
        """Clock array and bus side by side until both are done."""
        steps = self._array.run(fold)
        busy = next(steps)
        queue = list(bursts)
        for burst in queue:
            self._begin(burst)
        while True:
            while queue and not queue[0].takes_time(self._bus):
                queue.pop(0)
            if not (busy or queue):
                return
            self._result.cycles += 1
            if queue:
                queue[0].clock(self._bus)
                if not busy:
                    self._result.waits[names[queue[0].way]] += 1
            if busy:
                busy = next(steps)

    def _begin(self, burst: Burst) -> None:
        key = burst.memory.name, burst.way
        self._result.dram_bits[key] = whole(self._result.dram_bits.get(key, 0) + burst.bits)

    def _folds(self) -> Iterator[ReplayFold]:
        order = self._tiling.order
        rows = len(self._cuts["r"])
        for group in range(self._work.groups):
            for place in itertools.product(*(range(len(self._cuts[loop])) for loop in order)):
                turns = dict(zip(order, place, strict=True))
                ranges = {loop: self._cuts[loop][turn] for loop, turn in turns.items()}
                first, last = self._stays or turns["r"] == 0, self._stays or turns["r"] == rows - 1
                yield ReplayFold(group, ranges, turns, first, last)

    def _bursts(self, fold: ReplayFold) -> list[Burst]:
        """Return what has to come before ``fold`` and to go after it, given what lies in the scratchpads."""
        work, (ifmap, filters, ofmap) = self._work, self._machine.srams
        if fold.group and not any(fold.turns.values()):
            for index, store in enumerate(self._stores):
                if index != 1 or not self._weights_stay():
                    store.forget()
        acts, weights, sums = (self._missing(index, fold) for index in range(3))
        acts = acts if work.ifmap_in_dram else 0
        outside = weights * work.weight_packing + self._biases(fold)
        weights += self._biases(fold)
        if fold.group and self._weights_stay():
            weights = outside = Fraction(0)
        spilled_in = 0 if fold.first else sums
        if fold.last:
            share = self._tile_bits(2, fold.ranges) / self._bits[2]
            going = share * work.ofmap_elements * work.output_memory_bits / work.groups if work.ofmap_in_dram else 0
        else:
            going = self._tile_bits(2, fold.ranges) * (1 - self._stores[2].share)
        return [
            Burst(ifmap, "in", acts, acts),
            Burst(filters, "in", outside, weights),
            Burst(ofmap, "in", spilled_in, spilled_in),
            Burst(ofmap, "out", going, going),
        ]

    def _weights_stay(self) -> bool:
        return self._work.weights_shared and self._bits[1] <= self._machine.filter_sram.usable_bits

    def _missing(self, index: int, fold: ReplayFold) -> Bits:
        store, order = self._stores[index], self._tiling.order
        reuse = next(loop for loop in order if loop not in store.loops)
        inside = order[order.index(reuse) + 1 :]
        owner = tuple(fold.turns[loop] for loop in store.loops if loop not in inside)
        choices = [self._cuts[loop] if loop in inside else [fold.ranges[loop]] for loop in store.loops]
        sizes = [
            self._tile_bits(index, dict(zip(store.loops, pick, strict=True))) for pick in itertools.product(*choices)
        ]
        store.begin(owner, sizes, self._largest[index])
        return store.use(tuple(fold.turns[loop] for loop in store.loops), self._tile_bits(index, fold.ranges))

    def _all_tiles(self, index: int) -> list[Bits]:
        loops = self._stores[index].loops
        picks = itertools.product(*(self._cuts[loop] for loop in loops))
        return [self._tile_bits(index, dict(zip(loops, pick, strict=True))) for pick in picks]

    def _tile_bits(self, index: int, ranges: dict[str, range]) -> Bits:
        bits = self._bits[index]
        for loop in self._stores[index].loops:
            bits = bits * len(ranges[loop]) / self._extent[loop]
        return bits

    def _biases(self, fold: ReplayFold) -> Bits:
        """Each output channel's bias comes once, with the first fold that needs it."""
        if not self._work.has_bias:
            return 0
        channels = "t" if self._flow is Dataflow.INPUT_STATIONARY else "c"
        if any(turn for loop, turn in fold.turns.items() if loop != channels):
            return 0
        return len(fold.ranges[channels]) * self._work.bias_memory_bits


def _cut(extent: int, side: int) -> list[range]:
    return [range(start, min(start + side, extent)) for start in range(0, extent, side)]
