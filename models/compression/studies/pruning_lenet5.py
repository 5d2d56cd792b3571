"""How much of LeNet-5 can go, by which schedule, for the same number of epochs."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwsim.network import Network, fold
from models.accuracy import count_correct_float
from models.compression.pruning import Prune
from models.compression.step import Training, Work
from models.compression.studies.writing import COLOURS, MARKERS, save_figure, write_csv, write_provenance, write_text
from models.data import load_data
from models.data.dataset import Dataset
from models.registry import load_network

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NETWORK = "lenet5"
VALIDATION = 5000  #: images at the end of the training images that no setting here has trained on
KEPT = (0.0855, 0.04, 0.02, 0.01)
EPOCHS = 8
TRAINING = Training(epochs=EPOCHS, learning_rate=0.05)
SCHEDULES = {
    "one-shot": Prune(training=TRAINING),
    "iterative": Prune(schedule="iterative", rounds=4, training=replace(TRAINING, epochs=EPOCHS // 4)),
    "gradual": Prune(schedule="gradual", training=TRAINING),
    "surgery": Prune(schedule="surgery", training=TRAINING),
}


@dataclass(frozen=True)
class Row:
    """One pruning.

    Attributes:
        schedule: Its name.
        keep: Fraction asked for.
        kept: Weights that stay.
        weights: Weights that there are.
        epochs: Of training in all.
        seed: Of the training.
        validation_correct: Of ``validation_images``, in float64; settings are chosen by it.
        validation_images: Held out of the training images.
        test_correct: Of ``test_images``, in float64; nothing is chosen by it.
        test_images: Of the test set.
        layers: What stays of each layer.
        seconds: That it took.
    """

    schedule: str
    keep: float
    kept: int
    weights: int
    epochs: int
    seed: int
    validation_correct: int
    validation_images: int
    test_correct: int
    test_images: int
    layers: str
    seconds: int


HEADER = tuple(field.name for field in fields(Row))


def run(folder: Path, root: Path | None, report: Callable[[str], None]) -> None:
    """Prune LeNet-5 by every schedule to every fraction; rows that ``folder`` has already are not made again."""
    network = fold(load_network(NETWORK))
    whole = load_data("mnist", "train", root)
    cut = len(whole) - VALIDATION
    train = whole.subset(cut)
    validation = Dataset(whole.name, "validation", whole.images[cut:], whole.labels[cut:])
    test = load_data("mnist", "test", root)
    rows, lines = _stored(folder / "rows.csv"), _lines(folder / "log.txt")
    done = {(row.schedule, row.keep) for row in rows}

    def log(line: str) -> None:
        lines.append(line)
        write_text(folder / "log.txt", "\n".join(lines) + "\n")
        report(line)

    for keep in KEPT:
        for name, step in SCHEDULES.items():
            if (name, keep) not in done:
                log(f"{name} to {keep:.2%}")
                rows.append(_row(name, replace(step, keep=keep), network, Work(train, log), validation, test))
                log(f"  validation {rows[-1].validation_correct} of {VALIDATION}")
                write_csv(folder / "rows.csv", HEADER, map(astuple, rows))
    save_figure(folder / "accuracy", lambda axes: _draw(axes[0], rows))
    write_provenance(folder, facts={"network": NETWORK, "epochs": EPOCHS, "learning_rate": TRAINING.learning_rate})


def _row(name: str, step: Prune, network: Network, work: Work, validation: Dataset, test: Dataset) -> Row:
    start = time.monotonic()
    pruned = step.apply(network, work)
    seconds = round(time.monotonic() - start)
    facts = pruned.metadata["compression"][-1]["facts"]
    layers = " ".join(f"{layer}:{entry['kept']}/{entry['weights']}" for layer, entry in facts["layers"].items())
    return Row(
        schedule=name,
        keep=step.keep,
        kept=facts["kept"],
        weights=facts["weights"],
        epochs=step.rounds * step.training.epochs + step.finish.epochs,
        seed=step.training.seed,
        validation_correct=count_correct_float(pruned, validation),
        validation_images=len(validation),
        test_correct=count_correct_float(pruned, test),
        test_images=len(test),
        layers=layers,
        seconds=seconds,
    )


def _stored(path: Path) -> list[Row]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [Row(*(_typed(field.type, row[field.name]) for field in fields(Row))) for row in csv.DictReader(file)]


def _typed(kind: Any, text: str) -> Any:
    return {"int": int, "float": float, "str": str}[kind](text)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _draw(axes: Axes, rows: Sequence[Row]) -> None:
    for place, name in enumerate(SCHEDULES):
        points = sorted((row for row in rows if row.schedule == name), key=lambda row: row.keep)
        axes.plot(
            [100 * row.kept / row.weights for row in points],
            [100 * (1 - row.test_correct / row.test_images) for row in points],
            marker=MARKERS[place],
            color=COLOURS[place],
            label=name,
        )
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 4, 8.55], ["1", "2", "4", "8.55"])
    axes.set_xlabel("weights that stay [%]")
    axes.set_ylabel("test error [%]")
    axes.set_title(f"LeNet-5, {EPOCHS} epochs each", loc="left")
    axes.legend()
