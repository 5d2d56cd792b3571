"""A network as data: layers in the order they run, their shapes and their tensors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import NetworkError, all_faults, unknown_name
from hwsim.network.base import Shape
from hwsim.network.layer import INPUT, Layer
from hwsim.network.ops import Conv2d, Linear
from hwsim.network.sequence_ops import MatMul, Recurrent
from hwsim.network.shapes import infer_shapes
from hwsim.network.validate import card_faults, graph_faults, structure_faults

FloatTensor = NDArray[np.float32]
PRODUCTS = (Conv2d, Linear, MatMul, Recurrent)  #: operations that run on a systolic array


@dataclass(frozen=True)
class Gemm:
    """A layer as matrix products out[m, n] = sum over k of a[m, k] w[k, n], for one image.

    Attributes:
        m: rows: output pixels.
        n: columns: filters per group.
        k: length of the sums: input channels per group x kernel height x kernel width.
        groups: how many such products the layer is, one after another.
    """

    m: int
    n: int
    k: int
    groups: int = 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates per image, those with padding included."""
        return self.m * self.n * self.k * self.groups


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """A network with its weights; immutable, equal by content, picklable.

    Building one checks nothing: ``validate`` does, and every function that reads or writes files calls it.

    Attributes:
        name: for people.
        input_shape: shape of one image, without batch.
        layers: in topological order; the last one is the output.
        tensors: float32 arrays by name, read-only.
        metadata: anything that JSON can hold: data set, accuracy, training, licence.

    >>> net = Network("tiny", (1, 4, 4), (Layer("conv", Conv2d(2, (3, 3), bias=False), ("input",)),),
    ...               {"conv.weight": np.ones((2, 1, 3, 3), np.float32)})
    >>> net.shapes["conv"], gemm_shape(net, net.layer("conv"))
    ((2, 2, 2), Gemm(m=4, n=2, k=9, groups=1))
    """

    name: str
    input_shape: Shape
    layers: tuple[Layer, ...]
    tensors: Mapping[str, FloatTensor]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frozen = {name: _read_only(tensor) for name, tensor in self.tensors.items()}
        object.__setattr__(self, "tensors", MappingProxyType(frozen))
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    def __repr__(self) -> str:
        parameters = sum(tensor.size for tensor in self.tensors.values())
        return f"<Network {self.name!r}: {len(self.layers)} layers, {parameters} parameters>"

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.name, self.input_shape, self.layers, dict(self.tensors), dict(self.metadata))
        return (Network, arguments)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Network):
            return NotImplemented
        same_card = self.name == other.name and self.metadata == other.metadata
        return same_card and self.content_hash == other.content_hash

    def __hash__(self) -> int:
        return hash(self.content_hash)

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Output shape of every layer and of "input". Raises NetworkError, listing every fault of the graph."""
        shapes, faults = infer_shapes(self.input_shape, self.layers)
        if faults:
            raise NetworkError(all_faults(f"network {self.name!r}", faults))
        return MappingProxyType({name: shape for name, shape in shapes.items() if shape is not None})

    @property
    def output(self) -> str:
        """Name of the layer whose output is the network's."""
        return self.layers[-1].name if self.layers else INPUT

    @property
    def mac_layers(self) -> tuple[Layer, ...]:
        """The layers that multiply by stored weights bit-accurately: Conv2d and Linear."""
        return tuple(layer for layer in self.layers if isinstance(layer.op, Conv2d | Linear))

    @property
    def product_layers(self) -> tuple[Layer, ...]:
        """The layers that are matrix products, whatever they multiply by: what a systolic array does."""
        return tuple(layer for layer in self.layers if isinstance(layer.op, PRODUCTS))

    @cached_property
    def tensor_shapes(self) -> Mapping[str, Shape]:
        """The shape of every tensor that the layers need, by name, whether it is there or not."""
        found: dict[str, Shape] = {}
        for layer in self.layers:
            needed = layer.op.tensor_shapes(tuple(self.shapes[name] for name in layer.inputs))
            found |= {f"{layer.name}.{part}": shape for part, shape in needed.items()}
        return MappingProxyType(found)

    @property
    def is_shape_only(self) -> bool:
        """True for a network without weights: it can be priced, and not run."""
        return not self.tensors and bool(self.tensor_shapes)

    @cached_property
    def content_hash(self) -> str:
        """sha256 in hex of the structure and of every bit of the tensors; not of the name or the metadata."""
        structure = {"input_shape": self.input_shape, "layers": [layer.to_dict() for layer in self.layers]}
        digest = hashlib.sha256(json.dumps(structure, sort_keys=True).encode())
        for name in sorted(self.tensors):
            tensor = self.tensors[name]
            little = np.asarray(tensor, dtype=tensor.dtype.newbyteorder("<"), order="C")
            digest.update(json.dumps([name, little.dtype.str, little.shape]).encode())
            digest.update(little.tobytes())
        return digest.hexdigest()

    def layer(self, name: str) -> Layer:
        """Return the layer called ``name``. Raises NetworkError, naming the nearest, if there is none."""
        found = self._by_name.get(name)
        if found is None:
            raise NetworkError(unknown_name("layer", name, [layer.name for layer in self.layers]))
        return found

    @cached_property
    def _by_name(self) -> Mapping[str, Layer]:
        return {layer.name: layer for layer in reversed(self.layers)}

    def weight(self, name: str) -> FloatTensor:
        """Return the weights of layer ``name``. Raises NetworkError if it has none."""
        return self.tensor(f"{name}.weight")

    def bias(self, name: str) -> FloatTensor | None:
        """Return the bias of layer ``name``, or None for a layer without one. Raises NetworkError for no such layer."""
        self.layer(name)
        return self.tensors.get(f"{name}.bias")

    def tensor(self, name: str) -> FloatTensor:
        """Return the tensor called ``name``, e.g. "conv1.weight". Raises NetworkError if there is none."""
        if name not in self.tensors:
            raise NetworkError(unknown_name("tensor", name, self.tensors))
        return self.tensors[name]

    def validate(self) -> None:
        """Check everything that a network can have wrong. Raises NetworkError, listing every fault."""
        self._raise(graph_faults(self.input_shape, self.layers, self.tensors))

    def validate_shapes(self) -> None:
        """Check everything but the tensors, which a network that is only priced need not have. Raises NetworkError."""
        self._raise(structure_faults(self.input_shape, self.layers))

    def _raise(self, faults: list[str]) -> None:
        if faults := [*faults, *card_faults(self.name, self.metadata)]:
            raise NetworkError(all_faults(f"network {str(self.name)[:60]!r}", faults))


