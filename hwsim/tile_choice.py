"""The tiles and the loop order that cost least, found by pricing every legal one."""

from __future__ import annotations

from functools import lru_cache

from hwsim.array.machine import Machine
from hwsim.array.parts import Objective
from hwsim.array.tiling import FIXED, Tiling, legal_tilings
from hwsim.array.timing import layer_time
from hwsim.array.traffic import layer_traffic
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
    by_time = machine.tiling is Objective.TIME
    found: dict[Tiling, tuple[float, float]] = {}
    for tiling in legal_tilings(machine, workload):
        cycles = float(layer_time(machine, workload, tiling).total)
        if by_time and found and cycles > min(found.values())[0]:
            continue
        energy = sum(
            price_counts(layer_traffic(machine, workload, tiling), pe, machine.memories, table, usage).values()
        )
        found[tiling] = (cycles, energy) if by_time else (energy, cycles)
    return min(found, key=lambda tiling: found[tiling])
