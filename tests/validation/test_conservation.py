"""Laws that hold whatever is run on whatever: nothing is lost or made, parts are the whole, more is never less.

Over every network of the zoo and a set of machines with every option. What is compared with is written down here from
the shapes, not taken from the code that counts.
"""

from __future__ import annotations

import math
from fractions import Fraction

import law_grid as zoo
import pytest

from hwsim.array import Action, Component, VectorWork, Workload, layer_cycles, vector_traffic

GRID = pytest.mark.parametrize(("name", "text"), [(name, text) for name in zoo.NAMES for text in zoo.MACHINES])


def bits(work: Workload, text: str, component: Component, action: Action, unit: str = "") -> Fraction:
    found = [c for c in zoo.traffic(work, text) if (c.component, c.action) == (component, action) and unit in c.unit]
    return sum((Fraction(c.total_bits) for c in found), Fraction(0))


@GRID
def test_every_product_is_computed_once(name: str, text: str) -> None:
    works = zoo.works(name, text, 0.3)
    assert works
    for work in works:
        counts = [c for c in zoo.traffic(work, text) if c.component is Component.PE]
        done = sum(c.count for c in counts if c.action in (Action.MAC, Action.MAC_GATED))
        assert done == work.m * work.n * work.k * work.groups
        gated = sum(c.count for c in counts if c.action is Action.MAC_GATED)
        expected = work.macs - Fraction(work.effectual_macs or 0) if zoo.machine(text).zero_gating else 0
        assert gated == expected


@GRID
def test_the_machine_does_the_products_that_the_network_has(name: str, text: str) -> None:
    layers = zoo.report(name, text).hardware.layers
    on_array = {layer.name: layer.macs for layer in layers if layer.unit == "array"}
    counted = {layer.name: layer.macs for layer in zoo.report(name, text).layers if layer.macs}
    assert on_array == counted


@GRID
def test_no_fewer_bits_are_read_than_used(name: str, text: str) -> None:
    for work in zoo.works(name, text):
        once_a = work.m * work.k * work.groups * work.act_memory_bits
        once_w = work.n * work.k * work.groups * work.weight_memory_bits
        assert bits(work, text, Component.SRAM, Action.READ, "ifmap") >= once_a
        assert bits(work, text, Component.SRAM, Action.READ, "filter") >= once_w
        outputs = work.m * work.n * work.groups * work.output_memory_bits
        assert bits(work, text, Component.SRAM, Action.WRITE, "ofmap") >= outputs
        fetched = bits(work, text, Component.DRAM, Action.READ)
        needed = work.weight_elements * work.weight_memory_bits
        needed += work.ifmap_elements * work.act_memory_bits if work.ifmap_in_dram else 0
        assert fetched >= needed
        stored = bits(work, text, Component.DRAM, Action.WRITE)
        assert stored >= (work.ofmap_elements * work.output_memory_bits if work.ofmap_in_dram else 0)


@GRID
def test_partial_sums_that_go_out_come_back(name: str, text: str) -> None:
    for work in zoo.works(name, text):
        machine = zoo.machine(text)
        outputs = work.m * work.n * work.groups * work.output_memory_bits
        read = bits(work, text, Component.SRAM, Action.READ, "ofmap")
        written = bits(work, text, Component.SRAM, Action.WRITE, "ofmap")
        assert read >= 0
        leaving = work.ofmap_elements * work.output_memory_bits * work.ofmap_in_dram
        if machine.unlimited:
            assert written - read == outputs - leaving


@GRID
def test_registers_are_read_no_more_often_than_they_hold_something(name: str, text: str) -> None:
    """A pass register hands on each word once; only a held operand or a bias is used again and again."""
    held = {"weight_register", "act_register", "bias_register"}
    for work in zoo.works(name, text):
        counts = [c for c in zoo.traffic(work, text) if c.component is Component.REGISTER]
        for unit in {c.unit for c in counts} - held:
            writes = sum(c.total_bits for c in counts if c.unit == unit and c.action is Action.WRITE)
            reads = sum(c.total_bits for c in counts if c.unit == unit and c.action is Action.READ)
            assert reads == writes, unit


