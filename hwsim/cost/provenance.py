"""Where each picojoule comes from: the parts of a processing element's price with their rows."""

from __future__ import annotations

from dataclasses import dataclass

from hwsim.cost.datapath import Term, gated_terms, mac_terms, register_terms
from hwsim.cost.interpolate import Basis
from hwsim.cost.laws import Estimate
from hwsim.cost.model import price_term
from hwsim.cost.rows import PriceRow, Quantity
from hwsim.cost.tables import PriceTable
from hwsim.formats.pe import PeSpec


@dataclass(frozen=True)
class ExplainRow:
    """One part of a price.

    Attributes:
        role: "mac" (adds to energy_mac_pj), "gated" (adds to energy_gated_pj) or "register" (area and leakage only).
        term: the unit, its operation and widths.
        energy_pj: energy of all its units; for a register, of all its bits read or written once; None if unknown.
        area_um2: their area; None if unknown.
        leakage_w: their static power; None if unknown.
        basis: how the energy was found.
        kinds: how the rows' numbers came to be.
        places: file and line of each row.
        sources: citation of each row.
    """

    role: str
    term: Term
    energy_pj: float | None
    area_um2: float | None
    leakage_w: float | None
    basis: Basis
    kinds: tuple[str, ...]
    places: tuple[str, ...]
    sources: tuple[str, ...]


def explain(pe: PeSpec, table: PriceTable) -> tuple[ExplainRow, ...]:
    """Return every part of the price of ``pe``; the energies of a role sum to the price.

    >>> from hwsim.cost.tables import load_table
    >>> from hwsim.formats.base import PeKind
    >>> from hwsim.formats.pe import Operand
    >>> eight = Operand(8, 8)
    >>> pe = PeSpec(PeKind.INT_MAC, eight, eight, eight, Operand(16, 16), Operand(32, 32))
    >>> [(row.term.name, row.energy_pj) for row in explain(pe, load_table("published45")) if row.role == "mac"]
    [('multiplier', 0.2), ('accumulator adder', 0.1)]
    """
    roles = {"mac": mac_terms(pe), "gated": gated_terms(pe), "register": register_terms(pe)}
    return tuple(_explain(role, term, table) for role, terms in roles.items() for term in terms)


def _explain(role: str, term: Term, table: PriceTable) -> ExplainRow:
    prices = {quantity: price_term(term, quantity, table) for quantity in Quantity}
    energy = prices[Quantity.ENERGY]
    rows = _rows(prices)
    return ExplainRow(
        role=role,
        term=term,
        energy_pj=_value(energy),
        area_um2=_value(prices[Quantity.AREA]),
        leakage_w=_value(prices[Quantity.LEAKAGE]),
        basis=energy.basis if energy else Basis.EXTRAPOLATED,
        kinds=tuple(dict.fromkeys(row.kind.value for row in rows)),
        places=tuple(row.place for row in rows),
        sources=tuple(dict.fromkeys(row.source for row in rows)),
    )


def _value(price: Estimate | None) -> float | None:
    return price.value if price else None


def _rows(prices: dict[Quantity, Estimate | None]) -> tuple[PriceRow, ...]:
    return tuple(dict.fromkeys(row for price in prices.values() if price for row in price.rows))
