"""Shape inference over a graph that may be wrong: it goes on after a fault, so that every fault is found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hwsim.errors import NetworkError
from hwsim.network.base import LARGEST_PARAMETER, Op, Shape, elements, is_integer
from hwsim.network.layer import INPUT, Layer

LARGEST_FEATURE_MAP = 1 << 28  #: elements between two layers, for one image (1 GiB of float32)

_LAYER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}")


def infer_shapes(input_shape: Shape, layers: Sequence[Layer]) -> tuple[dict[str, Shape | None], list[str]]:
    """Return the shape of "input" and of every layer, None where a fault hides it, and the faults of the graph.

    >>> from hwsim.network.ops import Relu
    >>> infer_shapes((3,), [Layer("a", Relu(), ("b",))])
    ({'input': (3,), 'a': None}, ["layer 'a' reads 'b', which is no layer"])
    """
    shape_faults = _input_faults(input_shape)
    shapes: dict[str, Shape | None] = {INPUT: None if shape_faults else input_shape}
    faults = [*shape_faults]
    names = {layer.name for layer in layers}
    for layer in layers:
        layer_faults = _layer_faults(layer, shapes, names)
        shape = None
        if not layer_faults:
            shape, layer_faults = _output(layer, [shapes[name] for name in layer.inputs])
        faults += layer_faults
        shapes.setdefault(layer.name, shape)
    return shapes, faults


def _input_faults(shape: Any) -> list[str]:
    well_formed = isinstance(shape, tuple) and len(shape) in (1, 3) and all(is_integer(size) for size in shape)
    if well_formed and all(1 <= size <= LARGEST_PARAMETER for size in shape) and elements(shape) <= LARGEST_FEATURE_MAP:
        return []
    need = f"(channels, height, width) or (features,), sizes from 1, at most {LARGEST_FEATURE_MAP} elements"
    return [f"the input shape is {str(shape)[:60]}; it must be {need}"]


def _layer_faults(layer: Layer, shapes: Mapping[str, Shape | None], names: set[str]) -> list[str]:
    faults = []
    if not isinstance(layer.name, str) or not _LAYER_NAME.fullmatch(layer.name):
        rule = "letters, digits, '_', '.' and '-', 200 at most, not starting with '.' or '-'"
        faults.append(f"the layer name {str(layer.name)[:60]!r} is not allowed: use {rule}")
    if layer.name in shapes:
        what = "reserved for the network's input" if layer.name == INPUT else "used by more than one layer"
        faults.append(f"the layer name {layer.name!r} is {what}")
    if not isinstance(layer.op, Op):
        faults.append(f"layer {layer.name!r} has the unknown operation {str(layer.op)[:60]}")
    for source in layer.inputs:
        if source not in names and source != INPUT:
            faults.append(f"layer {layer.name!r} reads {source!r}, which is no layer")
        elif source not in shapes:
            faults.append(f"layer {layer.name!r} reads {source!r} before it is computed: a cycle, or a wrong order")
    return faults


def _output(layer: Layer, inputs: list[Shape | None]) -> tuple[Shape | None, list[str]]:
    known = tuple(shape for shape in inputs if shape is not None)
    if len(known) < len(inputs):
        return None, []  # the layer that has the fault is named already
    try:
        shape = layer.op.output_shape(known)
    except NetworkError as error:
        return None, [f"layer {layer.name!r}: {error}"]
    if elements(shape) > LARGEST_FEATURE_MAP:
        return None, [f"layer {layer.name!r} gives {elements(shape)} elements; the bound is {LARGEST_FEATURE_MAP}"]
    return shape, []
