"""Shift-add against multipliers on a network of yours: accuracy beside energy, at the activity of the real operands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from numpy.typing import NDArray

from hwsim.array import Component, Machine
from hwsim.compare.headline import OTHERS
from hwsim.cost import PriceTable
from hwsim.errors import HwsimError
from hwsim.hardware import run_hardware
from hwsim.network import Network, fold
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.network.numerics import NumericsResult
from hwsim.network.shared_run import run_many
from hwsim.text import text_table


@dataclass(frozen=True)
class NetworkRow:
    """One kind of arithmetic on one machine, by one table, one inference.

    Attributes:
        name: such as "shift-add".
        formats: weights, activations, sums.
        correct: images classified correctly, of ``total``.
        total: images.
        array_pj: processing elements and registers.
        array_low_pj: the same without glitches; equals ``array_pj`` where the table does not say.
        energy_pj: everything.
        area_um2: of the chip as far as it is known.
        cycles: of one inference.
    """

    name: str
    formats: tuple[str, str, str]
    correct: int
    total: int
    array_pj: float
    array_low_pj: float
    energy_pj: float
    area_um2: float
    cycles: int


def run_contenders(
    network: Network,
    shift_add: tuple[str, str, str],
    images: NDArray[Any],
    labels: NDArray[Any],
    calibration: NDArray[Any],
) -> dict[str, tuple[tuple[str, str, str], NumericsResult]]:
    """Return what ``network`` answers in each kind of arithmetic. Raises HwsimError where one cannot run."""
    chosen = {"shift-add": shift_add, **OTHERS}
    assignments = [Assignment(LayerFormats.of(*formats)) for formats in chosen.values()]
    found = run_many(network, assignments, images, labels, calibration)
    results = {}
    for (name, formats), outcome in zip(chosen.items(), found, strict=True):
        if isinstance(outcome, HwsimError):
            raise outcome
        results[name] = formats, outcome
    return results


def network_rows(
    network: Network,
    results: dict[str, tuple[tuple[str, str, str], NumericsResult]],
    machine: Machine,
    table: PriceTable,
) -> tuple[NetworkRow, ...]:
    """Return what each kind of arithmetic costs on ``machine``, shift-add first. Raises CostError or MachineError."""
    rows, folded = [], fold(network)
    for name, (formats, numerics) in results.items():
        priced = run_hardware(folded, numerics.layers, machine, table, numerics.total)
        array = priced.energy_pj[Component.PE.value] + priced.energy_pj[Component.REGISTER.value]
        low = array if priced.energy_low_pj is None else array - (priced.energy_total_pj - priced.energy_low_pj)
        size = priced.energy_total_pj, priced.area_um2, priced.cycles
        rows.append(NetworkRow(name, formats, numerics.correct, numerics.total, array, low, *size))
    return tuple(rows)


def network_text(rows: Sequence[NetworkRow], machine: Machine, table: str) -> str:
    """Return the rows for people, each ratio over shift-add."""
    own = rows[0]
    header = ["arithmetic", "correct", "array nJ", "x", "energy nJ", "x", "mm2", "x"]
    lines = [
        [
            row.name,
            f"{row.correct / row.total:.2%}",
            _range(row.array_low_pj / 1e3, row.array_pj / 1e3),
            _range(row.array_low_pj / own.array_pj, row.array_pj / own.array_pj) if row is not own else "1",
            f"{row.energy_pj / 1e3:.4g}",
            f"{row.energy_pj / own.energy_pj:.3g}",
            f"{row.area_um2 / 1e6:.3g}",
            f"{row.area_um2 / own.area_um2:.3g}",
        ]
        for row in rows
    ]
    return f"{table}, {machine}, {own.total} images\n{text_table(header, lines)}"


def _range(low: float, high: float) -> str:
    return f"{high:.3g}" if high - low < 0.005 * high else f"{low:.3g} to {high:.3g}"


def network_dict(rows: Sequence[NetworkRow], machine: Machine, table: str) -> dict[str, Any]:
    """Return the rows, JSON-able."""
    return {"table": table, "machine": str(machine), "rows": [asdict(row) for row in rows]}
