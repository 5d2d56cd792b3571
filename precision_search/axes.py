"""The two axes of a frontier figure: cost in readable units, accuracy with room where it matters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from precision_search.units import readable_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TICKS = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 1.0)


@dataclass(frozen=True)
class CostAxis:
    """The horizontal axis: logarithmic, in the largest unit that keeps the median at 1 or more."""

    label: str
    factor: float
    low: float
    high: float

    def scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``values`` in the axis' unit."""
        return values / self.factor

    def apply(self, axes: Axes) -> None:
        """Set scale, limits and ticks."""
        from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

        axes.set_xscale("log")
        axes.set_xlim(self.low, self.high)
        axes.xaxis.set_major_locator(FixedLocator(ticks(self.low, self.high)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())


def cost_axis(cost: str, values: NDArray[np.float64]) -> CostAxis:
    """Return the axis for a column of ``COSTS``; the values must be positive.

    >>> cost_axis("power_w", np.array([0.002, 0.004])).label
    'average power (mW)'
    """
    factor, label = readable_unit(cost, values)
    positive = values[values > 0]
    low, high = (float(positive.min()), float(positive.max())) if positive.size else (1.0, 1.0)
    margin = max((high / low) ** 0.045, 1.02)
    return CostAxis(label, factor, low / margin / factor, high * margin / factor)


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers between ``low`` and ``high``, four to ten of them where the range allows.

    >>> ticks(0.9, 60)
    [1.0, 3.0, 10.0, 30.0]
    """
    ladders: Sequence[Sequence[float]] = (
        (1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9),
        tuple(round(1 + 0.1 * step, 1) for step in range(90)), tuple(round(1 + 0.02 * step, 2) for step in range(450)),
    )  # fmt: skip
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for ladder in ladders:
        found = [float(f"{step}e{decade}") for decade in decades for step in ladder]
        found = [value for value in found if low <= value <= high]
        if len(found) >= 4:
            break
    return found if len(found) <= 12 else found[:: math.ceil(len(found) / 8)]


@dataclass(frozen=True)
class ErrorScale:
    """The vertical axis: accuracy, spread out logarithmically in the errors left, so that 98 and 99 % differ.

    Attributes:
        images: how many were classified; half an image keeps 100 % on the paper.
    """

    images: int

    def place(self, accuracy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the height of an accuracy: decades of remaining error.

        >>> ErrorScale(10**9).place(np.array([0.9, 0.99, 0.999])).round(3).tolist()
        [1.0, 2.0, 3.0]
        """
        height: NDArray[np.float64] = -np.log10(1.0 - accuracy + 0.5 / self.images)
        return height

    def apply(self, axes: Axes, lowest: float, highest: float) -> None:
        """Set limits and ticks for accuracies from ``lowest`` to ``highest``."""
        low, high = (float(self.place(np.array(value))) for value in (lowest, highest))
        margin = 0.04 * (high - low) + 0.01
        shown = [tick for tick in _TICKS if low - margin <= float(self.place(np.array(tick))) <= high + margin]
        axes.set_ylim(low - margin, high + margin)
        axes.set_yticks(self.place(np.array(shown)).tolist(), labels=[percent(tick) for tick in shown])


def percent(rate: float) -> str:
    """Return a rate as per cent without needless zeros.

    >>> percent(0.995), percent(0.9)
    ('99.5 %', '90 %')
    """
    return f"{100 * rate:.4g} %"
