"""Does OrthoReg help where data is scarce? Cosines and test errors with and without it, five seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models.compression.orthoreg import Decorrelation, pairwise_cosine, train_with
from models.compression.orthoreg.cosine import ALL
from models.compression.studies.orthoreg_table import KEY, NONE, Key, Row, write_summary
from models.compression.studies.tables import Table, fingerprint, made_by
from models.compression.studies.writing import write_provenance
from models.compression.weights import with_tensors
from models.data import Dataset, hold_out, load_data
from models.training.recipe import Recipe
from models.zoo import ZOO

SELECT, REPORT = "select", "report"
SELECT_SEEDS, REPORT_SEEDS = (101, 102), (1, 2, 3, 4, 5)


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


def run(folder: Path, root: Path | None, report: Callable[[str], None]) -> None:
    """Train everything that ``runs.csv`` in ``folder`` does not hold yet, and write tables and the figure.

    Raises:
        DataError: data is missing.
        CompressionError: the folder cannot be written, or holds another table or one of other settings.
    """
    runs = Runs(folder / "runs.csv", root, report)
    chosen: dict[tuple[str, str], float] = {}
    done: list[Row] = []
    for name, case in CASES.items():
        for arm_name, arm in arms_of(case).items():
            chosen[name, arm_name] = beta = chosen.get((case.betas_of, arm_name)) or _best(runs, name, arm_name, arm)
            done += [runs.get(name, arm_name, arm, beta, REPORT, seed) for seed in REPORT_SEEDS]
        write_summary(folder, done)
        facts = {"select_seeds": SELECT_SEEDS, "report_seeds": REPORT_SEEDS, **made_by(runs.table)}
        write_provenance(folder, facts=facts)


def arms_of(case: Case) -> dict[str, Arm]:
    """Return what is compared on a case; penalties on the digits only."""
    return ARMS | (FURTHER_ARMS if case.dataset == "digits" else {})


def wanted_runs() -> dict[Key, tuple[Case, Decorrelation]]:
    """Return every training that the study may want, by the fields ``KEY``; which are made depends on the choices."""
    seeds = [(SELECT, seed) for seed in SELECT_SEEDS] + [(REPORT, seed) for seed in REPORT_SEEDS]
    return {
        (name, arm_name, beta, purpose, seed): (case, arm.options(beta))
        for name, case in CASES.items()
        for arm_name, arm in arms_of(case).items()
        for beta in arm.betas
        for purpose, seed in seeds
    }


def _best(runs: Runs, case: str, arm_name: str, arm: Arm) -> float:
    """Return the beta with most held-out images correct over the selection seeds; of equals, the smaller."""
    if len(arm.betas) == 1:
        return arm.betas[0]
    found = {
        beta: sum(runs.get(case, arm_name, arm, beta, SELECT, seed).correct for seed in SELECT_SEEDS)
        for beta in arm.betas
    }
    return max(found, key=lambda beta: found[beta])


class Runs:
    """Trainings by what they are, kept in a table that grows with each."""

    def __init__(self, path: Path, root: Path | None, report: Callable[[str], None]) -> None:
        self._root, self._report = root, report
        self.table, wanted = Table(path, Row, KEY), wanted_runs()
        self.table.expect(tuple(wanted))
        sets = {case.dataset for case in CASES.values()}
        images = {name: [load_data(name, split, root) for split in ("train", "test")] for name in sets}
        self._settings = {
            key: fingerprint(case, options, recipe_of(case, key[-1]), images[case.dataset])
            for key, (case, options) in wanted.items()
        }
        self.rows = {key: row for row in self.table.rows if self.table.holds(key := _key(row), self._settings[key])}

    def get(self, case: str, arm_name: str, arm: Arm, beta: float, purpose: str, seed: int) -> Row:
        """Return the row of a training, made now unless it is there."""
        key = (case, arm_name, beta, purpose, seed)
        if key not in self.rows:
            correct, total, *measures = trained(CASES[case], arm.options(beta), purpose, seed, self._root)
            row = Row(*key, correct, total, *measures)
            self.table.add([row], self._settings[key])
            self.rows[key] = self.table.rows[-1]
            self._report(f"{case}, {arm_name} {beta:g}, {purpose} seed {seed}: {row.correct} of {row.total} correct")
        return self.rows[key]


def _key(row: Row) -> Key:
    return row.case, row.arm, row.beta, row.purpose, row.seed


def split_for(case: Case, purpose: str, seed: int, root: Path | None) -> tuple[Dataset, Dataset]:
    """Return (images to train on, images to count on): held-out ones of train to select, those of test to report."""
    train = load_data(case.dataset, "train", root)
    rest, held_out = hold_out(train, case.held_out)
    judge = held_out if purpose == SELECT else load_data(case.dataset, "test", root)
    # Small sets are all used when a result is reported; of large ones, the held-out part is never trained on.
    usable = len(train) if purpose == REPORT and not case.images else len(rest)
    order = np.random.Generator(np.random.PCG64(seed)).permutation(usable)[: case.images or usable]
    return Dataset(train.name, "small train", train.images[order], train.labels[order]), judge


def trained(
    case: Case, options: Decorrelation, purpose: str, seed: int, root: Path | None
) -> tuple[int, int, float, float, float, float, float]:
    """Train once and return the fields of ``Row`` from ``correct`` on; the seed draws weights, images and order."""
    import torch

    from models.training.loop import count_correct

    train, judge = split_for(case, purpose, seed, root)
    network = ZOO[case.network](seed)
    fitted = train_with(network, train, recipe_of(case, seed), options)
    tensors = {name: torch.tensor(array) for name, array in fitted.tensors.items()}
    correct = count_correct(network, tensors, judge)
    pairs = pairwise_cosine(with_tensors(network, fitted.tensors))[ALL]
    cosines = (pairs.mean_absolute, pairs.mean_positive, pairs.maximum, pairs.share_acute)
    return correct, len(judge), fitted.curve[-1].train_loss, *cosines


def recipe_of(case: Case, seed: int) -> Recipe:
    """Return how a case is trained."""
    return Recipe(case.epochs, case.batch, learning_rate=0.05, averaging=0.0, seed=seed, threads=1)
