"""Which configurations a worker is given together: those that share work, a bounded number of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from precision_search.engine import Session
from precision_search.evaluate import Bundle, Item

#: Results are stored when a bundle is done, and run again one by one when a worker dies under it.
MOST = 64
_WORTHWHILE = 2  # steps in common: the input's rounding alone is not worth giving up parallel work for

Trail = tuple[Hashable, ...]


def bundles(items: Sequence[Item], session: Session, jobs: int) -> tuple[Bundle, ...]:
    """Put together, in the order of the space, what shares its first layer or computes the same numbers.

    Args:
        items: what is to be evaluated.
        session: knows what each of them computes.
        jobs: workers; each gets four bundles or more, if there are enough configurations.
    """
    most = max(1, min(MOST, len(items) // (4 * jobs)))
    equal: dict[Trail, list[Item]] = {}
    for item, trail in zip(items, _trails(items, session), strict=True):
        equal.setdefault((item.key,) if trail is None else trail, []).append(item)
    found: list[list[Item]] = []
    prefix: Trail | None = None
    for trail, same in equal.items():
        shares = prefix is not None and len(trail) > _WORTHWHILE and trail[:_WORTHWHILE] == prefix
        if not shares or len(found[-1]) + len(same) > most:
            found.append([])
        found[-1].extend(same)
        prefix = trail[:_WORTHWHILE]
    return tuple(tuple(bundle[start : start + MOST]) for bundle in found for start in range(0, len(bundle), MOST))


def _trails(items: Sequence[Item], session: Session) -> list[Trail | None]:
    asked = [item.tasks[0].configuration for item in items if item.stored is None]
    found = iter(session.trails(asked) if len(asked) > 1 else [None] * len(asked))
    return [None if item.stored is not None else next(found) for item in items]
