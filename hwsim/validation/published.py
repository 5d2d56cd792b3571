"""Published numbers that need no model of another chip: peak rates, and synthesised integer elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwsim.array import Workload, layer_cycles, parse_machine
from hwsim.cost import PePrice, find_table, price_pe
from hwsim.formats import parse
from hwsim.formats.pe_kinds import pe_for
from hwsim.validation.findings import Finding, errors_of, percent
from hwsim.validation.page import Section, Table
from hwsim.validation.records import load_record

LONG = 1 << 20  #: vectors that stream past one tile: a layer so long that filling and draining do not count
CLOCK_HZ = 500e6  #: of the published synthesis
NODE = "45nm"
FAR = (f"asap7@{NODE}",)  #: tables brought over so many nodes that the law of scaling is what is compared


def published_section(synthesised: Sequence[str]) -> Section:
    """Compare peak rates, and area and energy of plain integer elements at 45 nm."""
    peaks, elements = load_record("peaks"), load_record("bitfusion_synth")
    rates = [(row, _rate_gops(row["machine"])) for row in peaks.rows]
    errors = errors_of([gops for _, gops in rates], [float(row["gops"]) for row, _ in rates])
    rows = [(row["chip"], f"{float(row['gops']):,.1f}", f"{gops:,.1f}") for row, gops in rates]
    tables = ("published45", "aladdin45", *(f"{name}@{NODE}" for name in synthesised))
    findings = [
        Finding(
            "peak rate", "published chips", errors, 0.01, "one long layer runs at the rate that the chip's makers state"
        )
    ]
    findings += [found for table in tables for found in _element_findings(table, elements.rows)]
    blocks = (
        _PEAKS,
        Table(("chip", "published GOPS", "ours, one long layer"), tuple(rows)),
        _ELEMENTS,
        Table(("element", "published um2", *tables), tuple(_area_row(row, tables) for row in elements.rows)),
        Table(("element", "published pJ a cycle", *tables), tuple(_energy_row(row, tables) for row in elements.rows)),
    )
    stamps = tuple((f"record {record.name}.csv", record.sha256[:12]) for record in (peaks, elements))
    return Section("Published rates and integer elements", blocks, tuple(findings), stamps)


def _rate_gops(text: str) -> float:
    machine = parse_machine(text)
    load = Workload.gemm(LONG, machine.array.columns, machine.array.rows)
    return 2 * load.macs / machine.runtime_s(layer_cycles(machine, load).total) / 1e9


def _price(bits: int, table: str) -> PePrice:
    acc = parse(f"int{2 * bits + 8}@2^0")
    number = parse(f"int{bits}")
    return price_pe(pe_for(number, number, acc), find_table(table))


def _energy_pj(price: PePrice) -> float:
    return price.energy_mac_pj + (price.register_pj or 0.0) + (price.clock_pj or 0.0)


def _published(row: Mapping[str, str]) -> tuple[int, float, float]:
    """Return bits, um2 and pJ a cycle of one element."""
    elements = int(row["rows"]) * int(row["columns"])
    return int(row["bits"]), float(row["area_um2"]) / elements, float(row["dynamic_nw"]) * 1e3 / CLOCK_HZ / elements


def _element_findings(table: str, rows: Sequence[Mapping[str, str]]) -> list[Finding]:
    told = [_published(row) for row in rows]
    remark = _FAR if table in FAR else _REMARK
    prices = [_price(bits, table) for bits, _, _ in told]
    areas = [(price.area_um2, area) for price, (_, area, _) in zip(prices, told, strict=True) if price.area_um2]
    energies = errors_of([_energy_pj(price) for price in prices], [energy for _, _, energy in told])
    found = [Finding(f"energy of integer elements ({table})", _STUDY, energies, None, remark)]
    if areas:
        errors = errors_of([own for own, _ in areas], [theirs for _, theirs in areas])
        found.append(
            Finding(f"area of integer elements ({table})", "Bit Fusion, 45 nm synthesis", errors, None, remark)
        )
    return found


def _area_row(row: Mapping[str, str], tables: Sequence[str]) -> tuple[str, ...]:
    bits, area, _ = _published(row)
    ours = [_price(bits, table).area_um2 for table in tables]
    cells = ["unknown" if own is None else f"{own:.0f} ({percent(own / area - 1, True)})" for own in ours]
    return (f"int{bits} x int{bits}", f"{area:.0f}", *cells)


def _energy_row(row: Mapping[str, str], tables: Sequence[str]) -> tuple[str, ...]:
    bits, _, energy = _published(row)
    ours = [_energy_pj(_price(bits, table)) for table in tables]
    cells = [f"{own:.3f} ({percent(own / energy - 1, True)})" for own in ours]
    return (f"int{bits} x int{bits}", f"{energy:.3f}", *cells)


_FAR = "scaled from 7 nm: the law of scaling is an inverter's, and over so many nodes its error is what is seen here"
_PEAKS = (
    "The rate of one layer so long that filling and draining do not count, two operations a multiply-accumulate. It "
    "shows only that elements, clock and operations are counted as the chips' makers count them."
)
_ELEMENTS = (
    "Plain integer elements of the Bit Fusion study, synthesised with commercial tools at 45 nm and 500 MHz, "
    "registers included. Ours with sums of twice the width and 8 bits; tables of other processes brought to 45 nm by "
    "the published scaling law. Energies of synthesised tables include the element's registers and clock pins, "
    "published ones are arithmetic alone."
)
_STUDY = "Bit Fusion, 45 nm synthesis"
_RATE = "one long layer runs at the rate that the chip's makers state"
_REMARK = "another process, other tools, operands and sums of unknown width and activity"
