"""What a network costs on a machine in given formats, without weights, images or accuracy."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hwsim.array import Machine
from hwsim.cost import PriceTable, find_table
from hwsim.costing.assumed import assumed_numerics
from hwsim.costing.layer_list import LayerList, list_numerics, list_tasks
from hwsim.errors import DataError
from hwsim.floorplan import AreaBudget, plan, read_machine
from hwsim.hardware import price_tasks, run_hardware, weight_bits
from hwsim.hardware_result import HardwareResult
from hwsim.network import Network, fold_shapes
from hwsim.network.assignment import Assignment
from hwsim.network.numerics import LayerNumerics

DEFAULT_TABLE = "published45"


@dataclass(frozen=True)
class CostReport:
    """What one batch of inferences costs, and what was assumed to say so.

    Attributes:
        network: its name.
        assignment: the formats asked for.
        batch: images that go through together; every number of ``hardware`` is for all of them.
        sparsity: assumed share of products with a zero operand; None where none is assumed to be zero.
        layers: the formats and work of every layer.
        hardware: cycles, energy, power and area.
    """

    network: str
    assignment: Assignment
    batch: int
    sparsity: float | None
    layers: tuple[LayerNumerics, ...]
    hardware: HardwareResult


def cost(
    network: Network | LayerList,
    assignment: Assignment,
    machine: Machine | AreaBudget | str,
    table: PriceTable | str = DEFAULT_TABLE,
    batch: int = 1,
    sparsity: float | None = None,
) -> CostReport:
    """Price a network from its shapes alone.

    Args:
        network: folded or not, with or without tensors; or a plain list of matrix products.
        assignment: a format for every tensor.
        machine: a machine, or its spelling such as "16x16-ws"; or an area, "2mm2-ws@<=500MHz".
        table: prices, or the name of a table or the path of a .csv file.
        batch: images that go through together, layer by layer; weights are fetched once for all of them.
        sparsity: share of the products of every layer with a zero operand; None if nothing is known about zeros,
            and then no element is held still.

    Raises:
        HwsimError: formats, network and machine that do not fit together; the message names the way out.

    >>> from hwsim.network import Conv2d, Layer
    >>> network = Network("one", (3, 8, 8), (Layer("conv", Conv2d(4, (3, 3)), ("input",)),), {})
    >>> cost(network, Assignment.uniform("fp16"), "16x16-ws", batch=2).hardware.layers[0].macs
    7776
    """
    check_batch(batch)
    hardware = read_machine(machine) if isinstance(machine, str) else machine
    prices = find_table(table) if isinstance(table, str) else table
    if isinstance(network, LayerList):
        return _cost_of_list(network, assignment, hardware, prices, batch, sparsity)
    folded = fold_shapes(network)
    layers = assumed_numerics(folded, assignment, sparsity)
    priced = run_hardware(folded, layers, hardware, prices, 1, batch)
    return CostReport(network.name, assignment, batch, sparsity, layers, priced)


def check_batch(batch: int) -> None:
    """Raise DataError unless ``batch`` is a number of images."""
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise DataError(f"batch is {batch!r}; a whole number of at least 1 image is needed")


def _cost_of_list(
    layers: LayerList,
    assignment: Assignment,
    machine: Machine | AreaBudget,
    table: PriceTable,
    batch: int,
    sparsity: float | None,
) -> CostReport:
    numerics = list_numerics(layers, assignment, sparsity)
    style = machine.template if isinstance(machine, AreaBudget) else machine
    tasks = list_tasks(layers, numerics, assignment, batch, style)
    floorplan = None
    if isinstance(machine, AreaBudget):
        floorplan = plan(machine, [task.pe for task in tasks if task.pe is not None], table)
        machine = floorplan.machine
    stored_bits = weight_bits(numerics, machine.compression, machine.packed_weight_bits)
    priced = replace(price_tasks(tasks, machine, table, stored_bits), floorplan=floorplan)
    return CostReport(layers.name, assignment, batch, sparsity, numerics, priced)
