"""The arithmetic coder: adaptive probabilities, nothing about them in the file."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.compression.container.coder_kernels import (
    AT,
    FAULT,
    LIMIT,
    OVERRUN,
    RANGE,
    SHIFTS,
    SLOT_BITS,
    STATE_SIZE,
    WAITING,
    code_even,
    finish,
    start,
)
from models.compression.container.mask_kernels import code_live, code_mask
from models.compression.container.matrix import Matrix
from models.compression.container.plain_kernels import code_floats, code_text
from models.compression.container.rank_kernels import GOLOMB_SLOTS, MOST_STEPS, code_golomb, code_ranks
from models.compression.container.sign_kernels import code_signs
from models.compression.container.stream import (
    ANY,
    CONTEXTS,
    DENSE,
    EMPTY,
    KIND,
    OTHERS,
    PLAIN,
    Alphabet,
    Mask,
    Patterns,
    Ranks,
    Reader,
    Values,
    Writer,
)
from models.compression.container.tables import tables
from models.compression.errors import CompressionError

LINES = OTHERS  #: a mask that says first which rows and columns have nonzeros
STEPS = (MOST_STEPS, 3, 0)  #: unary decisions of a rank, the number is a place in this list
_BYTES_A_BIT = 2  # at most, with shares of 1/65536


class _Stream:
    """State, buffer and the slots of integers."""

    def __init__(self, buffer: NDArray[np.uint8], limit: int) -> None:
        self.state = np.zeros(STATE_SIZE, np.int64)
        self.state[LIMIT] = limit
        self.buffer = buffer
        self.chances = np.full((CONTEXTS, GOLOMB_SLOTS), 1 << (SLOT_BITS - 1), np.int64)
        self.counts = np.zeros((CONTEXTS, GOLOMB_SLOTS), np.int64)
        self.squash, self.stretch = tables().squash, tables().stretch
        start(self.state, self.buffer)

    @property
    def position_bits(self) -> float:
        """Bits so far: bytes moved out, and how far the range has narrowed since."""
        return 8 * int(self.state[SHIFTS]) + 32 - math.log2(int(self.state[RANGE]))

    def coded(self, kernel: Any, *arguments: Any) -> Any:
        """Call a kernel on the stream."""
        return kernel(self.state, self.buffer, *arguments)

    def mixed(self, kernel: Any, *arguments: Any) -> Any:
        """Call a kernel that mixes."""
        return kernel(self.state, self.buffer, self.squash, self.stretch, *arguments)


class ArithmeticWriter(_Stream, Writer):
    """See ``Writer``."""

    code_kinds = tuple(range(len(STEPS)))

    def __init__(self) -> None:
        super().__init__(np.zeros(1 << 12, np.uint8), -1)

    def _room(self, bits: int) -> None:
        needed = int(self.state[AT] + self.state[WAITING]) + _BYTES_A_BIT * bits + 64
        if needed > self.buffer.size:
            larger = np.zeros(2 * needed, np.uint8)
            larger[: self.buffer.size] = self.buffer
            self.buffer = larger

    def integer(self, value: int, context: int = ANY) -> None:
        """See the base class."""
        self._room(64)
        self.coded(code_golomb, self.chances[context], self.counts[context], value)

    def even(self, value: int, width: int) -> None:
        """See the base class."""
        self._room(width)
        self.coded(code_even, width, value)

    def text(self, data: bytes) -> None:
        """See the base class."""
        self._room(8 * len(data))
        self.mixed(code_text, np.frombuffer(data, np.uint8).copy())

    def mask_kinds(self, mask: Mask) -> tuple[int, ...]:
        """See the base class."""
        if mask.all():
            return (DENSE,)
        return (PLAIN, LINES) if mask.any() else (EMPTY,)

    def mask(self, mask: Mask, matrix: Matrix, kind: int) -> None:
        """See the base class."""
        self.integer(kind, KIND)
        if kind not in (PLAIN, LINES):
            return
        self._room(mask.size + sum(mask.shape))
        live = [np.ones(size, np.uint8) for size in mask.shape]
        if kind == LINES:
            live = [np.asarray(mask.any(axis=axis), np.uint8) for axis in (1, 0)]
            for lines in live:
                self.coded(code_live, lines)
        self.mixed(code_mask, mask, matrix.area, matrix.width, *live, 0)

    def codes(self, values: Values, mask: Mask | None, matrix: Matrix, alphabet: Alphabet, kind: int) -> None:
        """See the base class."""
        self.even(kind, 2)
        signs, ranks = np.sign(values).astype(np.int8), np.abs(values)
        present = ranks[ranks > 0]
        golomb = 2 * np.log2(present + 1).astype(np.int64) + 3
        self._room(int((np.minimum(present, STEPS[kind]) + golomb).sum()) + 2 * present.size)
        self.mixed(code_signs, mask, signs, matrix.area, matrix.width)
        self.mixed(code_ranks, signs, ranks.astype(np.int32), matrix.area, matrix.width, STEPS[kind])

    def floats(self, values: Values, mask: Mask, kept: int) -> None:
        """See the base class."""
        self._room(32 * int(mask.sum()))
        self.coded(code_floats, mask, values.astype(np.uint32), kept)

    def finish(self) -> bytes:
        """See the base class."""
        self._room(64)
        return self.buffer[: int(self.coded(finish))].tobytes()


class ArithmeticReader(_Stream, Reader):
    """See ``Reader``."""

    def __init__(self, data: bytes) -> None:
        super().__init__(np.frombuffer(data, np.uint8).copy(), len(data))

    def _check(self) -> None:
        if self.state[FAULT]:
            what = "is too short" if self.state[FAULT] == OVERRUN else "has an integer of more than 31 bits"
            raise CompressionError(f"the arithmetic code {what}, at byte {int(self.state[AT])} of {self.buffer.size}")

    def integer(self, context: int = ANY) -> int:
        """See the base class."""
        value = int(self.coded(code_golomb, self.chances[context], self.counts[context], 0))
        self._check()
        return value

    def even(self, width: int) -> int:
        """See the base class."""
        value = int(self.coded(code_even, width, 0))
        self._check()
        return value

    def text(self, count: int) -> bytes:
        """See the base class."""
        found = np.zeros(count, np.uint8)
        self.mixed(code_text, found)
        self._check()
        return found.tobytes()

    def mask(self, matrix: Matrix) -> Mask:
        """See the base class."""
        kind = self.integer(KIND)
        if kind not in (EMPTY, DENSE, PLAIN, LINES):
            raise CompressionError(f"a mask of the arithmetic code is of kind {kind}, which is not known")
        mask = np.full(matrix.shape, kind == DENSE, np.uint8)
        if kind in (PLAIN, LINES):
            live = [np.ones(size, np.uint8) for size in matrix.shape]
            for lines in live if kind == LINES else ():
                self.coded(code_live, lines)
            self.mixed(code_mask, mask, matrix.area, matrix.width, *live, 0)
            self._check()
        return mask

    def codes(self, mask: Mask | None, matrix: Matrix, alphabet: Alphabet) -> Ranks:
        """See the base class."""
        kind = self.even(2)
        if kind >= len(STEPS):
            raise CompressionError(f"codes are of kind {kind}; the last one known is {len(STEPS) - 1}")
        signs, ranks = np.zeros(matrix.shape, np.int8), np.zeros(matrix.shape, np.int32)
        self.mixed(code_signs, mask, signs, matrix.area, matrix.width)
        self._check()
        self.mixed(code_ranks, signs, ranks, matrix.area, matrix.width, STEPS[kind])
        self._check()
        ranks *= signs
        return ranks

    def floats(self, mask: Mask, kept: int) -> Patterns:
        """See the base class."""
        values = np.zeros(mask.shape, np.uint32)
        self.coded(code_floats, mask, values, kept)
        self._check()
        return values
