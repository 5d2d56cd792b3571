"""Area and leakage of arrays of one kind of element beside scratchpads: ``hwsim.silicon`` at any size."""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import dataclass

from hwsim.array import Machine
from hwsim.cost import PriceTable, Usage, array_area_um2, leakage_energy_pj, leakage_w, memory_area_um2
from hwsim.cost.silicon import PartlyKnown
from hwsim.formats.pe import PeSpec
from hwsim.silicon import largest_element


@dataclass(frozen=True)
class Silicon:
    """What does not depend on the number of elements.

    Attributes:
        element_um2: area of one element; None where it is not known.
        memory_um2: area of the scratchpads that are known.
        element_w: static power of the parts of one element.
        memory_w: static power of the scratchpads that are known.
    """

    element_um2: float | None
    memory_um2: float
    element_w: tuple[float, ...]
    memory_w: tuple[float, ...]

    def leakage_pj_per_s(self, count: int) -> float:
        """Return the leakage of ``count`` elements and the scratchpads in a second, pJ."""
        known = math.fsum([*(value * count for value in self.element_w), *self.memory_w])
        return leakage_energy_pj(PartlyKnown(known, (), ()), 1.0)

    def area_um2(self, count: int) -> float:
        """Return the area of ``count`` elements and the scratchpads, as far as it is known."""
        array = 0.0 if self.element_um2 is None else self.element_um2 * count
        return array + self.memory_um2


def silicon_of(elements: Set[PeSpec], machine: Machine, table: PriceTable) -> Silicon:
    """Return the silicon of a machine of any size whose layers need ``elements``."""
    if not elements:
        return Silicon(None, 0.0, (), ())
    usage = Usage.of(machine.array.dataflow, machine.zero_gating, None, machine.second_register)
    largest = largest_element(elements, table, usage)
    one = leakage_w(largest, 1, 1, machine.memories, table, usage)
    return Silicon(
        array_area_um2(largest, 1, 1, table, usage),
        memory_area_um2(machine.memories, table).value,
        tuple(value for name, value in one.parts if name not in machine.memories),
        tuple(value for name, value in one.parts if name in machine.memories),
    )
