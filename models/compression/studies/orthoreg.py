"""Does OrthoReg help where data is scarce? Cosines and test errors with and without it, five seeds."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.compression.errors import CompressionError
from models.compression.orthoreg import Decorrelation, pairwise_cosine, train_with
from models.compression.orthoreg.cosine import ALL
from models.compression.studies.writing import COLOURS, save_figure, write_csv, write_provenance
from models.compression.weights import with_tensors
from models.data import Dataset, load_data
from models.training.recipe import Recipe
from models.zoo import ZOO

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NONE = "none"
SELECT, REPORT = "select", "report"
SELECT_SEEDS, REPORT_SEEDS = (101, 102), (1, 2, 3, 4, 5)
HEADER = (
    "case", "arm", "beta", "purpose", "seed", "correct", "total", "train_loss_nats",
    "mean_absolute_cosine", "mean_positive_cosine", "maximum_cosine", "share_acute",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A network on a small training set.

    Attributes:
        network: Of the zoo.
        dataset: What it learns.
        images: Training images, drawn by the seed; 0 takes all of them.
        held_out: Images at the end of train that choose beta and are not trained on by then.
        betas_of: The case whose choice of beta is taken; empty: its own.
    """

    network: str
    dataset: str
    images: int
    epochs: int
    batch: int
    held_out: int
    betas_of: str = ""


@dataclass(frozen=True)
class Arm:
    """A way to decorrelate and the strengths to choose from."""

    kind: str
    form: str
    betas: tuple[float, ...]

    def options(self, beta: float) -> Decorrelation:
        """Return it at one strength."""
        return replace(Decorrelation(), kind=self.kind, form=self.form, beta=beta)  # type: ignore[arg-type]


CASES = {
    "lenet300 1000": Case("lenet300", "mnist", 1000, 20, 50, 5000),
    "digits-cnn 898": Case("digits-cnn", "digits", 0, 30, 50, 180),
    "lenet5 1000": Case("lenet5", "mnist", 1000, 12, 50, 5000, betas_of="lenet300 1000"),
}
ARMS = {
    NONE: Arm("local", "update", (0.0,)),
    "local": Arm("local", "update", (0.1, 1.0, 10.0, 100.0)),
    "global": Arm("global", "update", (0.01, 0.1, 1.0, 10.0)),
}
FURTHER_ARMS = {
    "local, as penalty": Arm("local", "penalty", (0.01, 0.1, 1.0, 10.0)),
    "global, as penalty": Arm("global", "penalty", (0.001, 0.01, 0.1, 1.0)),
}

Row = dict[str, str]
Key = tuple[str, str, float, str, int]


def run(folder: Path, root: Path | None, report: Callable[[str], None]) -> None:
    """Train everything that ``runs.csv`` in ``folder`` does not hold yet, and write tables and the figure.

    Raises:
        DataError: data is missing.
        CompressionError: the folder cannot be written, or holds another table.
    """
    runs = Runs(folder / "runs.csv", root, report)
    chosen: dict[tuple[str, str], float] = {}
    done: list[Row] = []
    for name, case in CASES.items():
        arms = ARMS | (FURTHER_ARMS if case.dataset == "digits" else {})
        for arm_name, arm in arms.items():
            chosen[name, arm_name] = beta = chosen.get((case.betas_of, arm_name)) or _best(runs, name, arm_name, arm)
            done += [runs.get(name, arm_name, arm, beta, REPORT, seed) for seed in REPORT_SEEDS]
        write_summary(folder, done)
        write_provenance(folder, facts={"select_seeds": SELECT_SEEDS, "report_seeds": REPORT_SEEDS})


def _best(runs: Runs, case: str, arm_name: str, arm: Arm) -> float:
    """Return the beta with most held-out images correct over the selection seeds; of equals, the smaller."""
    if len(arm.betas) == 1:
        return arm.betas[0]
    found = {
        beta: sum(int(runs.get(case, arm_name, arm, beta, SELECT, seed)["correct"]) for seed in SELECT_SEEDS)
        for beta in arm.betas
    }
    return max(found, key=lambda beta: found[beta])


class Runs:
    """Trainings by what they are, kept in a table that grows with each."""

    def __init__(self, path: Path, root: Path | None, report: Callable[[str], None]) -> None:
        self.rows: dict[Key, Row] = {}
        self._path, self._root, self._report = path, root, report
        if path.exists():
            with path.open(encoding="utf-8", newline="") as stream:
                table = csv.DictReader(stream)
                if tuple(table.fieldnames or ()) != HEADER:
                    raise CompressionError(f"{path} holds another table: move it away")
                self.rows = {_key(row): row for row in table}

    def get(self, case: str, arm_name: str, arm: Arm, beta: float, purpose: str, seed: int) -> Row:
        """Return the row of a training, made now unless it is there."""
        key = (case, arm_name, beta, purpose, seed)
        if key not in self.rows:
            found = trained(CASES[case], arm.options(beta), purpose, seed, self._root)
            self.rows[key] = dict(zip(HEADER, map(str, (*key, *found)), strict=True))
            write_csv(self._path, HEADER, [[row[name] for name in HEADER] for row in self.rows.values()])
            self._report(f"{case}, {arm_name} {beta:g}, {purpose} seed {seed}: {found[0]} of {found[1]} correct")
        return self.rows[key]


