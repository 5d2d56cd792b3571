"""Folding: what a network computes in one step on the array is made one layer.

A batch-norm with stored statistics is a scale and a shift per channel, so it disappears into the weights and bias
of the layer before it; a ReLU becomes the activation of the layer whose sums it clips.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import NetworkError, all_faults
from hwsim.network.base import Activation
from hwsim.network.graph import FloatTensor, Network
from hwsim.network.layer import INPUT, Layer
from hwsim.network.ops import Add, BatchNorm, Conv2d, Linear, Relu, Relu6


@dataclass
class _Folding:
    """The network while it is being folded: layers in order, and what each old name is called now."""

    tensors: dict[str, FloatTensor]
    readers: Counter[str]
    shape_only: bool
    layers: dict[str, Layer] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=lambda: {INPUT: INPUT})
    faults: list[str] = field(default_factory=list)

    def producer(self, layer: Layer) -> Layer | None:
        """Return the layer that ``layer`` alone reads, or None if it reads the input or is not the only reader."""
        return self.layers.get(self.renamed[layer.inputs[0]]) if self.readers[layer.inputs[0]] == 1 else None


def fold(network: Network) -> Network:
    """Return the network with batch-norms and, where possible, activations merged into the layers before them.

    The scale of a batch-norm is computed and applied in float64 and the result rounded to float32 once. A ReLU stays
    an operation of its own where the layer before it has other readers, or cannot clip. Folding twice changes nothing.

    Raises:
        NetworkError: the network is not valid, or a batch-norm cannot be folded; each is named with why.

    >>> from hwsim.network.ops import Flatten
    >>> layers = (Layer("flat", Flatten(), ("input",)), Layer("fc", Linear(2, bias=False), ("flat",)),
    ...           Layer("act", Relu(), ("fc",)))
    >>> fold(Network("tiny", (1, 1, 2), layers, {"fc.weight": np.eye(2, dtype=np.float32)})).layers[-1].op
    Linear(out_features=2, bias=False, activation=<Activation.RELU: 'relu'>)
    """
    network.validate()
    folded = _folded(network, shape_only=False)
    folded.validate()
    return folded


def fold_shapes(network: Network) -> Network:
    """Return what ``fold`` would, without tensors: all that prices need.

    Raises:
        NetworkError: as ``fold``; tensors are neither needed nor looked at.
    """
    network.validate_shapes()
    return _folded(network, shape_only=True)


def _folded(network: Network, shape_only: bool) -> Network:
    readers = Counter(source for layer in network.layers for source in layer.inputs)
    state = _Folding({} if shape_only else dict(network.tensors), readers, shape_only)
    for layer in network.layers:
        _take(state, layer)
    if state.faults:
        raise NetworkError(all_faults(f"folding network {network.name!r}", state.faults))
    return Network(network.name, network.input_shape, tuple(state.layers.values()), state.tensors, network.metadata)


def _take(state: _Folding, layer: Layer) -> None:
    if isinstance(layer.op, BatchNorm):
        into = _fold_batchnorm(state, layer, layer.op)
    elif isinstance(layer.op, Relu | Relu6):
        into = _fold_activation(state, layer)
    else:
        into = None
    if into is None:
        into = replace(layer, inputs=tuple(state.renamed[source] for source in layer.inputs))
    state.layers[into.name] = into
    state.renamed[layer.name] = into.name


def _fold_activation(state: _Folding, layer: Layer) -> Layer | None:
    """Return the layer before with the activation merged, or None where the activation has to stay."""
    before = state.producer(layer)
    if (
        before is None
        or not isinstance(before.op, Conv2d | Linear | Add)
        or before.op.activation is not Activation.NONE
    ):
        return None
    activation = Activation.RELU if isinstance(layer.op, Relu) else Activation.RELU6
    return replace(before, op=replace(before.op, activation=activation))


def _fold_batchnorm(state: _Folding, layer: Layer, op: BatchNorm) -> Layer | None:
    """Return the layer before with its tensors scaled; None, and a fault noted, where that is impossible."""
    before = state.producer(layer)
    reason = _obstacle(state, layer, before)
    if reason is not None or before is None or not isinstance(before.op, Conv2d | Linear):
        way_out = "write it as a 1x1 Conv2d with groups = channels"
        state.faults.append(f"batchnorm {layer.name!r} cannot be folded: {reason}; {way_out}")
        return None
    if not state.shape_only:
        _scale(state, layer, op, before.name, before.op)
    return replace(before, op=replace(before.op, bias=True))


def _scale(state: _Folding, layer: Layer, op: BatchNorm, name: str, into: Conv2d | Linear) -> None:
    """Multiply the tensors of layer ``name`` by the batch-norm's scales and add its shifts."""
    gamma, beta, mean, variance = (
        state.tensors.pop(f"{layer.name}.{part}").astype(np.float64) for part in ("gamma", "beta", "mean", "variance")
    )
    scale = gamma / np.sqrt(variance + op.epsilon)
    weight = state.tensors[f"{name}.weight"].astype(np.float64)
    bias = state.tensors[f"{name}.bias"].astype(np.float64) if into.bias else np.zeros_like(mean)
    state.tensors[f"{name}.weight"] = _rounded(weight * scale.reshape(-1, *[1] * (weight.ndim - 1)))
    state.tensors[f"{name}.bias"] = _rounded((bias - mean) * scale + beta)


def _rounded(values: NDArray[np.float64]) -> FloatTensor:
    """Round to float32; an overflow becomes an infinity, which the validation of the folded network names."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _obstacle(state: _Folding, layer: Layer, before: Layer | None) -> str | None:
    """Return why a batch-norm cannot be folded into the layer before it, or None if it can."""
    source = layer.inputs[0]
    if source == INPUT:
        return "it reads the input of the network"
    if before is None:
        return f"{source!r} has {state.readers[source]} readers, and the others need its output as it is"
    if not isinstance(before.op, Conv2d | Linear):
        return f"it follows {before.op.kind} {before.name!r}, which has no weights"
    if before.op.activation is not Activation.NONE:
        return f"{before.name!r} applies {before.op.activation.value} before it"
    return None
