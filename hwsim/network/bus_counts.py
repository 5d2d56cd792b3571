"""What the buses of the array see while a layer runs: toggles of the real operands, in the order of each dataflow.

A sample of a layer's work is looked at: a few images, runs of neighbouring output positions and filters, and runs of
neighbouring taps k. Everything is decided by the shapes, so the same images give the same numbers whatever the batch.
Operands are the codes on the wires; partial sums are what the accumulator holds before tap k, rounded as it rounds.

    ws   a processing element holds w[k,n]; a[m,k] and the sum before tap k pass for m = 0, 1, 2, ...
    is   it holds a[m,k]; w[k,n] and the sum before tap k pass for n = 0, 1, 2, ...
    os   it holds the sum of (m,n); a[m,k] and w[k,n] pass for k = 0, 1, 2, ...
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.codes import codes_of
from hwsim.arith.dot_formats import DotFormats
from hwsim.arith.params import any_params
from hwsim.arith.quantize import quantize
from hwsim.formats.base import Overflow
from hwsim.formats.grid import FixedGrid, FloatGrid
from hwsim.network.activity import BUSES, FLOWS, ActivityCounts, Key, Tally
from hwsim.network.activity_kernels import changes_along, changes_apart, running_sums

Values = NDArray[Any]
Codes = NDArray[np.int64]
_AXES = {"ws": 2, "os": 0, "is": 1}  #: of [k, n, p, image], along which the stream of a dataflow runs
RUN = 8  #: neighbours that are looked at together
TAP_RUNS, POSITION_RUNS, FILTER_RUNS, GROUPS = 4, 2, 1, 2


def sample_images(total: int, wanted: int) -> tuple[int, ...]:
    """Return which of ``total`` images are looked at: ``wanted`` of them, evenly spread.

    >>> sample_images(100, 4)
    (12, 37, 62, 87)
    """
    count = min(wanted, total)
    return tuple((2 * place + 1) * total // (2 * count) for place in range(count))


def runs_of(extent: int, runs: int) -> tuple[NDArray[np.int64], int]:
    """Return places along an axis in runs of neighbours, evenly spread, and how many runs there are.

    >>> runs_of(40, 2)[0].tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 32, 33, 34, 35, 36, 37, 38, 39]
    """
    length = min(RUN, extent)
    count = max(1, min(runs, extent // length))
    starts = np.linspace(0, extent - length, count).astype(np.int64)
    return (starts[:, None] + np.arange(length)).reshape(-1), count


@dataclass(frozen=True)
class Operands:
    """The operands of one group of a layer that are looked at.

    Attributes:
        acts: [K, positions, images].
        weights: [filters, K].
        bias: [filters], where the sums start.
        act_codes: codes of ``acts``.
        position_runs, filter_runs: runs along these axes.
        positions, filters: of the whole layer.
    """

    acts: Values
    weights: Values
    bias: Values
    act_codes: Codes
    position_runs: int
    filter_runs: int
    positions: int
    filters: int


def count_activity(operands: Operands, formats: DotFormats) -> ActivityCounts:
    """Return what the buses of one group see."""
    taps, tap_runs = runs_of(operands.acts.shape[0], TAP_RUNS)
    sums = codes_of(partial_sums(operands, formats, taps), formats.acc)  # [k, n, p, image]
    acts = np.broadcast_to(operands.act_codes[taps][:, None], sums.shape)
    weights = codes_of(operands.weights, formats.weights, block_axis=1).T[taps][:, :, None, None]
    weights = np.broadcast_to(weights, sums.shape)
    zero_acts, zero_weights = operands.acts[taps] == 0, operands.weights[:, taps] == 0
    taken = ~(zero_acts[:, None] | zero_weights.T[:, :, None, None])
    runs = {"ws": operands.position_runs, "os": tap_runs, "is": operands.filter_runs}
    words, within = (acts, weights, sums, taken), dict[Key, Tally]()
    for flow in FLOWS:
        within |= _tallies(flow, _within(words, _AXES[flow], runs[flow]))
    apart = _apart(words)
    between = {key: value for flow in FLOWS for key, value in _tallies(flow, apart).items()}
    return ActivityCounts(
        within,
        between,
        (int(zero_acts.sum()), zero_acts.size, int(zero_weights.sum()), zero_weights.size),
        {"ws": operands.positions, "os": operands.acts.shape[0], "is": operands.filters},
        operands.acts.shape[-1],
    )


_Words = tuple[Codes, Codes, Codes, NDArray[np.bool_]]


def _tallies(flow: str, counts: NDArray[np.int64]) -> dict[Key, Tally]:
    """Return [bus, taken or not, (bits, pairs)] by name."""
    return {
        (flow, bus, bool(held)): Tally(int(counts[place, held, 0]), int(counts[place, held, 1]))
        for place, bus in enumerate(BUSES)
        for held in (0, 1)
    }


def _within(words: _Words, axis: int, runs: int) -> NDArray[np.int64]:
    length = words[0].shape[axis]
    found = np.zeros((len(BUSES), 2, 2), dtype=np.int64)
    lanes = [np.ascontiguousarray(np.moveaxis(own, axis, 0)).reshape(length, -1) for own in words]
    changes_along(*lanes, length // runs, found)
    return found


def _apart(words: _Words) -> NDArray[np.int64]:
    """Changes between words half a list apart, a list for each image, so that images add up in any grouping.

    They stand for a word and the one that follows it where the stream of another tile begins.
    """
    found = np.zeros((2, len(BUSES), 2), dtype=np.int64)
    for image in range(words[0].shape[-1]):
        *buses, taken = (np.ascontiguousarray(own[..., image]).reshape(-1) for own in words)
        changes_apart(*buses, found[0])
        changes_apart(*(own[taken] for own in buses), found[1])
    return np.moveaxis(found, 0, 1)


def partial_sums(operands: Operands, formats: DotFormats, taps: NDArray[np.int64]) -> Values:
    """Return what the accumulators hold before each of ``taps`` [taps, filters, positions, images]."""
    products = operands.acts.astype(np.float64)[:, None] * operands.weights.T.astype(np.float64)[:, :, None, None]
    if formats.product is not None:
        products = quantize(products, formats.product).astype(np.float64)
    start = np.broadcast_to(operands.bias.astype(np.float64)[:, None, None], products.shape[1:])
    grid = formats.acc.grid()
    assert isinstance(grid, FixedGrid | FloatGrid), "sums are added in fixed or floating point"
    if isinstance(grid, FixedGrid) and grid.overflow is Overflow.WRAP:
        return _wrapped_sums(products, start, formats, taps)
    out = np.empty((len(taps), *start.shape))
    lanes = products.reshape(len(products), -1)
    running_sums(lanes, start.reshape(-1), any_params(grid), taps, out.reshape(len(taps), -1))
    return out


def _wrapped_sums(products: Values, start: Values, formats: DotFormats, taps: NDArray[np.int64]) -> Values:
    wanted = {int(tap): place for place, tap in enumerate(taps)}
    found, total = np.empty((len(taps), *start.shape)), start
    for tap in range(int(taps.max()) + 1):
        if tap in wanted:
            found[wanted[tap]] = total
        total = quantize(total + products[tap], formats.acc).astype(np.float64)
    return found
