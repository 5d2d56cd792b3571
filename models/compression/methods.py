"""Methods by name: each is a Step that lives in its own room and is imported when it is first asked for."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from hwsim.errors import all_faults, unknown_name
from models.compression.errors import CompressionError
from models.compression.options import Option, describe_options, read_options
from models.compression.step import Step

_ROOM = "models.compression"

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "equalise": f"{_ROOM}.equalise:Equalise",
        "prune": f"{_ROOM}.pruning:Prune",
        "kmeans": f"{_ROOM}.quantize:KMeans",
        "hessian-kmeans": f"{_ROOM}.quantize:HessianKMeans",
        "uniform": f"{_ROOM}.quantize:Uniform",
        "ecsq": f"{_ROOM}.quantize:Ecsq",
        "ecsq-train": f"{_ROOM}.quantize:EcsqTrain",
        "inq": f"{_ROOM}.inq:Inq",
        "pow2": f"{_ROOM}.inq:Pow2",
        "apot": f"{_ROOM}.inq:Apot",
        "shiftcnn": f"{_ROOM}.inq:ShiftCnn",
        "convert": f"{_ROOM}.inq:Convert",
        "orthoreg": f"{_ROOM}.orthoreg:OrthoReg",
        "low-rank": f"{_ROOM}.lowrank:LowRank",
        "low-rank-train": f"{_ROOM}.lowrank:LowRankTrain",
        "truncate": f"{_ROOM}.lowrank:Truncate",
        "factorise": f"{_ROOM}.lowrank:Factorise",
        "shrink-units": f"{_ROOM}.lowrank:ShrinkUnits",
        "quantize-biases": f"{_ROOM}.container:QuantizeBiases",
    }
)


def step_class(name: str, methods: Mapping[str, str] = METHODS) -> type[Step]:
    """Return the class of a method.

    Raises:
        CompressionError: for an unknown name, with the nearest ones.
    """
    if name not in methods:
        raise CompressionError(unknown_name("method", name, methods))
    module, _, attribute = methods[name].partition(":")
    found = getattr(import_module(module), attribute)
    if not (isinstance(found, type) and issubclass(found, Step) and found.method == name):
        raise TypeError(f"{methods[name]} is not the Step of method {name!r}")
    return found


def read_step(
    name: str, table: Mapping[str, Any], where: str, methods: Mapping[str, str] = METHODS
) -> tuple[Step | None, list[str]]:
    """Return the step that ``table`` describes and no faults, or None and every fault; ``where`` begins messages."""
    try:
        cls = step_class(name, methods)
    except CompressionError as error:
        return None, [f"{where}: {error}"]
    return read_options(cls, table, f"{where} ({name})")


def make_step(name: str, options: Mapping[str, Any], methods: Mapping[str, str] = METHODS) -> Step:
    """Return a step with its options, as a recipe or a command line gives them.

    Raises:
        CompressionError: unknown method or option, wrong types and bounds: all faults at once.
    """
    step, faults = read_options(step_class(name, methods), options, "")
    if step is None:
        raise CompressionError(all_faults(f"method {name!r}", faults))
    return step  # type: ignore[no-any-return]


def method_options(name: str, methods: Mapping[str, str] = METHODS) -> tuple[Option, ...]:
    """Return the options of a method with types, defaults and meanings.

    Raises:
        CompressionError: for an unknown name.
    """
    return describe_options(step_class(name, methods))


def method_summary(name: str, methods: Mapping[str, str] = METHODS) -> str:
    """Return the first line of what a method's docstring says.

    Raises:
        CompressionError: for an unknown name.
    """
    return (inspect.getdoc(step_class(name, methods)) or "").split("\n")[0]
