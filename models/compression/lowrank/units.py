"""Units that can go without changing what a network computes: which, and the network without them.

A unit with weights of 0 gives the constant act(bias), whatever the image. It can go where everything that reads it can
take that constant into its bias: linear layers and unpadded convolutions always, padded ones where the constant is 0
(the border sees zeros, and not the constant). A unit that every reader multiplies by 0 can go as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hwsim.network import (
    AvgPool2d,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    Op,
    Relu,
    Relu6,
)
from hwsim.network.base import Activation, elements
from hwsim.network.float_ops import activate
from models.compression.weights import Float32

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
_PASSING = (MaxPool2d, AvgPool2d, GlobalAvgPool, Relu, Relu6, Flatten)  #: a channel of theirs comes from the same one


@dataclass(frozen=True, eq=False)
class Reader:
    """A layer that multiplies the units of another by weights.

    Attributes:
        layer: That layer.
        block: Input elements of it that come from one unit.
        constants: What units without weights give where it reads them; NaN where that is no constant.
    """

    layer: Layer
    block: int
    constants: Values


@dataclass(frozen=True)
class Shrunk:
    """A network without the units that could go.

    Attributes:
        network: Its function is that of the network before, but for rounding.
        removed: Number of units by layer.
        kept: Layers with units of 0 that had to stay, and why.
    """

    network: Network
    removed: Mapping[str, int]
    kept: Mapping[str, str]


def shrink(network: Network) -> Shrunk:
    """Remove units until none can go.

    >>> from models import load_network
    >>> network = load_network("digits-cnn")
    >>> weight, bias = network.weight("conv2").copy(), network.bias("conv2").copy()
    >>> weight[3] = 0
    >>> shrunk = shrink(replace(network, tensors={**network.tensors, "conv2.weight": weight}))
    >>> shrunk.removed, shrunk.network.weight("classify").shape
    ({'conv2': 1}, (10, 124))
    """
    removed: dict[str, int] = {}
    kept: dict[str, str] = {}
    changed = True
    while changed:
        changed, kept = False, {}
        for name in [layer.name for layer in network.mac_layers]:
            going, readers, reason = removable(network, name)
            if reason:
                kept[name] = reason
            if going.any():
                network = _without(network, name, going, readers)
                removed[name] = removed.get(name, 0) + int(going.sum())
                changed = True
    return Shrunk(network, removed, kept)


def removable(network: Network, name: str) -> tuple[Mask, tuple[Reader, ...], str]:
    """Return which units of a layer can go, who reads them, and why units of 0 have to stay ("" where none do)."""
    op, weight = network.layer(name).op, network.weight(name)
    assert isinstance(op, Conv2d | Linear)
    dead: Mask = ~np.any(weight.reshape(len(weight), -1), axis=1)
    bias = network.bias(name)
    outputs = activate(np.zeros(len(weight)) if bias is None else bias.astype(np.float64), op.activation)
    try:
        if isinstance(op, Conv2d) and op.groups > 1:
            raise _StaysError("its groups need equal numbers of units")
        readers = tuple(_readers(network, name, 1, outputs))
    except _StaysError as error:
        return np.zeros_like(dead), (), _why(dead, str(error))
    constant = np.logical_and.reduce([~np.isnan(reader.constants) for reader in readers])
    unread = np.logical_and.reduce([~np.any(_columns(network, reader) != 0, axis=(0, 2)) for reader in readers])
    going = (dead & constant) | unread
    if going.all():
        going[0] = False
    return going, readers, _why(dead & ~going, "a padded layer reads their constant, or one unit must remain")


class _StaysError(Exception):
    """Why no unit of a layer can go."""


def _why(staying: Mask, reason: str) -> str:
    return f"{int(staying.sum())} units of 0 stay: {reason}" if staying.any() else ""


def _readers(network: Network, name: str, block: int, outputs: Values) -> Iterator[Reader]:
    """Yield the layers that multiply what comes from layer ``name``, looking through pools and the like."""
    if name == network.output:
        raise _StaysError("they are the network's answer")
    for layer in network.layers:
        if name not in layer.inputs:
            continue
        op = layer.op
        if isinstance(op, Conv2d | Linear):
            if isinstance(op, Conv2d) and op.groups > 1:
                raise _StaysError(f"{layer.name} reads them in groups")
            yield Reader(layer, block, _behind(op, outputs))
        elif isinstance(op, _PASSING):
            wider = block * elements(network.shapes[name][1:]) if isinstance(op, Flatten) else block
            yield from _readers(network, layer.name, wider, _behind(op, outputs))
        else:
            raise _StaysError(f"{layer.name} ({op.kind}) needs them where they are")


def _behind(op: Op, constants: Values) -> Values:
    """Return the constants as ``op`` hands them on, NaN where padding makes them vary (0 is what padding is)."""
    if isinstance(op, Relu | Relu6):
        return activate(constants, Activation.RELU if isinstance(op, Relu) else Activation.RELU6)
    padded = isinstance(op, Conv2d) and op.padding != (0, 0)
    padded |= isinstance(op, AvgPool2d) and op.padding != (0, 0) and op.count_include_pad
    return np.where(constants == 0, 0.0, np.nan) if padded else constants


def _columns(network: Network, reader: Reader) -> Float32:
    """Return a reader's weights as (output units, units read, elements of each)."""
    weight = network.weight(reader.layer.name)
    if weight.ndim == 4:
        return weight.reshape(*weight.shape[:2], -1)
    return weight.reshape(len(weight), -1, reader.block)


def _without(network: Network, name: str, going: Mask, readers: tuple[Reader, ...]) -> Network:
    """Return the network without some units of layer ``name``, their constants in the biases of the readers."""
    tensors, ops = dict(network.tensors), {}
    op = network.layer(name).op
    for part in ("weight", "bias"):
        if f"{name}.{part}" in tensors:
            tensors[f"{name}.{part}"] = tensors[f"{name}.{part}"][~going]
    size = {"out_channels" if isinstance(op, Conv2d) else "out_features": int((~going).sum())}
    ops[name] = replace(op, **size)  # type: ignore[type-var]
    for reader in readers:
        columns, shape = _columns(network, reader), network.weight(reader.layer.name).shape
        own = reader.layer.name
        tensors[f"{own}.weight"] = columns[:, ~going].reshape(len(columns), -1, *shape[2:])
        gained = columns[:, going].sum(axis=2, dtype=np.float64) @ np.nan_to_num(reader.constants[going])
        if gained.any():
            bias = tensors.get(f"{own}.bias", np.zeros(len(columns), np.float32))
            tensors[f"{own}.bias"] = (bias.astype(np.float64) + gained).astype(np.float32)
            ops[own] = replace(reader.layer.op, bias=True)  # type: ignore[call-arg]
    layers = tuple(replace(layer, op=ops.get(layer.name, layer.op)) for layer in network.layers)
    return Network(network.name, network.input_shape, layers, tensors, network.metadata)
