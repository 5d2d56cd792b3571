"""What a network can have wrong, each fault as one line with the value, the bound and the way out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hwsim.network.base import Shape
from hwsim.network.layer import Layer
from hwsim.network.shapes import infer_shapes

LARGEST_DEPTH = 32  #: nesting of the metadata


def graph_faults(input_shape: Shape, layers: Sequence[Layer], tensors: Mapping[str, np.ndarray[Any, Any]]) -> list[str]:
    """Return every fault of the layers and of their tensors."""
    if not layers:
        return ["it has no layers"]
    shapes, faults = infer_shapes(input_shape, layers)
    return [*faults, *_unread_faults(layers), *_tensor_faults(layers, tensors, shapes)]


def structure_faults(input_shape: Shape, layers: Sequence[Layer]) -> list[str]:
    """Return every fault of the layers, whatever their tensors."""
    if not layers:
        return ["it has no layers"]
    return [*infer_shapes(input_shape, layers)[1], *_unread_faults(layers)]


def _unread_faults(layers: Sequence[Layer]) -> Iterator[str]:
    read = {source for layer in layers for source in layer.inputs}
    for layer in layers[:-1]:
        if layer.name not in read:
            yield f"layer {layer.name!r} is read by no layer and is not the output, the last layer: remove it"


def _tensor_faults(
    layers: Sequence[Layer], tensors: Mapping[str, np.ndarray[Any, Any]], shapes: Mapping[str, Shape | None]
) -> Iterator[str]:
    expected, undecided = _expected_tensors(layers, shapes)
    for name, shape in expected.items():
        if name not in tensors:
            yield f"tensor {name!r} is missing; it must be float32 of shape {shape}"
        elif tensors[name].shape != shape:
            yield f"tensor {name!r} has the shape {tensors[name].shape}; it must be {shape}"
    for name, tensor in tensors.items():
        if name not in expected and name.rpartition(".")[0] not in undecided:
            yield f"tensor {name!r} belongs to no layer: remove it"
        yield from _value_faults(name, tensor)


def _expected_tensors(layers: Sequence[Layer], shapes: Mapping[str, Shape | None]) -> tuple[dict[str, Shape], set[str]]:
    """Return the tensors that the layers need, and the layers of which that cannot be said."""
    expected: dict[str, Shape] = {}
    undecided: set[str] = set()
    for layer in layers:
        inputs = tuple(shape for source in layer.inputs if (shape := shapes.get(source)) is not None)
        if shapes.get(layer.name) is None or len(inputs) < len(layer.inputs):
            undecided.add(layer.name)
        else:
            needed = layer.op.tensor_shapes(inputs)
            expected |= {f"{layer.name}.{part}": shape for part, shape in needed.items()}
    return expected, undecided


def _value_faults(name: str, tensor: np.ndarray[Any, Any]) -> Iterator[str]:
    if tensor.dtype != np.float32:
        yield f"tensor {name!r} is {tensor.dtype}; it must be float32: convert it with .astype(numpy.float32)"
        return
    bad = np.flatnonzero(~np.isfinite(tensor))
    if bad.size:
        index = tuple(int(i) for i in np.unravel_index(bad[0], tensor.shape))
        yield f"tensor {name!r} has {bad.size} non-finite of {tensor.size} values, the first at {index}"
    if name.endswith(".variance") and (negative := np.flatnonzero(tensor < 0)).size:
        yield f"tensor {name!r} has {negative.size} negative values, the first at {int(negative[0])}"


def card_faults(name: str, metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the name and the metadata of a network."""
    if not isinstance(name, str) or not 1 <= len(name) <= 200 or not name.isprintable():
        yield f"the name is {str(name)[:60]!r}; it must be a string of 1 to 200 printable characters"
    if (problem := _json_problem(dict(metadata), LARGEST_DEPTH)) is not None:
        yield f"the metadata cannot be written as JSON: {problem}"


def _json_problem(value: Any, depth: int) -> str | None:
    """Return why ``value`` does not survive a round trip through JSON, or None."""
    if depth < 0:
        return f"it is nested more than {LARGEST_DEPTH} deep"
    if isinstance(value, dict):
        keys = (f"key {str(key)[:60]!r} is no string" for key in value if not isinstance(key, str))
        return next(keys, None) or _json_problem(list(value.values()), depth)
    if isinstance(value, list):
        return next((problem for item in value if (problem := _json_problem(item, depth - 1))), None)
    return _scalar_problem(value)


def _scalar_problem(value: Any) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not finite"
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer has {value.bit_length()} bits; the bound is 64"
    if value is None or isinstance(value, str | int | float):
        return None
    return f"{type(value).__name__} is no JSON type; use dict, list, str, int, float, bool or None"
