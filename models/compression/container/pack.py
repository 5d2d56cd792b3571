"""A network to the bytes of a compressed file, and back.

A file is "HWZ"; a byte, 16 x version + coder; CRC-32 of all other bytes, 4 bytes, little-endian; and a stream in the
bits of the coder: graph, shared table, and the tensors in the order of their names; see docs/compression-file.md.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from hwsim.errors import NetworkError
from hwsim.network import Network
from models.compression.container.arithmetic import ArithmeticReader, ArithmeticWriter
from models.compression.container.bit_coder import FixedReader, FixedWriter, HuffmanReader, HuffmanWriter
from models.compression.container.graph import read_graph, write_graph
from models.compression.container.matrix import Matrix, matrices
from models.compression.container.stream import Patterns, Reader, Writer
from models.compression.container.tensor import (
    MOST_DISTINCT,
    Plan,
    plan_tensor,
    read_tensor,
    working_bytes,
    write_tensor,
)
from models.compression.container.values import Bits, Table, read_table, write_table
from models.compression.errors import CompressionError

MAGIC = b"HWZ"
VERSION = 1
HEADER_BYTES = 8
DEFAULT_LIMIT_BYTES = 1 << 31
LARGEST_GRAPH_BYTES = 1 << 20


@dataclass(frozen=True)
class Coder:
    """Both directions of a coder; its number in files is its place in ``CODERS``."""

    writer: type[Writer]
    reader: Callable[[bytes], Reader]


CODERS: Mapping[str, Coder] = MappingProxyType(
    {
        "arithmetic": Coder(ArithmeticWriter, ArithmeticReader),
        "huffman": Coder(HuffmanWriter, HuffmanReader),
        "fixed": Coder(FixedWriter, FixedReader),
    }
)
"""How values become bits: adaptive arithmetic coding, Huffman codes, or codes of one length."""


def pack(network: Network, coder: str = "arithmetic") -> bytes:
    """Return ``network`` as a compressed file; equal networks give equal bytes.

    Every bit of every tensor comes back, -0 included, and so do name, layers and input shape; of the card, the name
    of the data set. A tensor of zeros, of few distinct values or of multiples of a step is as small as that makes it.

    Args:
        network: Valid: no NaN and no infinity.
        coder: A key of ``CODERS``.

    >>> from models import load_network
    >>> network = load_network("digits-cnn")
    >>> unpack(pack(network)).content_hash == network.content_hash
    True

    Raises:
        CompressionError: for an unknown coder, and for a network that is not valid.
    """
    if coder not in CODERS:
        raise CompressionError(f"coder is {coder!r}; it must be one of {', '.join(CODERS)}")
    try:
        network.validate()
    except NetworkError as error:
        raise CompressionError(f"cannot be packed: {error}") from error
    writer = CODERS[coder].writer()
    graph = write_graph(network)
    writer.integer(len(graph))
    writer.text(graph)
    shared, plans = _plans(network, type(writer))
    writer.even(int(shared is not None), 1)
    if shared is not None:
        write_table(writer, shared, type(writer))
    for plan in plans:
        write_tensor(writer, plan, shared, lambda part: None)
    head = MAGIC + bytes([VERSION << 4 | list(CODERS).index(coder)])
    stream = writer.finish()
    return head + zlib.crc32(head + stream).to_bytes(4, "little") + stream


def _plans(network: Network, new: type[Writer]) -> tuple[Table | None, list[Plan]]:
    """Return the file's table, if one pays, and how each tensor is written."""
    found = {name: (_bits(network, name, matrix.shape), matrix) for name, matrix in matrices(network).items()}
    tables = {name: table for name, (bits, _) in found.items() if (table := _few_values(bits)) is not None}
    many = [name for name in tables if network.tensors[name].ndim > 1]
    shared = Table.of([found[name][0] for name in many]) if len(many) > 1 else None
    pairs = [plan_tensor(bits, matrix, new, shared if name in many else None) for name, (bits, matrix) in found.items()]
    alone = [own for _, own in pairs]
    if shared is None:
        return None, alone
    scratch = new()
    write_table(scratch, shared, new)
    saved = sum(own.cost - best.cost for best, own in pairs)
    return (shared, [best for best, _ in pairs]) if saved > scratch.position_bits else (None, alone)


