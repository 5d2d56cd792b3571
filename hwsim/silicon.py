"""Area and leakage of a whole machine, and what of it no price is known for."""

from __future__ import annotations

from collections.abc import Set

from hwsim.array import Machine
from hwsim.array.parts import Compression
from hwsim.cost import (
    PriceTable,
    Usage,
    array_area_um2,
    clock_notes,
    leakage_energy_pj,
    leakage_w,
    memory_area_um2,
    price_pe,
)
from hwsim.formats.pe import PeSpec


def largest_element(elements: Set[PeSpec], table: PriceTable, usage: Usage) -> PeSpec:
    """Return the element of the largest area, which an array for all of ``elements`` is made of."""
    return max(elements, key=lambda pe: (price_pe(pe, table, usage).area_um2 or 0.0, str(pe)))


def silicon(elements: Set[PeSpec], machine: Machine, table: PriceTable) -> tuple[float, float, tuple[str, ...]]:
    """Return leakage in pJ per second, area in um2 and what is not known, of an array of the largest element needed.

    Layers in other kinds of element would need more, and so would a clock that is faster than the elements are; that is
    named among what is not known.
    """
    if not elements:
        return 0.0, 0.0, ()
    usage = Usage.of(machine.array.dataflow, machine.zero_gating, None, machine.second_register)
    largest = largest_element(elements, table, usage)
    rows, columns = machine.array.rows, machine.array.columns
    leak = leakage_w(largest, rows, columns, machine.memories, table, usage)
    memory = memory_area_um2(machine.memories, table)
    array = array_area_um2(largest, rows, columns, table, usage)
    unpriced = [f"leakage of {name}" for name in leak.unknown] + [f"area of {name}" for name in memory.unknown]
    if any(price_pe(pe, table, usage).area_um2 is None for pe in elements):
        unpriced.append("area of the processing elements")
    unpriced.append("area and leakage of the vector unit")
    if machine.compression is not Compression.NONE:
        unpriced.append("energy and area of the unpacker of weights")
    slow = sorted({pe.kind.value for pe in elements if clock_notes(pe, table, usage, machine.clock_mhz)})
    if slow:
        unpriced.append(f"what {' and '.join(slow)} would take to reach {machine.clock_mhz:g} MHz")
    kinds = sorted({pe.kind.value for pe in elements} - {largest.kind.value})
    if kinds:
        unpriced.append(f"area and leakage of {' and '.join(kinds)} beside {largest.kind.value}")
    return leakage_energy_pj(leak, 1.0), (array or 0.0) + memory.value, tuple(unpriced)