@GRID
def test_the_parts_of_the_time_are_the_time(name: str, text: str) -> None:
    found = zoo.report(name, text).hardware
    for layer in found.layers:
        parts = layer.cycles
        assert parts.total == parts.fill + parts.steady + parts.drain + parts.stall + parts.gap
        assert min(parts.fill, parts.steady, parts.drain, parts.stall, parts.gap) >= 0
    assert found.cycles == sum(layer.cycles.total for layer in found.layers)
    assert found.runtime_s == pytest.approx(found.cycles / (zoo.machine(text).clock_mhz * 1e6), rel=1e-12)


@GRID
def test_the_array_is_never_more_than_full(name: str, text: str) -> None:
    for layer in zoo.report(name, text).hardware.layers:
        if layer.unit == "array":
            assert 0 < layer.utilisation <= 1
            pes = zoo.machine(text).array.pes
            assert layer.utilisation == pytest.approx(layer.macs / (layer.cycles.total * pes), rel=1e-12)


@GRID
def test_the_parts_of_the_energy_are_the_energy(name: str, text: str) -> None:
    check_energy(name, text, "published45")


@pytest.mark.parametrize("text", zoo.MACHINES)
def test_the_parts_of_the_energy_are_the_energy_in_another_table(text: str) -> None:
    check_energy("resnet18", text, "aladdin45")


def check_energy(name: str, text: str, table: str) -> None:
    found = zoo.report(name, text, table=table).hardware
    assert found.energy_total_pj == pytest.approx(math.fsum(found.energy_pj.values()), rel=1e-12)
    for component in Component:
        if component is not Component.LEAKAGE:
            layers = math.fsum(layer.energy_pj.get(component.value, 0.0) for layer in found.layers)
            assert found.energy_pj[component.value] == pytest.approx(layers, rel=1e-9, abs=1e-6)
    assert min(found.energy_pj.values()) >= 0
    assert found.power_w == pytest.approx(found.energy_total_pj * 1e-12 / found.runtime_s, rel=1e-9)


@pytest.mark.parametrize("text", zoo.MACHINES)
@pytest.mark.parametrize("name", ["lenet5", "alexnet", "digits-cnn"])
def test_a_batch_does_the_work_of_its_images(name: str, text: str) -> None:
    one, four = (zoo.report(name, text, batch=batch).hardware for batch in (1, 4))
    assert sum(layer.macs for layer in four.layers) == 4 * sum(layer.macs for layer in one.layers)
    if zoo.machine(text).unlimited:  # with a bandwidth the fixed order waits for the sums of a batch that do not fit
        assert four.cycles <= 4 * one.cycles
    pe = Component.PE.value
    assert four.energy_pj[pe] == pytest.approx(4 * one.energy_pj[pe], rel=1e-9)


@GRID
def test_the_vector_unit_takes_in_and_gives_out_whole_maps(name: str, text: str) -> None:
    for task in zoo.tasks(name, text):
        if isinstance(task.work, VectorWork):
            counts = vector_traffic(zoo.machine(text), task.work)
            written = sum(c.total_bits for c in counts if c.component is Component.SRAM and c.action is Action.WRITE)
            assert written >= math.floor(task.work.output_elements * Fraction(task.work.output_bits))


def test_a_lost_product_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The laws can fail: one MAC in a thousand forgotten, one fold's sums not read back."""
    from hwsim.array import traffic

    honest = traffic.mac_counts

    def forgetful(machine: object, work: Workload) -> object:
        first, *rest = honest(machine, work)  # type: ignore[arg-type]
        yield type(first)(first.component, first.action, first.unit, first.bits, first.count * Fraction(999, 1000))
        yield from rest

    monkeypatch.setattr(traffic, "mac_counts", forgetful)
    monkeypatch.setattr(zoo, "traffic", lambda work, text: traffic.layer_traffic(zoo.machine(text), work))
    with pytest.raises(AssertionError):
        test_every_product_is_computed_once("lenet5", "16x16-ws")


def test_cycles_and_traffic_agree_on_the_folds() -> None:
    """Two rooms cut a layer independently: what streams in per fold times the folds is what is read."""
    for name in zoo.NAMES:
        for work in zoo.works(name, "16x16-ws"):
            steady = layer_cycles(zoo.machine("16x16-ws"), work).steady
            rows, columns = -(-work.k // 16), -(-work.n // 16)
            assert steady == work.m * rows * columns * work.groups
