"""Braces in format strings: one line of a sweep file that stands for many formats."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from precision_search.errors import SpaceError

_GROUP = re.compile(r"\{([^{};]*(?:,|\.\.)[^{};]*)\}")  # a codebook's table {0;1/2;1} is not a group
_TABLE = re.compile(r"\{[^{},]*\}")
_RANGE = re.compile(r"\s*(-?\d+)\s*\.\.\s*(-?\d+)\s*(?:\.\.\s*(\d+)\s*)?")
_MOST = 100_000  # patterns beyond this are typing errors, not sweeps


def expand(pattern: str) -> tuple[str, ...]:
    """Return every string that ``pattern`` stands for, the last group running fastest.

    ``{a..b}`` is every integer from a to b, both included; ``{a..b..s}`` every s-th; ``{x,y,z}`` the words
    themselves. A pattern without braces stands for itself.

    Raises:
        SpaceError: braces do not match, a range runs downward or has step 0, or more than 100,000 strings.

    >>> expand("float<{5..6},{2..10..4}>")
    ('float<5,2>', 'float<5,6>', 'float<5,10>', 'float<6,2>', 'float<6,6>', 'float<6,10>')
    >>> expand("{e4m3,e5m2}"), expand("fp16")
    (('e4m3', 'e5m2'), ('fp16',))
    """
    pieces = _GROUP.split(pattern)
    for text in pieces[0::2]:
        if "{" in _TABLE.sub("", text) or "}" in _TABLE.sub("", text):
            raise SpaceError(f"braces of {pattern!r} do not match: write {{a..b}}, {{a..b..step}} or {{x,y}}")
    groups = [_choices(group, pattern) for group in pieces[1::2]]
    _check_size(pattern, groups)
    return tuple(_join(pieces[0::2], choice) for choice in itertools.product(*groups))


def expand_all(patterns: Sequence[str]) -> Iterator[str]:
    """Iterate over the strings of several patterns, in order.

    >>> list(expand_all(["pow2<{4..5}>", "int8"]))
    ['pow2<4>', 'pow2<5>', 'int8']
    """
    for pattern in patterns:
        yield from expand(pattern)


def _choices(group: str, pattern: str) -> Sequence[str]:
    span = _RANGE.fullmatch(group)
    if span is None:
        return _words(group, pattern)
    first, last, step = int(span[1]), int(span[2]), int(span[3] or 1)
    if last < first or step == 0:
        raise SpaceError(f"range {{{group}}} in {pattern!r} is empty: write the smaller end first and a step above 0")
    if (last - first) // step >= _MOST:
        raise SpaceError(f"range {{{group}}} in {pattern!r} has more than {_MOST:,} values; make it narrower")
    return [str(value) for value in range(first, last + 1, step)]


def _words(group: str, pattern: str) -> Sequence[str]:
    words = [word.strip() for word in group.split(",")]
    if not all(words) or ".." in group:
        raise SpaceError(f"group {{{group}}} in {pattern!r} is neither a range {{a..b}} nor words {{x,y}}")
    return words


def _check_size(pattern: str, groups: Sequence[Sequence[str]]) -> None:
    size = 1
    for group in groups:
        size *= len(group)
    if size > _MOST:
        raise SpaceError(f"{pattern!r} stands for {size:,} strings; at most {_MOST:,} are allowed in one pattern")


def _join(texts: Sequence[str], choice: Sequence[str]) -> str:
    return "".join(itertools.chain.from_iterable(itertools.zip_longest(texts, choice, fillvalue="")))
