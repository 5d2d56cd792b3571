"""The tables that other simulators are given are the zoo's networks, though written out twice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import layer_tables  # noqa: E402
import peer_simulators  # noqa: E402

from hwsim.network import gemm_shape  # noqa: E402
from hwsim.validation.records import load_record  # noqa: E402
from models.shapes import SHAPES  # noqa: E402


@pytest.mark.parametrize("name", sorted(layer_tables.TABLES))
def test_a_table_is_the_network_of_that_name(name: str) -> None:
    network = SHAPES[name]()
    ours = [gemm_shape(network, layer) for layer in network.mac_layers]
    table = sorted(layer.gemm for layer in layer_tables.TABLES[name]())
    assert table == sorted((gemm.m, gemm.n, gemm.k) for gemm in ours)


def test_windows_reach_no_further_than_the_padded_map() -> None:
    first = layer_tables.resnet18()[0]
    assert (first.side, first.gemm) == (229, (112 * 112, 64, 147)), "of 230 padded rows the last is never reached"


@pytest.mark.parametrize("row", load_record("scalesim").rows[::7], ids=lambda row: f"{row['layer']}-{row['machine']}")
def test_the_record_is_of_these_tables(row: dict[str, str]) -> None:
    (layer,) = (layer for layer in layer_tables.TABLES[row["network"]]() if layer.name == row["layer"])
    assert tuple(int(row[side]) for side in "mnk") == layer.gemm
    assert int(row["ifmap_elements"]) == layer.channels * layer.side**2


def test_a_simulator_that_is_not_there_says_how_to_name_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(peer_simulators.SCALESIM, raising=False)
    with pytest.raises(peer_simulators.PeerMissingError, match="set HWSIM_SCALESIM_PYTHON"):
        peer_simulators.interpreter(peer_simulators.SCALESIM, None)
    with pytest.raises(peer_simulators.PeerMissingError, match="which is not there"):
        peer_simulators.interpreter(peer_simulators.SCALESIM, str(tmp_path / "python"))


def test_a_simulator_that_fails_gives_its_last_words() -> None:
    with pytest.raises(peer_simulators.PeerMissingError, match="No module named 'scalesim'"):
        peer_simulators.scale_sim(Path(sys.executable), layer_tables.lenet5(), 4, "ws")
