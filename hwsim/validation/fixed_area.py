"""A published study: custom floating point in a fixed area, beside the same formula on our synthesised elements."""

from __future__ import annotations

from collections.abc import Sequence

from hwsim.cost import PriceTable, find_table
from hwsim.cost.element_price import element_of
from hwsim.cost.interpolate import Basis
from hwsim.cost.usage import PLAIN
from hwsim.floorplan.study import FixedArea, fixed_area
from hwsim.formats import parse
from hwsim.formats.pe_kinds import pe_for
from hwsim.validation.findings import Finding, errors_of, percent
from hwsim.validation.page import Section, Table
from hwsim.validation.records import load_record

BASE = "float<8,23>"


def against_single(fmt: str, table: PriceTable) -> FixedArea:
    """Return what a unit of one format throughout, sums included, gains over one of IEEE single precision.

    Raises:
        CostError: the table does not know an area or a delay.
    """
    own, base = ((parse(name),) * 3 for name in (fmt, BASE))
    return fixed_area(pe_for(*own), pe_for(*base), table)


def basis(fmt: str, table: PriceTable) -> str:
    """Say whether a unit is a row of the table, between rows, or beyond them."""
    found = element_of(pe_for(*(parse(fmt),) * 3), table, PLAIN)
    area = found.find("core_area_um2") if found else None
    return "a row" if area and area.basis is Basis.TABLE else area.basis.value if area else "a sum of parts"


def fixed_area_section(tables: Sequence[str]) -> Section:
    """Compare speed and energy at equal area with the published numbers, for every table with synthesised floats."""
    record = load_record("hill2016")
    rows: list[tuple[str, ...]] = []
    gains: list[float] = []
    savings: list[float] = []
    for name in tables:
        table = find_table(name)
        for row in record.rows:
            found = against_single(row["format"], table)
            gain, saving, low = found.speedup, found.energy_ratio, found.energy_ratio_low
            gains += errors_of([gain], [float(row["speedup"])])
            savings += errors_of([saving], [float(row["energy_saving"])])
            rows.append((
                name, f"M{row['mantissa']}E{row['exponent']}", basis(row["format"], table), basis(BASE, table),
                row["speedup"], f"{gain:.1f}", percent(gains[-1], True), row["energy_saving"], f"{saving:.1f}",
                percent(savings[-1], True), "unknown" if low is None else f"{low:.1f}",
            ))  # fmt: skip
    header = (
        "table", "format", "its price", "price of fp32", "speed, published", "ours", "error", "energy, published",
        "ours", "error", "ours without glitches",
    )  # fmt: skip
    findings = (
        Finding("speed of narrow floats over fp32 in a fixed area", "Hill et al. 2016", tuple(gains), None, _REMARK),
        Finding("energy of narrow floats below fp32", "Hill et al. 2016", tuple(savings), None, _REMARK),
    )
    stamps = (("record hill2016.csv", record.sha256[:12]),)
    return Section(
        "A published study: floating point in a fixed area", (_TEXT, Table(header, tuple(rows))), findings, stamps
    )


_TEXT = (
    "Hill et al. 2016 synthesised multiply-accumulate units in a commercial 28 nm process and gave for AlexNet the "
    "two formats below, against IEEE single precision: speed = ratio of delays x ratio of areas, energy per "
    "operation. Ours is the same formula over our synthesised units (arithmetic alone, relaxed synthesis, "
    "weight-stationary operands, energy with glitches and without)."
)
_REMARK = (
    "our floating-point units are single-cycle designs on open libraries: no pipelining, no commercial datapath "
    "generator, and glitches grow with depth, so the widest unit pays most"
)
