"""A machine by its silicon area: how many elements fit, and how fast they run, follows from the formats."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace

from hwsim.array.machine import Machine, parse_machine
from hwsim.array.parts import PeArray
from hwsim.errors import MachineError, all_faults

OWN_OPTIONS = "aspect=ROWS:COLUMNS, tight"
GRAMMAR = (
    "AREAmm2-DATAFLOW[@<=CLOCK][,OPTION...] with DATAFLOW ws, os or is; CLOCK such as 500MHz; OPTION "
    f"{OWN_OPTIONS}, or any of a machine. Example: 2mm2-ws@<=500MHz,ifmap=32KiB"
)
LARGEST_MM2 = 10_000.0  #: ten times a reticle
LARGEST_ASPECT = 64
_BUDGET = re.compile(
    r"(?P<area>\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*mm2-(?P<flow>[a-z]+)(?:@<=(?P<clock>[^,]+))?(?P<options>(?:,[^,]+)*)",
    re.I,
)
_ASPECT = re.compile(r"aspect=(?P<rows>\d{1,4}):(?P<columns>\d{1,4})")


@dataclass(frozen=True)
class AreaBudget:
    """So much silicon, and what is to be made of it.

    Attributes:
        area_mm2: for the array and its scratchpads.
        template: everything about the machine but rows, columns and clock; its clock is the ceiling.
        aspect: rows to columns that the array should come near to; 1:1 unless said otherwise.
        tight: the clock follows the delay of elements that were synthesised for speed, where a table knows it.

    >>> str(parse_budget("2.0mm2-WS@<=0.5GHz,aspect=1:1"))
    '2mm2-ws@<=500MHz'
    """

    area_mm2: float
    template: Machine
    aspect: tuple[int, int] = (1, 1)
    tight: bool = False
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        faults = []
        if not 0 < self.area_mm2 <= LARGEST_MM2:
            faults.append(f"the area is {self.area_mm2:g} mm2: give more than 0 and at most {LARGEST_MM2:g} mm2")
        if not all(1 <= side <= LARGEST_ASPECT for side in self.aspect):
            faults.append(f"aspect={self.aspect[0]}:{self.aspect[1]}: give whole numbers from 1 to {LARGEST_ASPECT}")
        if faults:
            raise MachineError(all_faults(f"area budget {self.name!r}", faults))

    @property
    def area_um2(self) -> float:
        """The budget in um2."""
        return self.area_mm2 * 1e6

    @property
    def ceiling_mhz(self) -> float:
        """The clock that is not exceeded, MHz."""
        return self.template.clock_mhz

    def machine(self, rows: int, columns: int, clock_mhz: float) -> Machine:
        """Return the machine of this size and clock."""
        array = PeArray(rows, columns, self.template.array.dataflow)
        built = replace(self.template, array=array, clock_mhz=clock_mhz)
        return replace(built, name=str(built))

    def __str__(self) -> str:
        """Return the shortest text that describes the budget; the ceiling is always in it."""
        bare = str(replace(self.template, array=replace(self.template.array, rows=1, columns=1)))
        _, *options = bare.split(",")
        aspect = [] if self.aspect == (1, 1) else [f"aspect={self.aspect[0]}:{self.aspect[1]}"]
        base = f"{_number(self.area_mm2)}mm2-{self.template.array.dataflow.value}@<={_number(self.ceiling_mhz)}MHz"
        return ",".join([base, *aspect, *(["tight"] if self.tight else []), *options])


def is_budget(text: str) -> bool:
    """Return whether ``text`` is meant as an area budget and not as rows and columns.

    >>> is_budget("2mm2-ws"), is_budget("16x16-ws")
    (True, False)
    """
    return re.match(r"\s*[0-9.e+-]*\s*mm", text, re.I) is not None


def parse_budget(text: str) -> AreaBudget:
    """Return the budget that ``text`` describes.

    Raises:
        MachineError: lists every part of ``text`` that cannot be read.

    >>> parse_budget("2mm2-os@<=800MHz,aspect=2:1,lanes=32").machine(8, 4, 500.0).vector_lanes
    32
    """
    match = _BUDGET.fullmatch(text.strip())
    if match is None:
        raise MachineError(f"area budget {text!r} cannot be read: write {GRAMMAR}")
    options = [option.strip() for option in match["options"].split(",")[1:]]
    aspects = [found for option in options if (found := _ASPECT.fullmatch(option))]
    rest = [option for option in options if option != "tight" and not _ASPECT.fullmatch(option)]
    if len(aspects) > 1 or options.count("tight") > 1:
        raise MachineError(f"area budget {text!r}: aspect or tight is given twice: keep one")
    clock = f"@{match['clock']}" if match["clock"] else ""
    try:
        template = parse_machine(",".join([f"1x1-{match['flow']}{clock}", *rest]))
    except MachineError as error:
        raise MachineError(f"area budget {text!r}: {error}; of an area also {OWN_OPTIONS}") from error
    aspect = _least_terms(int(aspects[0]["rows"]), int(aspects[0]["columns"])) if aspects else (1, 1)
    budget = AreaBudget(float(match["area"]), template, aspect, "tight" in options, text)
    return replace(budget, name=str(budget))


def read_machine(text: str) -> Machine | AreaBudget:
    """Return the machine or the area budget that ``text`` describes. Raises MachineError."""
    return parse_budget(text) if is_budget(text) else parse_machine(text)


def _least_terms(rows: int, columns: int) -> tuple[int, int]:
    common = math.gcd(rows, columns) or 1
    return rows // common, columns // common


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
