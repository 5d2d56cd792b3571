"""Order of evaluation: every combinational cell after the cells that drive it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hwsim.gates.faults import NetlistError


def topological_order(
    names: Sequence[str], cells: Sequence[tuple[list[int], list[int]]], registers: set[int]
) -> NDArray[np.int32]:
    """Return the combinational cells, each after those that drive it.

    Args:
        names: Of the cells.
        cells: (input nets, output nets) of each cell.
        registers: Cells that start and end paths; they are left out.

    Raises:
        NetlistError: cells drive each other in a loop; the message names one.
    """
    driver = {net: cell for cell, (_, outs) in enumerate(cells) if cell not in registers for net in outs}
    sources = [sorted({driver[net] for net in ins if net in driver}) for ins, _ in cells]
    readers: list[list[int]] = [[] for _ in cells]
    waiting = [0] * len(cells)
    for cell, before in enumerate(sources):
        if cell not in registers:
            waiting[cell] = len(before)
            for source in before:
                readers[source].append(cell)
    order = [cell for cell, count in enumerate(waiting) if count == 0 and cell not in registers]
    for cell in order:
        for reader in readers[cell]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                order.append(reader)
    if len(order) + len(registers) < len(cells):
        stuck = {cell for cell, count in enumerate(waiting) if count > 0}
        raise NetlistError(f"combinational loop: {_loop(stuck, sources, names)}: break it with a register")
    return np.array(order, dtype=np.int32)


def _loop(stuck: set[int], sources: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Return one loop among the cells that wait for each other, following drivers until one comes again."""
    path = [min(stuck)]
    while True:
        source = next(cell for cell in sources[path[-1]] if cell in stuck)
        if source in path:
            loop = path[path.index(source) :][::-1]
            return " -> ".join(names[cell] for cell in [*loop, loop[0]])
        path.append(source)
