"""Pricing ResNet-50 from its shapes: one point at a time, one kept ready, and many at once.

    python tests/benchmarks/bench_cost.py

Prints a table and judges nothing. Every way gives the same numbers, which is checked first. The last column divides by
the sum of the first million whole numbers in Python, so that a busy or slow machine shows.
"""

from __future__ import annotations

import process  # noqa: F401  isort: skip  before numpy

from collections.abc import Callable

from rates import Call, heading, least, options

from hwsim.array import parse_machine
from hwsim.cost import load_table
from hwsim.costing import assumed_numerics
from hwsim.hardware import run_hardware
from hwsim.network import fold_shapes
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.sweep import QuickCost, run_sweep
from hwsim.sweep.run import outcome_of
from hwsim.text import text_table
from models import SHAPES
from precision_search.expand import expand
from precision_search.presets import preset

POW2 = LayerFormats.of("pow2<4>", "int8", "int24")
MOST_MS, LEAST_PER_S = 5.0, 2000.0


def formats_of(name: str) -> list[LayerFormats]:
    """Return the formats of a preset of the explorer."""
    choices = [choice for grid in preset(name) for choice in grid.choices()]
    return [LayerFormats.of(choice.weights, choice.acts, choice.acc, choice.product) for choice in choices]


def machines_of(pattern: str, quick: bool) -> list[str]:
    """Return every machine that ``pattern`` stands for; the first three if ``quick``."""
    found = list(expand(pattern))
    return found[:3] if quick else found


class Cases:
    """ResNet-50, ready to be priced in each way."""

    def __init__(self, quick: bool) -> None:
        self.network = fold_shapes(SHAPES["resnet50"]())
        self.table = load_table("published45")
        self.machine = parse_machine("32x32-ws")
        self.layers = assumed_numerics(self.network, Assignment(POW2))
        self.ready = QuickCost(self.network, self.table)
        self.formats = formats_of("hill340")[:: 100 if quick else 1]
        self.sizes = machines_of("{8..64..4}x{8..64..4}-{ws,os,is}", quick)
        self.limited = [f"{size},double,dram=12.8GB/s" for size in self.sizes]
        self.areas = machines_of("{1,2,4}mm2-{ws,os}", quick)
        result = run_hardware(self.network, self.layers, self.machine, self.table, 1)
        assert self.ready(self.machine, POW2) == outcome_of(result), "the ways differ"

    def rows(self) -> list[tuple[str, int, Call, str]]:
        """Return (name, points, call, goal) of each way."""
        few = [f"{side}x{side}-os" for side in (8, 16, 32)]
        return [
            ("run_hardware, layer by layer", 1, self._scalar, f"< {MOST_MS:g} ms"),
            ("QuickCost, one machine after another", 1, lambda: self.ready(self.machine, POW2), f"< {MOST_MS:g} ms"),
            self._many("machines in one format", self.sizes, [POW2]),
            self._many("machines with 12.8 GB/s of DRAM", self.limited, [POW2]),
            self._many("machines in 20 formats", self.sizes[:50], formats_of("pow2")),
            self._many("machines in the 340 formats", few, self.formats),
            self._many("areas in the 340 formats", self.areas, self.formats),
        ]

    def _scalar(self) -> object:
        return run_hardware(self.network, self.layers, self.machine, self.table, 1)

    def _many(self, what: str, machines: list[str], formats: list[LayerFormats]) -> tuple[str, int, Call, str]:
        def call() -> object:
            return run_sweep(self.network, formats, machines, [self.table])

        return f"{len(machines)} {what}", len(machines) * len(formats), call, f"> {LEAST_PER_S:,.0f} /s"


def yardstick() -> float:
    """Return the seconds of the sum of a million whole numbers."""
    call: Callable[[], object] = lambda: sum(range(1_000_000))  # noqa: E731
    return least(call, 0.2)


def main() -> None:
    """Print the table."""
    chosen = options(__doc__)
    cases = Cases(chosen.quick)
    rows, first = [], 0.0
    for name, points, call, goal in cases.rows():
        each = least(call, 0.01 if chosen.quick else 1.0) / points
        first = first or each
        rows.append([name, points, f"{each * 1e3:.3f}", f"{1 / each:,.0f}", f"{first / each:.1f}", goal,
                     f"{each / yardstick():.3f}"])  # fmt: skip
    print(heading())
    header = ["ResNet-50 priced", "points", "ms each", "points/s", "times the first", "goal", "of a million sums"]
    print(text_table(header, rows))


if __name__ == "__main__":
    main()
