"""An area that nothing fits in: by how much it is too small, and what would do."""

from __future__ import annotations

from hwsim.errors import MachineError
from hwsim.floorplan.budget import AreaBudget


class AreaError(MachineError):
    """The budget is smaller than the scratchpads and one element.

    Attributes:
        demand_mm2: the smallest area that fits.
        bound_mm2: the budget.
    """

    def __init__(self, budget: AreaBudget, memory_um2: float, element_um2: float) -> None:
        self.demand_mm2 = (memory_um2 + element_um2) / 1e6
        self.bound_mm2 = budget.area_mm2
        gap = self.demand_mm2 - self.bound_mm2
        smaller = "" if memory_um2 < budget.area_um2 else " or take smaller scratchpads (ifmap=, filter=, ofmap=)"
        super().__init__(
            f"area budget {str(budget)!r}: the scratchpads take {memory_um2 / 1e6:.4g} mm2 and one element "
            f"{element_um2 / 1e6:.4g} mm2, {gap:.4g} mm2 more than there is: give at least "
            f"{self.demand_mm2:.4g} mm2{smaller}"
        )
