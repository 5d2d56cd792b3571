"""Which configurations are worth having: the Pareto front, and how sure the accuracies are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwsim.errors import unknown_name
from hwsim.text import wilson_interval
from precision_search.errors import SelectionError
from precision_search.units import COSTS

if TYPE_CHECKING:
    import pandas as pd


def check_cost(cost: str) -> None:
    """Raise SelectionError unless ``cost`` is a column that a frontier can be drawn against."""
    if cost not in COSTS:
        raise SelectionError(unknown_name("cost", cost, COSTS))


def on_front(cost: ArrayLike, gain: ArrayLike) -> NDArray[np.bool_]:
    """Return which points no other point dominates, in O(n log n).

    A point is dominated if another costs no more and gains no less, and is strictly better in one of the two.
    Points equal in both are therefore on the front together or not at all. NaN is never on the front.

    >>> on_front([1, 2, 2, 3], [0.5, 0.9, 0.9, 0.8]).tolist()
    [True, True, True, False]
    """
    costs, gains = np.asarray(cost, dtype=np.float64), np.asarray(gain, dtype=np.float64)
    front = np.zeros(costs.shape, dtype=bool)
    usable = np.flatnonzero(~(np.isnan(costs) | np.isnan(gains)))
    order = usable[np.lexsort((-gains[usable], costs[usable]))]
    best, best_cost = -math.inf, math.inf
    for index in order:
        if gains[index] > best:
            best, best_cost = gains[index], costs[index]
            front[index] = True
        elif gains[index] == best and costs[index] == best_cost:
            front[index] = True
    return front


def wilson(correct: ArrayLike, total: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the ends of the 95 % Wilson score interval of each rate; see ``hwsim.text.wilson_interval``.

    >>> low, high = wilson([95], [100])
    >>> round(float(low[0]), 4), round(float(high[0]), 4)
    (0.8882, 0.9785)
    """
    with np.errstate(invalid="ignore"):  # configurations without numbers have NaN for both
        low, high = np.vectorize(wilson_interval, otypes=[float, float])(correct, total)
    return low, high


def pareto_front(frame: pd.DataFrame, cost: str = "power_w", gain: str = "accuracy") -> pd.DataFrame:
    """Return the rows of ``frame`` that no other row dominates, cheapest first.

    Rows whose status is not ``ok`` take no part. Ties are defined in ``on_front``; equal rows keep their order.
    """
    check_cost(cost)
    usable = frame[frame["status"] == "ok"]
    front = usable[on_front(usable[cost].to_numpy(float), usable[gain].to_numpy(float))]
    return front.sort_values([cost, gain], kind="stable").reset_index(drop=True)


def importance(front: pd.DataFrame) -> list[int]:
    """Return the rows' numbers, the most telling first: the most accurate, the cheapest within a point of it, the rest.

    Among the rest, those of 50 % or more come first, and of these the ones that gain most over their neighbour.
    """
    accuracy = front["accuracy"].to_numpy(float)
    steps = np.diff(accuracy, prepend=0.0)
    last = len(accuracy) - 1
    near_top = np.flatnonzero(accuracy >= accuracy[-1] - 0.01)
    first = dict.fromkeys([last, int(near_top[0])])
    rest = sorted(range(len(accuracy)), key=lambda index: (accuracy[index] < 0.5, -steps[index], index))
    return list(dict.fromkeys([*first, *rest]))
