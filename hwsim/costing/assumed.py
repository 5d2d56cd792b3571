"""What a network would run in, without running it: formats as an assignment names them, zeros as somebody assumes."""

from __future__ import annotations

from collections.abc import Sequence

from hwsim.errors import FormatError, all_faults, unknown_name
from hwsim.formats import NumberFormat
from hwsim.network import (
    INPUT,
    PRODUCTS,
    Add,
    AvgPool2d,
    Concat,
    Flatten,
    GlobalAvgPool,
    Layer,
    MatMul,
    MaxPool2d,
    Network,
    Relu,
    Relu6,
    Softmax,
    gemm_shape,
)
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.network.base import elements
from hwsim.network.numerics import LayerNumerics
from hwsim.network.resolve import final_layer

_HANDING_ON = (MaxPool2d, Flatten, Relu, Relu6, Softmax)
_SUMS = (Add, AvgPool2d, GlobalAvgPool)


def assumed_numerics(
    network: Network, assignment: Assignment, sparsity: float | None = None
) -> tuple[LayerNumerics, ...]:
    """Return what ``run_numerics`` would say of one image, but for what only data can tell.

    Scales and tables stay open (``int8`` and not ``int8@2^-5``): they change no width. The number of products with a
    zero operand is not known; with ``sparsity`` it is assumed to be that share of every layer, otherwise none is zero.

    Args:
        network: folded; tensors are not looked at.
        assignment: a format for every tensor.
        sparsity: share of the products with a zero operand, 0 to 1.

    Raises:
        FormatError: an override names no layer, or ``sparsity`` is no share.

    >>> from hwsim.network import Linear
    >>> network = Network("net", (4,), (Layer("fc", Linear(2), ("input",)),), {})
    >>> assumed_numerics(network, Assignment.uniform("fp16"), 0.25)[0].effectual_macs
    6
    """
    named = [layer.name for layer in network.layers if not isinstance(layer.op, _HANDING_ON)]
    check_assumptions(network.name, [*named, INPUT], assignment, sparsity)
    formats = {INPUT: assignment.of(INPUT).acts}
    final, found = final_layer(network), []
    for layer in network.layers:
        numerics, formats[layer.name] = _layer(network, layer, assignment.of(layer.name), formats, layer.name == final)
        if sparsity is not None and numerics.macs:
            numerics = _with_zeros(numerics, sparsity)
        found.append(numerics)
    return tuple(found)


def check_assumptions(network: str, named: Sequence[str], assignment: Assignment, sparsity: float | None) -> None:
    """Raise FormatError where an override names none of ``named``, or ``sparsity`` is no share."""
    faults = [
        unknown_name("layer with formats of its own", name, named)
        for name, _ in assignment.overrides
        if name not in named
    ]
    if sparsity is not None and not 0 <= sparsity <= 1:
        faults.append(f"sparsity is {sparsity}; it is the share of products with a zero operand, 0 to 1")
    if faults:
        raise FormatError(all_faults(f"formats for network {network!r}", faults))


def _layer(
    network: Network, layer: Layer, own: LayerFormats, formats: dict[str, NumberFormat], final: bool
) -> tuple[LayerNumerics, NumberFormat]:
    """Return a layer's formats and work, and the format of its output."""
    inputs = tuple(formats[name] for name in layer.inputs)
    names = tuple(map(str, inputs))
    if isinstance(layer.op, _HANDING_ON):
        return LayerNumerics(layer.name, layer.op.kind, names, names[0]), inputs[0]
    if isinstance(layer.op, Concat):
        return LayerNumerics(layer.name, layer.op.kind, names, str(own.acts)), own.acts
    leaves_unrounded = final and isinstance(layer.op, (*PRODUCTS, *_SUMS))
    output = own.acc if leaves_unrounded else own.acts
    if not isinstance(layer.op, PRODUCTS):
        return LayerNumerics(layer.name, layer.op.kind, names, str(output), acc=str(own.acc)), output
    macs, shapes = gemm_shape(network, layer).macs, network.tensor_shapes
    stored = not isinstance(layer.op, MatMul)
    numerics = LayerNumerics(
        layer.name,
        layer.op.kind,
        names,
        str(output),
        weights=str(own.weights) if stored else None,
        bias=str(own.bias or own.acc) if f"{layer.name}.bias" in shapes else None,
        product=None if own.product is None else str(own.product),
        acc=str(own.acc),
        macs=macs,
        effectual_macs=macs,
        weight_count=elements(shapes[f"{layer.name}.weight"]) if stored else 0,
    )
    return numerics, output


def _with_zeros(numerics: LayerNumerics, sparsity: float) -> LayerNumerics:
    values = numerics.to_dict()
    values["effectual_macs"] = round(numerics.macs * (1 - sparsity))
    return LayerNumerics.from_dict(values)
