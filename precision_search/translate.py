"""Between the explorer's strings and the simulator's objects."""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from hwsim.errors import HwsimError, NotANumberError
from precision_search.records import Inference, NumericsRecord, pack_mask
from precision_search.task import Configuration, FormatChoice, Json

if TYPE_CHECKING:
    from hwsim.array.machine import Machine
    from hwsim.cost.tables import PriceTable
    from hwsim.floorplan import AreaBudget
    from hwsim.network import Network
    from hwsim.network.assignment import Assignment, LayerFormats
    from hwsim.simulation import NumericsResult


def inference(result: NumericsResult | HwsimError) -> Inference:
    """Return what the explorer keeps of a run."""
    if isinstance(result, HwsimError):
        return Inference(result)
    equal = result.computed_as is not None
    if result.nan_images == result.total:
        error = NotANumberError(f"some output is NaN for each of the {result.total} images")
        return Inference(error, result.computed_macs, equal)
    return Inference(_record(result), result.computed_macs, equal)


def _record(result: NumericsResult) -> NumericsRecord:
    layers = [layer.to_dict() for layer in result.layers]
    return NumericsRecord(
        correct=int(result.correct),
        total=int(result.total),
        mask=pack_mask(np.asarray(result.correct_mask)),
        macs=sum(int(layer.macs) for layer in result.layers),
        layers=json.dumps(layers, separators=(",", ":"), allow_nan=False),
        wall_s=float(result.wall_s),
        nan_images=int(result.nan_images),
    )


def load_network(name_or_path: str) -> Network:
    """Load and fold. Raises NetworkError."""
    import models
    from hwsim.network import fold

    return fold(models.load_network(name_or_path))


def parse_machine(text: str) -> Machine | AreaBudget:
    """Read the spelling of a machine or of an area. Raises MachineError."""
    from hwsim.floorplan import read_machine

    return read_machine(text)


def load_table(name: str) -> PriceTable:
    """Load by name or from a .csv file, anew where the file has changed. Raises CostError."""
    return _load_table(name, _stamps(name))


@functools.lru_cache(maxsize=16)
def _load_table(name: str, stamps: tuple[tuple[int, int], ...]) -> PriceTable:
    from hwsim.cost import find_table

    return find_table(name)


def _stamps(name: str) -> tuple[tuple[int, int], ...]:
    """Return when a table's own files were written and how long they are; nothing for a table that ships."""
    from hwsim.cost.finding import scaled_name

    scaled = scaled_name(name)
    path = Path(scaled[0] if scaled else name)
    files = [path, path.with_name(f"{path.stem}.pe.csv")] if path.suffix == ".csv" else []
    return tuple((found.st_mtime_ns, found.st_size) for file in files if file.exists() for found in [file.stat()])


def memory_prices() -> str:
    """Return what the prices of memories are known by: they lie beside the tables."""
    from hwsim.cost.memory_law import memory_hash

    return memory_hash()


def machine_content(machine: Machine | AreaBudget) -> dict[str, Json]:
    """Return every parameter of the machine or area that can change an answer: labels cannot."""
    content = dataclasses.asdict(machine)
    del content["name"]
    content.get("template", {}).pop("name", None)
    return cast("dict[str, Json]", json.loads(json.dumps(content, default=_enum_value)))


def _enum_value(value: object) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    raise TypeError(f"machine parameter {value!r} has no JSON form")


def assignment(configuration: Configuration) -> Assignment:
    """Return the formats of every layer as the simulator takes them. Raises FormatError."""
    from hwsim.network.assignment import Assignment

    overrides = tuple((layer, _layer_formats(choice)) for layer, choice in configuration.overrides)
    return Assignment(_layer_formats(configuration.formats), overrides)


@functools.lru_cache(maxsize=4096)
def _layer_formats(choice: FormatChoice) -> LayerFormats:
    from hwsim.network.assignment import LayerFormats

    return LayerFormats.of(choice.weights, choice.acts, choice.acc, choice.product, choice.bias)
