"""Rewriting a network so that a layer whose weights have a low rank runs as two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import all_faults
from hwsim.network import INPUT, Activation, Conv2d, Layer, Linear, Network
from models.compression.errors import CompressionError
from models.compression.lowrank.matrix import Form, Split, as_matrices, checked_split, groups_of
from models.compression.weights import Float32

FIRST, SECOND = "u", "v"  #: endings of the names of the two layers


def factorise(network: Network, splits: Mapping[str, Split]) -> Network:
    """Return the network with each layer of ``splits`` as two: ``name.u`` and then ``name.v``, nothing between them.

    The two are U sqrt(S) and sqrt(S) V^T of the singular value decomposition, cut to the rank: a tensor whose matrix
    has this rank or less keeps its function but for the rounding to float32, any other is cut. Bias and activation go
    to the second layer; strides and padding to the axis that they belong to.

    Args:
        network: Folded or not; a batch-norm that follows a layer follows its second part.
        splits: By the name of the layer.

    Raises:
        CompressionError: a layer that cannot be split so, or a name that is taken; all faults at once.

    >>> from models import load_network
    >>> network = factorise(load_network("digits-cnn"), {"conv2": Split(Form.CHANNEL, 8)})
    >>> [layer.name for layer in network.layers if layer.name.startswith("conv2")]
    ['conv2.u', 'conv2.v']
    """
    layers = factorised_layers(network, splits)
    tensors = dict(network.tensors)
    for name, split in splits.items():
        groups = groups_of(checked_split(network, name, split))
        first, second = factor_weights(tensors.pop(f"{name}.weight"), groups, split)
        tensors |= {f"{name}.{FIRST}.weight": first, f"{name}.{SECOND}.weight": second}
        if f"{name}.bias" in tensors:
            tensors[f"{name}.{SECOND}.bias"] = tensors.pop(f"{name}.bias")
    return Network(network.name, network.input_shape, layers, tensors, network.metadata)


def factorised_layers(network: Network, splits: Mapping[str, Split]) -> tuple[Layer, ...]:
    """Return the layers of the factorised network; tensors are not looked at.

    Raises:
        CompressionError: as ``factorise``.
    """
    names = {layer.name for layer in network.layers}
    taken = [f"{name}.{part}" for name in splits for part in (FIRST, SECOND) if f"{name}.{part}" in names]
    faults = [f"the name {name!r} is taken by another layer: rename that one" for name in taken]
    layers: list[Layer] = []
    renamed = {INPUT: INPUT}
    for layer in network.layers:
        moved = replace(layer, inputs=tuple(renamed[source] for source in layer.inputs))
        renamed[layer.name] = layer.name
        if layer.name not in splits:
            layers.append(moved)
            continue
        try:
            op = checked_split(network, layer.name, splits[layer.name])
        except CompressionError as error:
            faults.append(str(error))
            continue
        renamed[layer.name] = f"{layer.name}.{SECOND}"
        layers += _two_layers(moved, op, splits[layer.name])
    if faults := [*(f"there is no layer {name!r}" for name in splits if name not in names), *faults]:
        raise CompressionError(all_faults(f"factorising network {network.name!r}", faults))
    return tuple(layers)


def _two_layers(layer: Layer, op: Conv2d | Linear, split: Split) -> tuple[Layer, Layer]:
    first, second = (_linear_pair if isinstance(op, Linear) else _conv_pair)(op, split)  # type: ignore[arg-type]
    between = f"{layer.name}.{FIRST}"
    return Layer(between, first, layer.inputs), Layer(f"{layer.name}.{SECOND}", second, (between,))


def _linear_pair(op: Linear, split: Split) -> tuple[Linear, Linear]:
    return Linear(split.rank, bias=False), op


def _conv_pair(op: Conv2d, split: Split) -> tuple[Conv2d, Conv2d]:
    plain = replace(op, out_channels=split.rank * op.groups, bias=False, activation=Activation.NONE)
    if split.form is Form.CHANNEL:
        return plain, replace(op, kernel=(1, 1), stride=(1, 1), padding=(0, 0))
    vertical = {"kernel": (op.kernel[0], 1), "stride": (op.stride[0], 1), "padding": (op.padding[0], 0)}
    horizontal = {"kernel": (1, op.kernel[1]), "stride": (1, op.stride[1]), "padding": (0, op.padding[1])}
    return replace(plain, **vertical), replace(op, **horizontal)  # type: ignore[arg-type]


def factor_weights(weight: Float32, groups: int, split: Split) -> tuple[Float32, Float32]:
    """Return the weights of the two layers, float32; the root of each singular value goes to either side.

    >>> first, second = factor_weights(np.full((2, 3), 2, np.float32), 1, Split(Form.CHANNEL, 1))
    >>> (second @ first).round(5)
    array([[2., 2., 2.],
           [2., 2., 2.]], dtype=float32)
    """
    left, sigma, right = np.linalg.svd(as_matrices(weight, groups, split.form), full_matrices=False)
    root = np.sqrt(sigma[:, : split.rank])
    first: NDArray[np.float64] = root[:, :, None] * right[:, : split.rank]
    second: NDArray[np.float64] = left[:, :, : split.rank] * root[:, None, :]
    if weight.ndim == 2:
        return first[0].astype(np.float32), second[0].astype(np.float32)
    out, channels, height, width = weight.shape
    count = groups * split.rank
    if split.form is Form.CHANNEL:
        shapes = (count, channels, height, width), (out, split.rank, 1, 1)
    else:
        shapes = (count, channels, height, 1), (out, split.rank, 1, width)
        second = second.reshape(groups, out // groups, width, split.rank).transpose(0, 1, 3, 2)
    return first.reshape(shapes[0]).astype(np.float32), second.reshape(shapes[1]).astype(np.float32)
