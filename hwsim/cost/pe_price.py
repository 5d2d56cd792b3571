"""What one processing element costs: as a whole where a table has synthesised ones, elsewhere as a sum of units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from hwsim.cost.datapath import Term, gated_terms, lookup_terms, mac_terms, register_terms, second_register_terms
from hwsim.cost.element_price import Element, element_of
from hwsim.cost.interpolate import Basis
from hwsim.cost.laws import Estimate, estimate, total
from hwsim.cost.rows import Quantity
from hwsim.cost.tables import PriceTable
from hwsim.cost.usage import PLAIN, Usage
from hwsim.errors import CostError
from hwsim.formats.base import PeKind
from hwsim.formats.pe import PeSpec


@dataclass(frozen=True)
class PePrice:
    """What one processing element costs.

    Attributes:
        energy_mac_pj: datapath energy of one multiply-accumulate; registers are counted and priced apart.
        energy_gated_pj: energy of one whose operand is zero, held still: only the test for zero switches (assumed).
        area_um2: datapath and registers; None if a part is unknown.
        leakage_w: static power of datapath and registers; None if a part is unknown.
        notes: what is extrapolated, assumed or left out, in words.
        energy_mac_low_pj: the same multiply-accumulate without glitches, the lower end where their share decides
            (floating point); None where the table does not say.
        register_pj: energy per cycle of the element's own registers that depends on their data, clock pins apart; None
            where the table prices single operations.
        clock_pj: energy per cycle of the clock pins of these registers; None likewise.
        delay_ns: slowest path from register to register; None where no table row has it. ``delay_tight_ns`` is that of
            the same element synthesised to be as fast as possible.
    """

    energy_mac_pj: float
    energy_gated_pj: float
    area_um2: float | None
    leakage_w: float | None
    notes: tuple[str, ...]
    energy_mac_low_pj: float | None = None
    register_pj: float | None = None
    clock_pj: float | None = None
    delay_ns: float | None = None
    delay_tight_ns: float | None = None


def price_term(term: Term, quantity: Quantity, table: PriceTable) -> Estimate | None:
    """Return the price of all ``count`` units of ``term``; None where the table does not know it."""
    found = estimate(
        table, term.operation, quantity, term.bits, positions=term.positions, exponent_bits=term.exponent_bits
    )
    return found.scaled(term.count) if found else None


@lru_cache(maxsize=1 << 12)
def price_pe(pe: PeSpec, table: PriceTable, usage: Usage = PLAIN) -> PePrice:
    """Return energy, area and leakage of one processing element.

    A table with synthesised elements of this kind prices it as a whole, any other as the sum of its units.

    Raises:
        CostError: the table has no energy for a unit that the element is made of.

    >>> from hwsim.cost.tables import load_table
    >>> from hwsim.formats.pe import Operand
    >>> eight, wide = Operand(8, 8), Operand(32, 32)
    >>> pe = PeSpec(PeKind.INT_MAC, eight, eight, eight, Operand(16, 16), wide)
    >>> round(price_pe(pe, load_table("published45")).energy_mac_pj, 3)
    0.3
    """
    whole = element_of(pe, table, usage)
    if whole is not None:
        return _whole_price(pe, whole, table, second_register_terms(pe, usage))
    silicon = (*mac_terms(pe), *register_terms(pe), *second_register_terms(pe, usage))
    return PePrice(
        energy_mac_pj=energy_of(mac_terms(pe), table).value,
        energy_gated_pj=energy_of(gated_terms(pe), table).value,
        area_um2=_known_sum(silicon, Quantity.AREA, table),
        leakage_w=_known_sum(silicon, Quantity.LEAKAGE, table),
        notes=_notes(pe, table),
    )


def mac_estimate(pe: PeSpec, table: PriceTable, usage: Usage = PLAIN, gated: bool = False) -> Estimate:
    """Return the energy in pJ of one multiply-accumulate, or of one that is held still because an operand is zero.

    Raises:
        CostError: the table has no energy for a unit that the element is made of.
    """
    whole = element_of(pe, table, usage)
    if whole is None:
        return energy_of(gated_terms(pe) if gated else mac_terms(pe), table)
    return _whole_gated(pe, whole, table) if gated else _whole_mac(pe, whole, table)


def energy_of(terms: Sequence[Term], table: PriceTable) -> Estimate:
    """Return the energy in pJ of ``terms`` together. Raises CostError where the table does not know one of them."""
    prices = [price_term(term, Quantity.ENERGY, table) for term in terms]
    unknown = sorted({term.operation.value for term, price in zip(terms, prices, strict=True) if price is None})
    if unknown:
        raise CostError(
            f"price table {table.name!r} has no energy for {', '.join(unknown)}; add such rows or choose another table"
        )
    return total(tuple(price for price in prices if price))


def _known_sum(terms: Sequence[Term], quantity: Quantity, table: PriceTable) -> float | None:
    prices = [price_term(term, quantity, table) for term in terms]
    known = tuple(price for price in prices if price)
    return total(known).value if len(known) == len(prices) else None


def _whole_mac(pe: PeSpec, whole: Element, table: PriceTable, quantity: str = "core_pj") -> Estimate:
    """The element's core, and before it the look-up where weights are indices of a codebook."""
    core = whole.mac(quantity)
    assert core is not None, "every row has the energy of its core"
    return total((energy_of(lookup, table), core)) if (lookup := lookup_terms(pe)) else core


