"""Runs of the studies on INQ: one row for each, stored as they are made, so that a stopped study goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import mean, stdev

from hwsim.network import Network
from models.accuracy import count_correct_float
from models.compression.step import Step, Work, own_recipe
from models.compression.studies import cases
from models.compression.studies.tables import Key, Table, fingerprint


@dataclass(frozen=True)
class Case:
    """One way to quantise a network.

    Attributes:
        group: Cases that are compared with each other.
        label: Of the case in its group.
        bits: Of one weight.
        scale: How the codebook is chosen.
        seed: Of training and partition.
        step: What is done.
    """

    group: str
    label: str
    bits: int
    scale: str
    seed: int
    step: Step


@dataclass(frozen=True)
class Row:
    """One run.

    Attributes:
        network: Its name.
        group: Of the case.
        label: Of the case.
        bits: Of one weight.
        scale: How the codebook is chosen.
        seed: Of training and partition.
        epochs: Of retraining in all.
        validation_correct: Of ``validation_images``, in float64; what is chosen is chosen by it.
        validation_images: Held out of the training images.
        test_correct: Of ``test_images``, in float64; nothing is chosen by it.
        test_images: Of the test set.
        seconds: That it took.
    """

    network: str
    group: str
    label: str
    bits: int
    scale: str
    seed: int
    epochs: int
    validation_correct: int
    validation_images: int
    test_correct: int
    test_images: int
    seconds: int

    @property
    def validation_error(self) -> float:
        """Held-out images that it gets wrong, per cent."""
        return 100 * (1 - self.validation_correct / self.validation_images)

    @property
    def test_error(self) -> float:
        """Test images that it gets wrong, per cent."""
        return 100 * (1 - self.test_correct / self.test_images)


KEY = ("network", "group", "label", "bits", "scale", "seed")


@dataclass(frozen=True)
class Subject:
    """A network with its images, and the threads of torch."""

    asked: cases.Case
    threads: int

    def settings(self, case: Case) -> str:
        """Return the hash of everything that leads to the row of ``case``."""
        return fingerprint(case.step, self.asked, own_recipe(self.asked.network), self.threads)


def run_cases(subject: Subject, wanted: Iterable[Case], table: Table[Row], report: Callable[[str], None]) -> None:
    """Run the cases that ``table`` has no row of, adding one row after another.

    The same step in two groups is made once.

    Raises:
        CompressionError: the table has rows of these cases by other settings.
    """
    name = subject.asked.network.name
    settings = {case: subject.settings(case) for case in wanted}
    known: dict[Step, Row] = {}
    for case in [case for case, made in settings.items() if not table.holds(key_of(name, case), made)]:
        twin = known.get(case.step)
        row = _row(subject, case) if twin is None else replace(twin, group=case.group, label=case.label)
        known[case.step] = row
        table.add([row], settings[case])
        what = f"{case.group}, {case.label}, {case.bits} bits, {case.scale}, seed {case.seed}"
        held_out = f"{row.validation_correct} of {row.validation_images} held out"
        report(f"{name} {what}: {held_out}, {row.test_correct} of {row.test_images} test images")


def key_of(network: str, case: Case) -> Key:
    """Return what tells the row of ``case`` from others: the fields ``KEY``."""
    return network, case.group, case.label, case.bits, case.scale, case.seed


SUMMARY = (
    "network", "group", "label", "bits", "scale", "epochs", "seeds", "mean_validation_error_percent",
    "sd_validation_error_percent", "mean_test_error_percent", "sd_test_error_percent",
)  # fmt: skip


def summary(rows: Sequence[Row]) -> list[tuple[object, ...]]:
    """Return for each case mean and standard deviation of both errors over its seeds, in per cent.

    >>> summary([Row("net", "g", "a", 3, "initial", s, 2, 40 + s, 50, 90 + s, 100, 1) for s in (1, 2, 3)])
    [('net', 'g', 'a', 3, 'initial', 2, 3, 16.0, 2.0, 8.0, 1.0)]
    """
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.network, row.group, row.label, row.bits, row.scale, row.epochs), []).append(row)
    return [
        (*case, len(own), *spread([row.validation_error for row in own]), *spread([row.test_error for row in own]))
        for case, own in groups.items()
    ]


def spread(errors: Sequence[float]) -> tuple[float, float]:
    """Return mean and standard deviation (0 for one value) in four digits."""
    return round(mean(errors), 4), round(stdev(errors), 4) if len(errors) > 1 else 0.0


def _row(subject: Subject, case: Case) -> Row:
    start, asked = time.monotonic(), subject.asked
    result = case.step.apply(asked.network, Work(asked.train, threads=subject.threads))
    seconds = round(time.monotonic() - start)
    counts = (len(asked.validation), count_correct_float(result, asked.test), len(asked.test), seconds)
    return Row(
        *(asked.network.name, case.group, case.label, case.bits, case.scale, case.seed, _epochs(result)),
        count_correct_float(result, asked.validation),
        *counts,
    )


def _epochs(network: Network) -> int:
    return int(network.metadata["compression"][-1]["facts"]["epochs"])
