"""The numbers of the table, computed again by other means."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
import pytest

from hwsim import Assignment, LayerFormats, parse_machine, simulate
from hwsim.network import Network, fold, gemm_shape
from models import load_data, load_network
from models.compression.container import (
    SUFFIX,
    pack,
    paper_ratio,
    save_compressed,
    sizes,
    weight_bits_per_parameter,
)
from models.compression.errors import CompressionError
from models.compression.measure import Measured, measure
from models.compression.methods import make_step
from models.compression.recipe import ArraySettings
from models.compression.row import COLUMNS, Row, read_row, row, rows
from models.compression.run import compress
from models.compression.step import Work
from models.compression.subject import Subject, subject
from models.compression.table import table_text
from models.compression.weights import with_tensors

TEST = load_data("digits", "test").subset(300)
CALIBRATION = load_data("digits", "calibration")
SETTINGS = ArraySettings()
MACHINE = "edge-16x16@100MHz,dram=lpddr4@1.28GB/s"
STEPS = (make_step("prune", {"keep": 0.4}), make_step("pow2", {"bits": 4}))


def huffman_bits(network: Network) -> dict[str, float]:
    """Bits a weight of each layer in a Huffman-coded file, from the file's own account."""
    found = sizes(pack(network, "huffman"))
    weights = {name: part for name, part in found.tensors.items() if name.endswith(".weight")}
    count = sum(part.parameters for part in weights.values())
    bits: dict[str, float] = {}
    for name in (layer.name for layer in network.mac_layers):
        part = weights[f"{name}.weight"]
        share = Fraction(part.file_bytes, part.parameters) + Fraction(found.shared_table, count)
        bits[name] = ceil(80_000 * share) / 10_000
    return bits


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    done = compress(load_network("digits-cnn"), STEPS, Work(load_data("digits", "train"), threads=1))
    path = tmp_path_factory.mktemp("packed") / f"small{SUFFIX}"
    save_compressed(path, done.network)
    return path


@pytest.fixture(scope="module")
def measured(file: Path) -> tuple[Measured, Measured]:
    first, second = (measure(subject(name), TEST, CALIBRATION, ArraySettings()) for name in ("digits-cnn", str(file)))
    return first, second


@pytest.fixture(scope="module")
def table(measured: tuple[Measured, Measured]) -> tuple[Row, Row]:
    reference, own = rows(measured[0], measured[1:])
    return reference, own


def test_sizes_are_those_of_the_file_system(file: Path, table: tuple[Row, Row]) -> None:
    reference, own = table
    parameters = sum(tensor.size for tensor in fold(load_network("digits-cnn")).tensors.values())
    assert own.file_bytes == file.stat().st_size
    assert own.file_ratio == 4 * parameters / file.stat().st_size
    assert (reference.file_bytes, reference.file_ratio, reference.bits_per_weight) == (4 * parameters, 1, 32)
    assert own.parameters == parameters
    assert own.bits_per_weight == weight_bits_per_parameter(file.read_bytes())
    assert own.bits_per_weight * own.weights / 8 < own.file_bytes


def test_kept_weights_are_counted(file: Path, table: tuple[Row, Row]) -> None:
    network = subject(str(file)).network
    weights = [network.weight(name) for name in ("conv1", "conv2", "classify")]
    assert table[1].kept_weights == sum(int((tensor != 0).sum()) for tensor in weights)
    assert table[1].weights == sum(tensor.size for tensor in weights)
    assert table[1].kept_weights <= 0.4 * table[1].weights + 1


