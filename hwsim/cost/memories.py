"""What a machine's memories cost: energy of an access by size and width, area, leakage, and DRAM by its kind.

A scratchpad is built from macros of the family that goes with the price table. One that is wider or deeper than the
family's largest is made of several: side by side they work together, one behind the other only one of them works.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hwsim.array.machine import Machine
from hwsim.array.memory_text import size_text
from hwsim.array.parts import Dram, DramKind, Memory, Ports
from hwsim.cost.finding import scaled_name
from hwsim.cost.interpolate import power_law
from hwsim.cost.memory_law import family_rows, law, left_out, memory_file
from hwsim.cost.rows import Operation, Quantity
from hwsim.cost.scaling import scaling_factors
from hwsim.cost.tables import PriceTable
from hwsim.errors import CostError

Sizes = Mapping[str, "int | Memory | Dram"]
"""A machine's memories by name; a number is the capacity in bits of an SRAM of which nothing else is known."""

USUAL_WORD_BITS = 64
"""Width at which a scratchpad without a stated one is priced: that of most sources."""

TWO_PORTS = {"read_pj": 1.25, "write_pj": 1.25, "area_um2": 2.2, "leakage_w": 1.27}
"""A memory that reads and writes in one cycle, over one with a single port.

Mean of four sizes in CACTI at 45 nm, 8 to 128 KB and 64 to 256 bits: energy 1.15 to 1.37, area 2.0 to 2.4, leakage 1.26
to 1.28 times.
"""

TABLE_FAMILIES: Mapping[str, str] = {
    "published45": "horowitz45",
    "aladdin45": "cacti45",
    "sky130": "ihp130",
    "ihp130": "ihp130",
    "asap7": "cacti22",
}
"""Memories that go with each price table. No compiled memory is published for sky130 and asap7: sky130 gets the macros
of another 130 nm process, asap7 those of 22 nm, which are too large and too hungry for it."""

SHAPES: Mapping[str, str] = {"horowitz45": "cacti45"}
"""Where a family lists one width only: the family that gives its dependence on the width, its area and its leakage."""

TABLE_DRAM: Mapping[str, DramKind] = dict.fromkeys(("sky130", "ihp130", "asap7"), DramKind.LPDDR4)
"""DRAM assumed with tables of synthesised gates, which have none, where the machine does not name a kind."""


@dataclass(frozen=True)
class SramPrice:
    """What a scratchpad costs.

    Attributes:
        family: of the macros that it is made of.
        read_pj: energy of reading one word.
        write_pj: of writing one.
        area_um2: of all macros; None where no source says.
        leakage_w: of all macros; None where no source says.
        word_bits: the width that an access moves.
        side_by_side: macros that work together for one word.
        macros: how many in all.
        listed: every macro is one that the family lists; if not, it is interpolated or extrapolated.
        error: mean relative error of the read energy of listed macros predicted from the others.
    """

    family: str
    read_pj: float
    write_pj: float
    area_um2: float | None
    leakage_w: float | None
    word_bits: int
    side_by_side: int
    macros: int
    listed: bool
    error: float | None


def family_of(table: PriceTable) -> str | None:
    """Return the family of memories that goes with ``table``; None where its own rows are all there is."""
    return TABLE_FAMILIES.get(table.name.partition("@")[0])


def table_price(memory: Memory, table: PriceTable) -> SramPrice | None:
    """Return what ``memory`` costs with ``table``; None where the table's own rows are all there is.

    A table at another technology node takes its memories there by the same law, which knows nothing of leakage.

    >>> from hwsim.cost.tables import load_table
    >>> found = table_price(Memory("ifmap_sram", 8192, word_bits=64), load_table("aladdin45"))
    >>> found.family, found.macros
    ('cacti45', 1)
    """
    family = family_of(table)
    if family is None:
        return None
    price, moved = sram_price(memory, family), scaled_name(table.name)
    if moved is None:
        return price
    row = family_rows(family)[0]
    factors = scaling_factors(row.node_nm, row.voltage_v, *moved[1:])
    return replace(
        price,
        family=f"{family} at {moved[1]:g} nm",
        read_pj=price.read_pj * factors.energy,
        write_pj=price.write_pj * factors.energy,
        area_um2=None if price.area_um2 is None else price.area_um2 * factors.area,
        leakage_w=None,
        listed=False,
    )


