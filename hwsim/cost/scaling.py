"""A table at another technology node: every price times a published factor, and marked as derived.

The law is that of Stillmaker and Baas, "Scaling equations for the accurate prediction of CMOS device performance from
180 nm to 7 nm", Integration 58 (2017) 74-81: polynomials in the supply voltage, fitted to circuit simulations of an
inverter chain with predictive transistor models, for energy and delay, and a table of ratios for area. It knows nothing
of leakage, which becomes unknown, nor of memories outside the chip, whose prices stay.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from hwsim.cost.curves import build_curves, curve_faults
from hwsim.cost.elements import ElementRow
from hwsim.cost.rows import Kind, Operation, PriceRow
from hwsim.cost.tables import PriceTable
from hwsim.errors import CostError, all_faults

SOURCE = "Stillmaker and Baas, Integration 58 (2017) 74-81"


@dataclass(frozen=True)
class Node:
    """What the law knows of one node.

    Attributes:
        voltage_v: nominal supply of the predictive model.
        area: over that of 7 nm, the first column of the law's table of area ratios.
        energy: coefficients of V^2, V, 1.
        delay: coefficients of V^3, V^2, V, 1.
    """

    voltage_v: float
    area: float
    energy: tuple[float, float, float]
    delay: tuple[float, float, float, float]


NODES: Mapping[float, Node] = {
    180.0: Node(1.8, 320, (24.64, -17.98, 0.0), (0.0, 97.09, -356.7, 406.5)),
    130.0: Node(1.3, 110, (7.171, -6.709, 2.904), (-76.65, 334.9, -493.4, 275.8)),
    90.0: Node(1.2, 48, (4.762, -4.781, 2.092), (-60.34, 262.5, -384.2, 210.9)),
    65.0: Node(1.1, 25, (3.755, -4.398, 1.975), (-53.3, 230.4, -333.9, 178.6)),
    45.0: Node(1.0, 17, (1.018, -0.3107, 0.1539), (-501.6, 1567, -1619, 566.1)),
    32.0: Node(0.9, 7.8, (0.8367, -0.4341, 0.1701), (-1047, 2982, -2797, 873.5)),
    20.0: Node(0.9, 3.6, (0.373, -0.1582, 0.04104), (0.0, 34.63, -66.37, 41.15)),
    16.0: Node(0.85, 3.2, (0.2958, -0.1241, 0.03024), (0.0, 24.8, -47.52, 28.87)),
    14.0: Node(0.8, 2.9, (0.2363, -0.09675, 0.02239), (-40.66, 109.2, -100.6, 35.92)),
    10.0: Node(0.75, 1.7, (0.2068, -0.09311, 0.02375), (-34.95, 93.65, -85.99, 30.4)),
    7.0: Node(0.7, 1.0, (0.1776, -0.09097, 0.02447), (-28.58, 76.6, -70.26, 24.69)),
}
"""High-performance transistors at 45 nm and below. Two open transcriptions of the paper agree on each number."""

LOW_POWER: Mapping[float, tuple[float, float, float]] = {
    45.0: (1.103, -0.362, 0.2767),
    32.0: (0.9559, -0.7823, 0.471),
    20.0: (0.2632, -0.14, 0.06841),
    16.0: (0.2139, -0.1187, 0.05639),
    14.0: (0.1556, -0.06472, 0.03066),
    10.0: (0.1261, -0.0518, 0.02769),
    7.0: (0.09365, -0.03409, 0.02043),
}
"""Energy coefficients of the low-power transistors; other tools mix the two kinds."""

_UNMOVED = (Operation.DRAM_READ, Operation.DRAM_WRITE)


@dataclass(frozen=True)
class Factors:
    """What prices are multiplied by."""

    energy: float
    area: float
    delay: float


def scaling_factors(from_nm: float, from_v: float | None, to_nm: float, to_v: float | None = None) -> Factors:
    """Return the factors from one node and supply voltage to another; None is the nominal voltage of the node.

    Raises:
        CostError: a node outside 7 to 180 nm, or a voltage that the law says nothing about.

    >>> round(scaling_factors(130, 1.3, 45).energy, 3)
    0.137
    """
    source, target = _at(from_nm, from_v), _at(to_nm, to_v)
    return Factors(target.energy / source.energy, target.area / source.area, target.delay / source.delay)


def _at(node_nm: float, voltage_v: float | None) -> Factors:
    """Return the law's own energy, area and delay at a node; between nodes the logarithms are interpolated."""
    low, high = min(NODES), max(NODES)
    if not low <= node_nm <= high:
        raise CostError(f"no scaling law at {node_nm:g} nm: name a node from {low:g} to {high:g} nm")
    below = max(node for node in NODES if node <= node_nm)
    above = min(node for node in NODES if node >= node_nm)
    share = 0.0 if below == above else math.log(node_nm / below) / math.log(above / below)
    least = max(NODES[node].voltage_v for node in (below, above)) / 2
    if voltage_v is not None and not least <= voltage_v < math.inf:
        raise CostError(
            f"{voltage_v:g} V at {node_nm:g} nm: the scaling law needs {least:g} V or more, well above threshold"
        )
    ends = [_own(NODES[node], voltage_v) for node in (below, above)]

    def between(pick: Callable[[Factors], float]) -> float:
        return math.exp((1 - share) * math.log(pick(ends[0])) + share * math.log(pick(ends[1])))

    return Factors(between(lambda f: f.energy), between(lambda f: f.area), between(lambda f: f.delay))