def gemm_shape(network: Network, layer: Layer) -> Gemm:
    """Return the matrix products that ``layer`` is for a single image.

    Raises:
        NetworkError: the layer is no matrix product.
    """
    source = network.shapes[layer.inputs[0]]
    if isinstance(layer.op, MatMul):
        rows, columns, summed = layer.op.product((source, network.shapes[layer.inputs[1]]))
        return Gemm(m=rows, n=columns, k=summed, groups=layer.op.heads)
    if isinstance(layer.op, Recurrent):
        return Gemm(m=1, n=source[0], k=layer.op.hidden, groups=source[1])
    if isinstance(layer.op, Linear):
        return Gemm(m=1, n=layer.op.out_features, k=source[0])
    if isinstance(layer.op, Conv2d):
        groups, (_, height, width) = layer.op.groups, network.shapes[layer.name]
        per_sum = source[0] // groups * layer.op.kernel[0] * layer.op.kernel[1]
        return Gemm(m=height * width, n=layer.op.out_channels // groups, k=per_sum, groups=groups)
    raise NetworkError(f"layer {layer.name!r} is {layer.op.kind}, which is no matrix product")


def _read_only(tensor: FloatTensor) -> FloatTensor:
    """Return the array itself if nobody can write to it, else a contiguous read-only copy."""
    array = np.asarray(tensor)
    if array.flags.owndata and array.flags.c_contiguous and not array.flags.writeable:
        return array
    copy = np.array(array, order="C", copy=True)
    copy.flags.writeable = False
    return copy
