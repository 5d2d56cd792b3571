"""What every operation of a network is: a frozen set of parameters that knows its output shape and its tensors."""

from __future__ import annotations

import enum
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Self

from hwsim.errors import NetworkError, all_faults, unknown_name

Shape = tuple[int, ...]  #: (channels, height, width) of a feature map or (features,) of a vector; no batch
Pair = tuple[int, int]  #: (vertical, horizontal)

LARGEST_PARAMETER = 1 << 24  #: bound on every integer parameter: keeps a hostile file from asking for absurd sizes


class Activation(enum.Enum):
    """What is applied to the sums of a layer before they leave it."""

    NONE = "none"
    RELU = "relu"  #: max(x, 0)
    RELU6 = "relu6"  #: min(max(x, 0), 6)


@dataclass(frozen=True)
class Op(ABC):
    """One operation. Subclasses are frozen dataclasses; a parameter out of bounds is refused at construction.

    Attributes:
        kind: name of the operation in files.
        fewest_inputs: how many inputs it needs.
        most_inputs: how many it can take; None for any number.
    """

    kind: ClassVar[str] = ""
    fewest_inputs: ClassVar[int] = 1
    most_inputs: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        if faults := self._field_faults() or self._faults():
            raise NetworkError(all_faults(f"operation {self.kind!r}", faults))

    def _field_faults(self) -> list[str]:
        checked = ((f.name, _FIELD_CHECKS[str(f.type)], getattr(self, f.name)) for f in fields(self))
        return [fault for name, check, value in checked if (fault := check(name, value))]

    def _faults(self) -> list[str]:
        """Return the faults between parameters; called only when each one is good by itself."""
        return []

    def output_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """Return the shape that the operation gives for the shapes of its inputs, without batch.

        Raises:
            NetworkError: wrong number of inputs, or shapes that the operation cannot take.
        """
        count = len(inputs)
        if count < self.fewest_inputs or (self.most_inputs is not None and count > self.most_inputs):
            need = f"{self.fewest_inputs}" if self.most_inputs is not None else f"at least {self.fewest_inputs}"
            raise NetworkError(f"{self.kind} takes {need} input(s), not {count}")
        return self._shape(inputs)

    @abstractmethod
    def _shape(self, inputs: tuple[Shape, ...]) -> Shape: ...

    def tensor_shapes(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """Return the tensors that the operation needs ("weight", "bias", ...) with their shapes."""
        return {}

    def to_dict(self) -> dict[str, Any]:
        """Return the operation as a JSON-able dict; ``op_from_dict`` reads it back.

        >>> from hwsim.network.ops import MaxPool2d
        >>> MaxPool2d((2, 2), (2, 2)).to_dict()
        {'kind': 'maxpool2d', 'kernel': [2, 2], 'stride': [2, 2], 'padding': [0, 0], 'ceil_mode': False}
        """
        return {"kind": self.kind, **{f.name: _to_json(getattr(self, f.name)) for f in fields(self)}}

    @classmethod
    def from_fields(cls, values: Mapping[str, Any]) -> Self:
        """Build the operation from JSON values by field name, trusting none of them.

        Raises:
            NetworkError: unknown, missing or ill-typed fields, all of them listed.
        """
        known = {f.name: f for f in fields(cls)}
        faults = [unknown_name("field", str(key)[:60], [*known, "kind"]) for key in values if key not in known]
        faults += [f"field {n!r} is missing" for n, f in known.items() if n not in values and f.default is MISSING]
        if faults:
            raise NetworkError(all_faults(f"operation {cls.kind!r}", faults))
        return cls(**{name: _from_json(str(known[name].type), value) for name, value in values.items()})


def _to_json(value: Any) -> Any:
    if isinstance(value, Activation):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def _from_json(type_name: str, value: Any) -> Any:
    """Turn JSON's lists and strings into tuples and enum members; what does not fit is left for the field checks."""
    if type_name == "Activation" and value in [member.value for member in Activation]:
        return Activation(value)
    return tuple(value) if type_name == "Pair" and isinstance(value, list) else value


def is_integer(value: object) -> bool:
    """Return True for an int that is not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def _check_int(name: str, value: Any, smallest: int = 1) -> str | None:
    if is_integer(value) and smallest <= value <= LARGEST_PARAMETER:
        return None
    return f"{name} is {_short(value)}; it must be an integer from {smallest} to {LARGEST_PARAMETER}"


def _check_pair(name: str, value: Any) -> str | None:
    if not isinstance(value, tuple) or len(value) != 2:
        return f"{name} is {_short(value)}; it must be a pair (vertical, horizontal)"
    smallest = 0 if name == "padding" else 1
    return next((fault for part in value if (fault := _check_int(name, part, smallest))), None)


def _check_bool(name: str, value: Any) -> str | None:
    return None if isinstance(value, bool) else f"{name} is {_short(value)}; it must be true or false"


def _check_float(name: str, value: Any) -> str | None:
    good = (isinstance(value, float) or is_integer(value)) and 0 < value < 1
    return None if good else f"{name} is {_short(value)}; it must be a number between 0 and 1"


def _check_activation(name: str, value: Any) -> str | None:
    names = ", ".join(member.value for member in Activation)
    return None if isinstance(value, Activation) else f"{name} is {_short(value)}; it must be one of {names}"


_FIELD_CHECKS: Mapping[str, Callable[[str, Any], str | None]] = {
    "int": _check_int,
    "Pair": _check_pair,
    "bool": _check_bool,
    "float": _check_float,
    "Activation": _check_activation,
}


def _short(value: object) -> str:
    """Return a bounded repr: a message must not repeat megabytes of a hostile file."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"an integer of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def feature_map(kind: str, shape: Shape) -> tuple[int, int, int]:
    """Return ``shape`` as (channels, height, width). Raises NetworkError if it is not a feature map."""
    if len(shape) != 3:
        raise NetworkError(f"{kind} takes a feature map (channels, height, width), not the shape {shape}")
    return shape[0], shape[1], shape[2]


def vector(kind: str, shape: Shape) -> int:
    """Return the number of features of ``shape``. Raises NetworkError if it is not a vector."""
    if len(shape) != 1:
        raise NetworkError(f"{kind} takes a vector (features,), not the shape {shape}: put a flatten before it")
    return shape[0]


def elements(shape: Shape) -> int:
    """Return how many numbers a tensor of this shape has.

    >>> elements((20, 12, 12))
    2880
    """
    return math.prod(shape)
