"""Codes of whole bits into bytes, the highest bit first, and back."""

from __future__ import annotations

import numpy as np

from hwsim.compiled import compiled
from models.compression.container.coder_kernels import Bytes, Ints, Patterns, Ranks


@compiled
def put(buffer: Bytes, at: int, width: int, value: int) -> int:
    """Write ``width`` bits at bit ``at``; return the place behind them."""
    for place in range(width - 1, -1, -1):
        bit = np.uint8((value >> place) & 1)
        shift = np.uint8(7 - (at & 7))
        buffer[at >> 3] = (buffer[at >> 3] & ~(np.uint8(1) << shift)) | (bit << shift)
        at += 1
    return at


@compiled
def put_symbols(buffer: Bytes, at: int, symbols: Ints, codes: Ints, lengths: Ints) -> int:
    """Write the code of each symbol; return the place behind them."""
    for symbol in symbols:
        at = put(buffer, at, lengths[symbol], codes[symbol])
    return at


@compiled
def put_all(buffer: Bytes, at: int, width: int, values: Ints) -> int:
    """Write ``width`` bits of each value; return the place behind them."""
    for value in values:
        at = put(buffer, at, width, value)
    return at


@compiled
def get(buffer: Bytes, at: int, width: int) -> np.int64:
    """Return ``width`` bits from bit ``at`` as a number; zeros behind the end."""
    value = np.int64(0)
    for place in range(at, at + width):
        bit = (buffer[place >> 3] >> (7 - (place & 7))) & 1 if place >> 3 < buffer.size else 0
        value = (value << 1) | np.int64(bit)
    return value


@compiled
def get_all(buffer: Bytes, at: int, width: int, values: Bytes | Ranks | Patterns) -> int:
    """Fill ``values`` with ``width`` bits each; return the place behind them."""
    for place in range(values.size):
        values[place] = get(buffer, at, width)
        at += width
    return at


@compiled
def get_symbols(buffer: Bytes, at: int, symbols: Ranks, firsts: Ints, starts: Ints, order: Ints) -> int:
    """Fill ``symbols`` from canonical codes; return the place behind them, or -1 when the data end before.

    Args:
        buffer: bytes.
        at: bit to begin at.
        symbols: filled in.
        firsts: by length, how many codes there are of it.
        starts: by length, the place in ``order`` of its first symbol.
        order: symbols in the order of their codes.
    """
    end = 8 * buffer.size
    for place in range(symbols.size):
        code, first, length = np.int64(0), 0, 0
        while True:
            if at >= end:
                return -1
            code = (code << 1) | np.int64((buffer[at >> 3] >> (7 - (at & 7))) & 1)
            at += 1
            length += 1
            first <<= 1
            if code - first < firsts[length]:
                symbols[place] = order[starts[length] + code - first]
                break
            first += firsts[length]
    return at


@compiled
def put_ones(mask: Bytes, symbols: Ranks, limit: int) -> bool:
    """Set the ones of a flat mask of zeros that gaps lead to; return whether all of them are inside."""
    at = np.int64(0)
    for symbol in symbols:
        at += symbol
        if at + (symbol < limit) > mask.size:
            return False
        if symbol < limit:
            mask[at] = 1
            at += 1
    return True
