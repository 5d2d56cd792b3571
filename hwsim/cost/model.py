"""Counts times prices: energy by component. Average power is computed here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

from hwsim.array.counts import Action, ActionCount, Component
from hwsim.array.parts import Dram, Memory
from hwsim.cost.datapath import Term
from hwsim.cost.element_price import Element, element_of
from hwsim.cost.interpolate import Basis
from hwsim.cost.laws import Estimate
from hwsim.cost.memories import Sizes, dram_bit_pj, sram_bit_pj
from hwsim.cost.pe_price import PePrice, energy_of, mac_estimate, price_pe, price_term
from hwsim.cost.rows import Operation
from hwsim.cost.tables import PriceTable
from hwsim.cost.usage import PLAIN, Usage
from hwsim.errors import CostError, unknown_name
from hwsim.formats.pe import PeSpec

__all__ = [
    "PePrice",
    "average_power_w",
    "price_action",
    "price_counts",
    "price_memories",
    "price_pe",
    "price_split",
    "price_term",
]


def price_action(
    count: ActionCount, pe: PeSpec | None, memory_bits: Sizes, table: PriceTable, usage: Usage = PLAIN
) -> Estimate:
    """Return the energy in pJ of one action, with the rows that it comes from.

    Args:
        count: the action; how often is not looked at.
        pe: the processing element; None where no layer has one.
        memory_bits: the machine's memories by the unit's name, or the capacity in bits of an SRAM.
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
    outside = _memory_bit(count, memory_bits.get(count.unit), table)
    if outside is not None:
        return Estimate(outside * count.bits, Basis.INTERPOLATED, ())
    term = _memory_term(count, memory_bits) or _arithmetic_term(count, pe)
    if term is None:
        raise CostError(
            f"no price for {count.action.value!r} on {count.component.value!r} ({count.unit!r}): leakage is power "
            "times time, memories are read and written, the rest computes"
        )
    return energy_of((term,), table).scaled(count.bits if by_bit else 1)


def price_counts(
    counts: Iterable[ActionCount],
    pe: PeSpec | None,
    memory_bits: Sizes,
    table: PriceTable,
    usage: Usage = PLAIN,
) -> dict[Component, float]:
    """Return dynamic energy in pJ by component; every component is a key, LEAKAGE is 0 (see ``leakage``).

    Linear in the counts: pricing two lists and adding is pricing the joined list.

    Raises:
        CostError: as ``price_action``, and for a negative count.
    """
    return price_split(counts, pe, memory_bits, table, usage)[0]


def price_memories(counts: Iterable[ActionCount], memories: Sizes, table: PriceTable) -> dict[str, float]:
    """Return the energy in pJ of each memory, scratchpads and DRAM, by its name.

    Raises:
        CostError: as ``price_action``.
    """
    moves = (count for count in counts if count.component in _MEMORIES)
    return price_split(moves, None, memories, table)[1]


def price_split(
    counts: Iterable[ActionCount], pe: PeSpec | None, memories: Sizes, table: PriceTable, usage: Usage = PLAIN
) -> tuple[dict[Component, float], dict[str, float]]:
    """Return what ``price_counts`` and ``price_memories`` do, looking each price up once. Raises CostError."""
    parts: dict[Component, list[float]] = {component: [] for component in Component}
    by_name: dict[str, list[float]] = {name: [] for name in memories}
    known = _known_prices(pe, tuple(memories.items()), table, usage)
    for count in counts:
        if count.count < 0:
            raise CostError(f"{count.unit!r} has {count.count} times {count.action.value!r}; a count is 0 or more")
        key = (count.component, count.action, count.unit, count.bits)
        price_pj = known.get(key)
        if price_pj is None:
            price_pj = known[key] = _price_pj(count, pe, memories, table, usage)
        energy_pj = price_pj * float(count.count)
        parts[count.component].append(energy_pj)
        if count.component in _MEMORIES:
            by_name.setdefault(count.unit, []).append(energy_pj)
    totals = {component: math.fsum(energies) for component, energies in parts.items()}
    return totals, {name: math.fsum(energies) for name, energies in by_name.items()}


_MEMORIES = (Component.SRAM, Component.DRAM)


@lru_cache(maxsize=1 << 10)
def _known_prices(
    pe: PeSpec | None, memories: tuple[tuple[str, int | Memory | Dram], ...], table: PriceTable, usage: Usage
) -> dict[tuple[Component, Action, str, int], float]:
    """Return the prices found so far for these: hashing them all anew for every count would take most of the time."""
    return {}


def _price_pj(count: ActionCount, pe: PeSpec | None, memory_bits: Sizes, table: PriceTable, usage: Usage) -> float:
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
    size: int | Memory | Dram | None,
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


def _pe_action(count: ActionCount, pe: PeSpec | None, table: PriceTable, usage: Usage) -> Estimate:
    if pe is None:
        raise CostError(f"{count.unit!r} counts {count.action.value!r} but no processing element was given to price it")
    return mac_estimate(pe, table, usage, gated=count.action is Action.MAC_GATED)


def _element_register(count: ActionCount, whole: Element) -> Estimate | None:
    """Return the price of a bit; reads are free: the wires behind a register are in the element's netlist."""
    if count.action is Action.CLOCK:
        return whole.clock_bit()
    captured = whole.captured_bit(count.unit)
    return captured.scaled(0.0) if captured and count.action is Action.READ else captured


def _memory_bit(count: ActionCount, size: int | Memory | Dram | None, table: PriceTable) -> float | None:
    """Return the price of one bit that does not come from the table's own rows; None where it does."""
    if count.action not in (Action.READ, Action.WRITE):
        return None
    if count.component is Component.DRAM:
        return dram_bit_pj(size, table)
    if count.component is Component.SRAM and size is not None:
        return sram_bit_pj(size, table, read=count.action is Action.READ)
    return None


def _memory_term(count: ActionCount, memory_bits: Sizes) -> Term | None:
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
    size = memory_bits[count.unit]
    capacity = size.capacity_bits if isinstance(size, Memory) else size
    if isinstance(capacity, Dram):
        raise CostError(f"{count.unit!r} is a DRAM, and {count.action.value!r} is counted on it as on an SRAM")
    return Term(count.unit, Operation.SRAM_READ if read else Operation.SRAM_WRITE, capacity)


def _arithmetic_term(count: ActionCount, pe: PeSpec | None) -> Term | None:
    """The vector unit works in the number format of the operand whose code is as wide as the action.

    Rounding and clamping sums are integer operations on their codes, in floating point too.
    """
    if count.component not in (Component.VECTOR, Component.PE):
        return None
    operands = (pe.accumulator, pe.act, pe.product) if pe and count.unit != "requantise" else ()
    match = next((operand for operand in operands if operand.is_float and operand.bits == count.bits), None)
    floats = {Action.ADD: Operation.FLOAT_ADD, Action.MULTIPLY: Operation.FLOAT_MUL}
    whole = {Action.ADD: Operation.INT_ADD, Action.MULTIPLY: Operation.INT_MUL, Action.COMPARE: Operation.COMPARE}
    if match and count.action in floats:
        significand = match.significand_bits
        return Term(count.unit, floats[count.action], significand, exponent_bits=match.exponent_bits)
    return Term(count.unit, whole[count.action], count.bits) if count.action in whole else None
