"""Nested loops as kinds of turns: sums over all turns in which each looks one turn ahead and one back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

Place = tuple[int, ...]  #: the turn of each loop, outermost first


def kinds(turns: Place) -> Iterator[tuple[Place, int]]:
    """Yield one place of each kind with how many there are of it."""
    for choice in itertools.product(*map(_turn_kinds, turns)):
        weight = 1
        for _, count in choice:
            weight *= count
        yield tuple(turn for turn, _ in choice), weight


def _turn_kinds(turns: int) -> tuple[tuple[int, int], ...]:
    """Return (turn, how many it stands for): the first, one for the middle, the last but one, the last.

    >>> _turn_kinds(9), _turn_kinds(2)
    (((0, 1), (1, 6), (7, 1), (8, 1)), ((0, 1), (1, 1)))
    """
    if turns <= 4:
        return tuple((turn, 1) for turn in range(turns))
    return (0, 1), (1, turns - 3), (turns - 2, 1), (turns - 1, 1)


def neighbour(place: Place, turns: Place, way: int) -> Place | None:
    """Return the place one fold on (``way`` 1) or back (-1); None beyond the ends."""
    moved = list(place)
    for index in reversed(range(len(turns))):
        moved[index] += way
        if 0 <= moved[index] < turns[index]:
            return tuple(moved)
        moved[index] = 0 if way > 0 else turns[index] - 1
    return None
