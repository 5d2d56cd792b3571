"""Counts times prices: energy by component. Average power is computed here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from hwsim.array.counts import Action, ActionCount, Component
from hwsim.cost.datapath import Term, gated_terms, lookup_terms, mac_terms, register_terms
from hwsim.cost.element_price import Element, element_of
from hwsim.cost.interpolate import Basis
from hwsim.cost.laws import Estimate, estimate, total
from hwsim.cost.rows import Operation, Quantity
from hwsim.cost.tables import PriceTable
from hwsim.cost.usage import PLAIN, Usage
from hwsim.errors import CostError, unknown_name
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
        return _whole_price(pe, whole, table)
    silicon = (*mac_terms(pe), *register_terms(pe))
    return PePrice(
        energy_mac_pj=_energy(mac_terms(pe), table).value,
        energy_gated_pj=_energy(gated_terms(pe), table).value,
        area_um2=_known_sum(silicon, Quantity.AREA, table),
        leakage_w=_known_sum(silicon, Quantity.LEAKAGE, table),
        notes=_notes(pe, table),
    )


def price_action(
    count: ActionCount, pe: PeSpec | None, memory_bits: Mapping[str, int], table: PriceTable, usage: Usage = PLAIN
) -> Estimate:
    """Return the energy in pJ of one action, with the rows that it comes from.

    Args:
        count: the action; how often is not looked at.
        pe: the processing element; None where no layer has one.
        memory_bits: capacity in bits of each SRAM by the unit's name.
        table: the prices.
        usage: how the element is used, for tables with synthesised ones.

    Raises:
        CostError: the table cannot price it, a memory has no size, or leakage is given as a count.
    """
    if count.component is Component.PE and count.action in (Action.MAC, Action.MAC_GATED):
        return _pe_action(count, pe, table, usage)
    by_bit = count.action in (Action.READ, Action.WRITE, Action.CLOCK)
    whole = element_of(pe, table, usage) if pe and count.component is Component.REGISTER else None
    own = _element_register(count, whole) if whole else None
    if own is not None:
        return own.scaled(count.bits)
    term = _memory_term(count, memory_bits) or _arithmetic_term(count, pe)
    if term is None:
        raise CostError(
            f"no price for {count.action.value!r} on {count.component.value!r} ({count.unit!r}): leakage is power "
            "times time, memories are read and written, the rest computes"
        )
    return _energy((term,), table).scaled(count.bits if by_bit else 1)


def price_counts(
    counts: Iterable[ActionCount],
    pe: PeSpec | None,
    memory_bits: Mapping[str, int],
    table: PriceTable,
    usage: Usage = PLAIN,
) -> dict[Component, float]:
    """Return dynamic energy in pJ by component; every component is a key, LEAKAGE is 0 (see ``leakage``).

    Linear in the counts: pricing two lists and adding is pricing the joined list.

    Raises:
        CostError: as ``price_action``, and for a negative count.
    """
    parts: dict[Component, list[float]] = {component: [] for component in Component}
    for count in counts:
        if count.count < 0:
            raise CostError(f"{count.unit!r} has {count.count} times {count.action.value!r}; a count is 0 or more")
        price_pj = _price_pj(count, pe, memory_bits, table, usage)
        parts[count.component].append(price_pj * float(count.count))
    return {component: math.fsum(energies) for component, energies in parts.items()}


def _price_pj(
    count: ActionCount, pe: PeSpec | None, memory_bits: Mapping[str, int], table: PriceTable, usage: Usage
) -> float:
    if count.component is Component.SRAM and count.unit not in memory_bits:
        return price_action(count, pe, memory_bits, table).value
    used = count.component is Component.PE or (count.component is Component.REGISTER and bool(table.elements))
    own = pe if used or count.component is Component.VECTOR else None
    how = usage if used and table.elements else PLAIN
    size = memory_bits.get(count.unit)
    return _remembered_pj(count.component, count.action, count.unit, count.bits, own, size, table, how)


@lru_cache(maxsize=1 << 16)
def _remembered_pj(
    component: Component,
    action: Action,
    unit: str,
    bits: int,
    pe: PeSpec | None,
    size: int | None,
    table: PriceTable,
    usage: Usage,
) -> float:
    """Return what ``price_action`` does: it is a function of these alone, and the same few are asked for each layer."""
    sizes = {} if size is None else {unit: size}
    return price_action(ActionCount(component, action, unit, bits, 1), pe, sizes, table, usage).value


def average_power_w(energy_pj: float, runtime_s: float) -> float:
    """Return energy / time in watts.

    Raises:
        CostError: ``runtime_s`` is not positive.

    >>> average_power_w(2e6, 1e-3)
    0.002
    """
    if not runtime_s > 0:
        raise CostError(f"average power over {runtime_s} s is not defined; the runtime must be positive")
    return energy_pj * 1e-12 / runtime_s


def _energy(terms: Sequence[Term], table: PriceTable) -> Estimate:
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


def _pe_action(count: ActionCount, pe: PeSpec | None, table: PriceTable, usage: Usage) -> Estimate:
    if pe is None:
        raise CostError(f"{count.unit!r} counts {count.action.value!r} but no processing element was given to price it")
    whole = element_of(pe, table, usage)
    if whole is None:
        return _energy(mac_terms(pe) if count.action is Action.MAC else gated_terms(pe), table)
    return _whole_mac(pe, whole, table) if count.action is Action.MAC else _whole_gated(pe, whole, table)


def _whole_mac(pe: PeSpec, whole: Element, table: PriceTable, quantity: str = "core_pj") -> Estimate:
    """The element's core, and before it the look-up where weights are indices of a codebook."""
    core = whole.mac(quantity)
    assert core is not None, "every row has the energy of its core"
    return total((_energy(lookup, table), core)) if (lookup := lookup_terms(pe)) else core


