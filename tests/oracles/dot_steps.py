"""Dot products step by step, apart from the code under test: plain integers, and other people's scalar types."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Fixed(NamedTuple):
    """A fixed-point format: codes of ``width`` bits times 2^lsb."""

    lsb: int
    width: int
    signed: bool = True
    mode: str = "rne"
    overflow: str = "sat"

    @property
    def ends(self) -> tuple[int, int]:
        """Smallest and largest code."""
        return (-(2 ** (self.width - 1)), 2 ** (self.width - 1) - 1) if self.signed else (0, 2**self.width - 1)


def rounded_quotient(numerator: int, denominator: int, mode: str) -> int:
    """numerator / denominator as an integer, for a positive denominator, by comparing remainders."""
    below, rest = divmod(numerator, denominator)
    if rest == 0 or mode == "rtn":
        return below
    if mode == "rtp":
        return below + 1
    if mode == "rtz":
        return below + 1 if numerator < 0 else below
    if 2 * rest == denominator:
        return below + 1 if mode == "rhu" else below + below % 2
    return below + 1 if 2 * rest > denominator else below


def to_fixed(code: int, lsb: int, fmt: Fixed) -> int:
    """Bring code * 2^lsb to ``fmt``; the result is its code."""
    moved = code << (lsb - fmt.lsb) if lsb >= fmt.lsb else rounded_quotient(code, 2 ** (fmt.lsb - lsb), fmt.mode)
    low, high = fmt.ends
    if fmt.overflow == "sat":
        return low if moved < low else high if moved > high else moved
    kept = moved % 2**fmt.width
    return kept - 2**fmt.width if fmt.signed and kept >= 2 ** (fmt.width - 1) else kept


def fixed_dot(w: list[int], x: list[int], lsb: int, bias: int, product: Fixed | None, acc: Fixed) -> int:
    """Codes in, code out; ``lsb`` is that of an exact product."""
    total = bias
    for a, b in zip(w, x, strict=True):
        term, place = a * b, lsb
        if product is not None:
            term, place = to_fixed(term, lsb, product), product.lsb
        finer = min(place, acc.lsb)
        total = to_fixed((term << (place - finer)) + (total << (acc.lsb - finer)), finer, acc)
    return total


def shift_dot(terms: list[list[tuple[int, int]]], x: list[int], lsb: int, bias: int, acc: Fixed) -> int:
    """As ``fixed_dot``, but weights are lists of (sign, left shift) and nothing is multiplied."""
    total = bias
    for shifts, b in zip(terms, x, strict=True):
        term = 0
        for sign, distance in shifts:
            term = term + (b << distance) if sign > 0 else term - (b << distance)
        finer = min(lsb, acc.lsb)
        total = to_fixed((term << (lsb - finer)) + (total << (acc.lsb - finer)), finer, acc)
    return total


def typed_dot(w: np.ndarray, x: np.ndarray, bias: np.ndarray, dtype: type) -> np.ndarray:
    """out [N, B] with a scalar type's own multiplication and addition: one rounding each."""
    out = np.repeat(bias.astype(dtype)[:, None], x.shape[1], axis=1)
    with np.errstate(all="ignore"):
        for k in range(w.shape[1]):
            product = (w[:, k].astype(dtype)[:, None] * x[k].astype(dtype)[None, :]).astype(dtype)
            out = (out + product).astype(dtype)
    return out.astype(np.float64)


def keep_bits(value: int, bits: int) -> int:
    """Nearest even integer with ``bits`` significant bits."""
    drop = max(abs(value).bit_length() - bits, 0)
    return rounded_quotient(value, 2**drop, "rne") * 2**drop
