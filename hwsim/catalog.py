"""What there is to know of a format at a glance: the rows of ``hwsim formats``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from hwsim.arith.dot_formats import can_accumulate
from hwsim.formats import CodebookFormat, NumberFormat, ScaledFormat, Special, parse
from hwsim.formats.block import STANDARD_BLOCKS
from hwsim.formats.grid import BlockGrid, FixedGrid, FloatGrid, Grid, power_of_two
from hwsim.formats.minifloat import STANDARD_FLOATS
from hwsim.formats.pe_kinds import pe_for
from hwsim.formats.spec import FAMILY_EXAMPLES
from hwsim.text import text_table

_COUNTED_BITS = 16


@dataclass(frozen=True)
class FormatCard:
    """One format in numbers; of a format that is fitted per tensor, at the scale 2^0.

    Attributes:
        name: canonical spelling.
        bits: of a code.
        storage_bits: of a number in memory, its share of a block scale included.
        smallest: least finite value.
        largest: greatest finite value.
        step: smallest positive value.
        codes: assigned codes, specials included.
        pe_kind: processing element that it needs as a weight, with activations of 8-bit fixed point where it can.
        roles: what it can be used for.
        description: in words.
    """

    name: str
    bits: int
    storage_bits: float
    smallest: float | None
    largest: float | None
    step: float | None
    codes: int
    pe_kind: str
    roles: str
    description: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-able."""
        return asdict(self)


def format_card(fmt: NumberFormat) -> FormatCard:
    """Return what there is to know of ``fmt``.

    >>> card = format_card(parse("e4m3"))
    >>> card.largest, card.step, card.codes
    (448.0, 0.001953125, 256)
    """
    known = not isinstance(fmt, CodebookFormat) or fmt.is_fitted
    grid = _at_unit_scale(fmt).grid() if known else None
    smallest, largest, step = _extremes(grid) if grid is not None else (None, None, None)
    accumulates = can_accumulate(fmt)
    return FormatCard(
        name=str(fmt),
        bits=fmt.bits,
        storage_bits=float(fmt.storage_bits),
        smallest=smallest,
        largest=largest,
        step=step,
        codes=_code_count(fmt),
        pe_kind=_pe_kind(fmt),
        roles="weights, acts, products, sums" if accumulates else "weights, acts",
        description=fmt.description,
    )


def catalog() -> dict[str, NumberFormat]:
    """Return one example of every family of the grammar, then the standard formats, by the name to show."""
    families = {family: parse(example) for family, example in FAMILY_EXAMPLES.items()}
    return {**families, **STANDARD_FLOATS, **STANDARD_BLOCKS}


def code_table(fmt: NumberFormat) -> Iterable[tuple[str, str]]:
    """Yield (code in binary, value) for every assigned code."""
    shown = _at_unit_scale(fmt)
    for code in shown.codes():
        value = shown.decode(code)
        yield f"{code:0{fmt.bits}b}", value.value if isinstance(value, Special) else _exactly(value)


def cards_text(cards: Sequence[tuple[str, FormatCard]]) -> str:
    """Return a table of formats, a line for each card behind the name that was asked for, and what names may say."""
    header = ["format", "example", "bits", "least", "greatest", "smallest step", "codes", "PE as a weight", "meaning"]
    rows = [
        [
            name,
            card.name if card.name != name else "",
            f"{card.storage_bits:g}",
            *("per tensor" if value is None else f"{value:.6g}" for value in (card.smallest, card.largest, card.step)),
            card.codes,
            card.pe_kind,
            card.description,
        ]
        for name, card in cards
    ]
    notes = (
        "Options after the widths: rne rtz rtp rtn rhu sr (rounding), sat wrap inf (overflow), and for floats bias=N, "
        "ftz, finite, ieee, fn.\nA scale per tensor: @auto, or @2^k; int, pow2, apot and shiftcnn have one unless @2^k "
        "fixes it (shown here at 2^0)."
    )
    return f"{text_table(header, rows)}\n\n{notes}"


def _exactly(value: Fraction) -> str:
    """The shortest decimal that reads back as the same double."""
    return repr(float(value)).removesuffix(".0")


def _at_unit_scale(fmt: NumberFormat) -> NumberFormat:
    return ScaledFormat(fmt.element, 0) if isinstance(fmt, ScaledFormat) and fmt.exponent is None else fmt


def _extremes(grid: Grid) -> tuple[float, float, float]:
    if isinstance(grid, FixedGrid):
        unit = power_of_two(grid.lsb)
        return float(grid.minimum * unit), float(grid.maximum * unit), float(unit)
    if isinstance(grid, FloatGrid):
        tiny = power_of_two(grid.quantum if grid.subnormals else grid.emin)
        return -float(grid.maximum), float(grid.maximum), float(tiny)
    if isinstance(grid, BlockGrid):
        return _extremes(grid.element)
    positive = [level for level in grid.levels if level > 0]
    return float(grid.levels[0]), float(grid.levels[-1]), float(min(positive, default=Fraction(0)))


def _code_count(fmt: NumberFormat) -> int:
    if isinstance(fmt, CodebookFormat) and not fmt.is_fitted:
        return fmt.size
    return sum(1 for _ in fmt.codes()) if fmt.bits <= _COUNTED_BITS else 1 << fmt.bits


def _pe_kind(fmt: NumberFormat) -> str:
    fixed = parse("fixed<8,4>"), parse("fixed<24,12>")
    return pe_for(fmt, *fixed).kind.value
