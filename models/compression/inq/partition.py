"""Which weights are quantised in which step of INQ (Zhou et al., ICLR 2017, sections 2.2 and 3)."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.compression.errors import CompressionError

Order = Literal["magnitude", "random"]
Mask = NDArray[np.bool_]

PORTIONS: Mapping[int, tuple[float, ...]] = MappingProxyType(
    {
        2: (0.2, 0.4, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.975, 1.0),
        3: (0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0),
        4: (0.3, 0.5, 0.8, 0.9, 0.95, 1.0),
        5: (0.5, 0.75, 0.875, 1.0),
        6: (0.5, 0.75, 0.875, 1.0),
    }
)
"""Portions of the weights that are quantised after each step, by bits: those published for ResNet-18; 6 as 5."""


def portion_faults(portions: Sequence[float]) -> list[str]:
    """Return what is wrong with accumulated portions.

    >>> portion_faults((0.5, 1.0)), portion_faults((0.5, 0.5))
    ([], ['portions are 0.5, 0.5; needed: rising, above 0, the last one 1'])
    """
    rising = all(low < high for low, high in zip((0.0, *portions), portions, strict=False))
    if portions and rising and portions[-1] == 1.0:
        return []
    return [f"portions are {', '.join(map(str, portions)) or 'none'}; needed: rising, above 0, the last one 1"]


def portion_count(portion: float, size: int) -> int:
    """Return how many of ``size`` weights a portion is: the nearest whole number, a half upwards.

    >>> portion_count(0.3, 10), portion_count(0.875, 4)
    (3, 4)
    """
    return math.floor(portion * size + 0.5)


def ranks(values: NDArray[Any], order: Order, name: str, seed: int) -> NDArray[np.float64]:
    """Return a number for each weight of a layer: the lower, the earlier it is quantised; the shape of ``values``.

    "magnitude" (pruning-inspired) is -|w|. "random" depends on the seed, the name of the tensor and its size, and on
    nothing else: neither on the other layers nor on the step.
    """
    if order == "magnitude":
        return -np.abs(np.asarray(values, dtype=np.float64))
    generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return generator.permutation(values.size).astype(np.float64).reshape(values.shape)


def grown(taken: Mask, members: Mask, rank: NDArray[np.float64], portion: float) -> Mask:
    """Return ``taken`` with the lowest ranks of the other ``members`` added until a portion of the members is taken.

    Equal ranks are taken in the order of the tensor.

    Args:
        taken: Weights that are quantised already, all of them members.
        members: Weights that are quantised at all.
        rank: As ``ranks`` returns them.
        portion: Accumulated, of the members.

    >>> rank = ranks(np.array([0.1, -0.9, 0.5, 0.0]), "magnitude", "fc.weight", seed=1)
    >>> grown(np.zeros(4, bool), np.array([True, True, True, False]), rank, 0.67).tolist()
    [False, True, True, False]

    Raises:
        CompressionError: a weight is taken and no member.
    """
    if bool((taken & ~members).any()):
        raise CompressionError(f"{int((taken & ~members).sum())} quantised weights are not among those to be quantised")
    missing = portion_count(portion, int(members.sum())) - int(taken.sum())
    free = np.flatnonzero(members & ~taken)
    chosen = free[np.argsort(rank.ravel()[free], kind="stable")[: max(missing, 0)]]
    result = taken.copy()
    result.ravel()[chosen] = True
    return result
