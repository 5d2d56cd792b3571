"""Boolean functions as liberty files write them.

``!A`` and ``A'`` invert; ``A * B``, ``A & B`` and ``A B`` are and; ``A + B`` and ``A | B`` or; ``A ^ B`` exclusive or.

Precedence, from the Liberty User Guide, tightest first: inversion, exclusive or, and, or.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hwsim.gates.faults import LibertyError

Bits = NDArray[np.bool_]
Node = tuple["str | Node", ...]
"""("name", n), ("const", "0" | "1"), ("not", a), ("and" | "or" | "xor", a, b)."""

_TOKEN = re.compile(r"\s*(?:([A-Za-z_][\w.]*(?:\[\d+\])?|[01])|([!'*&+|^()]))")
_MOST_INPUTS = 16
"""A truth table of more inputs than this is no standard cell."""


@dataclass(frozen=True)
class Boolean:
    """A boolean function of named pins.

    >>> f = parse_boolean("!(A1 & A2) ^ B'")
    >>> f.names
    ('A1', 'A2', 'B')
    >>> f.table(f.names).astype(int).tolist()
    [0, 0, 0, 1, 1, 1, 1, 0]
    """

    text: str
    tree: Node

    @property
    def names(self) -> tuple[str, ...]:
        """The pins that it depends on as written, in order of appearance."""
        return tuple(dict.fromkeys(_names(self.tree)))

    def evaluate(self, values: Mapping[str, Bits]) -> Bits:
        """Return the value for each element of ``values`` (pin name -> array of bool).

        Raises:
            LibertyError: a pin has no value.
        """
        missing = [name for name in self.names if name not in values]
        if missing:
            raise LibertyError(f"function {self.text!r} uses {', '.join(missing)}; known pins: {', '.join(values)}")
        shape = np.broadcast_shapes(*(np.shape(value) for value in values.values())) if values else (1,)
        return np.broadcast_to(_evaluate(self.tree, values), shape)

    def table(self, pins: Sequence[str]) -> Bits:
        """Return the truth table, shape [2 ** len(pins)]; bit k of the index is the value of ``pins[k]``.

        >>> parse_boolean("A & !B").table(["A", "B"]).astype(int).tolist()
        [0, 1, 0, 0]
        """
        return self.evaluate(states(pins))


def states(pins: Sequence[str]) -> dict[str, Bits]:
    """Return the value of each pin in each of the 2 ** len(pins) states; bit k of a state is ``pins[k]``."""
    if len(pins) > _MOST_INPUTS:
        raise LibertyError(f"a cell of {len(pins)} pins: at most {_MOST_INPUTS} can be tabulated")
    index = np.arange(1 << len(pins))
    return {name: (index >> place & 1).astype(bool) for place, name in enumerate(pins)}


@cache
def parse_boolean(text: str) -> Boolean:
    """Return the function that ``text`` describes.

    Raises:
        LibertyError: it is no boolean function; the message shows where reading stopped.
    """
    tokens, place = [], 0
    source = text.strip()
    while place < len(source):
        match = _TOKEN.match(source, place)
        if match is None:
            raise LibertyError(f"boolean function {text!r}: cannot read {source[place:].strip()!r}")
        tokens.append(match.group(1) or match.group(2))
        place = match.end()
    tree, rest = _sum(tokens)
    if rest:
        raise LibertyError(f"boolean function {text!r}: unexpected {rest[0]!r}")
    return Boolean(text, tree)


Parsed = tuple[Node, list[str]]


def _sum(tokens: list[str]) -> Parsed:
    left, rest = _product(tokens)
    while rest and rest[0] in "+|":
        right, rest = _product(rest[1:])
        left = ("or", left, right)
    return left, rest


def _product(tokens: list[str]) -> Parsed:
    left, rest = _exclusive(tokens)
    while rest and rest[0] not in "+|)":
        # Two operands side by side mean "and".
        right, rest = _exclusive(rest[1:] if rest[0] in "*&" else rest)
        left = ("and", left, right)
    return left, rest


def _exclusive(tokens: list[str]) -> Parsed:
    left, rest = _inversion(tokens)
    while rest and rest[0] == "^":
        right, rest = _inversion(rest[1:])
        left = ("xor", left, right)
    return left, rest


def _inversion(tokens: list[str]) -> Parsed:
    if not tokens:
        raise LibertyError("boolean function ends where an operand is expected")
    head, rest = tokens[0], tokens[1:]
    if head == "!":
        node, rest = _inversion(rest)
        return ("not", node), rest
    if head == "(":
        node, rest = _sum(rest)
        if not rest or rest[0] != ")":
            raise LibertyError("boolean function has an unclosed parenthesis")
        rest = rest[1:]
    elif head in {"0", "1"}:
        node = ("const", head)
    elif head[0].isalpha() or head[0] == "_":
        node = ("name", head)
    else:
        raise LibertyError(f"boolean function has {head!r} where an operand is expected")
    while rest and rest[0] == "'":
        node, rest = ("not", node), rest[1:]
    return node, rest


def _names(tree: Node) -> list[str]:
    if tree[0] == "name":
        return [str(tree[1])]
    return [name for child in tree[1:] if isinstance(child, tuple) for name in _names(child)]


def _evaluate(tree: Node, values: Mapping[str, Bits]) -> Bits:
    kind = tree[0]
    if kind == "name":
        return np.asarray(values[str(tree[1])], dtype=bool)
    if kind == "const":
        return np.asarray(tree[1] == "1")
    operands = [_evaluate(child, values) for child in tree[1:] if isinstance(child, tuple)]
    if kind == "not":
        return ~operands[0]
    left, right = operands
    if kind == "and":
        return left & right
    return left | right if kind == "or" else left ^ right
