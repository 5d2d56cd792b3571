"""A machine whose every price is 1: the expected energy of a whole network is a formula of its shapes.

The table ``unit`` prices a multiplication, an addition, one bit moved in a register, scratchpad or DRAM at 1 pJ each.
"""

from __future__ import annotations

import law_grid as zoo
import pytest

from hwsim.array import Component, Dataflow, Machine, Workload, layer_traffic
from hwsim.cost import load_table, price_counts
from hwsim.formats import parse
from hwsim.formats.pe_kinds import pe_for

UNIT = load_table("unit")
PE = pe_for(parse("int8"), parse("int8"), parse("int32@2^0"))
LARGE = ",ifmap=64MiB,filter=256MiB,ofmap=256MiB,nogating"


def folds(length: int, side: int) -> int:
    return -(-length // side)


def scratchpad_bits(machine: Machine, w: Workload) -> int:
    """M, N, K and the sides of the array, as docs/timing.md tabulates them."""
    rows, columns, flow = machine.array.rows, machine.array.columns, machine.array.dataflow
    bias = w.acc_bits if w.has_bias else 0
    if flow is Dataflow.WEIGHT_STATIONARY:
        reads = w.m * w.k * folds(w.n, columns) * w.act_bits + w.n * w.k * w.weight_bits + w.n * bias
        sums = folds(w.k, rows) - 1
    elif flow is Dataflow.INPUT_STATIONARY:
        reads = w.m * w.k * w.act_bits + w.n * w.k * folds(w.m, columns) * w.weight_bits
        reads += w.n * folds(w.m, columns) * bias
        sums = folds(w.k, rows) - 1
    else:
        reads = w.m * w.k * folds(w.n, columns) * w.act_bits + w.n * w.k * folds(w.m, rows) * w.weight_bits
        reads += w.n * folds(w.m, rows) * bias
        sums = 0
    return w.groups * (reads + w.m * w.n * (2 * sums * w.acc_bits + w.output_bits))


def dram_bits(w: Workload) -> int:
    """Every tensor crosses once: the scratchpads hold any of them."""
    inside = w.ifmap_elements * w.act_bits * w.ifmap_in_dram + w.weight_elements * w.weight_bits
    shared = 1 if w.weights_shared else w.groups
    bias = w.n * shared * w.acc_bits * w.has_bias
    return inside + bias + w.ofmap_elements * w.output_bits * w.ofmap_in_dram


@pytest.mark.parametrize("text", ["16x16-ws", "5x7-os", "12x14-is"])
@pytest.mark.parametrize("name", zoo.NAMES)
def test_the_energy_of_every_layer_is_a_formula(name: str, text: str) -> None:
    machine = zoo.machine(text + LARGE)
    works = [task.work for task in zoo.tasks(name, text + LARGE) if isinstance(task.work, Workload)]
    assert works
    for work in works:
        assert (work.act_memory_bits, work.weight_memory_bits) == (work.act_bits, work.weight_bits)
        priced = price_counts(layer_traffic(machine, work), PE, machine.capacities, UNIT)
        assert priced[Component.PE] == 2 * work.macs
        # What crosses to or from DRAM is written or read in a scratchpad as well.
        assert priced[Component.SRAM] == scratchpad_bits(machine, work) + dram_bits(work)
        assert priced[Component.DRAM] == dram_bits(work)


@pytest.mark.parametrize("name", ["lenet5", "resnet18", "vgg16"])
def test_the_energy_of_a_network_is_the_sum_of_the_formulas(name: str) -> None:
    text = f"16x16-ws{LARGE}"
    found = zoo.report(name, text, table="unit").hardware
    works = [task.work for task in zoo.tasks(name, text) if isinstance(task.work, Workload)]
    assert found.energy_pj["pe"] == 2 * sum(work.macs for work in works)
    layers = sum(layer.energy_pj["dram"] for layer in found.layers if layer.unit == "array")
    assert layers == sum(dram_bits(work) for work in works)
