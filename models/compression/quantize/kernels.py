"""Compiled loops of the quantisers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.compiled import compiled

Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]


@compiled
def assign_by_cost(values: Float64, weights: Float64, centres: Float64, prices: Float64, chosen: Int32) -> None:
    """Write into ``chosen`` the j that minimises h (w - c_j)^2 + price_j for each value; the lowest of equals.

    The search walks outwards from the value and stops where the distance alone costs too much: the result is that of
    trying every centre. ``centres`` ascend.
    """
    least = prices.min()
    for i in range(values.size):
        w, h = values[i], weights[i]
        middle = np.searchsorted(centres, w)
        best, at = np.inf, 0
        for j in range(middle - 1, -1, -1):
            error = h * (w - centres[j]) ** 2
            if error + least > best:
                break
            if error + prices[j] <= best:
                best, at = error + prices[j], j
        for j in range(middle, centres.size):
            error = h * (w - centres[j]) ** 2
            if error + least > best:
                break
            if error + prices[j] < best:
                best, at = error + prices[j], j
        chosen[i] = at


@compiled
def _interval_cost(mass: Float64, first: Float64, second: Float64, start: int, end: int) -> float:
    """Return the least sum of h (w - c)^2 over values start..end-1, from prefix sums of h, h w and h w^2."""
    weight = mass[end] - mass[start]
    if weight <= 0:
        return 0.0
    moment = first[end] - first[start]
    cost: float = max(second[end] - second[start] - moment * moment / weight, 0.0)
    return cost


@compiled
def optimal_bounds(mass: Float64, first: Float64, second: Float64, clusters: int) -> NDArray[np.int64]:
    """Return the bounds, shape (clusters + 1,), of the intervals of sorted values with the least total cost.

    Dynamic programming over prefixes; the best cut of a longer prefix never lies left of that of a shorter one, so
    halving finds all cuts of one row in N log N. Source: Grønlund et al., "Fast exact k-means, k-medians and Bregman
    divergence clustering in 1D", arXiv:1701.07204.
    """
    n = mass.size - 1
    cost = np.empty(n + 1)
    cuts = np.zeros((clusters, n + 1), np.int32)
    for end in range(n + 1):
        cost[end] = _interval_cost(mass, first, second, 0, end)
    stack = np.empty((64, 4), np.int64)
    for row in range(1, clusters):
        following = np.full(n + 1, np.inf)
        depth = 1
        stack[0] = row + 1, n, row, n - 1
        while depth > 0:
            depth -= 1
            low, high, left, right = stack[depth]
            if low > high:
                continue
            end = (low + high) // 2
            best, at = np.inf, left
            for cut in range(left, min(right, end - 1) + 1):
                total = cost[cut] + _interval_cost(mass, first, second, cut, end)
                if total < best:
                    best, at = total, cut
            following[end], cuts[row, end] = best, at
            stack[depth] = low, end - 1, left, at
            stack[depth + 1] = end + 1, high, at, right
            depth += 2
        cost = following
    bounds = np.empty(clusters + 1, np.int64)
    bounds[clusters] = n
    for row in range(clusters - 1, -1, -1):
        bounds[row] = cuts[row, bounds[row + 1]]
    return bounds
