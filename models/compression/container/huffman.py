"""Huffman codes in canonical form: the lengths alone say what the codes are."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from models.compression.errors import CompressionError

LONGEST = 62  #: bits of a code; 2^43 symbols are needed to get there

Counts = NDArray[np.int64]


def huffman_lengths(counts: Counts) -> NDArray[np.int64]:
    """Return the length of the code of each symbol, in bits, such that all symbols together take the fewest.

    A symbol that never occurs has length 0 and no code; one that is alone has length 0 too, and needs no bits.
    Two queues, one of symbols by count and one of what has been merged (van Leeuwen 1976); of equal counts a symbol
    goes first, which keeps the longest code short.

    Args:
        counts: How often each symbol occurs.

    >>> huffman_lengths(np.array([5, 1, 1, 0, 2])).tolist()
    [1, 3, 3, 0, 2]
    """
    lengths = np.zeros(counts.size, np.int64)
    present = np.flatnonzero(counts)
    order = present[np.argsort(counts[present], kind="stable")]
    leaves = deque((int(counts[symbol]), place) for place, symbol in enumerate(order))
    merged: deque[tuple[int, int]] = deque()
    parents = np.zeros(max(1, 2 * order.size - 1), np.int64)
    for node in range(order.size, 2 * order.size - 1):
        total = 0
        for _ in range(2):
            from_leaves = bool(leaves) and (not merged or leaves[0][0] <= merged[0][0])
            count, child = (leaves if from_leaves else merged).popleft()
            parents[child] = node
            total += count
        merged.append((total, node))
    depths = np.zeros(parents.size, np.int64)
    for node in range(2 * order.size - 3, -1, -1):
        depths[node] = depths[parents[node]] + 1
    lengths[order] = depths[: order.size]
    return lengths


def canonical_codes(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the codes: counted up from 0, shorter ones first, equally long ones in the order of their symbols.

    >>> [format(code, f"0{length}b") for code, length in zip(canonical_codes(np.array([1, 3, 3, 2])), [1, 3, 3, 2])]
    ['0', '110', '111', '10']
    """
    codes = np.zeros(lengths.size, np.int64)
    code, before = 0, 0
    for symbol in coded_symbols(lengths):
        code <<= int(lengths[symbol]) - before
        before = int(lengths[symbol])
        codes[symbol] = code
        code += 1
    return codes


def coded_symbols(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the symbols that have a code, in the order of the codes."""
    order = np.argsort(lengths, kind="stable")
    return order[lengths[order] > 0].astype(np.int64)


def check_lengths(lengths: NDArray[np.int64]) -> None:
    """Raise CompressionError when ``lengths`` are not those of a complete prefix code (Kraft's sum is not 1).

    >>> check_lengths(np.array([1, 2, 2]))
    """
    own = [int(length) for length in lengths if length]
    if own and (max(own) > LONGEST or sum(1 << (LONGEST - length) for length in own) != 1 << LONGEST):
        raise CompressionError(f"{len(own)} code lengths make no complete prefix code: Kraft's sum is not 1")
