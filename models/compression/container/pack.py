"""A network to bytes and back."""

from __future__ import annotations

import zlib

import numpy as np

from hwsim.network import Network
from models.compression.container.graph import read_graph, write_graph
from models.compression.container.varint import ByteReader, ByteWriter
from models.compression.errors import CompressionError

CODERS = ("arithmetic", "huffman", "fixed")


def pack(network: Network, coder: str = "arithmetic") -> bytes:
    """Return ``network`` as a compressed file."""
    if coder not in CODERS:
        raise CompressionError(f"coder is {coder!r}; it must be one of {', '.join(CODERS)}")
    network.validate()
    writer = ByteWriter()
    graph = write_graph(network)
    writer.integer(len(graph))
    writer.data += graph
    for name in sorted(network.tensors):
        writer.data += network.tensors[name].astype("<f4").tobytes()
    return b"HWZ0" + zlib.compress(bytes(writer.data), 9)


def unpack(data: bytes) -> Network:
    """Return the network that ``pack`` packed."""
    if data[:4] != b"HWZ0":
        raise CompressionError("no compressed network: it does not begin with HWZ0")
    reader = ByteReader(zlib.decompress(data[4:]), "file")
    network = read_graph(reader.take(reader.integer())).shape_network()
    shapes = network.tensor_shapes
    tensors = {
        name: np.frombuffer(reader.take(4 * int(np.prod(shapes[name]))), "<f4").reshape(shapes[name])
        for name in sorted(shapes)
    }
    return Network(network.name, network.input_shape, network.layers, tensors, network.metadata)
