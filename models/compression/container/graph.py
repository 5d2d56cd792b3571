"""What a compressed file knows of a network beside its tensors: name, data set, input shape and layers.

Shapes and names of the tensors follow from the layers, so they are not stored. Parameters of a layer that have their
default are not stored either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from hwsim.errors import NetworkError
from hwsim.network import (
    INPUT,
    Activation,
    Add,
    AvgPool2d,
    BatchNorm,
    Concat,
    Conv2d,
    Flatten,
    Gelu,
    GlobalAvgPool,
    GroupSoftmax,
    Layer,
    LayerNorm,
    Linear,
    LstmCell,
    MatMul,
    MaxPool2d,
    Network,
    Op,
    Recurrent,
    Relu,
    Relu6,
    Softmax,
    op_from_dict,
)
from models.compression.container.varint import ByteReader, ByteWriter
from models.compression.errors import CompressionError

# The place in this list is the number in files: append only.
OPS: tuple[type[Op], ...] = (
    Conv2d, Linear, BatchNorm, Relu, Relu6, MaxPool2d, AvgPool2d, GlobalAvgPool, Add, Concat,
    Flatten, Softmax, MatMul, Recurrent, LstmCell, GroupSoftmax, LayerNorm, Gelu,
)  # fmt: skip
ACTIVATIONS = tuple(Activation)
CARD_KEYS = ("dataset",)  #: what is kept of a card
MOST_LAYERS = 1 << 16
MOST_AXES = 8


@dataclass(frozen=True)
class Graph:
    """A network without its tensors.

    Attributes:
        name: Of the network.
        card: What is kept of its card.
        input_shape: Shape of one image.
        layers: In topological order.
    """

    name: str
    card: Mapping[str, str]
    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]

    def shape_network(self) -> Network:
        """Return the network without tensors, its layers checked. Raises CompressionError with all faults."""
        network = Network(self.name, self.input_shape, self.layers, {}, dict(self.card))
        try:
            network.validate_shapes()
        except NetworkError as error:
            raise CompressionError(f"the graph describes no network: {error}") from error
        return network


def minimal_card(network: Network) -> dict[str, str]:
    """Return what a file keeps of the card of ``network``: the name of its data set."""
    return {key: value for key in CARD_KEYS if isinstance(value := network.metadata.get(key), str) and value}


def write_graph(network: Network) -> bytes:
    """Return name, card, input shape and layers as bytes.

    Raises:
        CompressionError: when a layer is of a kind that files do not know.
    """
    writer = ByteWriter()
    writer.text(network.name)
    card = minimal_card(network)
    for key in CARD_KEYS:
        writer.text(card.get(key, ""))
    writer.integer(len(network.input_shape))
    for size in network.input_shape:
        writer.integer(size)
    writer.integer(len(network.layers))
    places = {INPUT: -1} | {layer.name: place for place, layer in enumerate(network.layers)}
    for place, layer in enumerate(network.layers):
        _write_op(writer, layer)
        _write_inputs(writer, place, [places[name] for name in layer.inputs])
    for layer in network.layers:
        writer.text(layer.name)
    return bytes(writer.data)


def read_graph(data: bytes) -> Graph:
    """Return what ``write_graph`` wrote, trusting nothing in it.

    Raises:
        CompressionError: truncated, longer than it says, or describing what is no layer.
    """
    reader = ByteReader(data, "graph")
    name = reader.text()
    card = {key: value for key in CARD_KEYS if (value := reader.text())}
    input_shape = tuple(reader.integer() for _ in range(_count(reader, "axes of the input", MOST_AXES)))
    ops, sources = [], []
    for place in range(_count(reader, "layers", MOST_LAYERS)):
        ops.append(_read_op(reader))
        sources.append(_read_inputs(reader, place))
    names = [reader.text() for _ in ops]
    if reader.at != len(data):
        raise CompressionError(f"the graph has {len(data) - reader.at} bytes after its end at byte {reader.at}")
    layers = (
        Layer(own, op, tuple(INPUT if source < 0 else names[source] for source in read))
        for own, op, read in zip(names, ops, sources, strict=True)
    )
    return Graph(name, card, input_shape, tuple(layers))


def _count(reader: ByteReader, what: str, most: int) -> int:
    count = reader.integer()
    if count > most:
        raise CompressionError(f"the graph declares {count} {what}; the bound is {most}")
    return count


def _write_op(writer: ByteWriter, layer: Layer) -> None:
    op = layer.op
    if type(op) not in OPS:
        raise CompressionError(f"layer {layer.name!r} is {op.kind!r}; files know {', '.join(k.kind for k in OPS)}")
    own = fields(op)
    changed = [_required(field) or getattr(op, field.name) != field.default for field in own]
    writer.integer(OPS.index(type(op)))
    optional = [place for place, field in enumerate(own) if not _required(field)]
    writer.integer(sum(changed[place] << bit for bit, place in enumerate(optional)))
    for field, present in zip(own, changed, strict=True):
        if present:
            _write_value(writer, str(field.type), getattr(op, field.name))


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING


def _write_value(writer: ByteWriter, kind: str, value: Any) -> None:
    """Append a parameter; a bool that is not its default needs no value."""
    if kind == "Pair":
        # Most pairs are square: one number then.
        square = value[0] == value[1]
        writer.integer(2 * value[0] + (not square))
        if not square:
            writer.integer(value[1])
    elif kind == "Activation":
        writer.integer(ACTIVATIONS.index(value))
    elif kind == "float":
        writer.float64(float(value))
    elif kind == "int":
        writer.integer(value)


def _read_op(reader: ByteReader) -> Op:
    number = reader.integer()
    if number >= len(OPS):
        raise CompressionError(f"the graph has a layer of kind {number}; the last one known is {len(OPS) - 1}")
    kind = OPS[number].kind
    flags = reader.integer()
    values: dict[str, Any] = {"kind": kind}
    for field in fields(OPS[number]):
        present = _required(field)
        if not present:
            present, flags = bool(flags & 1), flags >> 1
        if present:
            values[field.name] = _read_value(reader, field)
    if flags:
        raise CompressionError(f"the graph has a {kind} with more parameters than such a layer has")
    try:
        return op_from_dict(values)
    except NetworkError as error:
        raise CompressionError(f"the graph: {error}") from error


def _read_value(reader: ByteReader, field: Field[Any]) -> Any:
    kind = str(field.type)
    if kind == "Pair":
        first = reader.integer()
        return [first >> 1, reader.integer() if first & 1 else first >> 1]
    if kind == "Activation":
        number = reader.integer()
        return ACTIVATIONS[number].value if number < len(ACTIVATIONS) else number
    if kind == "float":
        return reader.float64()
    return not field.default if kind == "bool" else reader.integer()


def _write_inputs(writer: ByteWriter, place: int, sources: list[int]) -> None:
    """Append how many layers back each input is; 0 for a layer that reads the one before it alone."""
    if sources == [place - 1]:
        writer.integer(0)
        return
    writer.integer(len(sources))
    for source in sources:
        writer.integer(place - source)


def _read_inputs(reader: ByteReader, place: int) -> list[int]:
    back = [reader.integer() for _ in range(_count(reader, "inputs of a layer", MOST_LAYERS))] or [1]
    if wrong := [distance for distance in back if not 1 <= distance <= place + 1]:
        raise CompressionError(f"layer {place} of the graph reads {wrong[0]} layers back; it can read 1 to {place + 1}")
    return [place - distance for distance in back]
