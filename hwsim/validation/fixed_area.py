"""A published study: custom floating point in a fixed area, beside the same formula on our synthesised elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwsim.cost import PriceTable, find_table
from hwsim.cost.element_price import element_of
from hwsim.cost.interpolate import Basis
from hwsim.cost.usage import PLAIN
from hwsim.floorplan.study import FixedArea, fixed_area
from hwsim.formats import parse
from hwsim.formats.pe_kinds import pe_for
from hwsim.validation.findings import Finding, errors_of, percent
from hwsim.validation.page import Section, Table
from hwsim.validation.records import Record, load_record, record_names

BASE = "float<8,23>"


def from_table(fmt: str, table: PriceTable) -> FixedArea:
    """Return what a unit of one format throughout, sums included, gains over IEEE single, by a table's prices.

    Raises:
        CostError: the table does not know an area or a delay.
    """
    own, base = ((parse(name),) * 3 for name in (fmt, BASE))
    return fixed_area(pe_for(*own), pe_for(*base), table)


def from_units(fmt: str, units: Record) -> FixedArea:
    """Return the same of units that were synthesised for it.

    >>> round(from_units("float<6,8>", load_record("units_sky130")).area_ratio, 1)
    4.3
    """
    rows = {row["format"]: row for row in units.rows}
    own, base = ({name: float(rows[each][name]) for name in _NUMBERS} for each in (fmt, BASE))
    ratio = {name: base[name] / own[name] for name in _NUMBERS}
    return FixedArea(ratio["delay_ns"], ratio["core_area_um2"], ratio["core_pj"], ratio["core_zero_delay_pj"])


def fixed_area_section(tables: Sequence[str]) -> Section:
    """Compare speed and energy at equal area with the published numbers: synthesised units, then a table's prices."""
    record = load_record("hill2016")
    rows: list[tuple[str, ...]] = []
    findings: list[Finding] = []
    stamps = [(f"record {record.name}.csv", record.sha256[:12])]
    for name in record_names():
        if name.startswith("units_"):
            units = load_record(name)
            kind = f"synthesised, {units.provenance['table']}"
            rows += [_row(kind, row, from_units(row["format"], units)) for row in record.rows]
            findings += _findings(kind, record, [from_units(row["format"], units) for row in record.rows])
            stamps.append((f"record {name}.csv", units.sha256[:12]))
    for name in tables:
        table = find_table(name)
        for row in record.rows:
            priced = f"priced by {name} ({basis(row['format'], table)}, fp32 {basis(BASE, table)})"
            rows.append(_row(priced, row, from_table(row["format"], table)))
    header = (
        "ours", "format", "speed, published", "ours", "error", "delay x area", "energy, published", "ours", "error",
        "without glitches",
    )  # fmt: skip
    title = "A published study: floating point in a fixed area"
    return Section(title, (_TEXT, Table(header, tuple(rows))), tuple(findings), tuple(stamps))


def basis(fmt: str, table: PriceTable) -> str:
    """Say whether a unit is a row of the table, between rows, or beyond them."""
    found = element_of(pe_for(*(parse(fmt),) * 3), table, PLAIN)
    area = found.find("core_area_um2") if found else None
    return "a row" if area and area.basis is Basis.TABLE else area.basis.value if area else "a sum of parts"


def _row(kind: str, told: Mapping[str, str], found: FixedArea) -> tuple[str, ...]:
    errors = errors_of([found.speedup, found.energy_ratio], [float(told["speedup"]), float(told["energy_saving"])])
    low = "unknown" if found.energy_ratio_low is None else f"{found.energy_ratio_low:.1f}"
    return (
        kind, f"M{told['mantissa']}E{told['exponent']}", told["speedup"], f"{found.speedup:.1f}",
        percent(errors[0], True), f"{found.delay_ratio:.2f} x {found.area_ratio:.2f}", told["energy_saving"],
        f"{found.energy_ratio:.1f}", percent(errors[1], True), low,
    )  # fmt: skip


def _findings(kind: str, record: Record, found: Sequence[FixedArea]) -> list[Finding]:
    told = [(float(row["speedup"]), float(row["energy_saving"])) for row in record.rows]
    speed = errors_of([each.speedup for each in found], [own for own, _ in told])
    energy = errors_of([each.energy_ratio for each in found], [own for _, own in told])
    return [
        Finding(f"speed of narrow floats over fp32 in a fixed area ({kind})", "Hill et al. 2016", speed, None, _REMARK),
        Finding(f"energy of fp32 over narrow floats ({kind})", "Hill et al. 2016", energy, None, _REMARK),
    ]


_NUMBERS = ("delay_ns", "core_area_um2", "core_pj", "core_zero_delay_pj")
_TEXT = (
    "Hill et al. 2016 synthesised multiply-accumulate units in a commercial 28 nm process and gave for AlexNet the "
    "two formats below, against IEEE single precision: speed = ratio of delays x ratio of areas, energy per "
    "operation. Ours is the same formula over our units (arithmetic alone, weight-stationary operands, energy with "
    "glitches and without): as synthesised for this comparison, and as a price table has them, which says how far a "
    "law between rows can be trusted."
)
_REMARK = (
    "our units are single-cycle designs with subnormals on an open library; the study's came from a commercial "
    "datapath generator, and what they do with subnormals and how deep they are pipelined is not stated"
)
