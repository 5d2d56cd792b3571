"""Weight sharing: ``codebook<K,ENTRY>``, K values per tensor found by k-means and held in a small table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from hwsim.errors import FormatError
from hwsim.formats.base import NumberFormat, Special, require_member
from hwsim.formats.fixed import check_code
from hwsim.formats.grid import BlockGrid, LevelGrid


@dataclass(frozen=True)
class CodebookFormat(NumberFormat):
    """K table entries of the format ``entry``; a code is the index of an entry.

    Attributes:
        size: entries K, 2 to 256.
        entry: the format of the table's entries, which the multiplier sees.
        values: the fitted table, ascending; empty until fitted.
    """

    size: int
    entry: NumberFormat
    values: tuple[Fraction, ...] = ()

    def __post_init__(self) -> None:
        if not 2 <= self.size <= 256:
            raise FormatError(f"codebook of {self.size} entries: must be 2 to 256")
        if isinstance(self.entry, CodebookFormat):
            raise FormatError("the entries of a codebook cannot be a codebook themselves")
        if self.entry.is_fitted and isinstance(self.entry.grid(), BlockGrid):
            raise FormatError(f"the entries of a codebook cannot be blocks, as {self.entry} is: they share no scale")
        self._check_values()

    def _check_values(self) -> None:
        if len(self.values) > self.size:
            raise FormatError(f"codebook<{self.size}> with {len(self.values)} values: at most {self.size}")
        if list(self.values) != sorted(set(self.values)):
            raise FormatError("the values of a codebook must ascend and differ")
        if self.values and not self.entry.is_fitted:
            raise FormatError(
                f"a table of {self.entry} has no scale: name it, as in codebook<4,{self.entry}@2^-7>{{0;1}}"
            )
        for value in self.values:
            self.entry.code_of(value)

    @property
    def bits(self) -> int:
        """Bits of one index."""
        return (self.size - 1).bit_length()

    @property
    def storage_bits(self) -> Fraction:
        """Bits that one number takes in memory; the table itself is not included."""
        return Fraction(self.bits)

    @property
    def is_fitted(self) -> bool:
        """True once the table is filled."""
        return bool(self.values)

    def decode(self, code: int) -> Fraction:
        """Return the table entry at ``code``."""
        check_code(self, code)
        if code >= len(self.values):
            raise FormatError(f"code {code} of codebook<{self.size}> is not in its table of {len(self.values)} entries")
        return self.values[code]

    def codes(self) -> Iterator[int]:
        """Iterate over the filled entries."""
        return iter(range(len(self.values)))

    def code_of(self, value: Fraction | Special) -> int:
        """Return the index of an entry."""
        require_member(self, value, value in self.values)
        return self.values.index(value)  # type: ignore[arg-type]

    def grid(self) -> LevelGrid:
        """Return the arithmetic description. Raises FormatError before the table is filled."""
        if not self.is_fitted:
            raise FormatError(f"{self} has no table yet: fit it to a tensor with hwsim.arith.fit(fmt, values)")
        return LevelGrid(self.values)

    @property
    def description(self) -> str:
        """One line for a listing."""
        return f"index into a table of {self.size} entries of {self.entry}, filled per tensor by k-means"

    def __str__(self) -> str:
        """Return the canonical spelling."""
        table = f"{{{';'.join(map(str, self.values))}}}" if self.values else ""
        return f"codebook<{self.size},{self.entry}>{table}"
