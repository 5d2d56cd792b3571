"""Prices of SRAMs between those that a source lists: a law in words and bits, held to the listed ones.

    price(d words, w bits) = a + b w + c w sqrt(d) + e w d + f sqrt(d),  no coefficient negative

control; sense amplifiers and drivers of each bit; bit lines, as long as the rows, so with sqrt(d) in a square array;
cells; word lines and decoder. Fitted to least relative error. What the law misses at the listed memories is then
interpolated between them (inverse fourth power of the distance in octaves of capacity and width) and put back, so a
listed memory has its own price.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np

from hwsim.cost.least_squares import nonnegative
from hwsim.errors import CostError, unknown_name

QUANTITIES = ("read_pj", "write_pj", "area_um2", "leakage_w")
_NEAREST = 4.0
_MAY_MISS = ("area_um2", "leakage_w", "voltage_v")


@dataclass(frozen=True)
class SramRow:
    """One memory as a source lists it.

    Attributes:
        words: how many words it holds.
        bits: of a word.
        read_pj: energy of reading one whole word.
        write_pj: of writing one.
        area_um2: of the whole memory; None where the source does not say.
        leakage_w: of the whole memory; None where the source does not say.
        node_nm: technology node.
        voltage_v: supply; None where the source does not say.
        source: the citation.
    """

    words: int
    bits: int
    read_pj: float
    write_pj: float
    area_um2: float | None
    leakage_w: float | None
    node_nm: float
    voltage_v: float | None
    source: str


@dataclass(frozen=True)
class LeftOut:
    """Relative errors of memories that are predicted from the others of their family.

    Attributes:
        mean: of the magnitudes.
        worst: the largest.
        rows: how many were left out.
    """

    mean: float
    worst: float
    rows: int


@dataclass(frozen=True)
class Law:
    """One price of one family of memories."""

    points: tuple[tuple[int, int, float], ...]
    coefficients: tuple[float, ...]

    @classmethod
    def fit(cls, points: Sequence[tuple[int, int, float]]) -> Law:
        """Return the law through ``points`` of (words, bits, price)."""
        matrix = np.array([_terms(words, bits) for words, bits, _ in points])
        matrix /= np.array([[price] for *_, price in points])
        scale = matrix.max(axis=0)
        normal = matrix / scale
        found, _ = nonnegative(normal.T @ normal, normal.sum(axis=0))
        return cls(tuple(points), tuple((found / scale).tolist()))

    def at(self, words: float, bits: float) -> float:
        """Return the price of a memory of ``words`` words of ``bits`` bits."""
        weights = missed = 0.0
        for own_words, own_bits, price in self.points:
            apart = math.hypot(math.log2(words * bits / (own_words * own_bits)), math.log2(bits / own_bits))
            if apart < 1e-9:
                return price
            weight = apart**-_NEAREST
            weights += weight
            missed += weight * math.log(price / self._smooth(own_words, own_bits))
        return self._smooth(words, bits) * math.exp(missed / weights)

    def _smooth(self, words: float, bits: float) -> float:
        return sum(own * term for own, term in zip(self.coefficients, _terms(words, bits), strict=True))


def _terms(words: float, bits: float) -> tuple[float, ...]:
    depth = math.sqrt(words)
    return 1.0, bits, bits * depth, bits * words, depth


@functools.cache
def families() -> dict[str, tuple[SramRow, ...]]:
    """Return the listed memories by family.

    >>> sorted(families())
    ['cacti22', 'cacti32', 'cacti45', 'cacti65', 'horowitz45', 'ihp130']
    """
    found: dict[str, list[SramRow]] = {}
    for cells in csv.DictReader(memory_file("sram.csv").splitlines()):
        numbers = {name: float(cells[name]) if cells[name] else None for name in _MAY_MISS}
        row = SramRow(
            words=int(cells["words"]),
            bits=int(cells["bits"]),
            read_pj=float(cells["read_pj"]),
            write_pj=float(cells["write_pj"]),
            **numbers,
            node_nm=float(cells["node_nm"]),
            source=cells["source"],
        )
        found.setdefault(cells["family"], []).append(row)
    return {name: tuple(rows) for name, rows in found.items()}


def memory_file(name: str) -> str:
    """Return the text of a file of ``hwsim/cost/data/memories``."""
    return resources.files("hwsim.cost").joinpath("data", "memories", name).read_text(encoding="utf-8")


@functools.cache
def memory_hash() -> str:
    """Return a hash of every price of a memory; it changes when any of them or a source does."""
    return hashlib.sha256("".join(memory_file(name) for name in ("sram.csv", "dram.csv")).encode()).hexdigest()


def family_rows(family: str) -> tuple[SramRow, ...]:
    """Return the memories that ``family`` lists.

    Raises:
        CostError: there is no such family.
    """
    if family not in families():
        raise CostError(unknown_name("family of memories", family, families()))
    return families()[family]


@functools.cache
def law(family: str, quantity: str) -> Law | None:
    """Return the law of one of ``QUANTITIES``; None where the family does not know it.

    >>> found = law("ihp130", "read_pj")
    >>> found.at(1024, 64), round(found.at(1024, 32), 1)
    (91.83, 47.8)
    """
    points = _points(family, quantity)
    return Law.fit(points) if points else None


@functools.cache
def left_out(family: str, quantity: str) -> LeftOut | None:
    """Return how wrong the law is at memories that it has not seen: each is left out once.

    >>> left_out("ihp130", "area_um2").rows
    10
    """
    points = _points(family, quantity)
    if len(points) < 2:
        return None
    errors = []
    for place, (words, bits, price) in enumerate(points):
        others = Law.fit(points[:place] + points[place + 1 :])
        errors.append(abs(others.at(words, bits) / price - 1))
    return LeftOut(sum(errors) / len(errors), max(errors), len(errors))


def _points(family: str, quantity: str) -> tuple[tuple[int, int, float], ...]:
    rows = ((row.words, row.bits, getattr(row, quantity)) for row in family_rows(family))
    return tuple(point for point in rows if point[2] is not None)
