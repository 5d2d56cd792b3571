"""An area that nothing fits in: by how much it is too small, and what would do."""

from __future__ import annotations

import math

from hwsim.array.shortfall import InfeasibleError, Shortfall
from hwsim.floorplan.budget import AreaBudget


def too_small(budget: AreaBudget, memory_um2: float, element_um2: float) -> InfeasibleError:
    """Return the error for a budget that does not hold the scratchpads and one element.

    >>> from hwsim.floorplan.budget import parse_budget
    >>> print(too_small(parse_budget("1mm2-ws"), 2e6, 1e3).shortfalls[0].remedy)
    give at least 2.002 mm2, or smaller scratchpads (ifmap=, filter=, ofmap=)
    """
    needed = (memory_um2 + element_um2) / 1e6
    digits = 3 - math.floor(math.log10(needed))
    enough = math.floor(needed * 10**digits + 1) / 10**digits  # rounded up, so that it does fit
    smaller = ", or smaller scratchpads (ifmap=, filter=, ofmap=)" if memory_um2 else ""
    what = (
        f"what is smallest, scratchpads of {memory_um2 / 1e6:.4g} mm2 and one element of {element_um2 / 1e6:.4g} mm2,"
    )
    shortfall = Shortfall(what, needed, budget.area_mm2, "mm2", f"give at least {enough:g} mm2{smaller}")
    return InfeasibleError(f"area budget {str(budget)!r}", [shortfall])
