"""A machine by its silicon area in place of rows and columns, and what a format gains on the same area."""

from hwsim.floorplan.budget import AreaBudget, is_budget, parse_budget, read_machine
from hwsim.floorplan.element import ElementSize, element_size
from hwsim.floorplan.plan import Floorplan, plan, sides
from hwsim.floorplan.study import FixedArea, fixed_area, fixed_area_speedup, mac_area_um2

__all__ = [
    "AreaBudget",
    "ElementSize",
    "FixedArea",
    "Floorplan",
    "element_size",
    "fixed_area",
    "fixed_area_speedup",
    "is_budget",
    "mac_area_um2",
    "parse_budget",
    "plan",
    "read_machine",
    "sides",
]