def _whole_gated(pe: PeSpec, whole: Element, table: PriceTable) -> Estimate:
    return whole.gated() or _energy(gated_terms(pe), table)


def _element_register(count: ActionCount, whole: Element) -> Estimate | None:
    """Return the price of a bit; reads are free: the wires behind a register are in the element's netlist."""
    if count.action is Action.CLOCK:
        return whole.clock_bit()
    captured = whole.captured_bit(count.unit)
    return captured.scaled(0.0) if captured and count.action is Action.READ else captured


def _whole_price(pe: PeSpec, whole: Element, table: PriceTable) -> PePrice:
    lookup = lookup_terms(pe)
    area, leakage = (_known_sum(lookup, quantity, table) for quantity in (Quantity.AREA, Quantity.LEAKAGE))
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


def _memory_term(count: ActionCount, memory_bits: Mapping[str, int]) -> Term | None:
    if count.component is Component.REGISTER and count.action is Action.CLOCK:
        return Term(count.unit, Operation.REGISTER_CLOCK, 1)
    read = {Action.READ: True, Action.WRITE: False}.get(count.action)
    if read is None:
        return None
    if count.component is Component.REGISTER:
        return Term(count.unit, Operation.REGISTER_READ if read else Operation.REGISTER_WRITE, 1)
    if count.component is Component.DRAM:
        return Term(count.unit, Operation.DRAM_READ if read else Operation.DRAM_WRITE, 1)
    if count.component is not Component.SRAM:
        return None
    if count.unit not in memory_bits:
        raise CostError(unknown_name("memory without a size", count.unit, memory_bits))
    return Term(count.unit, Operation.SRAM_READ if read else Operation.SRAM_WRITE, memory_bits[count.unit])


def _arithmetic_term(count: ActionCount, pe: PeSpec | None) -> Term | None:
    """The vector unit works in the number format of the operand whose code is as wide as the action."""
    if count.component not in (Component.VECTOR, Component.PE):
        return None
    operands = (pe.accumulator, pe.act, pe.product) if pe else ()
    match = next((operand for operand in operands if operand.is_float and operand.bits == count.bits), None)
    floats = {Action.ADD: Operation.FLOAT_ADD, Action.MULTIPLY: Operation.FLOAT_MUL}
    whole = {Action.ADD: Operation.INT_ADD, Action.MULTIPLY: Operation.INT_MUL, Action.COMPARE: Operation.COMPARE}
    if match and count.action in floats:
        significand = match.significand_bits
        return Term(count.unit, floats[count.action], significand, exponent_bits=match.exponent_bits)
    return Term(count.unit, whole[count.action], count.bits) if count.action in whole else None


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
