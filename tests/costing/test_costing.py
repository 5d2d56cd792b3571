"""Costs from shapes alone: the same as after a run, by hand where no run is possible, and the same with sharing."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

import hwsim.layer_work
import models
from hwsim.array import Machine, parse_machine
from hwsim.cli import main
from hwsim.cost import load_table
from hwsim.costing import LayerList, assumed_numerics, cost, parse_layers
from hwsim.errors import FormatError, HwsimError, NetworkError
from hwsim.hardware import price_tasks, run_hardware, weight_bits
from hwsim.hardware_result import HardwareResult
from hwsim.layer_work import Task, layer_tasks
from hwsim.network import Conv2d, Gemm, Layer, MatMul, Network, Recurrent, fold, fold_shapes
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.network.numerics import LayerNumerics
from hwsim.network.run import run_numerics
from hwsim.on_chip import OnChip
from models import SHAPES

FORMATS = {
    "pow2": LayerFormats.of("pow2<4>", "int8", "int24"),
    "apot": LayerFormats.of("apot<4>", "fixed<8,4>", "fixed<24,12>", bias="fixed<8,4>"),
    "int": LayerFormats.of("int8", "int8", "int32"),
    "rounded": LayerFormats.of("float<5,4>", "float<5,4>", "float<5,10>", product="float<5,6>"),
    "float": LayerFormats.of("fp16", "fp16", "fp32"),
    "codebook": LayerFormats.of("codebook<8>", "int8", "int32"),
    "block": LayerFormats.of("mxfp4", "mxfp8e4m3", "fp32"),
}
PUBLISHED = load_table("published45")
NETWORK = fold(models.load_network("digits-cnn"))


def equal(one: HardwareResult, other: HardwareResult) -> bool:
    return replace(one, layers=()) == replace(other, layers=()) and [
        replace(layer, name="") for layer in one.layers
    ] == [replace(layer, name="") for layer in other.layers]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("machine", ["16x16-ws", "5x7-os", "8x3-is,nogating"])
def test_no_run_is_needed_for_what_a_run_would_cost(name: str, machine: str) -> None:
    images, labels = models.load_data("digits", "test").subset(2).images, models.load_data("digits", "test").labels[:2]
    assignment = Assignment(FORMATS[name])
    ran = run_numerics(NETWORK, assignment, images, labels, models.load_data("digits", "calibration").images)
    dense = [replace(layer, effectual_macs=layer.macs) for layer in ran.layers]
    hardware = parse_machine(machine)
    assert equal(run_hardware(NETWORK, dense, hardware, PUBLISHED, 2), cost(NETWORK, assignment, hardware).hardware)


def test_assumed_zeros_are_gated_and_nothing_else_changes() -> None:
    dense, half = (cost(SHAPES["alexnet"](), Assignment(FORMATS["int"]), "16x16-ws", sparsity=s) for s in (None, 0.5))
    assert sum(layer.effectual_macs for layer in half.hardware.layers) == pytest.approx(714_188_480 / 2, abs=10)
    assert half.hardware.energy_pj["pe"] < 0.6 * dense.hardware.energy_pj["pe"]
    for part in ("register", "sram", "dram"):
        assert half.hardware.energy_pj[part] == dense.hardware.energy_pj[part]
    assert half.hardware.cycles == dense.hardware.cycles


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("batch", [1, 3])
def test_every_network_is_priced_and_keeps_its_multiply_accumulates(name: str, batch: int) -> None:
    network = fold_shapes(SHAPES[name]())
    report = cost(network, Assignment(FORMATS["pow2"]), "32x16-os,ifmap=16KiB", "unit", batch)
    expected = {layer.name: hwsim.layer_work.gemm_shape(network, layer).macs for layer in network.product_layers}
    assert {layer.name: layer.macs for layer in report.hardware.layers if layer.unit == "array"} == {
        name: macs * batch for name, macs in expected.items()
    }
    assert all(layer.cycles.total > 0 for layer in report.hardware.layers if layer.unit != "-" and layer.op != "concat")


def test_a_batch_fetches_weights_once() -> None:
    # One 1x1 convolution, every price 1: activations 16 x 3 of 8 bits, weights 3 x 5 of 4, outputs 16 x 5 of 24 bits.
    layers = (Layer("conv", Conv2d(5, (1, 1), bias=False), ("input",)),)
    network = Network("one", (3, 4, 4), layers, {})
    for batch in (1, 4):
        dram = cost(network, Assignment(FORMATS["pow2"]), "8x8-ws", "unit", batch).hardware.energy_pj["dram"]
        assert dram == batch * (16 * 3 * 8 + 16 * 5 * 24) + 15 * 4


def test_two_maps_are_multiplied_without_any_weight() -> None:
    layers = (Layer("scores", MatMul(2, transposed=True), ("input", "input")),)
    report = cost(Network("self", (6, 4, 1), layers, {}), Assignment(FORMATS["pow2"]), "8x8-ws", "unit", batch=2)
    (scores,) = report.hardware.layers
    assert scores.macs == 2 * 2 * 4 * 4 * 3
    assert report.hardware.weight_bits == 0
    assert scores.pe is not None
    assert scores.pe.kind.value == "int_mac", "activations are multiplied, whatever the weights are"
    # Both operands are read once an image, 24 words of 8 bits each; 2 x 16 scores leave at 24 bits.
    assert scores.energy_pj["dram"] == 2 * (24 * 8 + 24 * 8 + 32 * 24)


@pytest.mark.parametrize(("filters", "times"), [("1KiB", 1), ("128b", 5)])
def test_a_recurrent_layer_fetches_its_weights_once_only_if_they_fit(filters: str, times: int) -> None:
    layers = (Layer("h", Recurrent(4, bias=False), ("input",)),)
    network = Network("rnn", (16, 5, 1), layers, {})
    report = cost(network, Assignment(FORMATS["pow2"]), f"8x8-ws,filter={filters}", "unit")
    # States 5 x 4 of 8 bits, weights 16 x 4 of 4 bits, sums 5 x 16 of 24 bits.
    assert report.hardware.energy_pj["dram"] == 20 * 8 + times * 64 * 4 + 80 * 24
    assert report.hardware.weight_bits == 64 * 4
    (layer,) = report.hardware.layers
    folds = 5 * 1 * 2
    assert layer.cycles.total == folds * (2 * 8 + 8 + 1 - 2)


def unshared(tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    """The same tasks, each with work of its own, so that nothing is recognised as equal."""
    return tuple(replace(task, work=None if task.work is None else replace(task.work)) for task in tasks)


@pytest.mark.parametrize("name", ["resnet18", "bert-layer"])
@pytest.mark.parametrize("text", ["16x16-ws", "12x9-os", "7x16-is,nogating"])
def test_sharing_equal_layers_changes_no_number(name: str, text: str) -> None:
    network, machine = fold_shapes(SHAPES[name]()), parse_machine(text)
    layers = assumed_numerics(network, Assignment(FORMATS["int"]), 0.25)
    fast = run_hardware(network, layers, machine, PUBLISHED, 1)
    slow = price_tasks(unshared(separate(network, layers, machine)), machine, PUBLISHED, weight_bits(layers))
    assert fast == slow


def separate(network: Network, layers: tuple[LayerNumerics, ...], machine: Machine) -> tuple[Task, ...]:
    chip = OnChip(network, {layer.name: layer for layer in layers}, machine)
    return tuple(hwsim.layer_work._task(chip, network.layer(layer.name), layer, 1) for layer in layers)


@pytest.mark.parametrize(
    ("forgotten", "what"),
    [
        ((0, 1, 2, 11, 12), "sizes"),
        ((1, 2), "shapes"),
        ((3, 4), "places"),
        (range(5, 11), "formats"),
        ((11, 12), "counts"),
    ],
)
def test_a_key_that_forgets_something_is_noticed(
    forgotten: tuple[int, ...], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, machine = fold_shapes(SHAPES["resnet18"]()), parse_machine("16x16-ws")
    assignment = Assignment(FORMATS["int"], (("layer1.1.conv1", FORMATS["pow2"]),) if what == "formats" else ())
    layers = [*assumed_numerics(network, assignment)]
    if what == "counts":
        layers[5] = replace(layers[5], effectual_macs=7)
    slow = unshared(separate(network, tuple(layers), machine))
    result = price_tasks(slow, machine, PUBLISHED, 0)
    assert price_tasks(layer_tasks(network, layers, machine, 1), machine, PUBLISHED, 0) == result
    whole = hwsim.layer_work._work_key
    monkeypatch.setattr(
        hwsim.layer_work, "_work_key", lambda *a: tuple(x for i, x in enumerate(whole(*a)) if i not in forgotten)
    )
    assert price_tasks(layer_tasks(network, layers, machine, 1), machine, PUBLISHED, 0) != result


@pytest.mark.parametrize("packed", ["", ",compress=bitmap", ",compress=3.5b"])
def test_a_list_of_products_costs_what_a_network_of_them_does(packed: str) -> None:
    listed = parse_layers("net", "name,m,n,k\nconv,16,5,3\n")
    layers = (Layer("conv", Conv2d(5, (1, 1), bias=False), ("input",)),)
    network = Network("net", (3, 4, 4), layers, {})
    formats = Assignment(LayerFormats.of("int8", "int8", "int8"))
    one, other = (cost(what, formats, f"8x8-is{packed}", batch=2).hardware for what in (listed, network))
    assert (one.cycles, one.energy_pj, one.weight_bits) == (other.cycles, other.energy_pj, other.weight_bits)


def test_formats_of_single_products_of_a_list_are_taken() -> None:
    listed = parse_layers("net", "name,m,n,k\na,16,5,3\nb,1,7,5\n")
    assignment = Assignment(FORMATS["int"], (("b", FORMATS["pow2"]),))
    report = cost(listed, assignment, "8x8-ws", "unit")
    assert [layer.weights for layer in report.layers] == ["int8", "pow2<4>"]
    assert [layer.pe.kind.value for layer in report.hardware.layers if layer.pe] == ["int_mac", "shift_add"]
    assert report.hardware.weight_bits == 15 * 8 + 35 * 4
    for wrong in ({"assignment": Assignment(FORMATS["int"], (("c", FORMATS["pow2"]),))}, {"sparsity": -0.1}):
        with pytest.raises(FormatError, match="formats for network 'net'"):
            cost(listed, **({"assignment": assignment, "machine": "8x8-ws"} | wrong))  # type: ignore[arg-type]


def test_faults_of_a_list_come_at_once() -> None:
    with pytest.raises(NetworkError, match="3 faults") as caught:
        parse_layers("bad", "name,m,n,k\na,0,1,1\nb,1,x,1\nc,1\n")
    assert "line 4" in str(caught.value)
    with pytest.raises(NetworkError, match="first line"):
        parse_layers("bad", "m,n,k\n1,1,1\n")
    with pytest.raises(NetworkError, match="lists no layer"):
        parse_layers("bad", "name,m,n,k\n")
    assert parse_layers("good", "name,m,n,k,groups\nd,4,1,9,32\n") == LayerList("good", (("d", Gemm(4, 1, 9, 32)),))


@pytest.mark.parametrize(
    "wrong", [{"sparsity": 1.5}, {"batch": 0}, {"batch": True}, {"machine": "16by16"}, {"table": "no-such"}]
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    arguments: dict[str, object] = {"machine": "8x8-ws"} | wrong
    with pytest.raises(HwsimError):
        cost(SHAPES["lenet5"](), Assignment(FORMATS["int"]), **arguments)  # type: ignore[arg-type]


def test_an_override_must_name_a_layer() -> None:
    with pytest.raises(FormatError, match="did you mean 'conv1'"):
        cost(SHAPES["lenet5"](), Assignment(FORMATS["int"], (("conv_1", FORMATS["pow2"]),)), "8x8-ws")


def test_an_override_is_taken() -> None:
    mixed = cost(SHAPES["lenet5"](), Assignment(FORMATS["pow2"], (("ip1", FORMATS["int"]),)), "8x8-ws")
    plain = cost(SHAPES["lenet5"](), Assignment(FORMATS["pow2"]), "8x8-ws")
    assert mixed.hardware.weight_bits - plain.hardware.weight_bits == 400_000 * 4


def test_weights_shrink_to_stated_bits_and_zeros_that_nobody_knows_are_said_to_be_unknown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """LeNet-5 has 430,500 weights and 580 biases, which are in none of these sums."""
    command = ["cost", "lenet5", "--weights", "int8", "--acts", "int8", "--acc", "int32", "--machine"]
    texts = {}
    for how in ("none", "bitmap", "3.2b"):
        assert main([*command, f"16x16-ws,compress={how}"]) == 0
        texts[how] = capsys.readouterr().out
    bits = [int(text.partition("weights    ")[2].split()[0]) for text in texts.values()]
    assert bits == [430_500 * 8, 430_500 * 8, 430_500 * 8 * 2 // 5]
    assert [("state the bits of a packed weight" in text) for text in texts.values()] == [False, True, False]


def test_every_report_has_the_same_numbers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["cost", "resnet18", "--weights", "pow2<4>", "--acts", "int8", "--acc", "int24", "--batch", "2"]
    assert main([*words, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert main([*words, "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert main(words) == 0
    text = capsys.readouterr().out
    assert f"cycles     {values['cycles']}" in text
    assert "per batch of 2" in text
    assert "nothing is known about zeros" in text
    assert rows[-1]["cycles"] == str(values["cycles"])
    assert float(rows[-1]["total_pj"]) == values["energy_pj"]["total"]
    assert len(rows) == len(values["layers"]) + 1
    assert values["inferences_per_s"] == 2 / values["runtime_s"]


def test_the_command_takes_a_list_of_layers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("name,m,n,k\na,64,24,40\n")
    assert main(["cost", str(path), "--all", "int8", "--machine", "8x8-ws", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cycles"] == 1290
    assert main(["cost", str(tmp_path / "none.csv"), "--all", "int8"]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_formats_of_single_layers_and_biases_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["cost", "lenet5", "--weights", "pow2<4>", "--acts", "int8", "--acc", "int24", "--json"]
    assert main([*words, "--bias", "int8", "--layer", "ip1.weights=int8"]) == 0
    layers = {layer["name"]: layer for layer in json.loads(capsys.readouterr().out)["layers"]}
    assert [layers[name]["weights"] for name in ("conv1", "ip1", "ip2")] == ["pow2<4>", "int8", "pow2<4>"]
    assert {layers[name]["bias"] for name in ("conv1", "ip1")} == {"int8"}
    assert main([*words, "--layer", "ip9.weights=int8"]) == 2
    assert "did you mean" in capsys.readouterr().err


def test_the_networks_are_listed_with_their_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["networks"]) == 0
    out = capsys.readouterr().out
    for name in SHAPES:
        assert name in out
    assert "4,089,184,256" in out


def test_storage_that_is_no_whole_number_of_bits_stays_exact() -> None:
    report = cost(SHAPES["lenet5"](), Assignment(FORMATS["block"]), "16x16-ws", "unit")
    assert report.hardware.weight_bits == -(-Fraction(17, 4) * 430_500 // 1)
