"""How much of LeNet-5 can go, by which schedule, for the same number of epochs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.accuracy import count_correct_float
from models.compression.pruning import Prune
from models.compression.step import Training, Work, own_recipe
from models.compression.studies.cases import Case, case
from models.compression.studies.tables import Table, fingerprint, made_by
from models.compression.studies.writing import COLOURS, MARKERS, Log, save_figure, write_provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NETWORK = "lenet5"
THREADS = 2
KEPT = (0.0855, 0.02)
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
        validation_images: Held out of the training images: no training has seen them, but the epoch of the network as
            it is was chosen by them.
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


def run(folder: Path, root: Path | None, report: Callable[[str], None]) -> None:
    """Prune LeNet-5 by every schedule to every fraction; rows that ``folder`` has already are not made again.

    Raises:
        CompressionError: the table there was made with other settings.
    """
    asked, log = case(NETWORK, root), Log(folder / "log.txt", report)
    table = Table(folder / "rows.csv", Row, ("schedule", "keep"))
    steps = {(name, keep): replace(step, keep=keep) for keep in KEPT for name, step in SCHEDULES.items()}
    table.expect(tuple(steps))
    recipe = own_recipe(asked.network)
    settings = {key: fingerprint(asked, step, recipe, THREADS) for key, step in steps.items()}
    for key in [key for key in steps if not table.holds(key, settings[key])]:
        log(f"{key[0]} to {key[1]:.2%}")
        row = _row(key[0], steps[key], asked, log)
        log(f"  validation {row.validation_correct} of {row.validation_images}")
        table.add([row], settings[key])
    save_figure(folder / "accuracy", lambda axes: _draw(axes[0], table.rows))
    facts = {"network": NETWORK, "epochs": EPOCHS, "learning_rate": TRAINING.learning_rate, **made_by(table)}
    write_provenance(folder, facts=facts)


def _row(name: str, step: Prune, asked: Case, log: Callable[[str], None]) -> Row:
    start = time.monotonic()
    pruned = step.apply(asked.network, Work(asked.train, log, THREADS))
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
        validation_correct=count_correct_float(pruned, asked.validation),
        validation_images=len(asked.validation),
        test_correct=count_correct_float(pruned, asked.test),
        test_images=len(asked.test),
        layers=layers,
        seconds=seconds,
    )


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
    axes.set_xticks([100 * keep for keep in KEPT], [f"{100 * keep:g}" for keep in KEPT])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("weights that stay [%]")
    axes.set_ylabel("test error [%]")
    axes.set_title(f"LeNet-5, {EPOCHS} epochs each", loc="left")
    axes.legend()
