"""The two functions of logistic mixing, as tables of integers that are the same on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cache

import numpy as np
from numpy.typing import NDArray

LARGEST_LOGIT = 3072  #: logits are in steps of 1/256, so this is ln(p / (1 - p)) = 12
_STEPS = 256


@dataclass(frozen=True)
class Tables:
    """Both directions between logits and probabilities; probabilities are in steps of 1/65536.

    Attributes:
        squash: int64, shape (6145,): the probability of logit x is ``squash[x + 3072]``, from 1 to 65535.
        stretch: int64, shape (65536,): the smallest logit whose probability is at least p.
    """

    squash: NDArray[np.int64]
    stretch: NDArray[np.int64]


@cache
def tables() -> Tables:
    """Return squash(x) = 65536 / (1 + exp(-x / 256)), rounded to nearest even, and its inverse.

    ``decimal`` rounds its exponential correctly, so the tables do not depend on a library for floats.

    >>> found = tables()
    >>> [int(found.squash[3072 + x]) for x in (-3072, 0, 256)], int(found.stretch[32768])
    ([1, 32768, 47911], 0)
    """
    with localcontext() as context:
        context.prec = 40
        upper = [_squash(logit) for logit in range(LARGEST_LOGIT + 1)]
    squash = np.array([65536 - value for value in upper[:0:-1]] + upper, np.int64)
    stretch = np.searchsorted(squash, np.arange(65536)).astype(np.int64) - LARGEST_LOGIT
    for table in (squash, stretch):
        table.flags.writeable = False
    return Tables(squash, stretch)


def _squash(logit: int) -> int:
    share = Decimal(65536) / (1 + (Decimal(-logit) / _STEPS).exp())
    return min(65535, int(share.to_integral_value()))
