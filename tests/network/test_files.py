"""Network files: exact, deterministic, and refused when anything in them is not as declared."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwsim.errors import NetworkError
from hwsim.network import Network, load_network_file, save_network
from hwsim.network.archive import open_archive, write_archive
from hwsim.network.files import HEADER

Change = Callable[[dict[str, Any], dict[str, Any]], None]


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(NetworkError) as caught:
        load_network_file(path, **options)
    return str(caught.value)


def rewrite(path: Path, network: Network, change: Change) -> Path:
    """Save ``network``, then let ``change`` alter the header and the arrays in place."""
    save_network(network, path)
    with open_archive(path, 1 << 30) as archive:
        arrays: dict[str, Any] = {name: archive.read(name) for name in archive.entries}
    header = json.loads(arrays.pop(HEADER).tobytes())
    change(header, arrays)
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    write_archive(path, {HEADER: np.frombuffer(text, np.uint8)} | arrays)
    return path


def test_round_trip_is_exact(every_op: Network, tmp_path: Path) -> None:
    save_network(every_op, tmp_path / "x.npz")
    again = load_network_file(str(tmp_path / "x.npz"))
    assert again == every_op
    assert again.name == every_op.name
    assert again.metadata == every_op.metadata
    assert all(again.tensors[n].tobytes() == t.tobytes() for n, t in every_op.tensors.items())
    assert not any(tensor.flags.writeable for tensor in again.tensors.values())


def test_special_values_survive(every_op: Network, tmp_path: Path) -> None:
    odd = np.array([-0.0, 1e-45, -1e-45, 3.4028235e38, 1e-38], np.float32)
    card = {"big": 2**63, "text": "ü\n\x00", "list": [None, True, 1.5, 1e-300], "nested": {"": {}}}
    network = replace(every_op, tensors={**every_op.tensors, "fc.bias": odd}, metadata=card)
    save_network(network, tmp_path / "x.npz")
    assert load_network_file(tmp_path / "x.npz") == network


def test_bytes_depend_on_the_content_only(every_op: Network, tmp_path: Path) -> None:
    save_network(every_op, tmp_path / "x.npz")
    reordered = replace(
        every_op,
        tensors=dict(reversed(list(every_op.tensors.items()))),
        metadata=dict(reversed(list(every_op.metadata.items()))),
    )
    save_network(reordered, tmp_path / "y.npz")
    assert (tmp_path / "x.npz").read_bytes() == (tmp_path / "y.npz").read_bytes()


def test_an_invalid_network_or_name_is_not_written(every_op: Network, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="is missing"):
        save_network(replace(every_op, tensors={}), tmp_path / "x.npz")
    with pytest.raises(NetworkError, match=r"must end in \.npz"):
        save_network(every_op, tmp_path / "x.bin")
    with pytest.raises(NetworkError, match="the header would have"):
        save_network(replace(every_op, metadata={"log": "x" * (5 << 20)}), tmp_path / "x.npz")
    assert list(tmp_path.iterdir()) == []


def test_the_limit(every_op: Network, tmp_path: Path) -> None:
    save_network(every_op, tmp_path / "x.npz")
    assert "the limit is 100: raise it with limit_bytes=" in refusal(tmp_path / "x.npz", limit_bytes=100)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda h, a: h.update(format="onnx"), ["does not declare the format 'hwsim-network'"]),
        (lambda h, a: h.update(version=2), ["has version 2", "reads version 1", "upgrade hwsim"]),
        (lambda h, a: h.update(version=True), ["has version True"]),
        (lambda h, a: h.update(version=1.0), ["has version 1.0"]),
        (lambda h, a: h.pop("version"), ["has version None"]),
        (lambda h, a: (h.pop("layers"), h.update(more=1, name=3)), ["3 faults", "'layers' is missing", "'name' is 3"]),
        (lambda h, a: h.update(tensors=[]), ["'tensors' is []; it must be a dict"]),
        (lambda h, a: h["layers"].append("relu"), ["a layer is 'relu'"]),
        (lambda h, a: h["layers"][0]["op"].update(groups=10**30), ["layer 'conv'", "groups"]),
        (lambda h, a: h["layers"][0]["op"].update(padding=[1 << 20, 1 << 20]), ["elements; the bound is"]),
        (lambda h, a: h["layers"][0]["op"].update(out_channels=7), ["shape (6, 3, 3, 3); it must be (7,"]),
        (lambda h, a: h["layers"].reverse(), ["before it is computed"]),
        (lambda h, a: h.update(layers=[]), ["no layers"]),
        (lambda h, a: h.update(input_shape=["3", 8, 8]), ["the input shape is ('3', 8, 8)"]),
        (lambda h, a: h.update(input_shape=[[3], {}]), ["the input shape is"]),
        (lambda h, a: a.pop("fc.bias"), ["'fc.bias' is declared and missing"]),
        (lambda h, a: h["tensors"].pop("fc.bias"), ["'fc.bias' is not declared"]),
        (lambda h, a: (a.pop("fc.bias"), h["tensors"].pop("fc.bias")), ["'fc.bias' is missing; it must be float32"]),
        (lambda h, a: a.update({"x.weight": np.ones(3, np.float32)}), ["'x.weight' is not declared"]),
        (lambda h, a: h["tensors"]["fc.bias"].update(shape=[1 << 60]), ["shape (5,), not [1152921504606846976]"]),
        (lambda h, a: h["tensors"]["fc.bias"].update(dtype="<f8"), ["must be float32, <f4"]),
        (lambda h, a: h["tensors"]["fc.bias"].pop("sha256"), ["exactly dtype, shape and sha256"]),
        (lambda h, a: h["tensors"].update({"fc.bias": None}), ["exactly dtype, shape and sha256"]),
        (lambda h, a: a.update({"fc.bias": a["fc.bias"] + 1}), ["'fc.bias' does not have the sha256 declared"]),
        (lambda h, a: a.update({"fc.bias": np.ones(5, np.uint8)}), ["'fc.bias' is |u1; it must be float32"]),
        (lambda h, a: a.update({"fc.bias": np.ones((5, 1), np.float32)}), ["shape (5, 1), not [5]"]),
        (lambda h, a: h["metadata"].update(big=2**70), ["71 bits"]),
    ],
)  # fmt: skip
def test_a_header_that_is_wrong(every_op: Network, tmp_path: Path, change: Change, words: list[str]) -> None:
    text = refusal(rewrite(tmp_path / "x.npz", every_op, change))
    assert all(word in text for word in words), text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"", "no valid JSON"),
        (b"\xff\xfe", "no valid JSON"),
        (b"[" * 100_000, "no valid JSON"),
        (b'{"format": NaN}', "NaN is no JSON number"),
        (b'{"format": 1' + b"0" * 5000 + b"}", "no valid JSON"),
        (b'{"format": 1, "format": 2}', "a key is given twice"),
        (b"[]", "does not declare the format"),
        (b'"hwsim-network"', "does not declare the format"),
    ],
)
def test_a_header_that_is_no_json(tmp_path: Path, text: bytes, word: str) -> None:
    write_archive(tmp_path / "x.npz", {HEADER: np.frombuffer(text, np.uint8)})
    assert word in refusal(tmp_path / "x.npz")


def test_archives_that_are_no_networks(tmp_path: Path) -> None:
    write_archive(tmp_path / "x.npz", {"a": np.ones(3, np.float32)})
    assert "no uint8 entry 'header.json'" in refusal(tmp_path / "x.npz")
    write_archive(tmp_path / "x.npz", {HEADER: np.ones(3, np.float32)})
    assert "no uint8 entry 'header.json'" in refusal(tmp_path / "x.npz")
    write_archive(tmp_path / "x.npz", {HEADER: np.zeros((4 << 20) + 1, np.uint8)})
    assert "the bound is 4194304" in refusal(tmp_path / "x.npz")


def test_every_truncation_is_refused(every_op: Network, tmp_path: Path) -> None:
    save_network(every_op, tmp_path / "x.npz")
    data = (tmp_path / "x.npz").read_bytes()
    for end in [*range(0, len(data), max(1, len(data) // 50)), *range(len(data) - 60, len(data))]:
        (tmp_path / "y.npz").write_bytes(data[:end])
        assert refusal(tmp_path / "y.npz")


def load_or_refuse(path: Path, data: bytes, original: Network) -> bool:
    """Return whether damaged bytes were refused; if they load, the network must be the one that was saved."""
    path.write_bytes(data)
    try:
        assert load_network_file(path) == original
    except NetworkError:
        return True
    return False


def test_every_flipped_byte_is_refused_or_harmless(every_op: Network, tmp_path: Path) -> None:
    save_network(every_op, tmp_path / "x.npz")
    data = bytearray((tmp_path / "x.npz").read_bytes())
    refused = 0
    for at in range(0, len(data), 7):
        data[at] ^= 0xFF
        refused += load_or_refuse(tmp_path / "y.npz", bytes(data), every_op)
        data[at] ^= 0xFF
    assert refused > 0.9 * len(range(0, len(data), 7))


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_damage_is_refused_or_harmless(every_op: Network, tmp_path: Path, data: st.DataObject) -> None:
    save_network(every_op, tmp_path / "x.npz")
    content = bytearray((tmp_path / "x.npz").read_bytes())
    # Half of the damage hits the zip directory, where sizes and offsets are.
    start = data.draw(st.sampled_from([0, content.index(b"PK\x01\x02")]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(start, len(content) - 1))
        piece = data.draw(st.binary(min_size=1, max_size=8))
        content[at : at + len(piece)] = piece
    load_or_refuse(tmp_path / "y.npz", bytes(content), every_op)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_junk_anywhere_in_the_header_is_refused_or_valid(
    every_op: Network, tmp_path: Path, data: st.DataObject
) -> None:
    def plant(header: dict[str, Any], arrays: dict[str, Any]) -> None:
        node: Any = header
        while True:
            keys = sorted(node) if isinstance(node, dict) else range(len(node))
            key = data.draw(st.sampled_from(keys))
            if not isinstance(node[key], dict | list) or not node[key] or data.draw(st.booleans()):
                node[key] = data.draw(JUNK)
                return
            node = node[key]

    path = rewrite(tmp_path / "x.npz", every_op, plant)
    message = ""
    try:
        load_network_file(path).validate()
    except NetworkError as error:
        message = str(error)
    assert len(message) < 5000