def _whole_gated(pe: PeSpec, whole: Element, table: PriceTable) -> Estimate:
    return whole.gated() or energy_of(gated_terms(pe), table)


def _whole_price(pe: PeSpec, whole: Element, table: PriceTable, second: tuple[Term, ...]) -> PePrice:
    beside = (*lookup_terms(pe), *second)
    area, leakage = (_known_sum(beside, quantity, table) for quantity in (Quantity.AREA, Quantity.LEAKAGE))
    return PePrice(
        energy_mac_pj=_whole_mac(pe, whole, table).value,
        energy_gated_pj=_whole_gated(pe, whole, table).value,
        area_um2=_plus(_found(whole, "area_um2"), area),
        leakage_w=_plus(_found(whole, "leakage_w"), leakage),
        notes=(f"prices from table {table.name!r}", *whole.notes(), *_lookup_notes(pe)),
        energy_mac_low_pj=_whole_mac(pe, whole, table, "core_zero_delay_pj").value,
        register_pj=_found(whole, "register_pj"),
        clock_pj=_found(whole, "clock_pj"),
        delay_ns=_found(whole, "delay_ns"),
        delay_tight_ns=_found(whole, "delay_tight_ns"),
    )


def _found(whole: Element, quantity: str) -> float | None:
    found = whole.find(quantity)
    return found.value if found else None


def _plus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _lookup_notes(pe: PeSpec) -> tuple[str, ...]:
    if not lookup_terms(pe):
        return ()
    return ("codebook: the look-up from the table's rows, then an element that multiplies by the entry",)


def _notes(pe: PeSpec, table: PriceTable) -> tuple[str, ...]:
    notes = [f"prices from table {table.name!r}"]
    for term in (*mac_terms(pe), *gated_terms(pe)):
        price = price_term(term, Quantity.ENERGY, table)
        if price and price.basis is not Basis.TABLE:
            places = ", ".join(row.place for row in price.rows)
            notes.append(
                f"{term.name} ({term.operation.value}, {term.bits:.4g} bits): {price.basis.value} from {places}"
            )
    notes.append("a gated multiply-accumulate switches the zero test only (assumed); others do not pay for the test")
    notes.append("rounding to the product and accumulator formats, clamping and wires are not priced")
    if pe.kind in (PeKind.SHIFT_ADD, PeKind.MULTI_SHIFT_ADD):
        notes.append("negating a shifted term (one exclusive-or per bit) is not priced")
    for quantity in (Quantity.AREA, Quantity.LEAKAGE):
        terms = (*mac_terms(pe), *register_terms(pe))
        unknown = sorted({term.operation.value for term in terms if price_term(term, quantity, table) is None})
        notes += [f"{quantity.name.lower()} unknown for {', '.join(unknown)}"] if unknown else []
    return tuple(notes)


@lru_cache(maxsize=1 << 12)
def mac_range_pj(pe: PeSpec, table: PriceTable, usage: Usage = PLAIN) -> tuple[float, float] | None:
    """Return the energy of one multiply-accumulate without and with glitches; None where the table does not say.

    A gate simulation with delays counts every glitch of a deep circuit in one cycle; a pipelined one has fewer, so the
    truth for floating point lies between.
    """
    whole = element_of(pe, table, usage)
    if whole is None:
        return None
    low, high = (_whole_mac(pe, whole, table, quantity) for quantity in ("core_zero_delay_pj", "core_pj"))
    return min(low.value, high.value), high.value


@lru_cache(maxsize=1 << 12)
def price_notes(pe: PeSpec, table: PriceTable, usage: Usage = PLAIN) -> tuple[str, ...]:
    """Return where the prices of a synthesised element come from and how wrong they may be; nothing for others."""
    whole = element_of(pe, table, usage)
    return (*whole.notes(), *_lookup_notes(pe)) if whole else ()


def clock_notes(pe: PeSpec, table: PriceTable, usage: Usage, clock_mhz: float) -> tuple[str, ...]:
    """Say where a clock is faster than the element; its path is one multiply-accumulate, from register to register."""
    price = price_pe(pe, table, usage)
    if price.delay_ns is None or clock_mhz * price.delay_ns <= 1e3:
        return ()
    tight = price.delay_tight_ns
    if tight is not None and clock_mhz * tight <= 1e3:
        return (f"a clock of {clock_mhz:g} MHz needs fast synthesis ({1e3 / tight:.0f} MHz); the prices are relaxed",)
    most = max(1e3 / delay for delay in (price.delay_ns, tight) if delay is not None)
    return (f"a clock of {clock_mhz:g} MHz is faster than this element, which reaches {most:.0f} MHz unpipelined",)
