"""Biases on a grid: in a file of a small network they would else take as much room as all weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Network
from models.compression.errors import CompressionError
from models.compression.step import Step, Work, recorded
from models.compression.weights import with_tensors

FEWEST_BITS, MOST_BITS = 2, 16


@dataclass(frozen=True)
class QuantizeBiases(Step):
    """Round every bias to a multiple of a power of two of its layer; no training.

    The step of a layer is the smallest power of two with which its largest bias is at most 2^(bits - 1) - 1 steps, so
    no bias moves by more than half a step, which is below max |bias| / (2^(bits - 1) - 1). Weights stay as they are.

    Attributes:
        bits: Of a bias, its sign included: 2 to 16.

    >>> step = QuantizeBiases(bits=4)
    >>> quantized_bias(np.array([0.7, -0.31, 0.02], np.float32), step.bits)[0].tolist()
    [0.75, -0.25, 0.0]
    """

    method: ClassVar[str] = "quantize-biases"
    restricts = "biases"

    bits: int = 8

    def __post_init__(self) -> None:
        if type(self.bits) is not int or not FEWEST_BITS <= self.bits <= MOST_BITS:
            raise CompressionError(
                f"quantize-biases: bits is {self.bits!r}; it must be an integer from {FEWEST_BITS} to {MOST_BITS}"
            )

    def apply(self, network: Network, work: Work) -> Network:
        """See the base class. The card gets the step of each layer and the largest error."""
        changed, steps, largest = {}, {}, 0.0
        for name, tensor in network.tensors.items():
            if tensor.ndim == 1 and name.endswith(".bias"):
                changed[name], steps[name] = quantized_bias(tensor, self.bits)
                error = np.abs(changed[name].astype(np.float64) - tensor).max(initial=0.0)
                largest = max(largest, float(error))
        work.report(f"biases of {len(changed)} layers in {self.bits} bits: none moved by more than {largest:.3g}")
        return recorded(with_tensors(network, changed), self, {"steps": steps, "largest_error": largest})


def quantized_bias(bias: NDArray[Any], bits: int) -> tuple[NDArray[np.float32], float]:
    """Return the bias rounded to multiples of a power of two, ties to even, and the step; see ``QuantizeBiases``.

    A bias of zeros has step 1. Steps are at least 2^-126, so that they are ordinary float32 numbers.
    """
    values = np.asarray(bias, np.float64)
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0.0:
        return np.zeros(values.shape, np.float32), 1.0
    most = (1 << (bits - 1)) - 1
    exponent = max(-126, math.frexp(largest / most)[1] - 1)
    while np.rint(largest / 2.0**exponent) > most:
        exponent += 1
    step = 2.0**exponent
    # Adding +0 turns -0, which files would have to keep, into +0.
    return (np.rint(values / step) * step + 0.0).astype(np.float32), step