def test_cycles_energy_and_accuracy_are_those_of_a_run_of_hwsim(file: Path, table: tuple[Row, Row]) -> None:
    network, own = subject(str(file)).network, table[1]
    default = LayerFormats.of("int8", "int8", "int32")
    spelled = [(f"{name}", LayerFormats.of("pow2<4>", "int8", "int32")) for name in ("conv1", "conv2", "classify")]
    bits = huffman_bits(network)
    assert own.layer_bits == " ".join(f"{name}={min(bits[name], 4):g}" for name in bits)
    run = simulate(
        network, Assignment(default, tuple(spelled)), f"{MACHINE},compress=layers@dram",
        TEST.images, TEST.labels, CALIBRATION.images, "sky130", packed=bits,
    )  # fmt: skip
    assert own.formats.count("pow2<") == 3
    assert own.weight_change == 0
    assert (own.array_correct, own.images) == (run.numerics.correct, 300)
    assert own.cycles == run.hardware.cycles
    assert own.energy_uj == pytest.approx(run.hardware.energy_total_pj * 1e-6)
    assert own.power_mw == pytest.approx(own.energy_uj / own.runtime_ms)
    assert own.runtime_ms == pytest.approx(own.cycles / 100e6 * 1e3)
    assert own.macs == sum(gemm_shape(network, layer).macs for layer in network.mac_layers)
    assert own.dram_bits == run.hardware.memory_bits["dram"]
    counts = {name: network.weight(name).size for name in bits}
    spent = sum(min(bits[name], 4) * count for name, count in counts.items())
    assert own.array_bits_per_weight == pytest.approx(spent / own.weights, abs=1 / own.weights)


def test_the_reference_is_int8_packed_alike_and_as_it_is(table: tuple[Row, Row]) -> None:
    reference, own = table
    network, formats = fold(load_network("digits-cnn")), Assignment(LayerFormats.of("int8", "int8", "int32"))
    data = TEST.images, TEST.labels, CALIBRATION.images, "sky130"
    plain = simulate(network, formats, MACHINE, *data)
    scales = {"conv1": -6, "conv2": -7, "classify": -7}
    held = {
        f"{name}.weight": np.clip(np.rint(network.weight(name) * 2.0**-scale), -128, 127) * 2.0**scale + 0.0
        for name, scale in scales.items()
    }
    bits = huffman_bits(with_tensors(network, held))
    packed = simulate(network, formats, f"{MACHINE},compress=layers@dram", *data, packed=bits)
    assert (reference.cycles, reference.array_correct) == (packed.hardware.cycles, plain.numerics.correct)
    assert reference.energy_uj == pytest.approx(packed.hardware.energy_total_pj * 1e-6)
    assert reference.plain_energy_uj == pytest.approx(plain.hardware.energy_total_pj * 1e-6)
    assert reference.plain_runtime_ms == pytest.approx(plain.hardware.runtime_s * 1e3)
    assert reference.array_bits_per_weight < 8
    assert (reference.time_ratio, reference.energy_ratio) == (1, 1)
    assert own.energy_ratio == pytest.approx(reference.energy_uj / own.energy_uj)
    assert own.energy_ratio_plain == pytest.approx(reference.plain_energy_uj / own.energy_uj)
    assert own.energy_ratio_plain > own.energy_ratio > 1
    assert own.time_ratio == packed.hardware.cycles / own.cycles
    assert own.time_ratio_plain == plain.hardware.cycles / own.cycles


def test_packing_moves_dram_alone(measured: tuple[Measured, Measured]) -> None:
    for own in measured:
        packed, plain = own.hardware.memory_bits, own.plain.memory_bits
        saved = plain["dram"] - packed["dram"]
        assert saved == pytest.approx(own.plain.weight_bits - own.hardware.weight_bits, abs=1)
        assert {name: bits for name, bits in packed.items() if name != "dram"} == {
            name: bits for name, bits in plain.items() if name != "dram"
        }
        assert "compress" not in own.plain.machine


def test_a_layer_whose_code_is_longer_than_its_format_stays_as_it_is(measured: tuple[Measured, Measured]) -> None:
    """Few weights of many values: the table of the code outweighs them; decided for this layer alone."""
    network = fold(load_network("digits-cnn"))
    rng = np.random.default_rng(3)
    values = (rng.permutation(144) % 127 - 63).reshape(16, 1, 3, 3) / 64 + 1 / 64
    own = measure(Subject("x", with_tensors(network, {"conv1.weight": values}), None), TEST, CALIBRATION, SETTINGS)
    bits = own.layer_bits
    assert bits["conv1"] == 8
    assert bits["conv2"] < 8


def test_the_decoder_has_to_keep_up_with_what_dram_brings(measured: tuple[Measured, Measured]) -> None:
    for own in measured:
        bus = float(parse_machine(MACHINE).dram_bits_per_cycle or 0)
        weights = {weights.layer: weights.fmt.bits for weights in own.weights}
        rates = [min(bus / bits, 128 / weights[name]) for name, bits in own.layer_bits.items() if bits < weights[name]]
        assert own.decoder_rate == pytest.approx(max(rates))
    assert replace(measured[0], hardware=measured[0].plain).decoder_rate == 0


