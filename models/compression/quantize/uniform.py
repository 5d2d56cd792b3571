"""Uniform quantisation: cells of one width, each represented by the mean of its members.

It is optimal for entropy coding at high rates, whatever the density. Source: Gish & Pierce, "Asymptotically efficient
quantizing", IEEE Trans. Inf. Theory 14 (1968); paper, section on ECSQ by uniform quantisation.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from hwsim.errors import all_faults, unknown_name
from models.compression.errors import CompressionError
from models.compression.quantize.clusters import Clusters, checked, tidied, weighted_means

CENTRES = ("mean", "grid")


def uniform(
    values: ArrayLike,
    step: float,
    weights: ArrayLike | None = None,
    offset: float = 0.0,
    dead_zone: float = 0.0,
    centres: str = "mean",
) -> Clusters:
    """Return the cells of width ``step`` that hold values.

    Args:
        values: Shape (N,).
        step: Width of a cell, in the unit of the values.
        weights: Importance h of each value; with ``centres="mean"`` a centre is sum h w / sum h of its members.
        offset: Thresholds are at (n + offset) step, 0 to 1: 0 keeps the signs apart, 0.5 centres a cell on zero.
        dead_zone: Values nearer to zero than ``dead_zone * step`` become exactly 0.
        centres: ``"mean"`` as published, or ``"grid"``: the middle of the cell, so that a code is an integer and no
            table is needed.

    Raises:
        CompressionError: an argument out of bounds; all are named.

    >>> uniform([0.1, 0.3, 0.6, -0.2], 0.5).centres.round(3).tolist()
    [-0.2, 0.2, 0.6]
    >>> uniform([0.1, 0.3, 0.6, -0.2], 0.5, offset=0.5, centres="grid").centres.tolist()
    [0.0, 0.5]
    """
    w, h = checked(values, weights)
    _check(step, offset, dead_zone, centres)
    live = np.abs(w) >= dead_zone * step
    numbers, cells = np.unique(np.floor(w[live] / step - offset), return_inverse=True)
    middles = (numbers + offset + 0.5) * step
    found = middles if centres == "grid" else weighted_means(w[live], h[live], cells, numbers.size)
    assignment = np.full(w.size, numbers.size)
    assignment[live] = cells
    return tidied(np.append(found, 0.0), assignment)


def cell_width(values: ArrayLike, cells: int) -> float:
    """Return the width of ``cells`` equal cells from the least to the greatest value.

    >>> cell_width([-1.0, 0.0, 3.0], 8)
    0.5

    Raises:
        CompressionError: fewer than 1 cell.
    """
    if cells < 1:
        raise CompressionError(f"{cells} cells; needed: at least 1")
    w = np.asarray(values, dtype=np.float64)
    # Equal values need one cell of any width.
    return (float(np.ptp(w)) or max(abs(float(w.flat[0])), 1.0)) / cells


def _check(step: float, offset: float, dead_zone: float, centres: str) -> None:
    faults = []
    if not 0 < step < math.inf:
        faults.append(f"step is {step}; needed: above 0, in the unit of the values")
    if not 0 <= offset <= 1:
        faults.append(f"offset is {offset}; needed: 0 to 1 steps")
    if not 0 <= dead_zone < math.inf:
        faults.append(f"dead_zone is {dead_zone}; needed: at least 0, in steps")
    if centres not in CENTRES:
        faults.append(unknown_name("kind of centres", centres, CENTRES))
    if faults:
        raise CompressionError(all_faults("uniform quantisation", faults))
