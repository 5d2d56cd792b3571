"""A simulator whose answers are formulas of the format's digits, and whose formats misbehave on request.

``float<E,M>``: fine.  ``boom<n>``: raises.  ``nan<n>``: prices at NaN.  ``huge<n>``: infeasible.
``kill<n>``: SIGKILLs its own worker each time.  ``once<n>``: does so only the first time (needs ``folder``).
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwsim.errors import CostError, FormatError, MachineError, NetworkError
from precision_search.records import HardwareRecord, Inference, NumericsRecord, pack_mask
from precision_search.task import Configuration, Subject, Task, hardware_key, numerics_key


@dataclass(frozen=True)
class FakeEngine:
    """Picklable recipe; ``folder`` is where evaluations leave a trace, ``sleep_s`` how long each takes."""

    folder: str | None = None
    sleep_s: float = 0.0
    kernels: str = "1"
    simulator: str = "1"
    table_hash: str = "prices"
    driver: int = 0
    bundles: str = ""

    def open(self) -> FakeSession:
        return FakeSession(self)


class FakeSession:
    """Answers from formulas."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine

    def canonical_format(self, text: str) -> str:
        compact = text.replace(" ", "")
        if not re.fullmatch(r"(float|fixed|pow2|boom|nan|huge|kill|once)<\d+(,\d+)?>", compact):
            raise FormatError(f"unknown number format {text!r}")
        return compact

    def canonical_machine(self, text: str) -> str:
        if not re.fullmatch(r"\d+x\d+-(ws|os|is)", text):
            raise MachineError(f"unknown machine {text!r}")
        return text

    def canonical_table(self, name: str) -> str:
        if not name.startswith("t"):
            raise CostError(f"unknown table {name!r}")
        return name

    def subject(self, network: str, split: str, images: int | None) -> Subject:
        if network != "net":
            raise NetworkError(f"unknown network {network!r}")
        return Subject(network, "hash-of-net", "data", split, images or 100, "hash-of-data", "hash-of-calibration")

    def task(self, configuration: Configuration, subject: Subject) -> Task:
        engine = self.engine
        numerics = numerics_key(configuration, subject, engine.kernels)
        hardware = hardware_key(
            numerics, {"name": configuration.machine}, configuration.table + engine.table_hash, engine.simulator
        )
        return Task(configuration, subject, numerics, hardware, engine.table_hash, engine.kernels, engine.simulator)

    def warm_up(self, configuration: Configuration) -> None:
        self._trace("warm")

    def baseline(self, configuration: Configuration) -> NumericsRecord:
        mask = np.arange(configuration.images or 100) % 50 != 0
        return NumericsRecord(int(mask.sum()), mask.size, pack_mask(mask), 0, "[]", 0.1)

    def numerics(self, configuration: Configuration, subject: Subject) -> NumericsRecord:
        name = configuration.formats.weights
        self._trace("numerics", name)
        self._misbehave(name)
        time.sleep(self.engine.sleep_s)
        first, second = _digits(name)
        mask = (np.arange(subject.images) * (first + 3)) % 100 < 60 + second
        return NumericsRecord(
            int(mask.sum()), subject.images, pack_mask(mask), 1000 * subject.images, f'[{{"format":"{name}"}}]', 0.01
        )

    def places(self, network: str) -> tuple[tuple[str, ...], ...]:
        return (("input",), ("a", "a.sum"), ("b",))

    def numerics_many(self, configurations: Sequence[Configuration], subject: Subject) -> tuple[Inference, ...]:
        self._trace("bundle", str(len(configurations)))
        found = []
        for configuration in configurations:
            try:
                record: NumericsRecord | Exception = self.numerics(configuration, subject)
            except ZeroDivisionError as error:
                if self.engine.bundles == "fragile":
                    raise
                record = error
            found.append(Inference(record, 10 * subject.images))
        return tuple(found)

    def trails(self, configurations: Sequence[Configuration]) -> tuple[tuple[str, ...] | None, ...]:
        """With ``bundles``, formats with the same first digit share their first layer."""
        if not self.engine.bundles:
            return (None,) * len(configurations)
        names = [configuration.formats.weights for configuration in configurations]
        return tuple(("input", f"first {_digits(name)[0]}", name) for name in names)

    def hardware(self, configuration: Configuration, numerics: NumericsRecord) -> HardwareRecord:
        name = configuration.formats.weights
        if name.startswith("huge"):
            raise MachineError(f"{name} needs 80 bits; the array has 64: use a wider machine")
        first, second = _digits(name)
        rows = int(configuration.machine.split("x")[0])
        energy = (first + second) * 1.5 if not name.startswith("nan") else float("nan")
        return HardwareRecord(
            cycles=1000 // rows,
            runtime_s=1e-6 / rows,
            energy_pj=(("pe", energy), ("sram", 2.0)),
            energy_total_pj=energy + 2.0,
            power_w=(energy + 2.0) * rows * 1e-6,
            area_um2=100.0 * (first + second),
            weight_bits=1000 * (1 + first + second),
            unpriced=(),
            wall_s=0.001,
        )

    def _misbehave(self, name: str) -> None:
        if name.startswith("boom"):
            raise ZeroDivisionError("a fault in the middle")
        if name.startswith("kill"):
            _kill_self(self.engine.driver)
        if name.startswith("once") and self._first_time(name):
            _kill_self(self.engine.driver)

    def _first_time(self, name: str) -> bool:
        assert self.engine.folder is not None
        try:
            os.close(os.open(Path(self.engine.folder) / f"{name}.once", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def _trace(self, *words: str) -> None:
        if self.engine.folder is not None:
            with (Path(self.engine.folder) / "trace.txt").open("a") as file:
                file.write(" ".join([str(os.getpid()), *words]) + "\n")


def _kill_self(driver: int) -> None:
    assert os.getpid() != driver, "a killer may run in a worker only"
    os.kill(os.getpid(), signal.SIGKILL)


def _digits(name: str) -> tuple[int, int]:
    numbers = [int(number) for number in re.findall(r"\d+", name.partition("<")[2])]
    return numbers[0], numbers[-1]
