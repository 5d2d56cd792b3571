"""The whole question in one call: what a network in given formats answers, and what that costs on a machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from hwsim.array import Machine
from hwsim.cost import PriceTable, find_table
from hwsim.floorplan import AreaBudget, read_machine
from hwsim.hardware import run_hardware as _run_hardware
from hwsim.hardware_result import HardwareResult, LayerHardware
from hwsim.network.assignment import Assignment
from hwsim.network.fold import fold
from hwsim.network.graph import Network
from hwsim.network.numerics import with_packed_bits
from hwsim.network.run import LayerNumerics, NumericsResult, run_numerics
from hwsim.network.shared_run import run_many

__all__ = [
    "HardwareResult",
    "LayerHardware",
    "LayerNumerics",
    "NumericsResult",
    "SimulationReport",
    "run_hardware",
    "run_many",
    "run_numerics",
    "simulate",
    "with_packed_bits",
]

DEFAULT_TABLE = "published45"


def run_hardware(
    network: Network,
    layers: Sequence[LayerNumerics],
    machine: Machine | AreaBudget,
    table: PriceTable,
    total_images: int,
) -> HardwareResult:
    """Count and price one inference of ``network``, folded or not; see hwsim.hardware.run_hardware."""
    return _run_hardware(fold(network), layers, machine, table, total_images)


@dataclass(frozen=True)
class SimulationReport:
    """Numbers and costs of one network on one machine.

    Attributes:
        network: its name.
        assignment: the formats asked for.
        numerics: what it answered.
        hardware: what one inference costs.
    """

    network: str
    assignment: Assignment
    numerics: NumericsResult
    hardware: HardwareResult

    @property
    def accuracy(self) -> float:
        """Share of images that are classified correctly."""
        return self.numerics.accuracy


def simulate(
    network: Network,
    assignment: Assignment,
    machine: Machine | AreaBudget | str,
    images: NDArray[Any],
    labels: NDArray[Any],
    calibration: NDArray[Any],
    table: PriceTable | str = DEFAULT_TABLE,
    threads: int = 1,
    packed: Mapping[str, float] | None = None,
) -> SimulationReport:
    """Run a network bit-accurately and price one inference.

    Args:
        network: folded or not.
        assignment: a format for every tensor.
        machine: a machine, or its spelling such as "16x16-ws"; or an area, "2mm2-ws@<=500MHz".
        images: [images, C, H, W].
        labels: class of each image.
        calibration: images that activation scales are chosen on.
        table: prices, or the name of a table or the path of a .csv file.
        threads: batches of images computed at the same time; the result does not depend on it.
        packed: bits that a weight of each layer takes in DRAM, for a machine with ``compress=layers``.

    Raises:
        HwsimError: formats, network, machine or data that do not fit together; the message names the way out.
    """
    hardware = read_machine(machine) if isinstance(machine, str) else machine
    prices = find_table(table) if isinstance(table, str) else table
    numerics = run_numerics(network, assignment, images, labels, calibration, threads=threads)
    if packed is not None:
        numerics = replace(numerics, layers=with_packed_bits(numerics.layers, packed))
    priced = run_hardware(network, numerics.layers, hardware, prices, numerics.total)
    return SimulationReport(network.name, assignment, numerics, priced)
