"""What every coder offers: values in, bits out, and the same values back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.compression.container.matrix import Matrix

Mask = NDArray[np.uint8]
Values = NDArray[np.int64]  #: of a matrix: 0, or rank + 1 of a value above zero, or the negative of that below
Ranks = NDArray[np.int32]  #: the same, as readers find them
Patterns = NDArray[np.uint32]  #: bit patterns of float32 that readers find
Alphabet = tuple[int, int]  #: how many values there are below zero, and above
Option = TypeVar("Option")

CONTEXTS = 8
ANY, FORM, COUNT, FIRST, DELTA, LENGTH, KIND = range(7)  #: contexts of integers
EMPTY, DENSE, PLAIN, JOINT, OTHERS = range(5)  #: kinds of masks: nothing, everything, bit by bit, with the values, more


class Writer(ABC):
    """Writes values one after another.

    Attributes:
        offers_joint: Whether zero can be one of the codes, so that no mask is needed.
        code_kinds: Ways to write codes.
    """

    offers_joint: ClassVar[bool] = False
    code_kinds: ClassVar[tuple[int, ...]] = (0,)

    @property
    @abstractmethod
    def position_bits(self) -> float:
        """Bits so far, with fractions: a difference is what the values between cost."""

    @abstractmethod
    def integer(self, value: int, context: int = ANY) -> None:
        """Write an integer from 0 to 2^31 - 2, small ones shorter."""

    @abstractmethod
    def even(self, value: int, width: int) -> None:
        """Write ``width`` bits that may be anything."""

    @abstractmethod
    def text(self, data: bytes) -> None:
        """Write bytes, whose number the reader knows."""

    @abstractmethod
    def mask_kinds(self, mask: Mask) -> tuple[int, ...]:
        """Return the ways to write ``mask`` that may pay, JOINT not among them."""

    @abstractmethod
    def mask(self, mask: Mask, matrix: Matrix, kind: int) -> None:
        """Write which values of a matrix are not zero."""

    @abstractmethod
    def codes(self, values: Values, mask: Mask | None, matrix: Matrix, alphabet: Alphabet, kind: int) -> None:
        """Write the values where ``mask`` is 1; without a mask (JOINT) all, the zeros too."""

    @abstractmethod
    def floats(self, values: Values, mask: Mask, kept: int) -> None:
        """Write float32 bit patterns where ``mask`` is 1, with ``kept`` bits of their mantissas."""

    @abstractmethod
    def finish(self) -> bytes:
        """Return the stream."""


class Reader(ABC):
    """Reads what a ``Writer`` of the same coder wrote; each method raises CompressionError behind the end."""

    @property
    @abstractmethod
    def position_bits(self) -> float:
        """Bits so far."""

    @abstractmethod
    def integer(self, context: int = ANY) -> int:
        """Return an integer."""

    @abstractmethod
    def even(self, width: int) -> int:
        """Return ``width`` bits."""

    @abstractmethod
    def text(self, count: int) -> bytes:
        """Return ``count`` bytes."""

    @abstractmethod
    def mask(self, matrix: Matrix) -> Mask | None:
        """Return which values are not zero; None where the values say it themselves."""

    @abstractmethod
    def codes(self, mask: Mask | None, matrix: Matrix, alphabet: Alphabet) -> Ranks:
        """Return the values; they may lie outside of ``alphabet``."""

    @abstractmethod
    def floats(self, mask: Mask, kept: int) -> Patterns:
        """Return float32 bit patterns; 0 where ``mask`` is 0."""


def cheapest(
    new: Callable[[], Writer], options: Iterable[Option], write: Callable[[Writer, Option], None]
) -> tuple[Option, float]:
    """Return the option that ``write`` needs the fewest bits for in a new stream, and the bits; the first of equals."""
    costs = []
    for option in options:
        writer = new()
        write(writer, option)
        costs.append((option, writer.position_bits))
    return min(costs, key=lambda cost: cost[1])
