"""Graphs as bytes: every network that is known here comes back, and the numbers that files rely on stay."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import HwsimError
from hwsim.network import INPUT, Activation, Conv2d, Layer, Network, Relu
from models import NETWORKS, SHAPES, load_shape_network
from models.compression.container.graph import OPS, read_graph, write_graph
from models.compression.container.matrix import Matrix, matrices
from models.compression.container.varint import ByteReader, ByteWriter
from models.compression.errors import CompressionError


@pytest.mark.parametrize("name", [*SHAPES, *NETWORKS])
def test_every_known_network_comes_back(name: str) -> None:
    network = load_shape_network(name)
    found = read_graph(write_graph(network)).shape_network()
    assert (found.name, found.input_shape, found.layers) == (network.name, network.input_shape, network.layers)


def test_the_numbers_in_files_stay() -> None:
    """A change here makes files of before unreadable: then the version must change too."""
    known = [(op.kind, *(f"{f.name}:{f.type}" for f in fields(op))) for op in OPS]
    pool = ("kernel:Pair", "stride:Pair", "padding:Pair", "ceil_mode:bool")
    assert known == [
        ("conv2d", "out_channels:int", "kernel:Pair", "stride:Pair", "padding:Pair", "groups:int", "bias:bool",
         "activation:Activation"),
        ("linear", "out_features:int", "bias:bool", "activation:Activation"),
        ("batchnorm", "epsilon:float"),
        ("relu",),
        ("relu6",),
        ("maxpool2d", *pool),
        ("avgpool2d", *pool, "count_include_pad:bool"),
        ("globalavgpool",),
        ("add", "activation:Activation"),
        ("concat",),
        ("flatten",),
        ("softmax",),
        ("matmul", "heads:int", "transposed:bool"),
        ("recurrent", "hidden:int", "bias:bool"),
        ("lstmcell",),
        ("groupsoftmax", "groups:int"),
        ("layernorm", "epsilon:float"),
        ("gelu",),
    ]  # fmt: skip
    assert [each.value for each in Activation] == ["none", "relu", "relu6"]
    assert Conv2d(1, (1, 1)) == Conv2d(1, (1, 1), (1, 1), (0, 0), 1, True, Activation.NONE)


def test_the_bytes_of_a_graph() -> None:
    layers = (
        Layer("c", Conv2d(3, (3, 5), padding=(1, 1), activation=Activation.RELU), (INPUT,)),
        Layer("r", Relu(), ("c",)),
    )
    network = Network("n", (2, 8, 8), layers, {}, {"dataset": "d", "other": 1})
    # n; d; 3 axes; 2 layers: conv2d, flags padding and activation, 3 filters, 3 x 5, 1 x 1, relu; ...
    assert write_graph(network).hex(" ") == "01 6e 01 64 03 02 08 08 02 00 12 03 07 05 02 01 00 03 00 00 01 63 01 72"


@given(st.lists(st.integers(0, 2**63)), st.text(), st.floats(allow_nan=False))
def test_head_values_come_back(numbers: list[int], text: str, value: float) -> None:
    writer = ByteWriter()
    for number in numbers:
        writer.integer(number)
    writer.text(text)
    writer.float64(value)
    reader = ByteReader(bytes(writer.data), "test")
    assert [reader.integer() for _ in numbers] == numbers
    assert (reader.text(), reader.float64()) == (text, value)


@given(st.binary(max_size=80))
def test_any_bytes_are_refused_or_are_a_graph(data: bytes) -> None:
    try:
        read_graph(data).shape_network()
    except CompressionError:
        pass


def test_every_cut_and_every_changed_byte_of_a_graph_is_refused_or_is_a_graph() -> None:
    data = write_graph(load_shape_network("lenet5"))
    for end in range(len(data)):
        with pytest.raises(CompressionError):
            read_graph(data[:end]).shape_network()
    for place in range(len(data)):
        for value in (0, 1, 127, 128, 255):
            try:
                read_graph(data[:place] + bytes([value]) + data[place + 1 :]).shape_network()
            except HwsimError as error:
                assert isinstance(error, CompressionError)


def test_matrices_know_where_columns_lie() -> None:
    found = matrices(load_shape_network("lenet5"))
    assert found["conv2.weight"] == Matrix(50, 500, 25, 5)
    assert found["ip1.weight"] == Matrix(500, 800, 16, 4)
    assert found["ip2.weight"] == Matrix(10, 500, 1, 1)
    assert found["ip1.bias"] == Matrix(1, 500, 1, 1)
    assert list(found) == sorted(found)


def test_unknown_layers_are_named() -> None:
    class Own(Relu):
        kind = "own"

    layer = replace(Layer("a", Relu(), (INPUT,)), op=Own())
    with pytest.raises(CompressionError, match="layer 'a' is 'own'; files know conv2d"):
        write_graph(Network("n", (1, 2, 2), (layer,), {}, {}))
