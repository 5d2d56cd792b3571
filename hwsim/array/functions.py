"""What the vector unit does for softmax, layer normalisation, GELU and the pointwise part of an LSTM.

Functions are polynomials, so that additions, multiplications and comparisons are all there is to count. Source of the
polynomials of exp, GELU and of the iterations of the square root: Kim et al., "I-BERT: Integer-only BERT
Quantization", ICML 2021, arXiv 2101.01321, sections 3.3 to 3.6. A row is kept in the unit between its passes
(assumed): every element is read and written once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

from hwsim.array.vector import Residence, VectorWork


@dataclass(frozen=True)
class Steps:
    """Operations of the vector unit for one element, or for one row of elements.

    >>> Steps(compares=1) + 2 * Steps(adds=1, multiplies=3)
    Steps(compares=1, adds=2, multiplies=6)
    """

    compares: int = 0
    adds: int = 0
    multiplies: int = 0

    def __add__(self, other: Steps) -> Steps:
        return Steps(self.compares + other.compares, self.adds + other.adds, self.multiplies + other.multiplies)

    def __rmul__(self, times: int) -> Steps:
        return Steps(times * self.compares, times * self.adds, times * self.multiplies)


EXP = Steps(adds=3, multiplies=3)  #: x = p - z ln 2 (two products, one sum), then (p + b)^2 + c, then a shift by z
GELU = Steps(compares=1, adds=3, multiplies=2)  #: clip, (q + b)^2 + c, then x (1 + erf)
SIGMOID = Steps(compares=1, adds=2, multiplies=2)  #: clip, then degree two in the segment, also for tanh (assumed)
RECIPROCAL = 3 * Steps(adds=1, multiplies=2)  #: three Newton steps r (2 - d r) (assumed)
ROOT = 4 * Steps(adds=1, multiplies=3)  #: at most four iterations, here of 1 / sqrt(d): r (3 - d r r) / 2

#: largest, minus the largest, exp, sum, times 1 / sum
SOFTMAX_ELEMENT = Steps(compares=1, adds=2, multiplies=1) + EXP
#: sum, minus the mean, square, sum of squares; times 1 / deviation, times gamma, plus beta
NORM_ELEMENT = Steps(adds=4, multiplies=3)
NORM_ROW = Steps(multiplies=2) + ROOT
#: four sums of gates; three sigmoids and two tanh; f c + i g, o tanh(c)
LSTM_ELEMENT = Steps(adds=4) + 5 * SIGMOID + Steps(adds=1, multiplies=3)


def pointwise(
    layer: str, *, inputs: int, outputs: int, steps: Steps, bits: tuple[int, int, int], **where: Unpack[Residence]
) -> VectorWork:
    """Return work that reads ``inputs`` elements, writes ``outputs`` and takes ``steps`` in all.

    ``bits`` are those of an input, of an operation and of an output.

    >>> pointwise("gelu", inputs=10, outputs=10, steps=10 * GELU, bits=(8, 16, 8)).operations
    60
    """
    counts = steps.compares, steps.adds, steps.multiplies
    return VectorWork(layer, inputs, inputs, outputs, *counts, *bits, **where)


def softmax_steps(elements: int, rows: int) -> Steps:
    """Return the operations of ``rows`` softmaxes over ``elements`` elements in all."""
    return elements * SOFTMAX_ELEMENT + rows * RECIPROCAL


def norm_steps(elements: int, rows: int) -> Steps:
    """Return the operations of normalising ``rows`` rows of ``elements`` elements in all."""
    return elements * NORM_ELEMENT + rows * NORM_ROW
