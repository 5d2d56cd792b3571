"""The file as a whole: sizes that sum, damage that is named, nothing that crashes, and the disk."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from container_networks import chain, one_matrix, pruned, small
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.network import Conv2d, Layer, Network, fold
from models import load_network
from models.compression.container import (
    CODERS,
    load_compressed,
    pack,
    paper_ratio,
    save_compressed,
    sizes,
    store,
    unpack,
    weight_bits,
    weight_bits_per_parameter,
)
from models.compression.container.paper import gap_counts
from models.compression.errors import CompressionError

NETWORK = small(
    {
        "conv.weight": pruned((4, 2, 3, 3), 0.5, 4, 1),
        "line.weight": pruned((5, 24), 0.3, 4, 2),
        "conv.bias": np.random.default_rng(3).normal(size=4).astype(np.float32),
    }
)
FILES = {coder: pack(NETWORK, coder) for coder in CODERS}
LIMIT = 1 << 20
CHANGES = st.lists(st.tuples(st.integers(3, 400), st.integers(0, 255)), max_size=4)  #: places and new bytes


def sealed(data: bytes) -> bytes:
    """The checksum made right, as somebody who means harm would."""
    return data[:4] + zlib.crc32(data[:4] + data[8:]).to_bytes(4, "little") + data[8:]


@pytest.mark.parametrize("coder", CODERS)
def test_every_byte_is_accounted_for(coder: str) -> None:
    found = sizes(FILES[coder])
    assert found.file_bytes == len(FILES[coder])
    assert found.header == 8
    assert found.parameters == 4 + 72 + 5 + 120
    assert found.ratio == 4 * 201 / len(FILES[coder])
    for name, part in found.tensors.items():
        assert min(part.mask, part.codes, part.table, part.raw) >= 0
        assert part.nonzeros == np.count_nonzero(NETWORK.tensors[name])
    assert found.tensors["conv.bias"].raw >= 4 * 3
    assert found.tensors["line.weight"].codes > 0


@pytest.mark.parametrize("coder", CODERS)
def test_bits_a_weight_are_those_of_the_weights_alone(coder: str) -> None:
    found = sizes(FILES[coder])
    own = found.tensors["conv.weight"].file_bytes + found.tensors["line.weight"].file_bytes + found.shared_table
    assert weight_bits_per_parameter(FILES[coder]) == 8 * own / 192


@pytest.mark.parametrize("coder", CODERS)
def test_bits_of_each_layer_sum_to_those_of_all(coder: str) -> None:
    floats = np.random.default_rng(1).normal(size=16)
    weights = {f"line{place}": np.random.default_rng(place).choice(floats, (6, 6)) for place in range(4)}
    data = pack(chain(weights), coder)
    found, bits = sizes(data), weight_bits(data)
    assert found.file_bytes == len(data)
    assert found.shared_table > 10
    assert list(bits) == [f"{name}.weight" for name in weights]
    assert sum(36 * each for each in bits.values()) == pytest.approx(144 * weight_bits_per_parameter(data))
    for name, each in bits.items():
        assert each == pytest.approx(8 * (found.tensors[name].file_bytes / 36 + found.shared_table / 144))


def test_bits_of_a_layer_are_those_that_its_coder_needs() -> None:
    """Fixed codes by hand: no mask pays, and four values with zero take two bits each."""
    weight = np.tile(np.array([0, 1, 2, 4], np.float32), (32, 16))
    found = sizes(pack(one_matrix(weight), "fixed")).tensors["line.weight"]
    assert found.mask + found.codes + found.table == pytest.approx(2 * 2048 / 8, abs=8)
    assert found.raw == 0


@pytest.mark.parametrize("coder", CODERS)
def test_every_flipped_bit_and_every_cut_is_noticed(coder: str) -> None:
    data = FILES[coder]
    for place in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(CompressionError):
            unpack(bytes(flipped))
    for end in range(len(data)):
        with pytest.raises(CompressionError):
            unpack(data[:end])
    with pytest.raises(CompressionError, match="checksum"):
        unpack(data + b"\0")


def survives(data: bytes) -> None:
    try:
        found = unpack(data, LIMIT)
    except CompressionError as error:
        assert 10 < len(str(error)) < 5000
    else:
        found.validate()


@settings(max_examples=150)
@given(
    st.sampled_from(list(CODERS)), st.lists(st.tuples(st.integers(3, 400), st.integers(0, 255)), max_size=4), st.data()
)
def test_forged_files_are_refused_or_are_networks(
    coder: str, changes: list[tuple[int, int]], data: st.DataObject
) -> None:
    forged = bytearray(FILES[coder])
    for place, value in changes:
        forged[place % len(forged)] = value
    end = data.draw(st.integers(8, len(forged)))
    survives(sealed(bytes(forged[:end])))


@settings(max_examples=150)
@given(st.sampled_from([0x10, 0x11, 0x12, 0x13, 0x20, 0x00]), st.binary(max_size=300))
def test_any_bytes_are_refused_or_are_a_network(kind: int, stream: bytes) -> None:
    survives(sealed(b"HWZ" + bytes([kind]) + b"\0\0\0\0" + stream))


def test_a_file_cannot_ask_for_more_than_the_limit() -> None:
    data = pack(one_matrix(np.zeros((4000, 4000), np.float32)))
    assert len(data) < 60
    with pytest.raises(CompressionError, match="16000000 parameters, .* up to 192320000 bytes.*limit_bytes=192320000"):
        unpack(data, limit_bytes=LIMIT)


def test_messages_say_what_is_wrong() -> None:
    data = FILES["arithmetic"]
    for bad, words in (
        (b"PK\x03\x04" + data[4:], "no compressed network: it begins with"),
        (b"HWZ", "has 3 bytes"),
        (sealed(b"HWZ\x20" + data[4:]), "of version 2; this one reads version 1"),
        (sealed(b"HWZ\x1f" + data[4:]), "of coder 15; the last one known is 2"),
        (data[:-1], "checksum"),
        (sealed(FILES["huffman"][:60]), "too short"),
    ):
        with pytest.raises(CompressionError, match=words):
            unpack(bad)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_networks_that_are_not_valid_are_not_packed(value: float) -> None:
    with pytest.raises(CompressionError, match="1 non-finite of 120"):
        pack(small({"line.weight": np.where(np.arange(120).reshape(5, 24) == 7, value, 0).astype(np.float32)}))


def test_an_unknown_coder_is_named() -> None:
    with pytest.raises(CompressionError, match="coder is 'lzma'; it must be one of arithmetic, huffman, fixed"):
        pack(NETWORK, "lzma")


def test_the_card_keeps_what_is_needed_to_run() -> None:
    network = small(card={"dataset": "digits", "recipe": {"epochs": 3}, "compression": [1, 2]})
    assert dict(unpack(pack(network)).metadata) == {"dataset": "digits"}
    assert dict(unpack(pack(small(card={}))).metadata) == {}


def test_files_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "net.hwz"
    assert save_compressed(path, NETWORK, "huffman") == path.stat().st_size
    assert load_compressed(path).content_hash == NETWORK.content_hash
    assert load_network(str(path)).content_hash == NETWORK.content_hash
    assert [each.name for each in tmp_path.iterdir()] == ["net.hwz"]
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(CompressionError, match="net.hwz: damaged or truncated"):
        load_compressed(path)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.hwz"
    path.write_bytes(b"before")

    def full(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(CompressionError, match="no space left"):
        save_compressed(path, NETWORK)
    assert path.read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 1


def test_paths_are_checked(tmp_path: Path) -> None:
    with pytest.raises(CompressionError, match="must end in .hwz"):
        save_compressed(tmp_path / "net.npz", NETWORK)
    with pytest.raises(CompressionError, match="cannot write"):
        save_compressed(tmp_path / "missing" / "net.hwz", NETWORK)
    with pytest.raises(CompressionError, match="cannot read"):
        load_compressed(tmp_path / "net.hwz")
    with pytest.raises(CompressionError, match="cannot read"):
        load_network(str(tmp_path / "net.hwz"))


def test_a_trained_network_comes_back() -> None:
    network = fold(load_network("digits-cnn"))
    for coder in CODERS:
        assert unpack(pack(network, coder)).content_hash == network.content_hash


def test_the_formula_of_the_paper_by_hand() -> None:
    """Two values, 3 and 1 of them, of 8 weights: codes of one bit; gaps 0, 0, 1, 2 in a linear layer."""
    weight = np.array([[1, 1, 0, 1, 0, 0, 2, 0]], np.float32)
    clusters = (3 + 1) * 1 + (1 + 1) * 1 + 2 * 32
    gaps = (2 + 1) * 1 + (1 + 1) * 2 + (1 + 1) * 2 + 3 * 8
    assert paper_ratio(one_matrix(weight, np.ones(1))) == 32 * 8 / (clusters + gaps)


def test_fillers_count_in_the_formula_of_the_paper() -> None:
    """70 zeros before a one: two fillers of 31 zeros and a zero weight, and a gap of 6; none in a convolution."""
    weight = np.zeros((1, 80), np.float32)
    weight[0, 70] = 1
    clusters = (1 + 1) * 1 + (2 + 1) * 1 + 2 * 32
    gaps = (2 + 1) * 1 + (1 + 1) * 1 + 2 * 8
    assert paper_ratio(one_matrix(weight)) == 32 * 80 / (clusters + gaps)
    layer = Layer("conv", Conv2d(1, (1, 1), bias=False), ("input",))
    network = Network("conv", (80, 1, 1), (layer,), {"conv.weight": weight.reshape(1, 80, 1, 1)}, {})
    assert paper_ratio(network) == 32 * 80 / (32 + 8)


@given(st.lists(st.booleans(), max_size=150), st.integers(1, 8))
def test_the_index_is_that_of_deep_compression(kept: list[bool], width: int) -> None:
    """Their decoder puts the weights, fillers among them, at cumsum(index + 1) - 1."""
    stored, last = [], -1
    for place in np.flatnonzero(kept).tolist():
        while place - last > 1 << width:
            last += 1 << width
            stored.append((last, False))
        last = place
        stored.append((last, True))
    indices = np.diff([-1, *(place for place, _ in stored)]) - 1
    counts, fillers = gap_counts(np.array(kept, bool), width)
    assert fillers == sum(not own for _, own in stored)
    assert counts.tolist() == np.bincount(indices.astype(int), minlength=1 << width).tolist()
