"""From an area to a machine: as many elements as fit beside the scratchpads, at the clock that they allow."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hwsim.array.machine import Machine
from hwsim.array.parts import MAX_SIDE
from hwsim.cost import PriceTable, memory_area_um2
from hwsim.errors import CostError
from hwsim.floorplan.budget import AreaBudget
from hwsim.floorplan.element import ElementSize, element_size
from hwsim.floorplan.infeasible import too_small
from hwsim.formats.pe import PeSpec

CLOCK_STEP_MHZ = 0.1  #: clocks are rounded down to it, so that they can be read


@dataclass(frozen=True)
class Floorplan:
    """What was made of a budget.

    Attributes:
        budget: the area, the ceiling of the clock, and the rest of the machine.
        machine: what was built.
        element: the processing element, with its area and delay.
        array_um2: rows x columns elements.
        memory_um2: the scratchpads whose area is known.
        unknown: scratchpads that the table knows no area of; the budget does not pay for them.
        clock_limit: what holds the clock down: "ceiling", "delay", or "assumed" where no delay is known.
    """

    budget: AreaBudget
    machine: Machine
    element: ElementSize
    array_um2: float
    memory_um2: float
    unknown: tuple[str, ...]
    clock_limit: str

    @property
    def used_um2(self) -> float:
        """Area that is built on, um2."""
        return self.array_um2 + self.memory_um2

    @property
    def spare_um2(self) -> float:
        """Area that no further row or column fits in, um2."""
        return self.budget.area_um2 - self.used_um2

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as a JSON-able dict; units are in the keys."""
        return {
            "budget": str(self.budget),
            "machine": str(self.machine),
            "element_um2": self.element.area_um2,
            "element_delay_ns": self.element.delay_ns,
            "array_um2": self.array_um2,
            "memory_um2": self.memory_um2,
            "spare_um2": self.spare_um2,
            "unknown": list(self.unknown),
            "clock_limit": self.clock_limit,
        }

    def text(self) -> str:
        """Return one line for people."""
        clock = self._clock_text()
        missing = f"; not in the area: {', '.join(self.unknown)}" if self.unknown else ""
        return (
            f"{self.budget} -> {self.machine}: array {self.array_um2 / 1e6:.4g} mm2 of {self.machine.array.pes} "
            f"elements of {self.element.area_um2:.5g} um2, scratchpads {self.memory_um2 / 1e6:.4g} mm2, spare "
            f"{self.spare_um2 / 1e6:.4g} mm2; {clock}{missing}"
        )

    def _clock_text(self) -> str:
        delay = self.element.delay_ns
        if self.clock_limit == "assumed" or delay is None:
            return "clock assumed: the table knows no delay"
        if self.clock_limit == "ceiling":
            return f"clock at the ceiling (the element would do {1e3 / delay:.4g} MHz)"
        return f"clock limited by the element's {delay:.4g} ns"


def plan(budget: AreaBudget, elements: Iterable[PeSpec], table: PriceTable) -> Floorplan:
    """Return the machine that a budget gives for the processing elements that a network needs.

    The array is made of the largest of them, and runs at the clock of the slowest. With n elements in the area left by
    the scratchpads and an aspect of a:b, columns = floor(sqrt(n b / a)) and rows = floor(n / columns): no further row
    fits, and at 1:1 no further column either.

    Args:
        budget: the area, the ceiling of the clock, and the rest of the machine.
        elements: one or more.
        table: the prices.

    Raises:
        InfeasibleError: not one element fits; says by how much, and what would fit.
        CostError: the table does not know the area of an element.

    >>> from hwsim.cost import load_table
    >>> from hwsim.floorplan.budget import parse_budget
    >>> from hwsim.formats import parse
    >>> from hwsim.formats.pe_kinds import pe_for
    >>> pe = pe_for(parse("pow2<4>"), parse("int8"), parse("int24"))
    >>> found = plan(parse_budget("1mm2-ws@<=300MHz"), [pe], load_table("published45"))
    >>> found.machine.clock_mhz, found.clock_limit, 0 <= found.spare_um2 < found.machine.array.rows * 500
    (300.0, 'assumed', True)
    """
    sizes = [element_size(pe, table, budget) for pe in dict.fromkeys(elements)]
    if not sizes:
        raise CostError("a floorplan needs a processing element: the network has no matrix product")
    largest = max(sizes, key=lambda size: (size.area_um2, str(size.pe)))
    delays = [size.delay_ns for size in sizes]
    memory = memory_area_um2(budget.template.memories, table)
    count = math.floor((budget.area_um2 - memory.value) / largest.area_um2)
    if count < 1:
        raise too_small(budget, memory.value, largest.area_um2)
    rows, columns = sides(count, budget.aspect)
    clock_mhz, limit = _clock(budget.ceiling_mhz, delays)
    array_um2 = largest.area_um2 * rows * columns
    machine = budget.machine(rows, columns, clock_mhz)
    return Floorplan(budget, machine, largest, array_um2, memory.value, memory.unknown, limit)


def sides(count: int, aspect: tuple[int, int] = (1, 1)) -> tuple[int, int]:
    """Return rows and columns of at most ``count`` elements.

    >>> sides(15), sides(15, (1, 4)), sides(2)
    ((5, 3), (2, 7), (2, 1))
    """
    rows, columns = aspect
    wide = min(max(math.isqrt(count * columns // rows), 1), MAX_SIDE, count)
    return min(count // wide, MAX_SIDE), wide


def _clock(ceiling_mhz: float, delays_ns: list[float | None]) -> tuple[float, str]:
    """Return the clock and what limits it."""
    known = [delay for delay in delays_ns if delay is not None]
    if len(known) < len(delays_ns):
        return ceiling_mhz, "assumed"
    fastest = 1e3 / max(known)
    if fastest >= ceiling_mhz:
        return ceiling_mhz, "ceiling"
    stepped = math.floor(fastest / CLOCK_STEP_MHZ) * CLOCK_STEP_MHZ
    return round(stepped, 1) if stepped > 0 else fastest, "delay"