@functools.lru_cache(maxsize=1 << 12)
def sram_price(memory: Memory, family: str) -> SramPrice:
    """Return what ``memory`` costs, built from macros of ``family``.

    Raises:
        CostError: there is no such family.

    >>> price = sram_price(Memory("ifmap_sram", 64 * 8192, word_bits=64), "ihp130")
    >>> price.macros, price.read_pj, price.listed
    (4, 122.39, True)
    """
    word = memory.word_bits or USUAL_WORD_BITS
    banks = memory.banks * (2 if memory.double_buffered else 1)
    words = max(1, -(-memory.capacity_bits // (banks * word)))
    rows = family_rows(SHAPES.get(family, family))
    side = -(-word // max(row.bits for row in rows))
    bits = -(-word // side)
    behind = -(-words // max(row.words for row in rows if row.bits >= bits))
    depth = -(-words // behind)
    macros = banks * side * behind
    ports = TWO_PORTS if memory.ports is Ports.ONE_R_ONE_W else dict.fromkeys(TWO_PORTS, 1.0)
    costs = {name: _macro(family, name, depth, bits) for name in TWO_PORTS}
    area, leak = costs["area_um2"], costs["leakage_w"]
    known = any((row.words, row.bits) == (depth, bits) for row in rows)
    error = left_out(SHAPES.get(family, family), "read_pj")
    return SramPrice(
        family=family,
        read_pj=side * ports["read_pj"] * (costs["read_pj"] or 0.0),
        write_pj=side * ports["write_pj"] * (costs["write_pj"] or 0.0),
        area_um2=None if area is None else macros * ports["area_um2"] * area,
        leakage_w=None if leak is None else macros * ports["leakage_w"] * leak,
        word_bits=word,
        side_by_side=side,
        macros=macros,
        listed=known and memory.ports is Ports.ONE_RW and family not in SHAPES,
        error=error.mean if error else None,
    )


def _macro(family: str, quantity: str, words: int, bits: int) -> float | None:
    """Return one price of one macro; a family of one width borrows the others (``SHAPES``)."""
    own = law(family, quantity)
    if family not in SHAPES:
        return own.at(words, bits) if own else None
    shape = law(SHAPES[family], quantity)
    assert shape is not None
    if own is None:
        return shape.at(words, bits)
    usual = words * bits / USUAL_WORD_BITS
    return _power_law(family, quantity, usual) * shape.at(words, bits) / shape.at(usual, USUAL_WORD_BITS)


def _power_law(family: str, quantity: str, words: float) -> float:
    points = sorted((float(row.words), float(getattr(row, quantity))) for row in family_rows(family))
    return power_law(points, words)[0]


def sram_bit_pj(size: int | Memory | Dram, table: PriceTable, *, read: bool) -> float | None:
    """Return the energy of one bit of an access; None where the table's own rows have to say.

    A word is paid for whole: the energy of an access is this times the width of the memory's word.
    """
    if not isinstance(size, Memory):
        return None
    operation = Operation.SRAM_READ if read else Operation.SRAM_WRITE
    plain = size.word_bits is None and size.banks == 1 and not size.double_buffered
    if plain and table.knows(operation, Quantity.ENERGY):
        return None
    price = table_price(size, table)
    return None if price is None else (price.read_pj if read else price.write_pj) / price.word_bits


def sram_silicon(size: int | Memory | Dram, table: PriceTable, quantity: Quantity) -> float | None:
    """Return area (um2) or leakage (W) of a scratchpad; None where no source says."""
    price = table_price(size, table) if isinstance(size, Memory) else None
    if price is None:
        return None
    return price.area_um2 if quantity is Quantity.AREA else price.leakage_w


@functools.cache
def dram_prices() -> dict[DramKind, float]:
    """Return pJ per bit of every kind of DRAM.

    >>> dram_prices()[DramKind.LPDDR4]
    8.0
    """
    rows = csv.DictReader(memory_file("dram.csv").splitlines())
    return {DramKind(row["kind_of_dram"]): float(row["pj_per_bit"]) for row in rows}


def dram_bit_pj(size: int | Memory | Dram | None, table: PriceTable) -> float | None:
    """Return the energy of one bit that crosses the chip's edge; None where the table's own rows have to say.

    Raises:
        CostError: neither the machine nor the table names a kind of DRAM.
    """
    kind = size.kind if isinstance(size, Dram) else None
    if kind is None and not table.knows(Operation.DRAM_READ, Quantity.ENERGY):
        kind = TABLE_DRAM.get(table.name.partition("@")[0])
        if kind is None:
            kinds = ", ".join(known.value for known in DramKind)
            raise CostError(f"price table {table.name!r} has no DRAM: name one in the machine, dram=KIND, of {kinds}")
    return None if kind is None else dram_prices()[kind]


def memory_notes(machine: Machine, table: PriceTable) -> tuple[str, ...]:
    """Return, in words, what each memory is taken to be made of and how sure its price is."""
    return (*(_sram_note(memory, table) for memory in machine.srams), _dram_note(machine.dram, table))


def _sram_note(memory: Memory, table: PriceTable) -> str:
    family, price = family_of(table), table_price(memory, table)
    width = "of any width" if memory.word_bits is None else f"of {memory.word_bits}-bit words"
    what = f"{memory.name}: {size_text(memory.capacity_bits)} {width}"
    if family is None or price is None:
        return f"{what}, priced by the rows of {table.name}"
    if memory.word_bits is None and sram_bit_pj(memory, table, read=True) is not None:
        what += f", priced at {USUAL_WORD_BITS} bits"
    if sram_bit_pj(memory, table, read=True) is None:
        return f"{what}, energy by the rows of {table.name}, area and leakage of {SHAPES.get(family, family)}"
    how = "listed" if price.listed else "between and beyond listed ones"
    error = "" if price.error is None or price.listed else f", mean error of the reading energy {price.error:.0%}"
    return f"{what}, {price.macros} macros of {price.family}, {how}{error}"


def _dram_note(dram: Dram, table: PriceTable) -> str:
    speed = "without a limit" if dram.bandwidth_gb_s is None else f"of {dram.bandwidth_gb_s:g} GB/s"
    if dram.kind is not None:
        return f"{dram.name}: {dram.kind.value} {speed}"
    if not table.knows(Operation.DRAM_READ, Quantity.ENERGY) and (base := table.name.partition("@")[0]) in TABLE_DRAM:
        return f"{dram.name}: {TABLE_DRAM[base].value} (assumed, none is named) {speed}"
    return f"{dram.name}: priced by the rows of {table.name}, {speed}"
