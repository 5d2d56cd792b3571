"""What elements of the array are fed while real layers run: operand codes in the order of each dataflow.

    ws   an element holds w[k,n] while a[m,k] and the sum before tap k pass, m = 0, 1, 2, ...; then another weight
    os   an element keeps a sum while a[m,k] and w[k,n] pass, k = 0, 1, 2, ...; then another output

Activations and weights are those of the network in its formats; sums are in units of the product's smallest step, so
that the element is one that a table has a row for. Biases are left out: an element of the table starts at zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.array.parts import Dataflow
from hwsim.rtl.cases import LayerCase
from hwsim.synth.codes import codes_of, values_of
from hwsim.synth.oracle import Oracle
from hwsim.synth.point import Point
from hwsim.synth.streams import Stream

Codes = NDArray[np.int64]
PASSES = 8  #: elements that a stream of one layer is taken from, under ws


def layer_stream(point: Point, case: LayerCase, flow: Dataflow, cycles: int, seed: int) -> Stream:
    """Return what elements of kind ``point`` see while the first group of a layer runs.

    Args:
        point: the element.
        case: the layer, with at least ``cycles`` multiply-accumulates.
        flow: weight or output stationary.
        cycles: multiply-accumulates.
        seed: which elements are looked at.
    """
    rng = np.random.default_rng([seed, *case.name.encode(), *flow.value.encode()])
    acts, weights = case.codes.acts[0], case.codes.weights[0]
    draw = _resting if flow is Dataflow.OUTPUT_STATIONARY else _held
    return draw(point, acts, weights, cycles, rng)


def _held(point: Point, acts: Codes, weights: Codes, cycles: int, rng: np.random.Generator) -> Stream:
    """Elements (k, n) drawn at random, each for a part of its stream."""
    (length, taps), filters = acts.shape, weights.shape[1]
    run = max(1, min(length, -(-cycles // PASSES)))
    parts: list[Codes] = []
    for _ in range(-(-cycles // run)):
        tap, column, start = (int(rng.integers(end)) for end in (taps, filters, length - run + 1))
        seen = acts[start : start + run]
        sums = _sums(point, seen[:, :tap], weights[:tap, column])
        parts.append(np.stack([seen[:, tap], np.full(run, weights[tap, column]), sums]))
    act, weight, total = np.concatenate(parts, axis=1)[:, :cycles]
    return Stream(act, weight, total, Oracle(point).each(act, weight, total), np.arange(cycles) == 0)


def _sums(point: Point, acts: Codes, weights: Codes) -> Codes:
    """Return the codes of the partial sums over the taps before."""
    exact = values_of(acts, point.acts) @ values_of(weights, point.weights) if weights.size else np.zeros(len(acts))
    return codes_of(exact, point.acc)


def _resting(point: Point, acts: Codes, weights: Codes, cycles: int, rng: np.random.Generator) -> Stream:
    """Outputs (m, n) drawn at random, each over all its taps."""
    (length, taps), filters = acts.shape, weights.shape[1]
    count = -(-cycles // taps)
    act = acts[rng.integers(length, size=count)].reshape(-1)[:cycles]
    weight = weights[:, rng.integers(filters, size=count)].T.reshape(-1)[:cycles]
    start = np.arange(cycles) % taps == 0
    out = Oracle(point).accumulate(act, weight, start)
    before = np.concatenate([np.zeros(1, dtype=np.int64), out[:-1]])
    return Stream(act, weight, np.where(start, 0, before), out, start)
