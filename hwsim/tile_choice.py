"""The tiles and the loop order that cost least, found by pricing every legal one.

Exact, with two shortcuts: what happens in the array and at its edge depends on the number of blocks alone, so it is
priced once for each; and a tiling is timed only if what it must take at least is no more than the best so far.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

from hwsim.array.blocks import block_axis
from hwsim.array.counts import ActionCount
from hwsim.array.dram import crossings
from hwsim.array.machine import Machine
from hwsim.array.parts import Objective
from hwsim.array.tiling import FIXED, Tiling, legal_tilings
from hwsim.array.timing import array_time, layer_time
from hwsim.array.traffic import crossing_traffic, edge_traffic
from hwsim.array.workload import Workload
from hwsim.cost import PriceTable, price_counts
from hwsim.cost.usage import PLAIN, Usage
from hwsim.formats.pe import PeSpec


@lru_cache(maxsize=4096)
def choose_tiling(machine: Machine, workload: Workload, pe: PeSpec, table: PriceTable, usage: Usage = PLAIN) -> Tiling:
    """Return the tiling of ``workload`` that ``machine.tiling`` asks for.

    TIME: fewest cycles, among these least energy. ENERGY: least dynamic energy, among these fewest cycles. Of equals
    the first, so that the fixed tiling stays where no other is better.

    Raises:
        InfeasibleError: as ``layer_time``.

    >>> from hwsim.array.machine import parse_machine
    >>> from hwsim.cost import load_table
    >>> from hwsim.formats.base import PeKind
    >>> from hwsim.formats.pe import Operand
    >>> eight = Operand(8, 8)
    >>> pe = PeSpec(PeKind.INT_MAC, eight, eight, eight, Operand(16, 16), Operand(32, 32))
    >>> machine = parse_machine("16x16-ws,ofmap=8KiB,tiling=energy")
    >>> str(choose_tiling(machine, Workload.gemm(1024, 16, 256), pe, load_table("published45")))
    'c-t8-r'
    """
    if machine.tiling is Objective.FIXED:
        return FIXED
    choice = _Choice(machine, workload, pe, table, usage)
    return choice.fastest() if machine.tiling is Objective.TIME else choice.leanest()


class _Choice:
    """The legal tilings of one layer, priced and timed."""

    def __init__(self, machine: Machine, workload: Workload, pe: PeSpec, table: PriceTable, usage: Usage) -> None:
        self._machine, self._workload = machine, workload
        self._prices = (pe, machine.memories, table, usage)
        self._tilings = tuple(legal_tilings(machine, workload))
        self._edges: dict[int, float] = {}

    def fastest(self) -> Tiling:
        """Return the tiling of fewest cycles, then least energy, then the first."""
        bounds = sorted((self._at_least(tiling), place) for place, tiling in enumerate(self._tilings))
        best, times = math.inf, dict[int, int]()
        for bound, place in bounds:
            if bound > best:
                break
            times[place] = self._cycles(self._tilings[place])
            best = min(best, times[place])
        fastest = sorted(place for place, cycles in times.items() if cycles == best)
        return self._tilings[min(fastest, key=lambda place: self._energy(self._tilings[place]))]

    def leanest(self) -> Tiling:
        """Return the tiling of least energy, then fewest cycles, then the first."""
        energies = [self._energy(tiling) for tiling in self._tilings]
        least = min(energies)
        equal = (tiling for tiling, energy in zip(self._tilings, energies, strict=True) if energy == least)
        return min(equal, key=self._cycles)

    def _cycles(self, tiling: Tiling) -> int:
        return layer_time(self._machine, self._workload, tiling).total

    def _at_least(self, tiling: Tiling) -> float:
        """Return cycles that no layer can do without: the array's own, or those of the bus."""
        bus, own = self._machine.dram_bits_per_cycle, array_time(self._machine, self._workload, tiling).total
        if bus is None:
            return own
        moved = sum(part.words * part.word_bits for part in crossings(self._machine, self._workload, tiling))
        return max(own, math.floor(moved / bus))

    def _energy(self, tiling: Tiling) -> float:
        block = block_axis(self._machine, self._workload, tiling).side
        if block not in self._edges:
            self._edges[block] = self._price(edge_traffic(self._machine, self._workload, tiling))
        return self._edges[block] + self._price(crossing_traffic(self._machine, self._workload, tiling))

    def _price(self, counts: Iterable[ActionCount]) -> float:
        return sum(price_counts(counts, *self._prices).values())
