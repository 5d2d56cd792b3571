"""The numbers of the table, computed again by other means."""

from __future__ import annotations

from dataclasses import replace
from math import comb
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim import Assignment, LayerFormats, simulate
from hwsim.network import fold, gemm_shape
from models import load_data, load_network
from models.compression.container import SUFFIX, paper_ratio, save_compressed, weight_bits_per_parameter
from models.compression.errors import CompressionError
from models.compression.measure import Measured, Subject, measure, relabelled, subject
from models.compression.methods import make_step
from models.compression.paired import Paired, paired
from models.compression.recipe import ArraySettings
from models.compression.run import compress
from models.compression.step import Work
from models.compression.table import COLUMNS, Row, read_row, row, rows, table_text
from models.registry import data_for

TEST = load_data("digits", "test").subset(300)
CALIBRATION = load_data("digits", "calibration")
STEPS = (make_step("prune", {"keep": 0.4}), make_step("pow2", {"bits": 4}))


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
    machine = f"edge-16x16@100MHz,dram=lpddr4@1.28GB/s,compress={own.bits_per_weight:.4f}b"
    run = simulate(
        network, Assignment(default, tuple(spelled)), machine, TEST.images, TEST.labels, CALIBRATION.images, "sky130"
    )
    assert own.formats.count("pow2<") == 3
    assert own.weight_change == 0
    assert (own.array_correct, own.images) == (run.numerics.correct, 300)
    assert own.cycles == run.hardware.cycles
    assert own.energy_uj == pytest.approx(run.hardware.energy_total_pj * 1e-6)
    assert own.power_mw == pytest.approx(own.energy_uj / own.runtime_ms)
    assert own.runtime_ms == pytest.approx(own.cycles / 100e6 * 1e3)
    assert own.macs == sum(gemm_shape(network, layer).macs for layer in network.mac_layers)
    assert own.dram_bits == run.hardware.memory_bits["dram"]
    assert own.array_bits_per_weight == pytest.approx(own.bits_per_weight, rel=1e-3)


def test_the_reference_is_plain_int8(table: tuple[Row, Row]) -> None:
    reference, own = table
    run = simulate(
        load_network("digits-cnn"), Assignment(LayerFormats.of("int8", "int8", "int32")),
        "edge-16x16@100MHz,dram=lpddr4@1.28GB/s", TEST.images, TEST.labels, CALIBRATION.images, "sky130",
    )  # fmt: skip
    assert (reference.cycles, reference.array_correct) == (run.hardware.cycles, run.numerics.correct)
    assert reference.array_bits_per_weight == 8
    assert (reference.time_ratio, reference.energy_ratio) == (1, 1)
    assert own.energy_ratio == pytest.approx(run.hardware.energy_total_pj * 1e-6 / own.energy_uj)
    assert own.energy_ratio > 1
    assert own.time_ratio == run.hardware.cycles / own.cycles


def test_pairs_are_counted_image_by_image(measured: tuple[Measured, Measured], table: tuple[Row, Row]) -> None:
    reference, own = measured[0].float_mask.tolist(), measured[1].array_mask.tolist()
    lost = sum(first and not second for first, second in zip(reference, own, strict=True))
    won = sum(second and not first for first, second in zip(reference, own, strict=True))
    assert (table[1].array_lost, table[1].array_won) == (lost, won)
    assert table[1].array_correct == sum(reference) - lost + won
    assert table[1].float_correct == table[0].float_correct - table[1].float_lost + table[1].float_won


@given(lost=st.integers(0, 60), won=st.integers(0, 60))
def test_the_paired_test_is_the_exact_binomial(lost: int, won: int) -> None:
    chances = [comb(lost + won, count) / 2 ** (lost + won) for count in range(lost + won + 1)]
    slow = sum(chance for chance in chances if chance <= chances[lost] * (1 + 1e-12))
    assert Paired(lost, won).p_value == pytest.approx(min(1.0, slow))


def test_the_paired_test_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    for lost, won in ((0, 7), (3, 12), (40, 41)):
        assert Paired(lost, won).p_value == pytest.approx(stats.binomtest(lost, lost + won).pvalue)


def test_different_images_are_not_paired() -> None:
    with pytest.raises(CompressionError, match="3 and 4 images cannot be paired"):
        paired(np.ones(3, bool), np.ones(4, bool))


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
    assert max(map(len, text.splitlines())) < 320


def test_equal_names_are_told_apart(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / file.name
    copy.write_bytes(file.read_bytes())
    labels = [own.label for own in relabelled([subject(str(file)), subject(str(copy))])]
    assert labels == [f"{file.parent.name}/small", f"{tmp_path.name}/small"]
    with pytest.raises(CompressionError, match="named twice"):
        relabelled([subject(str(file)), subject(str(file))])


def test_a_packed_network_still_names_its_data(file: Path) -> None:
    assert data_for(subject(str(file)).network) == "digits"


def test_ratios_are_against_the_numbers_of_the_reference(measured: tuple[Measured, Measured]) -> None:
    larger = replace(measured[0], subject=Subject("larger", fold(load_network("lenet5")), None))
    own = measured[1]
    against = row(larger, own)
    assert against.file_ratio == 4 * 431_080 / own.subject.file_bytes
    assert against.paper_ratio == pytest.approx(paper_ratio(own.subject.network) * 430_500 / 6_032)
    assert against.parameters == 6_090
