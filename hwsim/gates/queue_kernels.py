"""A queue of at most one event per item: a binary heap that knows where each item is, so that it can be taken out.

A key is the time in ticks and, below it, the order in which items were put in, which breaks ties.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.compiled import compiled, inlined

NOWHERE = -1
ORDER_BITS = 28
"""Bits of a key below the time. 2^28 events fit into a cycle, which may last 2^35 ticks."""


class Queue(NamedTuple):
    """Items 0..n-1, each in the queue at most once.

    Attributes:
        heap: Items, the earliest first. Shape [n].
        place: Where each item is in ``heap``, or NOWHERE. Shape [n].
        key: When each item is due. Shape [n].
    """

    heap: NDArray[np.int32]
    place: NDArray[np.int32]
    key: NDArray[np.int64]


def empty_queue(items: int) -> Queue:
    """Return an empty queue for ``items`` items."""
    return Queue(
        np.zeros(items, dtype=np.int32), np.full(items, NOWHERE, dtype=np.int32), np.zeros(items, dtype=np.int64)
    )


@inlined
def rise(heap: NDArray[np.int32], place: NDArray[np.int32], key: NDArray[np.int64], at: int, item: int) -> None:
    """Set ``item`` into the free place ``at``, or above it."""
    mine = key[item]
    while at > 0:
        parent = heap[(at - 1) >> 1]
        if key[parent] < mine:
            break
        heap[at] = parent
        place[parent] = at
        at = (at - 1) >> 1
    heap[at] = item
    place[item] = at


@inlined
def sink(
    heap: NDArray[np.int32], place: NDArray[np.int32], key: NDArray[np.int64], size: int, at: int, item: int
) -> None:
    """Set ``item`` into the free place ``at`` of a heap of ``size`` items, or below it."""
    mine = key[item]
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and key[heap[child + 1]] < key[heap[child]]:
            child += 1
        moved = heap[child]
        if mine < key[moved]:
            break
        heap[at] = moved
        place[moved] = at
        at = child
    heap[at] = item
    place[item] = at


@compiled
def remove(heap: NDArray[np.int32], place: NDArray[np.int32], key: NDArray[np.int64], size: int, item: int) -> int:
    """Take out an item that is in the queue of ``size`` items; return the new size."""
    at = place[item]
    place[item] = NOWHERE
    last = heap[size - 1]
    if last != item:
        rise(heap, place, key, at, last)
        sink(heap, place, key, size - 1, place[last], last)
    return size - 1
