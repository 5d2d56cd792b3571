"""Runs of the studies on INQ: one row for each, stored as they are made, so that a stopped study goes on."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from hwsim.network import Network, fold
from models.accuracy import count_correct_float
from models.compression.step import Step, Work
from models.compression.studies.writing import write_csv
from models.data import load_data
from models.data.dataset import Dataset
from models.registry import data_for, load_network

_KINDS: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "str": str}


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
    test_correct: int
    test_images: int
    seconds: int

    @property
    def error_percent(self) -> float:
        """Test images that it gets wrong, per cent."""
        return 100 * (1 - self.test_correct / self.test_images)


HEADER = tuple(field.name for field in fields(Row))


@dataclass(frozen=True)
class Subject:
    """A network with its images.

    Attributes:
        network: Folded.
        train: Images to retrain on.
        test: Images to measure on.
        threads: Of torch.
    """

    network: Network
    train: Dataset
    test: Dataset
    threads: int

    @classmethod
    def load(cls, name: str, root: Path | None, threads: int) -> Subject:
        """Return a network of the registry with its data set. Raises DataError where that is missing."""
        network = fold(load_network(name))
        data = data_for(network)
        return cls(network, load_data(data, "train", root), load_data(data, "test", root), threads)


def run_cases(subject: Subject, cases: Iterable[Case], path: Path, report: Callable[[str], None]) -> list[Row]:
    """Run the cases that ``path`` has no row of, adding one row after another; return all rows of ``path``.

    The same step in two groups is made once.
    """
    rows = stored(path)
    done = {_key(row) for row in rows}
    known: dict[Step, Row] = {}
    for case in cases:
        name = subject.network.name
        if _case_key(name, case) not in done:
            twin = known.get(case.step)
            row = _row(subject, case) if twin is None else replace(twin, group=case.group, label=case.label)
            known[case.step] = row
            rows.append(row)
            write_csv(path, HEADER, map(astuple, rows))
            what = f"{case.group}, {case.label}, {case.bits} bits, {case.scale}, seed {case.seed}"
            report(f"{name} {what}: {rows[-1].test_correct} of {rows[-1].test_images}")
    return rows


def stored(path: Path) -> list[Row]:
    """Return the rows of a file, none where there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [Row(*(_KINDS[str(f.type)](row[f.name]) for f in fields(Row))) for row in csv.DictReader(file)]


def summary(rows: Sequence[Row]) -> list[tuple[object, ...]]:
    """Return for each case mean and standard deviation of the test error over its seeds, in per cent.

    >>> summary([Row("net", "g", "a", 3, "initial", s, 2, 90 + s, 100, 1) for s in (1, 2, 3)])
    [('net', 'g', 'a', 3, 'initial', 2, 3, 8.0, 1.0)]
    """
    cases: dict[tuple[object, ...], list[float]] = {}
    for row in rows:
        cases.setdefault((row.network, row.group, row.label, row.bits, row.scale, row.epochs), []).append(
            row.error_percent
        )
    return [
        (*case, len(errors), round(mean(errors), 4), round(stdev(errors), 4) if len(errors) > 1 else 0.0)
        for case, errors in cases.items()
    ]


SUMMARY = ("network", "group", "label", "bits", "scale", "epochs", "seeds", "mean_error_percent", "sd_error_percent")


def _key(row: Row) -> tuple[str, str, str, int, str, int]:
    return row.network, row.group, row.label, row.bits, row.scale, row.seed


def _case_key(network: str, case: Case) -> tuple[str, str, str, int, str, int]:
    return network, case.group, case.label, case.bits, case.scale, case.seed


def _row(subject: Subject, case: Case) -> Row:
    start = time.monotonic()
    result = case.step.apply(subject.network, Work(subject.train, threads=subject.threads))
    seconds = round(time.monotonic() - start)
    epochs = result.metadata["compression"][-1]["facts"]["epochs"]
    correct = count_correct_float(result, subject.test)
    return Row(*_case_key(subject.network.name, case), epochs, correct, len(subject.test), seconds)
