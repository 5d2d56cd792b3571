"""From rows to a price at any width: one law per operation, each with its reason."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from hwsim.cost.curves import FLOAT_OPERATIONS
from hwsim.cost.elements import ElementRow
from hwsim.cost.interpolate import Basis, furthest
from hwsim.cost.rows import Operation, PriceRow, Quantity
from hwsim.cost.tables import PriceTable
from hwsim.errors import CostError

LUT_ENTRIES_GROWTH = {Quantity.ENERGY: 0.5, Quantity.AREA: 1.0, Quantity.LEAKAGE: 1.0}
"""Assumed exponents of a look-up table in its number of entries.

Every entry takes area and leaks. A look-up drives one row and one column of the table, so its energy grows as the
square root, which is what the published SRAM points show (10 pJ at 8 KB, 20 pJ at 32 KB: twice for four times).
"""


Row = PriceRow | ElementRow


@dataclass(frozen=True)
class Estimate:
    """A price and where it comes from.

    Attributes:
        value: pJ, um2 or W.
        basis: whether it is a row's own value, between rows, or beyond them.
        rows: the rows that it was computed from.
    """

    value: float
    basis: Basis
    rows: tuple[Row, ...]

    def scaled(self, factor: float) -> Estimate:
        """Return this price times ``factor``."""
        return Estimate(self.value * factor, self.basis, self.rows)


def total(parts: tuple[Estimate, ...]) -> Estimate:
    """Return the sum of ``parts``, as uncertain as the least certain of them."""
    rows = tuple(dict.fromkeys(row for part in parts for row in part.rows))
    return Estimate(math.fsum(part.value for part in parts), furthest([part.basis for part in parts]), rows)


def estimate(
    table: PriceTable,
    operation: Operation,
    quantity: Quantity,
    bits: float,
    *,
    positions: int = 0,
    exponent_bits: int = 0,
) -> Estimate | None:
    """Return the price of one ``operation``; None where the table does not know it.

    Args:
        table: the prices.
        operation: what.
        quantity: energy (pJ), area (um2) or leakage (W).
        bits: width or capacity (see Operation), positive; need not be whole.
        positions: shift distances, or entries of a look-up table.
        exponent_bits: exponent width of a floating-point unit.

    Raises:
        CostError: ``bits`` is not positive.

    >>> from hwsim.cost.tables import load_table
    >>> estimate(load_table("published45"), Operation.INT_MUL, Quantity.ENERGY, 8).value
    0.2
    """
    if not bits > 0:
        raise CostError(f"{operation.value} of {bits} bits has no price; a width or capacity must be above 0 bits")
    curve = table.curves.get((operation, quantity))
    if curve is None:
        return None
    value, basis, rows = curve.at(bits)
    found = Estimate(value, basis, rows)
    law = _LAWS.get(operation)
    return law(table, quantity, found, rows[0], positions, exponent_bits) if law else found


def _shift(
    table: PriceTable, quantity: Quantity, stage: Estimate, row: PriceRow, positions: int, exponent_bits: int
) -> Estimate:
    """A barrel shifter of P distances is log2(P) stages of one multiplexer per bit."""
    if row.positions is None:
        return stage
    return stage.scaled(math.log2(max(positions, 1)))


def _float(
    table: PriceTable, quantity: Quantity, significand: Estimate, row: PriceRow, positions: int, exponent_bits: int
) -> Estimate:
    """The significand part, plus an integer adder for the exponents."""
    if row.exponent_bits is None or exponent_bits == 0:
        return significand
    adder = estimate(table, Operation.INT_ADD, quantity, exponent_bits)
    return total((significand, adder)) if adder else significand


def _lut(
    table: PriceTable, quantity: Quantity, word: Estimate, row: PriceRow, positions: int, exponent_bits: int
) -> Estimate:
    """A word of one entry, times a power of the number of entries."""
    if row.positions is None:
        return word
    entries = max(positions, 1)
    basis = word.basis if entries == row.positions else Basis.EXTRAPOLATED
    return Estimate(word.value * math.pow(entries / row.positions, LUT_ENTRIES_GROWTH[quantity]), basis, word.rows)


_Law = Callable[[PriceTable, Quantity, Estimate, PriceRow, int, int], Estimate]
_LAWS: dict[Operation, _Law] = {
    Operation.SHIFT: _shift,
    Operation.LUT: _lut,
    **dict.fromkeys(FLOAT_OPERATIONS, _float),
}
