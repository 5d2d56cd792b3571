"""What is measured: files and their cards, what they are called, and which of them stand in one table."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hwsim.network import save_network
from models import load_data, load_network
from models.compression.alike import check_alike, data_of, with_reference
from models.compression.container import CODERS, save_compressed, sizes
from models.compression.errors import CompressionError
from models.compression.measure import measure
from models.compression.methods import make_step
from models.compression.recipe import ArraySettings
from models.compression.run import compress
from models.compression.step import Work
from models.compression.subject import relabelled, subject
from models.registry import data_for


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    steps = (make_step("prune", {"keep": 0.4}), make_step("pow2", {"bits": 4}))
    done = compress(load_network("digits-cnn"), steps, Work(load_data("digits", "train"), threads=1))
    path = tmp_path_factory.mktemp("packed") / "small.hwz"
    save_compressed(path, done.network)
    return path


@pytest.mark.parametrize("coder", CODERS)
def test_sizes_are_those_of_the_coder(coder: str, file: Path, tmp_path: Path) -> None:
    network = subject(str(file)).network
    packed, plain = tmp_path / "x.hwz", tmp_path / "x.npz"
    save_compressed(packed, network, coder)
    save_network(replace(network, metadata={**network.metadata, "compression": [{"method": "prune"}]}), plain)
    for own in (subject(str(packed)), subject(str(plain), coder)):
        assert (own.coder, own.file_bytes) == (coder, packed.stat().st_size)
        assert own.bits_per_weight == sizes(packed.read_bytes()).weight_bits_per_parameter


def test_what_is_not_known_of_a_file_is_said(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "alone.hwz"
    copy.write_bytes(file.read_bytes())
    lines: list[str] = []
    own = subject(str(copy))
    test, calibration = load_data("digits", "test").subset(5), load_data("digits", "calibration")
    measure(own, test, calibration, ArraySettings(), report=lines.append)
    assert f"alone: no card.json beside {copy}: formats are read off the weights" in "\n".join(lines)
    (tmp_path / "card.json").write_text(json.dumps({"content_hash": "0" * 64, "network": {}}))
    assert "is the card of another network" in subject(str(copy)).note
    known = {"content_hash": own.network.content_hash, "network": {"compression": []}}
    (tmp_path / "card.json").write_text(json.dumps(known))
    assert (subject(str(copy)).note, subject(str(copy)).network.metadata["compression"]) == ("", [])
    for damaged in ("{", "[]", json.dumps({**known, "network": 3})):
        (tmp_path / "card.json").write_text(damaged)
        with pytest.raises(CompressionError, match=r"card.json is damaged .*: restore it"):
            subject(str(copy))


def test_equal_names_are_told_apart(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / file.name
    copy.write_bytes(file.read_bytes())
    labels = [own.label for own in relabelled([subject(str(file)), subject(str(copy))])]
    assert labels == [f"{file.parent.name}/small", f"{tmp_path.name}/small"]
    around = tmp_path / "x" / ".." / "small.hwz"
    (tmp_path / "x").mkdir()
    for twice in ([str(copy), str(around)], ["digits-cnn", "digits-cnn"]):
        with pytest.raises(CompressionError, match="named twice: .*; name each file and network once"):
            relabelled([subject(name) for name in twice])


def names(folder: Path, *files: str) -> list[str]:
    """Labels of copies of a network's file."""
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        save_network(load_network("digits-cnn"), folder / name)
    return [own.label for own in relabelled([subject(str(folder / name)) for name in files])]


@pytest.mark.parametrize(
    ("files", "labels"),
    [
        (["net.npz", "b.npz"], ["net", "b"]),
        (["a/net.npz", "b/net.npz", "c/d.npz"], ["a/net", "b/net", "d"]),
        (["x/a/net.npz", "y/a/net.npz", "y/b/net.npz"], ["x/a/net", "y/a/net", "b/net"]),
        (["x/a/network.npz", "y/a/network.npz"], ["x/a", "y/a"]),
    ],
)
def test_files_of_any_kind_are_told_apart(files: list[str], labels: list[str], tmp_path: Path) -> None:
    assert names(tmp_path, *files) == labels


def test_two_files_of_one_name_in_one_folder_have_their_suffix(file: Path, tmp_path: Path) -> None:
    (tmp_path / "small.hwz").write_bytes(file.read_bytes())
    save_network(load_network("digits-cnn"), tmp_path / "small.npz")
    found = relabelled([subject(str(tmp_path / f"small{suffix}")) for suffix in (".hwz", ".npz")])
    assert [own.label for own in found] == [str(tmp_path / "small.hwz"), str(tmp_path / "small.npz")]


def test_the_reference_comes_first_once_and_under_a_name_of_its_own(file: Path, tmp_path: Path) -> None:
    (tmp_path / "digits-cnn.hwz").write_bytes(file.read_bytes())
    named = subject(str(tmp_path / "digits-cnn.hwz"))
    assert [own.label for own in with_reference([named])] == ["digits-cnn", f"{tmp_path.name}/digits-cnn"]
    found = [subject(str(file)), subject("digits-cnn")]
    assert [own.label for own in with_reference(found)] == ["digits-cnn", "small"]
    assert [own.label for own in with_reference(found, str(file))] == ["small", "digits-cnn"]


def test_files_of_one_name_and_two_data_sets_are_not_mixed(tmp_path: Path) -> None:
    for folder, data in (("a", "digits"), ("b", "mnist")):
        network = load_network("digits-cnn")
        (tmp_path / folder).mkdir()
        save_network(replace(network, metadata={**network.metadata, "dataset": data}), tmp_path / folder / "net.npz")
    found = [subject(str(tmp_path / folder / "net.npz")) for folder in "ab"]
    for check in (check_alike, data_of):
        for own in (found, relabelled(found)):
            with pytest.raises(CompressionError, match="net: digits, .*net: mnist.*--data"):
                check(own)
    renamed = [found[0], replace(found[0], network=replace(found[0].network, name="other"))]
    with pytest.raises(CompressionError, match="several networks"):
        check_alike(renamed)


def test_a_packed_network_still_names_its_data(file: Path) -> None:
    assert data_for(subject(str(file)).network) == "digits"


def test_networks_of_other_origin_or_data_are_not_mixed(file: Path) -> None:
    own = subject(str(file))
    other = replace(own, label="other", network=replace(own.network, metadata={"dataset": "mnist"}))
    renamed = replace(own, label="renamed", network=replace(own.network, name="lenet5"))
    check_alike([own, other], data="digits")
    check_alike([own, renamed], reference="digits-cnn")
    for mixed, message in (([own, other], "other: mnist.*--data"), ([own, renamed], "renamed: lenet5.*--reference")):
        with pytest.raises(CompressionError, match=message):
            check_alike(mixed)
    assert data_of([own, other], "mnist") == "mnist"
    with pytest.raises(CompressionError, match="name it with --data"):
        data_of([own, other])
