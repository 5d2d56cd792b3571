"""How fast does iterative ECSQ converge, and what does it cost?

The objective after each pass for several multipliers, and passes and processor time against the number of weights and
of starting cells, on the weights of a trained network with the exact diagonal as importance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.compression.hessian import Diagonal, diagonal_of, importance
from models.compression.hessian.importance import FLOOR
from models.compression.quantize import Clusters, ecsq, uniform
from models.compression.quantize.uniform import cell_width
from models.compression.studies.cases import case
from models.compression.studies.tables import fingerprint, write_rows
from models.compression.studies.writing import COLOURS, MARKERS, save_figure, write_provenance
from models.compression.weights import flat_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Float64 = NDArray[np.float64]

NETWORK = "lenet5"
SAMPLES = 300
MULTIPLIERS = (0.0001, 0.001, 0.01, 0.1)  #: as shares of the mean of h w²
SIZES = (1000, 3000, 10_000, 30_000, 100_000, 430_500)
CELLS = (16, 64, 256, 1024)
_MIDDLE = (0.001, 256)  #: multiplier and cells where the other is varied
_PASSES = 300


@dataclass(frozen=True)
class Step:
    """A pass: the objective D + λ H as a share of the last one's, the mean of h d² as a share of that of h w²."""

    multiplier: float
    number: int
    objective: float
    distortion: float
    entropy_bits: float
    clusters: int


@dataclass(frozen=True)
class Cost:
    """A whole run: what it started from, and what it took on one processor."""

    weights: int
    cells: int
    multiplier: float
    passes: int
    passes_to_percent: int
    rises: int
    clusters: int
    entropy_bits: float
    objective: float
    processor_s: float


def run(folder: Path, root: Path | None, report: Callable[[str], None]) -> None:
    """Write ``passes.csv``, ``cost.csv``, a figure and where they come from into ``folder``."""
    network, train = (asked := case(NETWORK, root)).network, asked.train
    values = flat_weights(network)
    weights = importance(network, diagonal_of(network, train, Diagonal(samples=SAMPLES)))
    order = np.random.default_rng(1).permutation(values.size)
    values, weights = values[order], weights[order] / weights.mean()
    steps: list[Step] = []
    costs: list[Cost] = []
    runs = [(100_000, _MIDDLE[1], multiplier) for multiplier in MULTIPLIERS]
    runs += [(size, _MIDDLE[1], _MIDDLE[0]) for size in SIZES if size != 100_000]
    runs += [(100_000, cells, _MIDDLE[0]) for cells in CELLS if cells != _MIDDLE[1]]
    measured(values[:1000], weights[:1000], 16, 0.01)  # compiles
    for size, cells, multiplier in runs:
        found, cost = measured(values[:size], weights[:size], cells, multiplier)
        costs.append(cost)
        report(f"{cost}")
        if cells == _MIDDLE[1] and size == 100_000:
            steps += traced(found, multiplier, float(np.mean(weights[:size] * values[:size] ** 2)))
    settings = fingerprint(network, train, SAMPLES, FLOOR, runs, _PASSES)
    write_rows(folder / "passes.csv", steps, settings)
    write_rows(folder / "cost.csv", costs, settings)
    save_figure(folder / "ecsq-convergence", lambda axes: draw(axes, steps, costs), panels=2)
    write_provenance(folder, facts={"network": NETWORK, "samples": SAMPLES, "floor": FLOOR})


def measured(values: Float64, weights: Float64, cells: int, multiplier: float) -> tuple[Clusters, Cost]:
    """Return a run to convergence and what it took; ``multiplier`` is a share of the mean of h w²."""
    power = float(np.mean(weights * values**2))
    start = uniform(values, cell_width(values, cells), weights)
    begun = process_time()
    found = ecsq(values, multiplier * power, weights, start, passes=_PASSES)
    seconds = process_time() - begun
    objectives = np.array([step.objective for step in found.trace])
    near = int(np.argmax(objectives <= 1.01 * objectives[-1])) + 1
    rises = int((np.diff(objectives) > 1e-12 * objectives[:-1]).sum())
    sizes = (found.centres.size, found.entropy_bits, float(objectives[-1]) / power)
    return found, Cost(values.size, cells, multiplier, objectives.size, near, rises, *sizes, seconds)


def traced(found: Clusters, multiplier: float, power: float) -> list[Step]:
    """Return the passes of a run."""
    last = found.trace[-1].objective
    return [
        Step(multiplier, i, s.objective / last, s.distortion / power, s.entropy_bits, s.clusters)
        for i, s in enumerate(found.trace, start=1)
    ]


def draw(axes: Sequence[Axes], steps: Sequence[Step], costs: Sequence[Cost]) -> None:
    """Draw the objective over the passes, and the time of a run against the number of weights."""
    left, right = axes
    for place, multiplier in enumerate(MULTIPLIERS):
        own = [step for step in steps if step.multiplier == multiplier]
        label = f"λ = {multiplier:g} of mean h w²"
        excess = [max(step.objective - 1, 1e-7) for step in own[:-1]]
        left.plot(range(1, len(own)), excess, color=COLOURS[place], linewidth=1.3, label=label)
    left.set(xscale="log", yscale="log", xlabel="pass", ylabel="objective above its last value, share")
    left.legend()
    sizes = sorted((c for c in costs if (c.multiplier, c.cells) == _MIDDLE), key=lambda c: c.weights)
    cells = sorted((c for c in costs if (c.weights, c.multiplier) == (100_000, _MIDDLE[0])), key=lambda c: c.cells)
    each: Any = {"markersize": 5, "linewidth": 1.2}
    for place, (chosen, label, across) in enumerate(
        ((sizes, "N weights, 256 cells", "weights"), (cells, "100,000 weights, k cells", "cells"))
    ):
        right.plot(
            [getattr(cost, across) for cost in chosen],
            [cost.processor_s / cost.passes for cost in chosen],
            MARKERS[place] + "-", color=COLOURS[place], label=label, **each,
        )  # fmt: skip
    right.set(xscale="log", yscale="log", xlabel="N or k", ylabel="processor time of a pass, s")
    right.legend()