def _key(row: Row) -> Key:
    return row["case"], row["arm"], float(row["beta"]), row["purpose"], int(row["seed"])


def split_for(case: Case, purpose: str, seed: int, root: Path | None) -> tuple[Dataset, Dataset]:
    """Return (images to train on, images to count on): held-out ones of train to select, those of test to report."""
    train = load_data(case.dataset, "train", root)
    rest = len(train) - case.held_out
    if purpose == SELECT:
        judge = Dataset(train.name, "held-out", train.images[rest:], train.labels[rest:])
    else:
        judge = load_data(case.dataset, "test", root)
    # Small sets are all used when a result is reported; of large ones, the held-out part is never trained on.
    usable = len(train) if purpose == REPORT and not case.images else rest
    order = np.random.Generator(np.random.PCG64(seed)).permutation(usable)[: case.images or usable]
    return Dataset(train.name, "small train", train.images[order], train.labels[order]), judge


def trained(
    case: Case, options: Decorrelation, purpose: str, seed: int, root: Path | None
) -> tuple[int, int, float, float, float, float, float]:
    """Train once and return what ``HEADER`` names from ``correct`` on; the seed draws weights, images and order."""
    import torch

    from models.training.loop import count_correct

    train, judge = split_for(case, purpose, seed, root)
    recipe = Recipe(case.epochs, case.batch, learning_rate=0.05, averaging=0.0, seed=seed, threads=1)
    network = ZOO[case.network](seed)
    fitted = train_with(network, train, recipe, options)
    tensors = {name: torch.tensor(array) for name, array in fitted.tensors.items()}
    correct = count_correct(network, tensors, judge)
    pairs = pairwise_cosine(with_tensors(network, fitted.tensors))[ALL]
    cosines = (pairs.mean_absolute, pairs.mean_positive, pairs.maximum, pairs.share_acute)
    return correct, len(judge), fitted.curve[-1].train_loss, *cosines


def write_summary(folder: Path, reported: Sequence[Row]) -> None:
    """Write ``summary.csv`` and the figure from the reported runs: means and standard deviations over seeds."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in reported:
        groups.setdefault((row["case"], row["arm"]), []).append(row)
    table = []
    for (case, arm), of_arm in groups.items():
        plain = {row["seed"]: error_percent(row) for row in groups[case, NONE]}
        change = [error_percent(row) - plain[row["seed"]] for row in of_arm]
        columns = [[error_percent(row) for row in of_arm], change]
        columns += [[float(row[name]) for row in of_arm] for name in HEADER[7:]]
        spread = [value for column in columns for value in (statistics.fmean(column), statistics.stdev(column))]
        table.append((case, arm, of_arm[0]["beta"], len(of_arm), *(f"{value:.5g}" for value in spread)))
    names = ("test_error_percent", "change_percent_points", *HEADER[7:])
    header = ("case", "arm", "beta", "seeds", *(f"{name}_{what}" for name in names for what in ("mean", "std")))
    write_csv(folder / "summary.csv", header, table)
    save_figure(folder / "orthoreg", lambda axes: _draw(axes, groups), panels=2, size=(10.4, 4.4))


def error_percent(row: Row) -> float:
    """Return the share of wrong images in percent.

    >>> error_percent({"correct": "9", "total": "12"})
    25.0
    """
    return 100 - 100 * int(row["correct"]) / int(row["total"])


def _draw(axes: Sequence[Axes], groups: dict[tuple[str, str], list[Row]]) -> None:
    cases = list(dict.fromkeys(case for case, _ in groups))
    arms = list(dict.fromkeys(arm for _, arm in groups))
    plain = {(case, row["seed"]): error_percent(row) for case in cases for row in groups[case, NONE]}
    values: tuple[tuple[str, Callable[[Row], float]], ...] = (
        ("mean absolute cosine between filters", lambda row: float(row["mean_absolute_cosine"])),
        ("test error less that of the same seed without, points", lambda row: error_percent(row) - plain[_start(row)]),
    )
    for panel, (label, value) in zip(axes, values, strict=True):
        for place, arm in enumerate(arms):
            shift = 0.15 * (place - (len(arms) - 1) / 2)
            points = [(i + shift, value(row)) for i, case in enumerate(cases) for row in groups.get((case, arm), ())]
            x, y = zip(*points, strict=True)
            panel.plot(x, y, "o", color=COLOURS[place], markersize=4, label=arm, alpha=0.8)
        panel.set_xticks(range(len(cases)), [case.replace(" ", "\n") for case in cases])
        panel.set_ylabel(label)
        panel.set_ylim(bottom=0 if panel is axes[0] else None)
    axes[0].legend()


def _start(row: Row) -> tuple[str, str]:
    return row["case"], row["seed"]
