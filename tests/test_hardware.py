"""From what a network ran in to cycles, energy, power and area."""

from __future__ import annotations

import json

import numpy as np
import pytest

import models
from hwsim import Assignment, LayerFormats, load_table, parse_machine, run_hardware, run_numerics, simulate
from hwsim.array import Component
from hwsim.hardware_result import HardwareResult
from hwsim.network import Add, AvgPool2d, Conv2d, Flatten, Layer, Linear, MaxPool2d, Network, Relu, Softmax, fold
from hwsim.network.run import LayerNumerics, NumericsResult
from hwsim.report import report_text
from hwsim.report_data import layer_rows, report_csv, report_dict

NETWORK = models.load_network("digits-cnn")
TEST = models.load_data("digits", "test").subset(64)
CALIBRATION = models.load_data("digits", "calibration")
SHIFTS = ("pow2<4>", "fixed<8,4>", "fixed<24,12>")
SHIFT_ADD = Assignment(LayerFormats.of(*SHIFTS))


def numerics(assignment: Assignment = SHIFT_ADD) -> NumericsResult:
    return run_numerics(NETWORK, assignment, TEST.images, TEST.labels, CALIBRATION.images)


@pytest.fixture(scope="module")
def ran() -> NumericsResult:
    return numerics()


def price(ran: NumericsResult, machine: str = "16x16-ws", table: str = "published45") -> HardwareResult:
    return run_hardware(NETWORK, ran.layers, parse_machine(machine), load_table(table), ran.total)


def test_parts_sum_to_totals(ran: NumericsResult) -> None:
    result = price(ran)
    assert result.cycles == sum(layer.cycles.total for layer in result.layers)
    assert result.energy_total_pj == pytest.approx(sum(result.energy_pj.values()))
    for component in Component:
        if component is not Component.LEAKAGE:
            parts = sum(layer.energy_pj.get(component.value, 0.0) for layer in result.layers)
            assert result.energy_pj[component.value] == pytest.approx(parts)
    assert result.runtime_s == result.cycles / 500e6
    assert result.power_w == pytest.approx(result.energy_total_pj * 1e-12 / result.runtime_s)


def test_cycles_of_a_layer_by_hand(ran: NumericsResult) -> None:
    # conv1: M=64, N=16, K=9 on 16x16 weight-stationary: one fold of 2R + C + M - 2 = 110.
    assert price(ran).layers[0].cycles.total == 2 * 16 + 16 + 64 - 2


def test_unit_prices_make_the_energy_a_count(ran: NumericsResult) -> None:
    result = price(ran, table="unit")
    array = [layer for layer in result.layers if layer.unit == "array"]
    effectual = sum(layer.effectual_macs for layer in array)
    gated = sum(layer.macs for layer in array) - effectual
    per_mac = result.energy_pj["pe"] - gated
    # With every price 1, a shift-add step is one shifter and one adder, a gated one is one test for zero.
    assert per_mac == pytest.approx(effectual * 2, rel=0.35)
    assert result.energy_pj["pe"] > 0


def test_zeros_are_cheaper_with_gating_and_only_then(ran: NumericsResult) -> None:
    gated, ungated = price(ran), price(ran, "16x16-ws,nogating")
    assert gated.energy_pj["pe"] < ungated.energy_pj["pe"]
    assert gated.energy_pj["sram"] == ungated.energy_pj["sram"]
    assert gated.cycles == ungated.cycles