def _bits(network: Network, name: str, shape: tuple[int, int]) -> Bits:
    little = np.ascontiguousarray(network.tensors[name], "<f4").view("<u4")
    return little.astype(np.int64).reshape(shape)


def _few_values(bits: Bits) -> Table | None:
    table = Table.of([bits])
    return table if 0 < sum(table.alphabet) <= MOST_DISTINCT else None


def unpack(data: bytes, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> Network:
    """Return the network that ``pack`` packed, trusting nothing in ``data``.

    Args:
        data: The file.
        limit_bytes: Memory that unpacking may take, ``data`` and a few megabytes of tables aside: four bytes a
            parameter, and for the largest tensor up to eight a value more while it is read.

    Raises:
        CompressionError: no such file, of a newer version, damaged, too large, or with a network that is not valid.
    """
    return walk(data, limit_bytes, lambda owner, part, bits: None)


def walk(data: bytes, limit_bytes: int, visit: Callable[[str, str, float], None]) -> Network:
    """Return the network in ``data``, and call ``visit`` with (tensor or "", part, bits so far) as each part ends.

    Raises:
        CompressionError: see ``unpack``.
    """
    reader = _reader(data)
    graph = _graph(reader)
    visit("", "graph", reader.position_bits)
    shapes = matrices(graph)
    parameters = sum(matrix.size for matrix in shapes.values())
    needed = 4 * parameters + max(map(working_bytes, shapes.values()), default=0)
    if needed > limit_bytes:
        raise CompressionError(
            f"{graph.name!r} has {parameters} parameters, and unpacking takes up to {needed} bytes; the limit is "
            f"{limit_bytes}: raise it with limit_bytes={needed}"
        )
    shared = read_table(reader) if reader.even(1) else None
    visit("", "table", reader.position_bits)
    tensors = {}
    for name, matrix in shapes.items():
        bits = _read_named(reader, name, matrix, shared, visit)
        tensors[name] = bits.view(np.float32).reshape(graph.tensor_shapes[name])
    network = Network(graph.name, graph.input_shape, graph.layers, tensors, graph.metadata)
    try:
        network.validate()
    except NetworkError as error:
        raise CompressionError(str(error)) from error
    return network


def _read_named(
    reader: Reader, name: str, matrix: Matrix, shared: Table | None, visit: Callable[[str, str, float], None]
) -> Patterns:
    try:
        return read_tensor(reader, matrix, shared, lambda part: visit(name, part, reader.position_bits))
    except CompressionError as error:
        raise CompressionError(f"tensor {name!r}: {error}") from error


def _reader(data: bytes) -> Reader:
    """Return the reader of the stream, after magic, version, coder and checksum have been found to be good."""
    if data[: len(MAGIC)] != MAGIC or len(data) < HEADER_BYTES:
        raise CompressionError(f"no compressed network: it begins with {data[:4]!r} and has {len(data)} bytes")
    version, coder = data[3] >> 4, data[3] & 15
    if version != VERSION:
        raise CompressionError(f"a compressed file of version {version}; this one reads version {VERSION}: upgrade")
    if coder >= len(CODERS):
        raise CompressionError(f"a compressed file of coder {coder}; the last one known is {len(CODERS) - 1}")
    stream = data[HEADER_BYTES:]
    declared, found = int.from_bytes(data[4:8], "little"), zlib.crc32(data[:4] + stream)
    if declared != found:
        raise CompressionError(
            f"damaged or truncated: the checksum of {len(data)} bytes is {found:#010x}, declared {declared:#010x}: "
            "get the file again"
        )
    return list(CODERS.values())[coder].reader(stream)


def _graph(reader: Reader) -> Network:
    size = reader.integer()
    if size > LARGEST_GRAPH_BYTES:
        raise CompressionError(f"a graph of {size} bytes; the bound is {LARGEST_GRAPH_BYTES}")
    return read_graph(reader.text(size)).shape_network()