def test_the_decoder_delivers_a_weight_as_often_as_dram_brings_it(measured: tuple[Measured, Measured]) -> None:
    """On 8 rows that keep their sums, the 16 pixels of conv2 are two tiles, each with all weights anew."""
    assert measured[0].layer_bits["conv1"] == 8
    assert measured[0].decoder_mean * measured[0].hardware.cycles == pytest.approx(4608 + 1280)
    small = replace(SETTINGS, machine="8x8-os,filter=1KiB,ifmap=1KiB,dram=1GB/s")
    own = measure(subject("digits-cnn"), TEST.subset(5), CALIBRATION, small)
    assert own.decoder_mean * own.hardware.cycles == pytest.approx(2 * 4608 + 1280)
    assert replace(own, hardware=own.plain).decoder_mean == 0
    other = replace(own.hardware, layers=tuple(replace(layer, tiling="other") for layer in own.hardware.layers))
    assert np.isnan(replace(own, hardware=other).decoder_mean)


def test_pairs_are_counted_image_by_image(measured: tuple[Measured, Measured], table: tuple[Row, Row]) -> None:
    reference, own = measured[0].float_mask.tolist(), measured[1].array_mask.tolist()
    lost = sum(first and not second for first, second in zip(reference, own, strict=True))
    won = sum(second and not first for first, second in zip(reference, own, strict=True))
    assert (table[1].array_lost, table[1].array_won) == (lost, won)
    assert table[1].array_correct == sum(reference) - lost + won
    assert table[1].float_correct == table[0].float_correct - table[1].float_lost + table[1].float_won


def test_images_of_two_splits_are_not_paired(measured: tuple[Measured, Measured]) -> None:
    with pytest.raises(CompressionError, match="digits test and digits validation cannot be paired"):
        row(measured[0], replace(measured[1], split="validation"))


def test_a_row_goes_through_csv(table: tuple[Row, Row]) -> None:
    cells = dict(zip(COLUMNS, map(str, table[1].values()), strict=True))
    assert read_row(cells) == table[1]
    with pytest.raises(CompressionError, match="lacks the columns cycles"):
        read_row({name: text for name, text in cells.items() if name != "cycles"})
    with pytest.raises(CompressionError, match="no number"):
        read_row({**cells, "cycles": "many"})


def test_the_text_has_the_numbers(table: tuple[Row, Row]) -> None:
    text = table_text(table)
    own = table[1]
    for shown in (str(own.file_bytes), f"{own.file_ratio:.2f}", str(own.cycles), f"{own.energy_uj:.4g}"):
        assert shown in text
    assert "every weight exact" in text
    assert f"bits/w in DRAM, {own.name}: {own.layer_bits}" in text
    rate = max(one.decoder_rate for one in table)
    mean = max(one.decoder_mean for one in table)
    assert f"deliver up to {rate:.1f} weights a cycle, {mean:.2g} on average: its time is not counted" in text
    unpacked = replace(own, decoder_rate=0.0, decoder_mean=9.0)
    assert f"{table[0].decoder_mean:.2g} on average" in table_text([table[0], unpacked])
    assert "a cycle: its time" in table_text([replace(own, decoder_mean=float("nan"))])
    assert text.startswith("300 images of digits, test; ")
    assert f"{own.energy_ratio:.2f}x ({own.energy_ratio_plain:.2f}x)" in text
    two = table_text(table, [replace(own, machine="other") for own in table])
    assert two.count("one inference on") == 2
    assert two.count("file bytes") == 1
    assert max(map(len, text.splitlines())) < 320


def test_ratios_are_against_the_numbers_of_the_reference(measured: tuple[Measured, Measured]) -> None:
    larger = replace(measured[0], subject=Subject("larger", fold(load_network("lenet5")), None))
    own = measured[1]
    against = row(larger, own)
    assert against.file_ratio == 4 * 431_080 / own.subject.file_bytes
    assert against.paper_ratio == pytest.approx(paper_ratio(own.subject.network) * 430_500 / 6_032)
    assert against.parameters == 6_090
