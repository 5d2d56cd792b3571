"""Counts times prices: energy by component. Average power is computed here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hwsim.array.counts import Action, ActionCount, Component
from hwsim.cost.datapath import Term, gated_terms, mac_terms, register_terms
from hwsim.cost.interpolate import Basis
from hwsim.cost.laws import Estimate, estimate, total
from hwsim.cost.rows import Operation, Quantity
from hwsim.cost.tables import PriceTable
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
    """

    energy_mac_pj: float
    energy_gated_pj: float
    area_um2: float | None
    leakage_w: float | None
    notes: tuple[str, ...]


def price_term(term: Term, quantity: Quantity, table: PriceTable) -> Estimate | None:
    """Return the price of all ``count`` units of ``term``; None where the table does not know it."""
    found = estimate(
        table, term.operation, quantity, term.bits, positions=term.positions, exponent_bits=term.exponent_bits
    )
    return found.scaled(term.count) if found else None


def price_pe(pe: PeSpec, table: PriceTable) -> PePrice:
    """Return energy, area and leakage of one processing element.

    Raises:
        CostError: the table has no energy for a unit that the element is made of.

    >>> from hwsim.cost.tables import load_table
    >>> from hwsim.formats.pe import Operand
    >>> eight, wide = Operand(8, 8), Operand(32, 32)
    >>> pe = PeSpec(PeKind.INT_MAC, eight, eight, eight, Operand(16, 16), wide)
    >>> round(price_pe(pe, load_table("published45")).energy_mac_pj, 3)
    0.3
    """
    silicon = (*mac_terms(pe), *register_terms(pe))
    return PePrice(
        energy_mac_pj=_energy(mac_terms(pe), table).value,
        energy_gated_pj=_energy(gated_terms(pe), table).value,
        area_um2=_known_sum(silicon, Quantity.AREA, table),
        leakage_w=_known_sum(silicon, Quantity.LEAKAGE, table),
        notes=_notes(pe, table),
    )


def price_action(count: ActionCount, pe: PeSpec | None, memory_bits: Mapping[str, int], table: PriceTable) -> Estimate:
    """Return the energy in pJ of one action, with the rows that it comes from.

    Args:
        count: the action; how often is not looked at.
        pe: the processing element; None where no layer has one.
        memory_bits: capacity in bits of each SRAM by the unit's name.
        table: the prices.

    Raises:
        CostError: the table cannot price it, a memory has no size, or leakage is given as a count.
    """
    if count.component is Component.PE and count.action in (Action.MAC, Action.MAC_GATED):
        return _pe_action(count, pe, table)
    term = _memory_term(count, memory_bits) or _arithmetic_term(count, pe)
    if term is None:
        raise CostError(
            f"no price for {count.action.value!r} on {count.component.value!r} ({count.unit!r}): leakage is power "
            "times time, memories are read and written, the rest computes"
        )
    by_bit = count.action in (Action.READ, Action.WRITE, Action.CLOCK)
    return _energy((term,), table).scaled(count.bits if by_bit else 1)


def price_counts(
    counts: Iterable[ActionCount], pe: PeSpec | None, memory_bits: Mapping[str, int], table: PriceTable
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
        price_pj = price_action(count, pe, memory_bits, table).value
        parts[count.component].append(price_pj * float(count.count))
    return {component: math.fsum(energies) for component, energies in parts.items()}


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


def _pe_action(count: ActionCount, pe: PeSpec | None, table: PriceTable) -> Estimate:
    if pe is None:
        raise CostError(f"{count.unit!r} counts {count.action.value!r} but no processing element was given to price it")
    return _energy(mac_terms(pe) if count.action is Action.MAC else gated_terms(pe), table)


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
