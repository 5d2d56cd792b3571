"""Two networks on the same images: how many answers were lost, how many won, and whether chance explains it."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

from numpy.typing import NDArray

from models.compression.errors import CompressionError


@dataclass(frozen=True)
class Paired:
    """A comparison on the same images.

    Attributes:
        lost: Images that the reference gets right and the other does not.
        won: Images that the other gets right and the reference does not.
    """

    lost: int
    won: int

    @property
    def p_value(self) -> float:
        """Probability of so unequal a split of the images that differ, or a more unequal one, by fair coins.

        Source: McNemar's test in its exact, two-sided form (binomial with one half); McNemar, Psychometrika 12, 1947.

        >>> Paired(0, 0).p_value, Paired(lost=5, won=0).p_value, Paired(lost=3, won=3).p_value
        (1.0, 0.0625, 1.0)
        """
        differing = self.lost + self.won
        tail = sum(comb(differing, count) for count in range(min(self.lost, self.won) + 1))
        return min(1.0, float(2 * tail / 2**differing))


def paired(reference: NDArray[Any], other: NDArray[Any]) -> Paired:
    """Compare which images two networks get right, bool (images,).

    >>> import numpy as np
    >>> paired(np.array([True, True, False]), np.array([False, True, True]))
    Paired(lost=1, won=1)

    Raises:
        CompressionError: the numbers of images differ.
    """
    if reference.shape != other.shape:
        raise CompressionError(
            f"{reference.size} and {other.size} images cannot be paired: run both networks on the same images"
        )
    return Paired(int((reference & ~other).sum()), int((~reference & other).sum()))
