"""What the silicon costs whether it works or not: area, and leakage as far as it is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from hwsim.array.parts import Dram, Memory
from hwsim.cost.datapath import lookup_terms, mac_terms, register_terms, second_register_terms
from hwsim.cost.element_price import element_of
from hwsim.cost.laws import estimate
from hwsim.cost.memories import Sizes, sram_silicon
from hwsim.cost.model import price_pe, price_term
from hwsim.cost.rows import Operation, Quantity
from hwsim.cost.tables import PriceTable
from hwsim.cost.usage import PLAIN, Usage
from hwsim.errors import CostError
from hwsim.formats.pe import PeSpec


@dataclass(frozen=True)
class PartlyKnown:
    """A sum of which some parts may be unknown.

    Attributes:
        value: the sum of the known parts.
        parts: (name, value) of each known part.
        unknown: names of the parts that no price is known for; they are missing from ``value``, not zero.
    """

    value: float
    parts: tuple[tuple[str, float], ...]
    unknown: tuple[str, ...]


def array_area_um2(pe: PeSpec, rows: int, columns: int, table: PriceTable, usage: Usage = PLAIN) -> float | None:
    """Return the area of rows x columns processing elements, registers included, in um2; None if a part is unknown.

    Memories, the vector unit, control and wiring are not in it (see ``memory_area_um2``).

    Raises:
        CostError: ``rows`` or ``columns`` below 1, or a unit without a price.
    """
    area_um2 = price_pe(pe, table, usage).area_um2
    return None if area_um2 is None else area_um2 * _elements(rows, columns)


def memory_area_um2(memory_bits: Sizes, table: PriceTable) -> PartlyKnown:
    """Return the area of the SRAMs, given by name as memories or by their capacity in bits, in um2."""
    return _sum(_memory_parts(memory_bits, Quantity.AREA, table))


def leakage_w(
    pe: PeSpec, rows: int, columns: int, memory_bits: Sizes, table: PriceTable, usage: Usage = PLAIN
) -> PartlyKnown:
    """Return the static power in W of the array and its SRAMs, with the parts that are unknown by name.

    Raises:
        CostError: ``rows`` or ``columns`` below 1.
    """
    elements = _elements(rows, columns)
    each = _element_leakage(pe, table, usage)
    parts = {name: None if value is None else value * elements for name, value in each}
    return _sum(parts | _memory_parts(memory_bits, Quantity.LEAKAGE, table) | {"dram": None})


def leakage_energy_pj(leakage: PartlyKnown, runtime_s: float) -> float:
    """Return the energy in pJ that the known part of ``leakage`` (W) takes in ``runtime_s``.

    >>> round(leakage_energy_pj(PartlyKnown(0.001, (), ("dram",)), 1e-6), 6)
    1000.0
    """
    return leakage.value * runtime_s * 1e12


def _elements(rows: int, columns: int) -> int:
    if rows < 1 or columns < 1:
        raise CostError(f"an array of {rows} x {columns} has no processing element; both must be at least 1")
    return rows * columns


@lru_cache(maxsize=1 << 12)
def _element_leakage(pe: PeSpec, table: PriceTable, usage: Usage) -> tuple[tuple[str, float | None], ...]:
    """Return the static power of the parts of one element by name."""
    parts: list[tuple[str, float | None]] = []
    whole = element_of(pe, table, usage)
    if whole is not None:
        found = whole.find("leakage_w")
        parts.append((f"processing elements ({whole.pe.kind.value})", found.value if found else None))
    units = lookup_terms(pe) if whole else (*mac_terms(pe), *register_terms(pe))
    for term in (*units, *second_register_terms(pe, usage)):
        price = price_term(term, Quantity.LEAKAGE, table)
        parts.append((f"{term.name} ({term.operation.value})", price.value if price else None))
    return tuple(dict(parts).items())


def _memory_parts(memories: Sizes, quantity: Quantity, table: PriceTable) -> dict[str, float | None]:
    return {name: _memory_part(size, quantity, table) for name, size in memories.items() if not isinstance(size, Dram)}


@lru_cache(maxsize=1 << 12)
def _memory_part(size: int | Memory, quantity: Quantity, table: PriceTable) -> float | None:
    found = sram_silicon(size, table, quantity)
    if found is not None:
        return found
    capacity = size.capacity_bits if isinstance(size, Memory) else size
    price = estimate(table, Operation.SRAM_READ, quantity, capacity)
    return price.value if price else None


def _sum(parts: Mapping[str, float | None]) -> PartlyKnown:
    known = tuple((name, value) for name, value in parts.items() if value is not None)
    return PartlyKnown(
        math.fsum(value for _, value in known), known, tuple(name for name in parts if parts[name] is None)
    )
