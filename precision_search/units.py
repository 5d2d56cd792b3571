"""The costs a frontier can be drawn against, and the units that people read them in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Units = tuple[tuple[float, str], ...]  #: (size of the unit in the column's own unit, its name), largest first

#: Column of a result -> what it is, and the units it may be shown in.
COSTS: Mapping[str, tuple[str, Units]] = MappingProxyType(
    {
        "power_w": ("average power", ((1.0, "W"), (1e-3, "mW"), (1e-6, "µW"), (1e-9, "nW"))),
        "energy_pj": ("energy per inference", ((1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"))),
        "runtime_s": ("time per inference", ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))),
        "area_um2": ("area", ((1e6, "mm²"),)),
        "cycles": ("clock cycles per inference", ((1e6, "million"), (1e3, "thousand"), (1.0, ""))),
        "weight_bits": ("storage of all weights", ((8e6, "MB"), (8e3, "kB"), (8.0, "bytes"))),
    }
)


def readable_unit(cost: str, values: NDArray[np.float64]) -> tuple[float, str]:
    """Return the largest unit that keeps the median of ``values`` at 1 or more, as (size, "quantity (unit)").

    >>> readable_unit("power_w", np.array([0.002, 0.004]))
    (0.001, 'average power (mW)')
    """
    name, units = COSTS[cost]
    positive = values[values > 0]
    middle = float(np.median(positive)) if positive.size else 1.0
    size, unit = next((pair for pair in units if middle >= pair[0]), units[-1])
    return size, f"{name} ({unit})" if unit else name
