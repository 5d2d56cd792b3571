"""Configurations as leaves of a tree: what a depth-first walk computes, starts from and keeps.

A *trail* is what a configuration computes, as one number per depth: the input's rounding, then each layer in order.
Two trails with the first d numbers in common compute the same feature maps down to there.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

Trail = tuple[int, ...]
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Visit:
    """One leaf in the order of the walk.

    Attributes:
        leaf: its place in the list given.
        shared: leading depths that it has in common with the leaf before it; it computes from there on.
        keep: depths whose maps a later leaf starts from.
    """

    leaf: int
    shared: int
    keep: frozenset[int]


class Numbering:
    """Numbers for keys in order of first appearance, so that trails are short and sort together.

    >>> number = Numbering()
    >>> number("a"), number("b"), number("a")
    (0, 1, 0)
    """

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def __call__(self, key: Hashable) -> int:
        """Return the number of ``key``."""
        return self._numbers.setdefault(key, len(self._numbers))


def common(one: Trail, other: Trail) -> int:
    """Return how many leading depths two trails share.

    >>> common((0, 1, 2), (0, 1, 5))
    2
    """
    for depth, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return depth
    return min(len(one), len(other))


def walk(trails: Sequence[Trail]) -> tuple[Visit, ...]:
    """Return the visits of leaves that lie in the order of a walk: sorted, or any order in which prefixes adjoin.

    >>> [(v.shared, sorted(v.keep)) for v in walk([(0, 0, 0), (0, 0, 1), (0, 1, 0)])]
    [(0, [0, 1]), (2, [0]), (1, [])]
    """
    shared = [0, *(common(one, other) for one, other in pairwise(trails))]
    wanted: set[int] = set()  # depths that a later leaf starts from
    visits: list[Visit] = []
    for leaf in range(len(trails) - 1, -1, -1):
        visits.append(Visit(leaf, shared[leaf], frozenset(wanted)))
        # What lies deeper is computed by this leaf or after it: no leaf before it may hand it on.
        wanted = {depth for depth in wanted if depth < shared[leaf]}
        if shared[leaf]:
            wanted.add(shared[leaf] - 1)
    return tuple(reversed(visits))


def chunks(needed: Sequence[Mapping[K, int]], limit: int) -> Iterator[range]:
    """Cut neighbouring leaves into runs whose distinct parts together stay within ``limit``.

    Args:
        needed: the size of every part that a leaf needs, by key.
        limit: a leaf that needs more than this by itself is a run of its own.

    >>> list(chunks([{"a": 2}, {"a": 2, "b": 2}, {"c": 1}], 4))
    [range(0, 2), range(2, 3)]
    """
    start, held, total = 0, set[K](), 0
    for leaf, parts in enumerate(needed):
        new = sum(size for key, size in parts.items() if key not in held)
        if leaf > start and total + new > limit:
            yield range(start, leaf)
            start, held, total, new = leaf, set(), 0, sum(parts.values())
        held |= parts.keys()
        total += new
    if needed:
        yield range(start, len(needed))
