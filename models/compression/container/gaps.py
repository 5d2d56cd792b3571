"""A mask as gaps between its ones (Han, Mao and Dally, "Deep Compression", ICLR 2016).

A symbol below ``limit`` is that many zeros and a one; the symbol ``limit`` is that many zeros and no one yet. In the
paper such a filler is one zero longer and carries a weight of zero, which costs a code too: see ``paper_ratio``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.compression.container.bit_kernels import put_ones

Symbols = NDArray[np.int64]


def gap_symbols(flat: NDArray[np.uint8], limit: int) -> Symbols:
    """Return the symbols of a mask up to its last one.

    Args:
        flat: Zeros and ones.
        limit: Zeros of the filler, at least 1.

    >>> gap_symbols(np.array([1, 0, 0, 0, 0, 1, 0], np.uint8), 3).tolist()
    [0, 3, 1]
    """
    places = np.flatnonzero(flat)
    gaps = np.diff(places, prepend=-1) - 1
    ends = np.cumsum(gaps // limit + 1)
    symbols = np.full(int(ends[-1]) if ends.size else 0, limit, np.int64)
    symbols[ends - 1] = gaps % limit
    return symbols


def mask_of_gaps(symbols: NDArray[np.signedinteger], limit: int, size: int) -> NDArray[np.uint8] | None:
    """Return the mask of ``size`` values, or None when the gaps lead beyond it.

    >>> mask_of_gaps(np.array([0, 3, 1]), 3, 7).tolist()
    [1, 0, 0, 0, 0, 1, 0]
    """
    mask = np.zeros(size, np.uint8)
    return mask if put_ones(mask, symbols, limit) else None
