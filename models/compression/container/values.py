"""Which float32 values a tensor has, written as short as they can be, and always exactly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.compression.container.stream import (
    COUNT,
    DELTA,
    FIRST,
    Alphabet,
    Patterns,
    Ranks,
    Reader,
    Values,
    Writer,
    cheapest,
)
from models.compression.errors import CompressionError

Bits = NDArray[np.int64]  #: float32 bit patterns

SIGN = 1 << 31
MANTISSA_BITS = 23
MOST_VALUES = 1 << 16  #: in a table
MOST_STEPS = 1 << 15  #: of a grid, to either side
_SAMPLED = 64
_AT_ONCE = 1 << 16
_STEP_PARTS = 24  #: the smallest magnitude is taken to be 1 to this many steps


@dataclass(frozen=True, eq=False)
class Table:
    """Distinct values other than +0; -0 is one like any other.

    Attributes:
        below: Bit patterns of the magnitudes of those with a minus sign, ascending.
        above: Of those without.
    """

    below: Bits
    above: Bits

    @property
    def alphabet(self) -> Alphabet:
        """How many values there are below zero, and above."""
        return self.below.size, self.above.size

    @classmethod
    def of(cls, tensors: Iterable[Bits]) -> Table:
        """Return the values that occur in some bit patterns."""
        found = np.unique(np.concatenate([np.zeros(0, np.int64), *(np.unique(bits) for bits in tensors)]))
        return cls(found[found >= SIGN] - SIGN, found[(found > 0) & (found < SIGN)])

    def ranks(self, bits: Bits) -> Values:
        """Return the values of a matrix as ranks: 0, rank + 1, or its negative; all must be in the table."""
        negative = bits >= SIGN
        above = np.searchsorted(self.above, bits) + 1
        below = np.searchsorted(self.below, bits - SIGN) + 1
        return np.where(bits == 0, 0, np.where(negative, -below, above)).astype(np.int64)

    def bits(self, ranks: Values | Ranks) -> Patterns:
        """Return the bit patterns of ranks, in little memory beside. Raises CompressionError beyond the table."""
        low, high = int(ranks.min(initial=0)), int(ranks.max(initial=0))
        if -low > self.below.size or high > self.above.size:
            raise CompressionError(f"a code from {low} to {high}; the table has {self.alphabet} values below and above")
        # A negative rank counts from the end.
        every = np.concatenate([np.zeros(1, np.int64), self.above, self.below[::-1] + SIGN]).astype(np.uint32)
        flat, found = ranks.reshape(-1), np.zeros(ranks.size, np.uint32)
        # numpy indexes with eight bytes a value.
        for start in range(0, flat.size, _AT_ONCE):
            found[start : start + _AT_ONCE] = every[flat[start : start + _AT_ONCE]]
        return found.reshape(ranks.shape)


def dropped_bits(magnitudes: Bits) -> int:
    """Return how many of the lowest mantissa bits are zero in all of them, 0 to 23.

    >>> dropped_bits(np.array([0.5, 1.25], np.float32).view(np.int32).astype(np.int64))
    21
    """
    union = int(np.bitwise_or.reduce(magnitudes, initial=0)) | 1 << MANTISSA_BITS
    return (union & -union).bit_length() - 1


@dataclass(frozen=True)
class Grid:
    """The whole multiples of a step, each rounded to float32.

    Attributes:
        step: Bit pattern of a positive float32.
    """

    step: int

    @property
    def value(self) -> np.float32:
        """The step."""
        return np.int32(self.step).view(np.float32)

    def magnitudes(self, counts: Values) -> Bits:
        """Return the bit patterns of ``counts`` steps, at most 2^24: float32(count x step), ties to even.

        The product of a float32 and such an integer is exact in float64, so it is rounded once.
        """
        product = counts.astype(np.float64) * np.float64(self.value)
        with np.errstate(over="ignore"):  # an infinity is refused with the network
            return product.astype(np.float32).view(np.int32).astype(np.int64)

    def counts(self, magnitudes: Bits) -> Values | None:
        """Return how many steps each magnitude is, or None where one is not on the grid or beyond its ends."""
        values = magnitudes.astype(np.int32).view(np.float32).astype(np.float64)
        counts = np.rint(values / np.float64(self.value))
        if not (counts >= 1).all() or not (counts <= MOST_STEPS).all():
            return None
        whole = counts.astype(np.int64)
        return whole if np.array_equal(self.magnitudes(whole), magnitudes) else None


def find_grid(table: Table) -> Grid | None:
    """Return the grid that all values of a table are on, or None; a power of two before any other step.

    >>> table = Table.of([np.array([0.75, -1.5, 0.25], np.float32).view(np.int32).astype(np.int64) & 0xFFFFFFFF])
    >>> float(find_grid(table).value)
    0.25
    """
    magnitudes = np.union1d(table.below, table.above)
    if not 0 < magnitudes.size <= MOST_STEPS or magnitudes[0] == 0:
        return None
    few = magnitudes[:: max(1, magnitudes.size // _SAMPLED)]
    values = magnitudes.astype(np.int32).view(np.float32)
    smallest = float(values[0])
    # The largest power of two that divides all of them.
    fractions, exponents = np.frexp(values.astype(np.float64))
    odd = (fractions * (1 << 24)).astype(np.int64)
    finest = int((exponents - 24 + np.log2(odd & -odd).astype(np.int64)).min())
    steps = [np.float32(2.0**finest)] if -149 <= finest <= 127 else []
    for parts in range(1, _STEP_PARTS + 1):
        near = np.float32(smallest / parts)
        with np.errstate(over="ignore"):  # the largest float has an infinity next to it
            steps += [near, np.nextafter(near, np.float32(0)), np.nextafter(near, np.float32(np.inf))]
    for step in steps:
        grid = Grid(int(step.view(np.int32)))
        # Most steps fail at the first few values.
        if 0 < grid.step < 0x7F800000 and grid.counts(few) is not None and grid.counts(magnitudes) is not None:
            return grid
    return None


def write_grid(writer: Writer, grid: Grid) -> None:
    """Write the step: whether it is a power of two (of the normal range), then the exponent or all 31 bits."""
    power = grid.step & ((1 << MANTISSA_BITS) - 1) == 0
    writer.even(int(power), 1)
    writer.even(grid.step >> MANTISSA_BITS if power else grid.step, 8 if power else 31)


def read_grid(reader: Reader) -> Grid:
    """Return the step. Raises CompressionError when it is not positive and finite."""
    power = reader.even(1)
    step = reader.even(8) << MANTISSA_BITS if power else reader.even(31)
    if not 0 < step < 0x7F800000:
        raise CompressionError(f"the step of a grid has the bit pattern {step:#x}, which is no positive number")
    return Grid(step)


def write_table(writer: Writer, table: Table, new: type[Writer]) -> None:
    """Write a table in the shorter of two ways: as multiples of a step, or as floats without their zero bits."""
    grid = find_grid(table)
    options = [None] if grid is None else [grid, None]
    best, _ = cheapest(new, options, lambda scratch, option: _write_table_as(scratch, table, option))
    _write_table_as(writer, table, best)


def _write_table_as(writer: Writer, table: Table, grid: Grid | None) -> None:
    symmetric = np.array_equal(table.below, table.above)
    writer.even(int(symmetric), 1)
    writer.integer(table.above.size, COUNT)
    if not symmetric:
        writer.integer(table.below.size, COUNT)
    writer.even(int(grid is not None), 1)
    dropped = dropped_bits(np.concatenate([table.below, table.above]))
    if grid is not None:
        write_grid(writer, grid)
    else:
        writer.even(dropped, 5)
    for side in (table.above,) if symmetric else (table.above, table.below):
        if side.size:
            numbers = side >> dropped if grid is None else grid.counts(side)
            _write_ascending(writer, numbers, 31 - dropped if grid is None else 0)


def _write_ascending(writer: Writer, numbers: Values | None, width: int) -> None:
    """Write the first number (in ``width`` bits, or any number of them), then the differences less 1."""
    assert numbers is not None
    if width:
        writer.even(int(numbers[0]), width)
    else:
        writer.integer(int(numbers[0]), FIRST)
    for difference in np.diff(numbers):
        writer.integer(int(difference) - 1, DELTA)


def read_table(reader: Reader) -> Table:
    """Return what ``write_table`` wrote. Raises CompressionError when it has too many values or too large ones."""
    symmetric = reader.even(1)
    sizes = [reader.integer(COUNT)]
    if not symmetric:
        sizes.append(reader.integer(COUNT))
    if max(sizes) > MOST_VALUES:
        raise CompressionError(f"a table of {max(sizes)} values; the bound is {MOST_VALUES}")
    grid = read_grid(reader) if reader.even(1) else None
    dropped = 0 if grid is not None else reader.even(5)
    if dropped > MANTISSA_BITS:
        raise CompressionError(f"a table drops {dropped} bits of {MANTISSA_BITS}")
    sides = []
    for size in sizes:
        numbers = _read_ascending(reader, size, 31 - dropped if grid is None else 0)
        if numbers.size and grid is not None and numbers[-1] > 1 << 24:
            raise CompressionError(f"a value of {numbers[-1]} steps; the bound is {1 << 24}")
        sides.append(numbers << dropped if grid is None else grid.magnitudes(numbers))
    return Table(sides[-1], sides[0])


def _read_ascending(reader: Reader, count: int, width: int) -> Values:
    if not count:
        return np.zeros(0, np.int64)
    numbers = [reader.even(width) if width else reader.integer(FIRST)]
    for _ in range(count - 1):
        numbers.append(numbers[-1] + reader.integer(DELTA) + 1)
        if numbers[-1] >= SIGN:
            raise CompressionError("the values of a table go beyond the largest float")
    return np.array(numbers, np.int64)
