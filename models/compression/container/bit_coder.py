"""Coders that give every symbol a whole number of bits: Huffman codes, and codes of one length."""

from __future__ import annotations

import numpy as np

from models.compression.container.bit_kernels import get, get_all, get_symbols, put, put_all, put_symbols
from models.compression.container.gaps import gap_symbols, mask_of_gaps
from models.compression.container.huffman import LONGEST, canonical_codes, check_lengths, coded_symbols, huffman_lengths
from models.compression.container.matrix import Matrix
from models.compression.container.plain_kernels import MANTISSA_BITS
from models.compression.container.stream import (
    ANY,
    DENSE,
    EMPTY,
    JOINT,
    KIND,
    LENGTH,
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
from models.compression.errors import CompressionError

GAP_BITS = (2, 3, 4, 5, 6, 7, 8)  #: masks of kind OTHERS + i are gaps with fillers of 2^GAP_BITS[i] - 1 zeros
_LARGEST_BITS = 31


class FixedWriter(Writer):
    """Symbols of ceil(log2 n) bits; see ``Writer``."""

    offers_joint = True

    def __init__(self) -> None:
        self._buffer = np.zeros(1 << 12, np.uint8)
        self._at = 0

    @property
    def position_bits(self) -> float:
        """See the base class."""
        return self._at

    def _room(self, bits: int) -> None:
        needed = (self._at + bits) // 8 + 1
        if needed > self._buffer.size:
            self._buffer = np.concatenate([self._buffer, np.zeros(2 * needed - self._buffer.size, np.uint8)])

    def even(self, value: int, width: int) -> None:
        """See the base class."""
        self._room(width)
        self._at = put(self._buffer, self._at, width, value)

    def integer(self, value: int, context: int = ANY) -> None:
        """See the base class. Elias' gamma code of value + 1."""
        width = (value + 1).bit_length()
        self.even(0, width - 1)
        self.even(value + 1, width)

    def text(self, data: bytes) -> None:
        """See the base class."""
        self._all(np.frombuffer(data, np.uint8).astype(np.int64), 8)

    def mask_kinds(self, mask: Mask) -> tuple[int, ...]:
        """See the base class."""
        if mask.all():
            return (DENSE,)
        return (PLAIN, *range(OTHERS, OTHERS + len(GAP_BITS))) if mask.any() else (EMPTY,)

    def mask(self, mask: Mask, matrix: Matrix, kind: int) -> None:
        """See the base class."""
        self.integer(kind, KIND)
        if kind == PLAIN:
            self._all(mask.ravel().astype(np.int64), 1)
        elif kind >= OTHERS:
            limit = (1 << GAP_BITS[kind - OTHERS]) - 1
            symbols = gap_symbols(mask.ravel(), limit)
            self.integer(symbols.size)
            self._symbols(symbols, limit + 1)

    def codes(self, values: Values, mask: Mask | None, matrix: Matrix, alphabet: Alphabet, kind: int) -> None:
        """See the base class. Symbols are counted from the most negative value; zero is one of them if JOINT."""
        below, above = alphabet
        own = values.ravel() if mask is None else values[mask == 1]
        symbols = own + below
        self._symbols(symbols if mask is None else symbols - (own > 0), below + above + (mask is None))

    def _symbols(self, symbols: Values, size: int) -> None:
        self._all(symbols, (size - 1).bit_length())

    def _all(self, symbols: Values, width: int) -> None:
        """Write symbols of ``width`` bits."""
        self._room(width * symbols.size)
        self._at = put_all(self._buffer, self._at, width, symbols)

    def floats(self, values: Values, mask: Mask, kept: int) -> None:
        """See the base class."""
        self._all(values[mask == 1] >> (MANTISSA_BITS - kept), 32 - MANTISSA_BITS + kept)

    def finish(self) -> bytes:
        """See the base class. The last byte is filled up with zeros."""
        self._room(8)
        put(self._buffer, self._at, -self._at % 8, 0)
        return self._buffer[: (self._at + 7) // 8].tobytes()


class HuffmanWriter(FixedWriter):
    """Symbols in Huffman codes, whose lengths come first; see ``Writer``."""

    def _symbols(self, symbols: Values, size: int) -> None:
        lengths = huffman_lengths(np.bincount(symbols, minlength=size))
        before = 0
        for length in lengths:
            # The difference to the length before, as 0, -1, 1, -2, 2 ...
            change = int(length) - before
            self.integer(2 * change if change >= 0 else -2 * change - 1, LENGTH)
            before = int(length)
        if not lengths.any() and size > 1:
            self.integer(int(symbols[0]) if symbols.size else 0)
        self._room(int(lengths[symbols].sum()))
        self._at = put_symbols(self._buffer, self._at, symbols, canonical_codes(lengths), lengths)


class FixedReader(Reader):
    """See ``Reader``."""

    def __init__(self, data: bytes) -> None:
        self._buffer = np.frombuffer(data, np.uint8).copy()
        self._at = 0

    @property
    def position_bits(self) -> float:
        """See the base class."""
        return self._at

    def _need(self, bits: int) -> None:
        left = 8 * self._buffer.size - self._at
        if bits > left:
            raise CompressionError(f"the code is too short: {bits} bits wanted at bit {self._at}, {left} left")

    def even(self, width: int) -> int:
        """See the base class."""
        self._need(width)
        self._at += width
        return int(get(self._buffer, self._at - width, width))

    def integer(self, context: int = ANY) -> int:
        """See the base class."""
        width = 0
        while not self.even(1):
            width += 1
            if width >= _LARGEST_BITS:
                raise CompressionError(f"the code has an integer of more than {_LARGEST_BITS} bits at bit {self._at}")
        return (1 << width | self.even(width)) - 1

    def text(self, count: int) -> bytes:
        """See the base class."""
        found = np.zeros(count, np.uint8)
        self._fill(found, 8)
        return found.tobytes()

    def mask(self, matrix: Matrix) -> Mask | None:
        """See the base class."""
        kind = self.integer(KIND)
        if kind == JOINT:
            return None
        if kind in (EMPTY, DENSE):
            return np.full(matrix.shape, kind == DENSE, np.uint8)
        if kind == PLAIN:
            bits = np.zeros(matrix.shape, np.uint8)
            self._fill(bits.reshape(-1), 1)
            return bits
        if kind >= OTHERS + len(GAP_BITS):
            raise CompressionError(f"a mask is of kind {kind}; the last one known is {OTHERS + len(GAP_BITS) - 1}")
        limit = (1 << GAP_BITS[kind - OTHERS]) - 1
        count = self.integer()
        if count > matrix.size:
            raise CompressionError(f"{count} gaps in a matrix of {matrix.size} values")
        flat = mask_of_gaps(self._symbols(count, limit + 1), limit, matrix.size)
        if flat is None:
            raise CompressionError(f"the gaps lead beyond the {matrix.size} values of a matrix")
        return flat.reshape(matrix.shape)

    def codes(self, mask: Mask | None, matrix: Matrix, alphabet: Alphabet) -> Ranks:
        """See the base class."""
        below, above = alphabet
        size = below + above + (mask is None)
        count = matrix.size if mask is None else int(np.count_nonzero(mask))
        own = self._symbols(count, size) if count and size else np.zeros(count, np.int32)
        own -= below
        if mask is None:
            return own.reshape(matrix.shape)
        own += own >= 0
        values = np.zeros(matrix.shape, np.int32)
        values[mask == 1] = own
        return values

    def _symbols(self, count: int, size: int) -> Ranks:
        found = np.zeros(count, np.int32)
        self._fill(found, (size - 1).bit_length())
        return found

    def _fill(self, values: Mask | Ranks | Patterns, width: int) -> None:
        """Fill ``values`` with ``width`` bits each."""
        self._need(width * values.size)
        self._at = int(get_all(self._buffer, self._at, width, values))

    def floats(self, mask: Mask, kept: int) -> Patterns:
        """See the base class."""
        dropped = MANTISSA_BITS - kept
        own = np.zeros(int(np.count_nonzero(mask)), np.uint32)
        self._fill(own, 32 - dropped)
        own <<= dropped
        values = np.zeros(mask.shape, np.uint32)
        values[mask == 1] = own
        return values


class HuffmanReader(FixedReader):
    """See ``Reader``."""

    def _symbols(self, count: int, size: int) -> Ranks:
        lengths = np.zeros(size, np.int64)
        before = 0
        for symbol in range(size):
            change = self.integer(LENGTH)
            before += change >> 1 if change % 2 == 0 else -(change >> 1) - 1
            if not 0 <= before <= LONGEST:
                raise CompressionError(f"a Huffman code of {before} bits; the bound is {LONGEST}")
            lengths[symbol] = before
        check_lengths(lengths)
        if not lengths.any():
            return np.full(count, self.integer() if size > 1 else 0, np.int32)
        per_length = np.bincount(lengths, minlength=LONGEST + 1)
        per_length[0] = 0
        starts = np.cumsum(per_length) - per_length
        found = np.zeros(count, np.int32)
        at = int(get_symbols(self._buffer, self._at, found, per_length, starts, coded_symbols(lengths)))
        if at < 0:
            raise CompressionError(f"the Huffman code of {count} symbols, from bit {self._at} on, is too short")
        self._at = at
        return found