def test_the_price_depends_on_width_and_kind() -> None:
    energies = {}
    for name, formats in {
        "pow2": LayerFormats.of("pow2<4>", "fixed<8,4>", "fixed<24,12>"),
        "int8x4": LayerFormats.of("int4", "fixed<8,4>", "fixed<24,12>"),
        "int8x8": LayerFormats.of("int8", "fixed<8,4>", "fixed<24,12>"),
        "int16": LayerFormats.of("int16", "fixed<16,8>", "fixed<40,20>"),
        "fp16": LayerFormats.of("fp16", "fp16", "fp16"),
        "fp32": LayerFormats.of("fp32", "fp32", "fp32"),
    }.items():
        layers = numerics(Assignment(formats)).layers
        same = [LayerNumerics.from_dict({**layer.to_dict(), "effectual_macs": layer.macs // 2}) for layer in layers]
        result = run_hardware(NETWORK, same, parse_machine("16x16-ws"), load_table("published45"), len(TEST))
        energies[name] = result.energy_pj["pe"]
    assert list(energies.values()) == sorted(energies.values())


def test_new_prices_need_no_new_inference(ran: NumericsResult) -> None:
    stored = json.loads(json.dumps([layer.to_dict() for layer in ran.layers]))
    layers = [LayerNumerics.from_dict(layer) for layer in stored]
    again = run_hardware(NETWORK, layers, parse_machine("16x16-ws"), load_table("published45"), ran.total)
    assert again == price(ran)
    assert price(ran, table="aladdin45").energy_total_pj != again.energy_total_pj
    assert price(ran, "8x8-os").cycles != again.cycles


def test_folded_or_not_is_the_same(ran: NumericsResult) -> None:
    arguments = ran.layers, parse_machine("16x16-ws"), load_table("published45"), ran.total
    assert run_hardware(fold(NETWORK), *arguments) == run_hardware(NETWORK, *arguments)


def test_maps_that_fit_stay_on_the_chip(ran: NumericsResult) -> None:
    roomy, tight = price(ran), price(ran, "16x16-ws,ifmap=4096b,ofmap=4096b")
    assert roomy.layers[1].energy_pj["dram"] == 0
    assert tight.layers[1].energy_pj["dram"] > 0
    assert roomy.layers[0].energy_pj["dram"] > 0, "the image itself comes from DRAM"


def test_narrow_biases_move_fewer_bits() -> None:
    wide, narrow = price(numerics()), price(numerics(Assignment(LayerFormats.of(*SHIFTS, bias="fixed<8,4>"))))
    assert wide.energy_pj["dram"] - narrow.energy_pj["dram"] == pytest.approx((16 + 32 + 10) * (24 - 8) * 20.3125)
    assert narrow.energy_pj["sram"] < wide.energy_pj["sram"]


def test_weight_bits_are_those_of_the_codes(ran: NumericsResult) -> None:
    weights = sum(NETWORK.weight(layer.name).size for layer in NETWORK.mac_layers)
    assert price(ran).weight_bits == 4 * weights
    assert price(numerics(Assignment(LayerFormats.of("mxfp4", "mxfp8e4m3", "fp32")))).weight_bits == weights * 17 // 4


def test_the_unknown_is_named_and_never_zero(ran: NumericsResult) -> None:
    assert any("leakage of dram" in name for name in price(ran).unpriced)


def test_every_report_has_the_same_numbers() -> None:
    data = TEST.images, TEST.labels, CALIBRATION.images
    report = simulate(NETWORK, SHIFT_ADD, "16x16-ws", *data)
    text, values, lines = report_text(report), report_dict(report), report_csv(report).splitlines()
    assert f"{values['correct']} of {values['total']}" in text
    assert f"cycles     {values['cycles']}" in text
    assert "published45" in text
    assert values["layers"] == layer_rows(report)
    header, total = lines[0].split(","), lines[-1].split(",")
    assert total[header.index("cycles")] == str(values["cycles"])
    assert float(total[header.index("power_w")]) == values["power_w"]
    assert len(lines) == 2 + len(values["layers"])
    assert json.loads(json.dumps(values)) == values


def small(*ops: Conv2d | Linear | Flatten | Softmax) -> HardwareResult:
    """Price a chain of operations on 1x4x4 images, at one price a bit."""
    names = ["input", *(f"op{place}" for place in range(len(ops)))]
    layers = tuple(Layer(f"op{place}", op, (names[place],)) for place, op in enumerate(ops))
    shapes = Network("shapes", (1, 4, 4), layers, {}).shapes
    tensors = {
        f"{layer.name}.{part}": np.full(shape, 0.5, dtype=np.float32)
        for layer in layers
        for part, shape in layer.op.tensor_shapes((shapes[layer.inputs[0]],)).items()
    }
    network = Network("small", (1, 4, 4), layers, tensors)
    images = np.ones((2, 1, 4, 4), dtype=np.float32)
    return simulate(network, SHIFT_ADD, "4x4-ws", images, np.zeros(2, dtype=np.int64), images, "unit").hardware


def test_a_flatten_brings_nothing_onto_the_chip() -> None:
    # 16 inputs of 8 bits, 3 x 16 weights of 4, 3 biases and 3 sums of 24.
    assert small(Flatten(), Linear(3)).energy_pj["dram"] == 16 * 8 + 48 * 4 + 3 * 24 + 3 * 24
    conv, flat = Conv2d(1, (1, 1), bias=False), Linear(3, bias=False)
    assert small(conv, Flatten(), flat).energy_pj["dram"] == 16 * 8 + 4 + 48 * 4 + 3 * 24


def test_what_a_softmax_on_the_host_reads_leaves_the_chip() -> None:
    plain, soft = small(Flatten(), Linear(3)), small(Flatten(), Linear(3), Softmax())
    assert soft.energy_pj["dram"] == plain.energy_pj["dram"]


def test_floats_are_averaged_as_floats() -> None:
    pool = AvgPool2d((2, 2), (2, 2))
    ran = {}
    for name in ("fp32", "int32"):
        roles = LayerFormats.of(name, name if name == "fp32" else "int8", name)
        layers = (LayerNumerics("op0", "avgpool2d", (str(roles.acts),), str(roles.acts), acc=str(roles.acc)),)
        network = Network("pool", (1, 4, 4), (Layer("op0", pool, ("input",)),), {})
        result = run_hardware(network, layers, parse_machine("4x4-ws"), load_table("published45"), 1)
        ran[name] = result.energy_pj["vector"]
    # Four outputs of three additions and one multiplication, at the published fp32 and int32 prices.
    assert ran["fp32"] == pytest.approx(4 * (3 * 0.9 + 3.7))
    assert ran["int32"] == pytest.approx(4 * (3 * 0.1 + 3.1))


def test_elements_beside_the_largest_are_named() -> None:
    mixed = Assignment(SHIFT_ADD.default, (("classify", LayerFormats.of("int8", "fixed<8,4>", "fixed<24,12>")),))
    assert price(numerics(mixed)).unpriced[-1] == "area and leakage of shift_add beside int_mac"
    assert not any("beside" in name for name in price(numerics()).unpriced)


def test_maps_of_blocks_move_their_share_of_the_scale() -> None:
    pool = MaxPool2d((2, 2), (2, 2))
    network = Network("pool", (1, 4, 4), (Layer("op0", pool, ("input",)),), {})
    layers = (LayerNumerics("op0", "maxpool2d", ("mxfp8e4m3",), "mxfp8e4m3"),)
    energy = run_hardware(network, layers, parse_machine("4x4-ws"), load_table("unit"), 1).energy_pj
    # Each scratchpad is written once and read once: what came from DRAM and what goes there are counted at both ends.
    assert (energy["dram"], energy["sram"]) == ((16 + 4) * 8.25, 2 * (16 + 4) * 8.25)


def test_every_addend_moves_at_its_own_width() -> None:
    layers = (Layer("op0", Relu(), ("input",)), Layer("op1", Add(), ("input", "op0")))
    network = Network("add", (1, 4, 4), layers, {})
    ran = (
        LayerNumerics("op0", "relu", ("fixed<8,4>",), "fixed<8,4>"),
        LayerNumerics("op1", "add", ("fixed<8,4>", "fixed<5,1>"), "fixed<8,4>", acc="fixed<16,8>"),
    )
    result = run_hardware(network, ran, parse_machine("4x4-ws"), load_table("unit"), 1)
    assert result.layers[1].energy_pj["dram"] == 16 * (8 + 5) + 16 * 8


LIMITED = "16x16-ws,ifmap=4KiB/64b,filter=4KiB/64b,ofmap=16KiB/128b/1r1w,double,dram=lpddr4@0.8GB/s"


def test_waits_and_memories_are_named_and_sum(ran: NumericsResult) -> None:
    free, limited = price(ran, table="aladdin45"), price(ran, LIMITED, "aladdin45")
    assert (free.waits, sum(layer.cycles.stall for layer in free.layers)) == ({}, 0)
    assert sum(limited.waits.values()) == sum(layer.cycles.stall for layer in limited.layers) > 0
    assert limited.cycles > free.cycles
    for result in (free, limited):
        memories = {**result.memory_pj}
        assert memories.pop("dram") == pytest.approx(result.energy_pj["dram"])
        assert sum(memories.values()) == pytest.approx(result.energy_pj["sram"])
    assert limited.energy_pj["leakage"] > 0
    assert limited.power_w == pytest.approx(limited.energy_total_pj * 1e-12 / limited.runtime_s)


def test_unpriced_shrinks_to_what_no_source_knows(ran: NumericsResult) -> None:
    for table in ("published45", "aladdin45"):
        assert price(ran, table=table).unpriced == ("leakage of dram", "area and leakage of the vector unit")


def test_tiles_are_chosen_for_what_the_machine_asks(ran: NumericsResult) -> None:
    results = {aim: price(ran, f"{LIMITED},tiling={aim}") for aim in ("fixed", "time", "energy")}
    assert results["time"].cycles <= results["fixed"].cycles
    dynamic = {aim: result.energy_total_pj - result.energy_pj["leakage"] for aim, result in results.items()}
    assert dynamic["energy"] <= dynamic["fixed"] * (1 + 1e-12)
    assert {layer.tiling for layer in results["fixed"].layers} == {"c-r"}


def test_reports_show_waits_by_memory_and_where_prices_come_from() -> None:
    data = TEST.images, TEST.labels, CALIBRATION.images
    limited = simulate(NETWORK, SHIFT_ADD, f"{LIMITED},tiling=time", *data, "aladdin45")
    text, values = report_text(limited), report_dict(limited)
    for part in ("waits      first fill", "memories   ifmap_sram", "dram: lpddr4 of 0.8 GB/s", "macros of cacti45"):
        assert part in text
    assert values["waits"] == limited.hardware.waits
    assert sum(values["memory_pj"].values()) == pytest.approx(values["energy_pj"]["sram"] + values["energy_pj"]["dram"])
    assert "first fill" in values["layers"][0]["waits"]
    assert "no bandwidth and no word width is stated" in report_text(simulate(NETWORK, SHIFT_ADD, "16x16-ws", *data))
