"""Many machines and formats at once, with the numbers of the scalar path. Names are imported on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.lazy import lazy_names

if TYPE_CHECKING:
    from hwsim.sweep.evaluate import Outcome
    from hwsim.sweep.faults import SweepError
    from hwsim.sweep.quick import QuickCost
    from hwsim.sweep.run import Sweep, SweepRow, run_sweep

_HOMES = {
    "Outcome": "hwsim.sweep.evaluate",
    "QuickCost": "hwsim.sweep.quick",
    "Sweep": "hwsim.sweep.run",
    "SweepError": "hwsim.sweep.faults",
    "SweepRow": "hwsim.sweep.run",
    "run_sweep": "hwsim.sweep.run",
}

__all__ = ["Outcome", "QuickCost", "Sweep", "SweepError", "SweepRow", "run_sweep"]

__getattr__ = lazy_names(__name__, _HOMES)
