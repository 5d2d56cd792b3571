"""Weights packed in memory: counted layer by layer, in DRAM alone or in the filter scratchpad too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import models
from hwsim import Assignment, LayerFormats, load_table, parse_machine, run_hardware, run_numerics, simulate
from hwsim.errors import HwsimError
from hwsim.hardware_result import HardwareResult
from hwsim.network import Conv2d, Layer, Network
from hwsim.network.numerics import with_packed_bits
from hwsim.network.run import LayerNumerics, NumericsResult
from hwsim.report_data import layer_rows

NETWORK = models.load_network("digits-cnn")
TEST = models.load_data("digits", "test").subset(64)
CALIBRATION = models.load_data("digits", "calibration")
SHIFT_ADD = Assignment(LayerFormats.of("pow2<4>", "fixed<8,4>", "fixed<24,12>"))


@pytest.fixture(scope="module")
def ran() -> NumericsResult:
    return run_numerics(NETWORK, SHIFT_ADD, TEST.images, TEST.labels, CALIBRATION.images)


def price(ran: NumericsResult, machine: str = "16x16-ws", table: str = "published45") -> HardwareResult:
    return run_hardware(NETWORK, ran.layers, parse_machine(machine), load_table(table), ran.total)


def test_packed_weights_cost_less_and_the_array_does_not_notice(ran: NumericsResult) -> None:
    zeros = sum(layer.weight_zeros for layer in ran.layers)
    assert zeros > 0
    results = {how: price(ran, f"16x16-ws,compress={how}") for how in ("none", "bitmap", "entropy")}
    sizes = [results[how].weight_bits for how in ("none", "bitmap", "entropy")]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[2]
    assert results["entropy"].energy_pj["dram"] < results["none"].energy_pj["dram"]
    assert {result.energy_pj["pe"] for result in results.values()} == {results["none"].energy_pj["pe"]}


BITS = {"conv1": 5.0, "conv2": 3.5, "classify": 9.0}


def test_weights_packed_layer_by_layer_are_counted_layer_by_layer(ran: NumericsResult) -> None:
    """Codes of more than the format's 4 bits stay out. Only DRAM notices where weights are unpacked at the edge."""
    packed = replace(ran, layers=with_packed_bits(ran.layers, BITS))
    counts = {layer.name: layer.weight_count for layer in ran.layers if layer.weights}
    plain, edge, inside = (
        price(packed, f"16x16-ws{how}", "unit") for how in ("", ",compress=layers@dram", ",compress=layers")
    )
    taken = {layer.name: layer.weight_bits for layer in edge.layers if layer.name in counts}
    assert taken == {"conv1": (4, 4), "conv2": (3.5, 4), "classify": (4, 4)}
    assert edge.weight_bits == inside.weight_bits == counts["conv2"] * 3.5 + 4 * (counts["conv1"] + counts["classify"])
    assert plain.memory_bits["dram"] - edge.memory_bits["dram"] == counts["conv2"] * 0.5
    assert edge.memory_bits["filter_sram"] == plain.memory_bits["filter_sram"] > inside.memory_bits["filter_sram"]
    assert "compress=layers@dram" in edge.machine
    assert price(ran, "16x16-ws,compress=3.5b@dram").energy_pj["sram"] == price(ran).energy_pj["sram"]


def test_layers_of_equal_work_and_other_codes_are_told_apart() -> None:
    """Two layers alike in all but the bits of their codes share no price."""
    names, conv = ("a", "b"), Conv2d(4, (1, 1), bias=False)
    tensors = {f"{name}.weight": np.ones((4, 4, 1, 1), np.float32) for name in names}
    network = Network("net", (4, 3, 3), (Layer("a", conv, ("input",)), Layer("b", conv, ("a",))), tensors)
    numerics = [
        LayerNumerics(name, "conv2d", ("int8",), "int8", weights="int8", acc="int32", macs=144, weight_count=16)
        for name in names
    ]
    given = with_packed_bits(numerics, {"a": 2.0, "b": 6.0})
    result = run_hardware(network, given, parse_machine("4x4-ws,compress=layers"), load_table("unit"), 1)
    assert [layer.weight_bits for layer in result.layers] == [(2, 2), (6, 6)]
    assert result.weight_bits == 16 * 8


def test_bits_of_packed_weights_are_asked_for_and_checked(ran: NumericsResult) -> None:
    with pytest.raises(HwsimError, match="give the bits of a weight of every layer"):
        price(ran, "16x16-ws,compress=layers")
    with pytest.raises(HwsimError) as caught:
        with_packed_bits(ran.layers, {"conv1": -1.0, "conv": 2.0})
    for part in ("4 faults", "did you mean 'conv", "conv2 has weights and no bits", "takes -1.0 bits a weight"):
        assert part in str(caught.value)
    assert {layer.packed_bits for layer in with_packed_bits(ran.layers, BITS)} == {5.0, 3.5, 9.0, None}
    assert all(LayerNumerics.from_dict(own.to_dict()) == own for own in with_packed_bits(ran.layers, BITS))


def test_a_run_takes_the_bits_of_its_layers() -> None:
    data = TEST.images, TEST.labels, CALIBRATION.images
    run = simulate(NETWORK, SHIFT_ADD, "16x16-ws,compress=layers@dram", *data, packed=BITS)
    rows = {row["name"]: row for row in layer_rows(run)}
    assert (rows["conv2"]["dram_bits_per_weight"], rows["conv2"]["sram_bits_per_weight"]) == (3.5, 4)
    assert "packed_bits" not in rows["conv2"]


@pytest.mark.parametrize("flow", ["ws", "os", "is"])
@pytest.mark.parametrize("how", ["layers", "entropy", "layers@dram", "entropy@dram"])
def test_a_layer_of_zeros_may_take_nothing(flow: str, how: str) -> None:
    """Its bias still passes; with ``@dram`` its codes of the format still pass the filter scratchpad."""
    conv = Conv2d(4, (1, 1))
    tensors = {"a.weight": np.zeros((4, 4, 1, 1), np.float32), "a.bias": np.ones(4, np.float32)}
    network = Network("net", (4, 3, 3), (Layer("a", conv, ("input",)),), tensors)
    layer = LayerNumerics(
        "a", "conv2d", ("int8",), "int8",
        weights="int8", bias="int32", acc="int32", macs=144, weight_count=16, weight_zeros=16,
    )  # fmt: skip
    given = with_packed_bits([layer], {"a": 0.0})
    for memories in ("dram=1GB/s", "ifmap=1KiB/16b,filter=1KiB/16b,double,dram=1GB/s,tiling=time", "tiling=energy"):
        plain, packed = (
            run_hardware(network, given, parse_machine(f"4x4-{flow},{memories}{more}"), load_table("published45"), 1)
            for more in ("", f",compress={how}")
        )
        inside = 8 if how.endswith("@dram") else 0
        assert packed.layers[0].weight_bits == (0, inside) and packed.weight_bits == 0
        assert plain.memory_bits["dram"] - packed.memory_bits["dram"] == 16 * 8
        assert packed.cycles <= plain.cycles and packed.energy_total_pj < plain.energy_total_pj


def test_memory_bits_are_what_memories_cost_at_one_a_bit(ran: NumericsResult) -> None:
    result = price(ran, table="unit")
    assert result.memory_bits == pytest.approx(result.memory_pj)
    for name in ("dram", "filter_sram"):
        assert result.memory_bits[name] == sum(layer.memory_bits.get(name, 0.0) for layer in result.layers) > 0
