"""Slow and obvious twins of the quantisers, written from their definitions."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


def entropy(symbols: Any) -> float:
    counts = Counter(int(s) for s in symbols)
    total = sum(counts.values())
    return math.fsum(float(Fraction(n, total)) * math.log2(Fraction(total, n)) for n in counts.values())


def weighted_mean(values: Any, weights: Any) -> float:
    h = [Fraction(float(x)) for x in weights]
    w = [Fraction(float(x)) for x in values]
    if sum(h) == 0:
        return float(sum(w) / len(w))
    return float(sum(a * b for a, b in zip(h, w, strict=True)) / sum(h))


def cost(values: Float64, weights: Float64, assignment: Any) -> float:
    """Sum of h (w - c)^2 with c the weighted mean of each cluster."""
    total = 0.0
    for cluster in np.unique(assignment):
        w, h = values[assignment == cluster], weights[assignment == cluster]
        total += float((h * (w - weighted_mean(w, h)) ** 2).sum())
    return total


def best_cost(values: Float64, weights: Float64, clusters: int) -> float:
    """Least cost of all ways to cut the sorted values into at most ``clusters`` intervals."""
    order = np.argsort(values, kind="stable")
    w, h = values[order], weights[order]
    best = math.inf
    for count in range(1, min(clusters, w.size) + 1):
        for cuts in itertools.combinations(range(1, w.size), count - 1):
            labels = np.searchsorted(np.array(cuts), np.arange(w.size), side="right")
            best = min(best, cost(w, h, labels))
    return best


def best_cost_of_all(values: Float64, weights: Float64, clusters: int) -> float:
    """Least cost of all assignments, intervals or not."""
    return min(
        cost(values, weights, np.array(labels)) for labels in itertools.product(range(clusters), repeat=values.size)
    )


def cheapest(values: Float64, weights: Float64, centres: Float64, prices: Float64) -> NDArray[np.int64]:
    return np.argmin(weights[:, None] * (values[:, None] - centres) ** 2 + prices, axis=1)


def values_and_weights(
    least: int = 1, most: int = 60, zero_weights: bool = True
) -> st.SearchStrategy[tuple[Float64, Float64]]:
    number = st.floats(-10, 10, width=32)
    weight = st.floats(0 if zero_weights else 0.0625, 100, width=32)
    pairs = st.lists(st.tuples(number, weight), min_size=least, max_size=most)
    return pairs.map(lambda found: (np.array([w for w, _ in found]), np.array([h for _, h in found])))
