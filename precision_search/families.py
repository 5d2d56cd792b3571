"""Families of number formats: what a reader compares, and what a figure colours."""

from __future__ import annotations

import re

FAMILIES = ("float", "fixed", "integer", "power of two", "sum of powers of two", "codebook", "block", "mixed")

_BY_NAME = {
    "float": "float",
    "fixed": "fixed",
    "ufixed": "fixed",
    "int": "integer",
    "uint": "integer",
    "pow2": "power of two",
    "apot": "sum of powers of two",
    "shiftcnn": "sum of powers of two",
    "codebook": "codebook",
}


def family(weights: str) -> str:
    """Return the family of the canonical spelling of a weight format.

    >>> family("pow2<4>"), family("float<6,7>"), family("e4m3"), family("int8"), family("mx<e4m3,32>")
    ('power of two', 'float', 'float', 'integer', 'block')
    """
    name = re.match(r"pow2|[a-z]+", weights)
    if name is not None and name[0] in _BY_NAME:
        return _BY_NAME[name[0]]
    return "block" if name is not None and name[0].startswith("mx") else "float"
