"""One operation in its place in a network, and how that is written to a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hwsim.errors import NetworkError
from hwsim.network.base import Op
from hwsim.network.ops import op_from_dict

INPUT = "input"  #: the name by which layers refer to the input of the network


@dataclass(frozen=True)
class Layer:
    """One operation in its place.

    Attributes:
        name: unique in the network; its tensors are called ``<name>.weight`` and so on.
        op: what it does.
        inputs: names of the layers whose outputs it reads, or "input".
    """

    name: str
    op: Op
    inputs: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the layer as a JSON-able dict; ``layer_from_dict`` reads it back."""
        return {"name": self.name, "op": self.op.to_dict(), "inputs": list(self.inputs)}


def layer_from_dict(values: Any) -> Layer:
    """Read back what ``Layer.to_dict`` wrote, trusting nothing in it.

    Raises:
        NetworkError: the value is no dict of a name, an operation and a list of input names.

    >>> layer_from_dict({"name": "a", "op": {"kind": "relu"}, "inputs": ["input"]})
    Layer(name='a', op=Relu(), inputs=('input',))
    """
    if not isinstance(values, Mapping) or set(values) != {"name", "op", "inputs"}:
        raise NetworkError(f"a layer is {str(values)[:60]!r}; it must have exactly name, op and inputs")
    name, op, inputs = values["name"], values["op"], values["inputs"]
    if not _is_name(name) or not isinstance(op, Mapping):
        raise NetworkError(f"a layer is named {str(name)[:60]!r}; it needs a string up to 200 characters and an op")
    if not isinstance(inputs, list) or not all(map(_is_name, inputs)):
        raise NetworkError(f"layer {name[:60]!r} reads {str(inputs)[:60]}; inputs must be a list of layer names")
    try:
        return Layer(name, op_from_dict(op), tuple(inputs))
    except NetworkError as error:
        raise NetworkError(f"layer {name[:60]!r}: {error}") from None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 200
