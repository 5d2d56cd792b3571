"""What the nuclear norm adds to plain truncation on LeNet-5: accuracy against parameters and against cycles.

Every series begins with the same number of epochs, with or without the penalty, is cut at several thresholds, and each
cut network is trained on for the same number of epochs.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from hwsim.network import Network, fold, gemm_shape, load_network_file, save_network
from models.compression.lowrank.array_cost import ArrayChoice, ArrayCost
from models.compression.lowrank.graph import factorise
from models.compression.lowrank.matrix import Split
from models.compression.lowrank.steps import fine_tuned
from models.compression.lowrank.train import Penalties, train_low_rank
from models.compression.lowrank.truncate import RankRule, truncated
from models.compression.lowrank.units import shrink
from models.compression.step import Training, Work
from models.compression.studies.writing import COLOURS, MARKERS, save_figure, write_csv, write_provenance, write_text
from models.data import load_data
from models.data.dataset import Dataset
from models.registry import load_network

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NETWORK, DATA = "lenet5", "mnist"
IMAGES = 20_000  #: first training images, on which everything is trained: the whole set takes three times as long
VALIDATION = 5000  #: images at the end of the training images that no setting here has trained on
TRAINING = Training(epochs=3, learning_rate=0.02)
RETRAINING = Training(epochs=1, learning_rate=0.02)
ENERGIES = (0.5, 0.35, 0.7, 0.2)
OUTPUT_ENERGIES = (0.85, 0.7, 0.95, 0.5)
SHARES = (0.14, 0.115)
NUCLEAR = Penalties(tau=8e-3)
UNCUT = "uncut"  #: what the training alone does to a series


@dataclass(frozen=True)
class Series:
    """One curve: a training, and the rules that cut what it gives.

    Attributes:
        penalties: Of the training.
        rules: One for each point, with the threshold as the row states it.
    """

    penalties: Penalties
    rules: Mapping[str, RankRule]


def _by_weights() -> Mapping[str, RankRule]:
    rules = {f"energy {energy}": RankRule(energy=energy) for energy in ENERGIES}
    return rules | {"gavish-donoho": RankRule("gavish-donoho")}


def _by_output() -> Mapping[str, RankRule]:
    rule = RankRule(data_aware=True, samples=1000)
    return {f"output energy {energy}": replace(rule, energy=energy) for energy in OUTPUT_ENERGIES}


def _by_cycles() -> Mapping[str, RankRule]:
    rule = RankRule("array", data_aware=True, samples=1000)
    return {f"cycles x {share}": replace(rule, cost_share=share) for share in SHARES}


SERIES: Mapping[str, Series] = MappingProxyType(
    {
        "plain": Series(Penalties(), _by_weights()),
        "nuclear": Series(NUCLEAR, _by_weights()),
        "plain, by output": Series(Penalties(), _by_output()),
        "nuclear, by output": Series(NUCLEAR, _by_output()),
        "nuclear + group": Series(replace(NUCLEAR, group=2.5e-4, alpha=0.1), _by_weights()),
        "plain, by cycles": Series(Penalties(), _by_cycles()),
    }
)


@dataclass(frozen=True)
class Row:
    """One network.

    Attributes:
        series: Its training.
        threshold: What it was cut by.
        parameters: Weights and biases.
        macs: Multiply-accumulates of an inference.
        cycles: Of an inference, int8 weights and activations.
        energy_uj: Of an inference, likewise.
        cut_correct: Of ``validation_images`` before the retraining, float32.
        validation_correct: After it; settings are chosen by it.
        validation_images: Held out of the training images.
        test_correct: Of ``test_images``, after the retraining, float32; nothing is chosen by it.
        test_images: Of the test set.
        epochs: Of training in all.
        ranks: What each layer was cut to.
        seconds: That cutting and retraining took.
    """

    series: str
    threshold: str
    parameters: int
    macs: int
    cycles: int
    energy_uj: float
    cut_correct: int
    validation_correct: int
    validation_images: int
    test_correct: int
    test_images: int
    epochs: int
    ranks: str
    seconds: int


HEADER = tuple(field.name for field in fields(Row))


@dataclass(frozen=True)
class Images:
    """The images of the study: nothing trains on ``validation``, nothing is chosen by ``test``."""

    train: Dataset
    validation: Dataset
    test: Dataset


def images(root: Path | None) -> Images:
    """Return the images of the study."""
    whole = load_data(DATA, "train", root)
    cut = len(whole) - VALIDATION
    validation = Dataset(whole.name, "validation", whole.images[cut:], whole.labels[cut:])
    return Images(whole.subset(IMAGES), validation, load_data(DATA, "test", root))


def run(folder: Path, root: Path | None, report: Callable[[str], None]) -> None:
    """Make every series; rows and trained networks that ``folder`` has already are not made again."""
    network, seen = fold(load_network(NETWORK)), images(root)
    lines = (folder / "log.txt").read_text(encoding="utf-8").splitlines() if (folder / "log.txt").exists() else []

    def log(line: str) -> None:
        lines.append(line)
        write_text(folder / "log.txt", "\n".join(lines) + "\n")
        report(line)

    rows = stored_rows(folder / "rows.csv")
    work = Work(seen.train, log, threads=1)
    for row in missing_rows(rows, network, work, seen, folder):
        rows.append(row)
        log(f"{row.series}, {row.threshold}: {row.parameters} parameters, {row.cycles} cycles; {row.ranks}")
        log(f"  validation {row.validation_correct} of {row.validation_images}, {row.cut_correct} before retraining")
        write_csv(folder / "rows.csv", HEADER, map(astuple, rows))
    save_figure(folder / "curves", lambda axes: draw(axes, rows), panels=2)
    write_provenance(folder, facts={"network": NETWORK, "array": vars(ArrayChoice())})


def missing_rows(done: Sequence[Row], network: Network, work: Work, seen: Images, folder: Path) -> Iterator[Row]:
    """Yield the rows that ``done`` lacks: first the network as it is, then a point of each series in turn."""
    known = {(row.series, row.threshold) for row in done}
    if ("whole", "-") not in known:
        yield _row("whole", "-", network, {}, seen, 0, 0)
    points = [(place, name, text) for name, series in SERIES.items() for place, text in enumerate(series.rules)]
    first_of = {series.penalties: name for name, series in reversed(tuple(SERIES.items()))}
    uncut = [(-1, name, UNCUT) for name in first_of.values()]
    for _, name, text in sorted([*uncut, *points], key=lambda point: point[0]):
        if (name, text) in known:
            continue
        trained = _trained(SERIES[name].penalties, network, work, folder)
        if text == UNCUT:
            yield _row(name, UNCUT, trained, {}, seen, 0, 0)
            continue
        start = time.monotonic()
        cut, splits = truncated(trained, work.train, SERIES[name].rules[text])
        before = shrink(factorise(cut, splits)).network
        tuned = fine_tuned(before, work, RETRAINING)
        cut_correct = _correct(before, seen.validation)
        yield _row(name, text, tuned, splits, seen, cut_correct, round(time.monotonic() - start))


def _trained(penalties: Penalties, network: Network, work: Work, folder: Path) -> Network:
    """Return the network after the training with ``penalties``; from ``folder`` where that was made before."""
    own = folder / f"trained-{penalties.tau:g}-{penalties.group:g}-{penalties.alpha:g}.npz"
    if not own.exists():
        work.report(f"training with tau {penalties.tau:g}, lambda {penalties.group:g}, alpha {penalties.alpha:g}")
        save_network(train_low_rank(network, work, penalties, TRAINING), own)
    return load_network_file(own)


def _row(
    series: str, threshold: str, network: Network, splits: Mapping[str, Split], seen: Images, cut: int, seconds: int
) -> Row:
    costs = {objective: ArrayCost(network, ArrayChoice(objective)).whole for objective in ("cycles", "energy")}
    correct = _correct(network, seen.validation)
    return Row(
        series=series,
        threshold=threshold,
        parameters=sum(tensor.size for tensor in network.tensors.values()),
        macs=sum(gemm_shape(network, layer).macs for layer in network.mac_layers),
        cycles=int(costs["cycles"]),
        energy_uj=1e-6 * costs["energy"],
        cut_correct=cut if splits else correct,
        validation_correct=correct,
        validation_images=len(seen.validation),
        test_correct=_correct(network, seen.test),
        test_images=len(seen.test),
        epochs=0 if series == "whole" else TRAINING.epochs + (RETRAINING.epochs if splits else 0),
        ranks=" ".join(f"{name}={split.form.value}:{split.rank}" for name, split in splits.items()),
        seconds=seconds,
    )


def _correct(network: Network, data: Dataset) -> int:
    """Return how many images are right, in float32: several times faster than in float64."""
    import torch

    from models.training.loop import count_correct

    return count_correct(network, {name: torch.tensor(array) for name, array in network.tensors.items()}, data)


def stored_rows(path: Path) -> list[Row]:
    """Return the rows of a file that ``run`` has written, none where there is no file."""
    if not path.exists():
        return []
    kinds = {field.name: {"int": int, "float": float}.get(str(field.type), str) for field in fields(Row)}
    with path.open(encoding="utf-8", newline="") as file:
        return [Row(**{name: kinds[name](row[name]) for name in HEADER}) for row in csv.DictReader(file)]


def draw(axes: Sequence[Axes], rows: Sequence[Row]) -> None:
    """Draw the test error against parameters and against cycles, a line to a series, the whole network as a level."""
    (whole,) = (row for row in rows if row.series == "whole")
    for panel, unit in zip(axes, ("parameters", "cycles"), strict=True):
        for place, name in enumerate(SERIES):
            points = sorted((r for r in rows if r.series == name and r.ranks), key=lambda r: getattr(r, unit))
            xs = [getattr(row, unit) for row in points]
            errors = [100 * (1 - row.test_correct / row.test_images) for row in points]
            panel.plot(xs, errors, marker=MARKERS[place], color=COLOURS[place], label=name)
        level = 100 * (1 - whole.test_correct / whole.test_images)
        panel.axhline(level, color=COLOURS[-1], linewidth=0.8, linestyle="--")
        panel.axhline(level + 0.5, color=COLOURS[-1], linewidth=0.8, linestyle=":")
        panel.axvline(getattr(whole, unit) / 3, color=COLOURS[-1], linewidth=0.8, linestyle=":")
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_yticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
        panel.set_xlabel(unit)
        panel.set_ylabel("test error [%]")
    axes[0].set_title("LeNet-5; dotted: a third of the cost, 0.5 points more errors", loc="left")
    axes[1].legend()
