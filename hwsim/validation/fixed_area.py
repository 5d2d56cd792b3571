"""A published study: custom floating point in a fixed area, beside the same formula on our synthesised elements."""

from __future__ import annotations

from collections.abc import Sequence

from hwsim.cost import PePrice, PriceTable, find_table, price_pe
from hwsim.formats import parse
from hwsim.formats.pe_kinds import pe_for
from hwsim.validation.findings import Finding, errors_of, percent
from hwsim.validation.page import Section, Table
from hwsim.validation.records import load_record

BASE = "float<8,23>"


def mac_price(fmt: str, table: PriceTable) -> PePrice:
    """Return the price of a multiply-accumulate in one format throughout, sums included, as the study has it."""
    number = parse(fmt)
    return price_pe(pe_for(number, number, number), table)


def speedup(base: PePrice, other: PePrice) -> float:
    """Return delay(base) / delay(other) x area(base) / area(other): clock gain times copies in the same area.

    Hill et al. 2016, their figure 5. Raises nothing: both prices must know area and delay.
    """
    assert base.delay_ns and other.delay_ns and base.area_um2 and other.area_um2
    return base.delay_ns / other.delay_ns * base.area_um2 / other.area_um2


def fixed_area_section(tables: Sequence[str]) -> Section:
    """Compare speed and energy at equal area with the published numbers, for every table with synthesised floats."""
    record = load_record("hill2016")
    rows, gains, savings = [], [], []
    for name in tables:
        table = find_table(name)
        base = mac_price(BASE, table)
        for row in record.rows:
            other = mac_price(row["format"], table)
            gain, saving = speedup(base, other), _energy(base) / _energy(other)
            low = _low(base) / _low(other)
            gains += errors_of([gain], [float(row["speedup"])])
            savings += errors_of([saving], [float(row["energy_saving"])])
            rows.append((
                name, f"M{row['mantissa']}E{row['exponent']}", row["speedup"], f"{gain:.1f}", percent(gains[-1], True),
                row["energy_saving"], f"{saving:.1f}", percent(savings[-1], True), f"{low:.1f}",
            ))  # fmt: skip
    header = ("table", "format", "speed, published", "ours", "error", "energy, published", "ours", "error", "ours without glitches")
    findings = (
        Finding("speed in a fixed area, against fp32", "Hill et al. 2016", tuple(gains), None, _REMARK),
        Finding("energy per MAC, against fp32", "Hill et al. 2016", tuple(savings), None, _REMARK),
    )
    stamps = (("record hill2016.csv", record.sha256[:12]),)
    return Section("A published study: floating point in a fixed area", (_TEXT, Table(header, tuple(rows))), findings, stamps)


def _energy(price: PePrice) -> float:
    return price.energy_mac_pj


def _low(price: PePrice) -> float:
    return price.energy_mac_low_pj or price.energy_mac_pj


_TEXT = (
    "Hill et al. 2016 synthesised multiply-accumulate units in a commercial 28 nm process and gave for AlexNet the two "
    "formats below, against IEEE single precision: speed = ratio of delays x ratio of areas, energy per operation. Ours is "
    "the same formula over our synthesised elements (relaxed synthesis; area with the element's registers, energy of "
    "the arithmetic with glitches)."
)
_REMARK = (
    "our floating-point units are single-cycle textbook designs on open libraries: no pipelining, no commercial datapath "
    "generator, and glitches grow with depth, so the widest unit is punished most"
)
