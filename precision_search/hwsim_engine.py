"""The real simulator behind a sweep: hwsim for numbers and prices, models for networks and data."""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from hwsim.errors import NotANumberError
from precision_search.code_hash import HARDWARE, NUMERICS, code_hash
from precision_search.records import HardwareRecord, NumericsRecord, pack_mask
from precision_search.schema import ENERGY_COMPONENTS
from precision_search.task import Configuration, FormatChoice, Json, Subject, Task, hardware_key, numerics_key

if TYPE_CHECKING:
    from hwsim.array.machine import Machine
    from hwsim.cost.tables import PriceTable
    from hwsim.network import Network
    from hwsim.network.assignment import Assignment, LayerFormats
    from hwsim.simulation import NumericsResult
    from models.data.dataset import Dataset

_SEMANTICS = "1"  # goes up when the meaning of a stored column changes; changed code is noticed by its hash
_WARM_UP_IMAGES = 2


@dataclass(frozen=True)
class HwsimEngine:
    """Evaluates with ``hwsim``.

    Attributes:
        data_root: folder of downloaded data sets; None for the default of ``models``.
    """

    data_root: str | None = None

    def open(self) -> HwsimSession:
        """Return a session with nothing loaded yet."""
        return HwsimSession(self)


class HwsimSession:
    """Keeps networks, data, machines and tables loaded in one process."""

    def __init__(self, engine: HwsimEngine) -> None:
        self._root = None if engine.data_root is None else Path(engine.data_root)
        self._network = functools.lru_cache(maxsize=4)(_load_network)
        self._data = functools.lru_cache(maxsize=8)(self._load_data)
        self._machine = functools.lru_cache(maxsize=64)(_parse_machine)
        self._table = functools.lru_cache(maxsize=16)(_load_table)

    def canonical_format(self, text: str) -> str:
        """Return the canonical spelling. Raises FormatError."""
        from hwsim.formats import parse

        return str(parse(text))

    def canonical_machine(self, text: str) -> str:
        """Return the canonical spelling. Raises MachineError."""
        return str(self._machine(text))

    def canonical_table(self, name: str) -> str:
        """Return the name of a table that exists and is sound. Raises CostError."""
        self._table(name)
        return name

    def subject(self, network: str, split: str, images: int | None) -> Subject:
        """Load and identify. Raises NetworkError or DataError."""
        loaded = self._network(network)
        data = self._images(network, split, images)
        whole = self._data(network, split)
        return Subject(
            network=loaded.name,
            network_hash=loaded.content_hash,
            dataset=data.name,
            split=split,
            images=len(data),
            data_hash=whole.sha256,
            calibration_hash=self._data(network, "calibration").sha256,
        )

    def task(self, configuration: Configuration, subject: Subject) -> Task:
        """Return the configuration with its keys."""
        kernels = f"{_SEMANTICS}-{code_hash('hwsim', NUMERICS)}"
        simulator = f"{_SEMANTICS}-{code_hash('hwsim', HARDWARE)}"
        table = self._table(configuration.table)
        numerics = numerics_key(configuration, subject, kernels)
        machine = _machine_content(self._machine(configuration.machine))
        hardware = hardware_key(numerics, machine, f"{table.name}:{table.sha256}", simulator)
        return Task(configuration, subject, numerics, hardware, table.sha256, kernels, simulator)

    def warm_up(self, configuration: Configuration) -> None:
        """Run two images through the configuration."""
        self._run(dataclasses.replace(configuration, images=_WARM_UP_IMAGES))

    def baseline(self, configuration: Configuration) -> NumericsRecord:
        """Classify in float64."""
        from hwsim.network import forward_float

        start = time.perf_counter()
        data = self._images(configuration.network, configuration.split, configuration.images)
        logits = forward_float(self._network(configuration.network), data.images)
        mask = logits.reshape(len(data), -1).argmax(axis=1) == data.labels
        return NumericsRecord(int(mask.sum()), len(data), pack_mask(mask), 0, "[]", time.perf_counter() - start)

    def numerics(self, configuration: Configuration, subject: Subject) -> NumericsRecord:
        """Classify in the configuration's formats."""
        result = self._run(configuration)
        _refuse_nan(result)
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

    def hardware(self, configuration: Configuration, numerics: NumericsRecord) -> HardwareRecord:
        """Price one inference."""
        from hwsim.simulation import LayerNumerics, run_hardware

        start = time.perf_counter()
        layers = tuple(LayerNumerics.from_dict(layer) for layer in json.loads(numerics.layers))
        network, machine = self._network(configuration.network), self._machine(configuration.machine)
        result = run_hardware(network, layers, machine, self._table(configuration.table), numerics.total)
        return HardwareRecord(
            cycles=int(result.cycles),
            runtime_s=float(result.runtime_s),
            energy_pj=tuple((name, float(result.energy_pj[name])) for name in ENERGY_COMPONENTS),
            energy_total_pj=float(result.energy_total_pj),
            power_w=float(result.power_w),
            area_um2=float(result.area_um2),
            weight_bits=int(result.weight_bits),
            unpriced=tuple(result.unpriced),
            wall_s=time.perf_counter() - start,
        )

    def _run(self, configuration: Configuration) -> NumericsResult:
        from hwsim.simulation import run_numerics

        data = self._images(configuration.network, configuration.split, configuration.images)
        calibration = self._data(configuration.network, "calibration")
        network = self._network(configuration.network)
        return run_numerics(network, _assignment(configuration), data.images, data.labels, calibration.images)

    def _images(self, network: str, split: str, images: int | None) -> Dataset:
        data = self._data(network, split)
        return data if images is None or images == len(data) else data.subset(images)

    def _load_data(self, network: str, split: str) -> Dataset:
        import models

        return models.load_data(models.data_for(self._network(network)), split, self._root)


def _refuse_nan(result: NumericsResult) -> None:
    if result.nan_images == result.total:
        raise NotANumberError(f"some output is NaN for each of the {result.total} images")


def _load_network(name_or_path: str) -> Network:
    import models
    from hwsim.network import fold

    return fold(models.load_network(name_or_path))


def _parse_machine(text: str) -> Machine:
    from hwsim.array.machine import parse_machine

    return parse_machine(text)


def _load_table(name: str) -> PriceTable:
    from hwsim.cost import load_table, read_table

    return read_table(Path(name)) if name.endswith(".csv") else load_table(name)


def _machine_content(machine: Machine) -> dict[str, Json]:
    """Return every parameter of the machine that can change an answer: its label cannot."""
    content = dataclasses.asdict(machine)
    del content["name"]
    return cast("dict[str, Json]", json.loads(json.dumps(content, default=_enum_value)))


def _enum_value(value: object) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    raise TypeError(f"machine parameter {value!r} has no JSON form")


def _assignment(configuration: Configuration) -> Assignment:
    from hwsim.network.assignment import Assignment

    overrides = tuple((layer, _layer_formats(choice)) for layer, choice in configuration.overrides)
    return Assignment(_layer_formats(configuration.formats), overrides)


def _layer_formats(choice: FormatChoice) -> LayerFormats:
    from hwsim.network.assignment import LayerFormats

    return LayerFormats.of(choice.weights, choice.acts, choice.acc, choice.product, choice.bias)
