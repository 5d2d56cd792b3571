"""Where each picojoule comes from: the parts of a processing element's price with their rows."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from hwsim.cost.datapath import Term, gated_terms, lookup_terms, mac_terms, register_terms
from hwsim.cost.element_book import Found
from hwsim.cost.element_price import Element, element_of
from hwsim.cost.elements import ElementRow
from hwsim.cost.interpolate import Basis
from hwsim.cost.laws import Estimate, Row
from hwsim.cost.pe_price import price_term
from hwsim.cost.rows import Kind, Quantity
from hwsim.cost.tables import PriceTable
from hwsim.cost.usage import PLAIN, Usage
from hwsim.formats.pe import PeSpec


class ElementPart(enum.Enum):
    """The parts of a synthesised element."""

    CORE = "core"
    ELEMENT = "element"
    CLOCK = "clock pins"
    REGISTERS = "registers"


@dataclass(frozen=True)
class ElementTerm:
    """A part of a synthesised element, in the place of a Term.

    Attributes:
        name: what it does.
        operation: which part.
        bits: width of the accumulator for the core, number of flip-flops for registers.
        count: always 1.
    """

    name: str
    operation: ElementPart
    bits: float
    count: int = 1


@dataclass(frozen=True)
class ExplainRow:
    """One part of a price.

    Attributes:
        role: "mac" (adds to energy_mac_pj), "gated" (adds to energy_gated_pj), "register" (area and leakage only) or
            "cycle" (registers of a synthesised element, per cycle).
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
    term: Term | ElementTerm
    energy_pj: float | None
    area_um2: float | None
    leakage_w: float | None
    basis: Basis
    kinds: tuple[str, ...]
    places: tuple[str, ...]
    sources: tuple[str, ...]


def explain(pe: PeSpec, table: PriceTable, usage: Usage = PLAIN) -> tuple[ExplainRow, ...]:
    """Return every part of the price of ``pe``; the energies of a role sum to the price.

    >>> from hwsim.cost.tables import load_table
    >>> from hwsim.formats.base import PeKind
    >>> from hwsim.formats.pe import Operand
    >>> eight = Operand(8, 8)
    >>> pe = PeSpec(PeKind.INT_MAC, eight, eight, eight, Operand(16, 16), Operand(32, 32))
    >>> [(row.term.name, row.energy_pj) for row in explain(pe, load_table("published45")) if row.role == "mac"]
    [('multiplier', 0.2), ('accumulator adder', 0.1)]
    """
    whole = element_of(pe, table, usage)
    if whole is not None:
        lookup = tuple(_explain("mac", term, table) for term in lookup_terms(pe))
        return (*lookup, *_explain_element(whole, pe, table))
    roles = {"mac": mac_terms(pe), "gated": gated_terms(pe), "register": register_terms(pe)}
    return tuple(_explain(role, term, table) for role, terms in roles.items() for term in terms)


def _explain(role: str, term: Term, table: PriceTable) -> ExplainRow:
    prices = {quantity: price_term(term, quantity, table) for quantity in Quantity}
    energy = prices[Quantity.ENERGY]
    rows = tuple(dict.fromkeys(row for price in prices.values() if price for row in price.rows))
    return ExplainRow(
        role=role,
        term=term,
        energy_pj=_value(energy),
        area_um2=_value(prices[Quantity.AREA]),
        leakage_w=_value(prices[Quantity.LEAKAGE]),
        basis=energy.basis if energy else Basis.EXTRAPOLATED,
        **_provenance(rows),
    )


def _explain_element(whole: Element, pe: PeSpec, table: PriceTable) -> tuple[ExplainRow, ...]:
    """The core carries its own area; the registers what is left of the element's, and all of its leakage is there."""
    area, core_area = whole.find("area_um2"), whole.find("core_area_um2")
    registers = area.value - core_area.value if area and core_area else None
    flip_flops = whole.find("register_bits")
    bits = flip_flops.value if flip_flops else 0.0
    core = ElementTerm(f"{whole.pe.kind.value} core", ElementPart.CORE, whole.pe.accumulator.bits)
    data = ElementTerm("registers, data", ElementPart.REGISTERS, bits)
    clock = ElementTerm("registers, clock pins", ElementPart.CLOCK, bits)
    leakage = ElementTerm("whole element", ElementPart.ELEMENT, bits)
    gated = whole.gated()
    return (
        _part("mac", core, whole.mac(), area=_value(core_area)),
        *((_part("gated", core, gated),) if gated else (_explain("gated", term, table) for term in gated_terms(pe))),
        _part("cycle", data, whole.find("register_pj"), area=registers),
        _part("cycle", clock, whole.find("clock_pj")),
        _part("register", leakage, None, leakage=whole.find("leakage_w")),
    )


def _part(
    role: str,
    term: ElementTerm,
    energy: Estimate | Found | None,
    *,
    area: float | None = None,
    leakage: Found | None = None,
) -> ExplainRow:
    known = energy or leakage
    rows = known.rows if known else ()
    basis = known.basis if known else Basis.EXTRAPOLATED
    return ExplainRow(role, term, _value(energy), area, _value(leakage), basis, **_provenance(rows))


def _value(price: Estimate | Found | None) -> float | None:
    return price.value if price else None


def _provenance(rows: tuple[Row, ...]) -> dict[str, tuple[str, ...]]:
    return {
        "kinds": tuple(dict.fromkeys(map(_kind, rows))),
        "places": tuple(row.place for row in rows),
        "sources": tuple(dict.fromkeys(row.source for row in rows)),
    }


def _kind(row: Row) -> str:
    if not isinstance(row, ElementRow):
        return row.kind.value
    return Kind.DERIVED.value if row.derived else Kind.SYNTHESISED.value