def _own(node: Node, voltage_v: float | None) -> Factors:
    """The polynomials up to the nominal voltage; above it, where they were not fitted, energy goes as V^2."""
    wanted = node.voltage_v if voltage_v is None else voltage_v
    v = min(wanted, node.voltage_v)
    a, b, c = node.energy
    d3, d2, d1, d0 = node.delay
    energy = (a * v * v + b * v + c) * (wanted / v) ** 2
    return Factors(energy, node.area, d3 * v**3 + d2 * v * v + d1 * v + d0)


def scale_table(table: PriceTable, node_nm: float, voltage_v: float | None = None) -> PriceTable:
    """Return ``table`` at another node, each price marked as derived.

    Raises:
        CostError: the law does not reach, or prices of different nodes no longer rise with width.
    """
    volts = "" if voltage_v is None else f",{voltage_v:g}V"
    name = f"{table.name}@{node_nm:g}nm{volts}"
    rows = tuple(_scaled_row(row, node_nm, voltage_v) for row in table.rows)
    faults = curve_faults(build_curves(rows))
    if faults:
        raise CostError(all_faults(f"price table {name!r}", faults))
    elements = tuple(_scaled_element(row, node_nm, voltage_v) for row in table.elements)
    made = f"{table.sha256} {node_nm} {voltage_v} {sorted(NODES.items())}"
    return PriceTable(name, rows, hashlib.sha256(made.encode()).hexdigest(), elements)


def _scaled_row(row: PriceRow, node_nm: float, voltage_v: float | None) -> PriceRow:
    if row.operation in _UNMOVED:
        return replace(row, note=_joined(row.note, "outside the chip, not scaled"))
    factors = scaling_factors(row.node_nm, row.voltage_v, node_nm, voltage_v)
    return replace(
        row,
        energy_pj=None if row.energy_pj is None else row.energy_pj * factors.energy,
        area_um2=None if row.area_um2 is None else row.area_um2 * factors.area,
        leakage_w=None,
        node_nm=node_nm,
        voltage_v=voltage_v or _at_nominal(node_nm),
        kind=Kind.DERIVED,
        note=_joined(row.note, _how(row.node_nm, factors)),
    )


def _scaled_element(row: ElementRow, node_nm: float, voltage_v: float | None) -> ElementRow:
    factors = scaling_factors(row.node_nm, row.voltage_v, node_nm, voltage_v)
    by = {"_pj": factors.energy, "_um2": factors.area, "_ns": factors.delay}
    scaled = {
        name: value * by[end]
        for name, value in vars(row).items()
        for end in by
        if name.endswith(end) and value is not None
    }
    return replace(
        row,
        **scaled,
        leakage_w=None,
        node_nm=node_nm,
        voltage_v=voltage_v or _at_nominal(node_nm),
        corner=f"{row.corner}; {_how(row.node_nm, factors)}",
        derived=True,
    )


def _at_nominal(node_nm: float) -> float:
    return NODES[min(NODES, key=lambda node: abs(math.log(node / node_nm)))].voltage_v


def _how(from_nm: float, factors: Factors) -> str:
    return f"scaled from {from_nm:g} nm: energy x{factors.energy:.3g}, area x{factors.area:.3g} ({SOURCE})"


def _joined(note: str, more: str) -> str:
    return f"{note}; {more}" if note else more
