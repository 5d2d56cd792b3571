"""The real simulator behind a sweep: hwsim for numbers and prices, models for networks and data."""

from __future__ import annotations

import dataclasses
import functools
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hwsim.errors import HwsimError
from precision_search.code_hash import HARDWARE, NOT_NUMERICS, NUMERICS, code_hash
from precision_search.per_layer import INPUT, Places
from precision_search.records import HardwareRecord, Inference, NumericsRecord, pack_mask
from precision_search.schema import ENERGY_COMPONENTS
from precision_search.task import Configuration, Subject, Task, hardware_key, numerics_key
from precision_search.translate import (
    assignment,
    inference,
    load_network,
    load_table,
    machine_content,
    memory_prices,
    parse_machine,
)

if TYPE_CHECKING:
    from hwsim.network.resolve import Resolver
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
        from hwsim.network.prefixes import Numbering

        self._root = None if engine.data_root is None else Path(engine.data_root)
        self._network = functools.lru_cache(maxsize=4)(load_network)
        self._data = functools.lru_cache(maxsize=8)(self._load_data)
        self._resolver = functools.lru_cache(maxsize=4)(self._load_resolver)
        self._number = Numbering()
        self._machine = functools.lru_cache(maxsize=64)(parse_machine)
        self._table = load_table

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
        kernels = f"{_SEMANTICS}-{code_hash('hwsim', NUMERICS, NOT_NUMERICS)}"
        simulator = f"{_SEMANTICS}-{code_hash('hwsim', HARDWARE)}"
        table = self._table(configuration.table)
        numerics = numerics_key(configuration, subject, kernels)
        machine = machine_content(self._machine(configuration.machine))
        hardware = hardware_key(numerics, machine, f"{table.name}:{table.sha256}:{memory_prices()}", simulator)
        return Task(configuration, subject, numerics, hardware, table.sha256, kernels, simulator)

    def warm_up(self, configuration: Configuration) -> None:
        """Run two images through the configuration."""
        self._run([dataclasses.replace(configuration, images=_WARM_UP_IMAGES)])

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
        (inference,) = self.numerics_many([configuration], subject)
        if isinstance(inference.record, Exception):
            raise inference.record
        return inference.record

    def numerics_many(self, configurations: Sequence[Configuration], subject: Subject) -> tuple[Inference, ...]:
        """Classify in each configuration's formats, computing once what they share."""
        return tuple(map(inference, self._run(configurations)))

    def places(self, network: str) -> Places:
        """Return the input, then each multiplying layer with the sums and averages up to the next one."""
        from hwsim.network import Conv2d, Linear
        from hwsim.network.resolve import layers_with_formats

        places: list[tuple[str, ...]] = [(INPUT,)]
        for layer in layers_with_formats(self._network(network)):
            if isinstance(layer.op, Conv2d | Linear) or len(places) == 1:
                places.append((layer.name,))
            else:
                places[-1] = (*places[-1], layer.name)
        return tuple(places)

    def trails(self, configurations: Sequence[Configuration]) -> tuple[tuple[int, ...] | None, ...]:
        """Return what is computed, as one number per step; None for formats that do not fit."""
        found = tuple(map(self._trail, configurations))
        for network in {configuration.network for configuration in configurations}:
            self._resolver(network).forget_activations()
        return found

    def _trail(self, configuration: Configuration) -> tuple[int, ...] | None:
        try:
            resolved = self._resolver(configuration.network).resolve(assignment(configuration))
        except HwsimError:
            return None
        return tuple(map(self._number, resolved.keys))

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
            built=result.machine if result.floorplan else "",
        )

    def _run(self, configurations: Sequence[Configuration]) -> tuple[NumericsResult | HwsimError, ...]:
        from hwsim.network.shared_run import run_many

        network, split, count = configurations[0].network, configurations[0].split, configurations[0].images
        data, resolver = self._images(network, split, count), self._resolver(network)
        calibration = self._data(network, "calibration").images
        assignments = [assignment(configuration) for configuration in configurations]
        return run_many(resolver.network, assignments, data.images, data.labels, calibration, resolver=resolver)

    def _load_resolver(self, network: str) -> Resolver:
        from hwsim.network.resolve import Resolver

        return Resolver(self._network(network), self._data(network, "calibration").images)

    def _images(self, network: str, split: str, images: int | None) -> Dataset:
        data = self._data(network, split)
        return data if images is None or images == len(data) else data.subset(images)

    def _load_data(self, network: str, split: str) -> Dataset:
        import models

        return models.load_data(models.data_for(self._network(network)), split, self._root)
