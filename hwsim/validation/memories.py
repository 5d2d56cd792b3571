"""Scratchpads: every listed macro predicted from the others of its family, and the families beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hwsim.array.parts import Memory
from hwsim.cost.memories import sram_price
from hwsim.cost.memory_law import Law, SramRow, families
from hwsim.cost.scaling import scaling_factors
from hwsim.validation.findings import Finding, percent
from hwsim.validation.page import Section, Table

NAMES = {"read_pj": "read energy", "write_pj": "write energy", "area_um2": "area", "leakage_w": "leakage"}
SOURCES = {
    "IHP, 130 nm": ("ihp130",),
    "CACTI, 22 to 65 nm": ("cacti65", "cacti45", "cacti32", "cacti22"),
}
SIZES = ((1024, 64), (4096, 64), (131072, 64))  #: 8 KB, 32 KB and 1 MB of 64 bits, the points of Horowitz
AT = (45.0, 0.9)  #: node and voltage that the families are compared at


@dataclass(frozen=True)
class LeftOutMacro:
    """One listed macro, predicted from the others.

    Attributes:
        row: the macro.
        measured: what its source lists.
        predicted: what the others say.
    """

    row: SramRow
    measured: float
    predicted: float

    @property
    def error(self) -> float:
        """Signed relative error."""
        return self.predicted / self.measured - 1


def left_out(family: str, quantity: str) -> Iterator[LeftOutMacro]:
    """Yield every macro of a family predicted from the others."""
    known = [(row, float(value)) for row in families()[family] if (value := getattr(row, quantity)) is not None]
    points = [(row.words, row.bits, value) for row, value in known]
    for place, (row, value) in enumerate(known):
        others = Law.fit(points[:place] + points[place + 1 :])
        yield LeftOutMacro(row, value, others.at(row.words, row.bits))


def memory_section() -> Section:
    """State the error of interpolated macros, and how far the families are apart."""
    rows: list[tuple[str | int, ...]] = []
    errors: dict[tuple[str, str], list[float]] = {}
    for family in (name for each in SOURCES.values() for name in each):
        source = next(name for name, own in SOURCES.items() if family in own)
        for quantity, name in NAMES.items():
            points = list(left_out(family, quantity))
            found = Finding("", "", tuple(point.error for point in points), None, "")
            worst = max(points, key=lambda point: abs(point.error)).row
            cells = (percent(found.rms), percent(found.worst, True), f"{worst.words} x {worst.bits}")
            rows.append((family, name, len(points), *cells))
            errors.setdefault((source, name), []).extend(found.errors)
    header = ("family", "price", "macros", "rms", "worst", "worst at")
    blocks = (_TEXT, Table(header, tuple(rows)), _BESIDE, _eachtable())
    findings = tuple(
        Finding(f"SRAM {name}", f"macros left out ({source})", tuple(own), None, _REMARK)
        for (source, name), own in errors.items()
    )
    return Section("Scratchpads", blocks, findings)


def _eachtable() -> Table:
    header = ("family", *(f"{words * bits // 8192} KB x {bits} b" for words, bits in SIZES))
    rows = []
    for family in ("horowitz45", "cacti45", "cacti65", "ihp130"):
        node = families()[family][0].node_nm
        factor = 1.0 if family == "horowitz45" else scaling_factors(node, _VOLTS.get(family), *AT).energy
        scaled = "" if factor == 1.0 else f", x {factor:.2f} from {node:g} nm"
        prices = [sram_price(Memory("", words * bits, bits), family) for words, bits in SIZES]
        of = [f" ({price.macros} macros)" if price.macros > 1 else "" for price in prices]
        cells = [f"{price.read_pj * factor:.1f}{many}" for price, many in zip(prices, of, strict=True)]
        rows.append((family + scaled, *cells))
    return Table(header, tuple(rows))


_VOLTS = {"ihp130": 1.2}
_REMARK = "a law in words and bits, put right at listed macros; wide and shallow ones are the worst"
_TEXT = (
    "A scratchpad is built from macros of the family that goes with the price table. Between listed macros a price "
    "is a law in words and bits, put right by what it misses at the macros around. Here each macro is left out and "
    "predicted from the others. Ten compiled macros of an open 130 nm process are few: leaving out one at the edge "
    "is extrapolation."
)
_BESIDE = (
    "Reading one word of 64 bits, pJ, by three sources, brought to 45 nm and 0.9 V by the scaling law (Stillmaker and "
    "Baas 2017): round published figures, a memory model, and compiled macros of another process. A size that a family "
    "does not reach is made of several macros, of which one works; the wires and multiplexers between them are in no "
    "price, so large scratchpads of small macros are too cheap: the weakest number on this page."
)
