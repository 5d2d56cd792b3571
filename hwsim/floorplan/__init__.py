"""A machine by its silicon area in place of rows and columns, and what a format gains on the same area."""

from hwsim.floorplan.budget import AreaBudget, is_budget, parse_budget, read_machine
from hwsim.floorplan.element import ElementSize, element_size
from hwsim.floorplan.infeasible import AreaError
from hwsim.floorplan.plan import Floorplan, plan, sides

__all__ = [
    "AreaBudget",
    "AreaError",
    "ElementSize",
    "Floorplan",
    "element_size",
    "is_budget",
    "parse_budget",
    "plan",
    "read_machine",
    "sides",
]
