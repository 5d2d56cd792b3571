"""Keys that are looked up far more often than they are made."""

from __future__ import annotations

from collections.abc import Hashable


class Key:
    """A value that remembers its hash.

    >>> Key((1, "a")) == Key((1, "a")), len({Key(1), Key(1), Key(2)})
    (True, 2)
    """

    __slots__ = ("_hash", "value")

    def __init__(self, value: Hashable) -> None:
        self.value = value
        self._hash = hash(value)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self._hash == other._hash and self.value == other.value
