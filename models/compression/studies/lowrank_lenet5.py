"""What the nuclear norm adds to plain truncation on LeNet-5: accuracy against parameters and against cycles.

Every series begins with the same number of epochs, with or without the penalty, is cut at several thresholds, and each
cut network is trained on for the same number of epochs. The first convolution stays whole everywhere: it has 0.1 % of
the weights, and what its rank alone does to the accuracy, which ``conv1.csv`` has, would hide what the rules do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hwsim.network import Network, gemm_shape, load_network_file, save_network
from models.compression.lowrank.array_cost import ArrayChoice, ArrayCost
from models.compression.lowrank.cut import Cutter
from models.compression.lowrank.graph import factorise
from models.compression.lowrank.matrix import Form, Split
from models.compression.lowrank.train import Penalties, train_low_rank
from models.compression.lowrank.truncate import truncated
from models.compression.lowrank.units import shrink
from models.compression.retrain import trained as fine_tuned
from models.compression.step import Training, Work, own_recipe
from models.compression.studies.cases import Case, case
from models.compression.studies.lowrank_series import FIRST, SAMPLES, SERIES, UNCUT, WHOLE, points
from models.compression.studies.tables import THREADS, Table, fingerprint, made_by, write_rows
from models.compression.studies.writing import COLOURS, MARKERS, Log, save_figure, write_provenance
from models.data.dataset import Dataset
from models.provenance import code_version, is_dirty

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NETWORK = "lenet5"
IMAGES = 12_000  #: first training images, on which everything is trained: the whole set takes nearly five times as long
TRAINING = Training(epochs=3, learning_rate=0.02)
RETRAINING = Training(epochs=1, learning_rate=0.02)
KEY = ("series", "threshold")


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
        validation_images: Held out of the training images: no training has seen them, but the epoch of the network as
            it is was chosen by them.
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


@dataclass(frozen=True)
class Probe:
    """The network as it is with the first convolution alone cut, spatially; ``order``: by weights or by output."""

    order: str
    rank: int
    cycles: int
    validation_correct: int
    validation_images: int


def run(folder: Path, root: Path | None, report: Callable[[str], None]) -> None:
    """Make every series; rows and trained networks that ``folder`` has already are not made again.

    Trained networks lie there until the last row is made.

    Raises:
        CompressionError: the table there was made with other settings.
    """
    asked, log = _cut_down(case(NETWORK, root)), Log(folder / "log.txt", report)
    table = Table(folder / "rows.csv", Row, KEY)
    table.expect(points(SERIES))
    write_rows(folder / "conv1.csv", list(probes(asked, log)), fingerprint(asked, SAMPLES, ArrayChoice()))
    for row, settings in missing_rows(table, asked, log, folder):
        log(f"{row.series}, {row.threshold}: {row.parameters} parameters, {row.cycles} cycles; {row.ranks}")
        log(f"  validation {row.validation_correct} of {row.validation_images}, {row.cut_correct} before retraining")
        table.add([row], settings)
    save_figure(folder / "curves", lambda axes: draw(axes, table.rows), panels=2)
    write_provenance(folder, facts={"network": NETWORK, "array": vars(ArrayChoice()), **made_by(table)})
    for penalties in {series.penalties for series in SERIES.values() if series.penalties}:
        _trained_file(penalties, asked, folder).unlink(missing_ok=True)


def _cut_down(asked: Case) -> Case:
    return replace(asked, train=asked.train.subset(min(IMAGES, len(asked.train))))


def missing_rows(table: Table[Row], asked: Case, log: Callable[[str], None], folder: Path) -> Iterator[tuple[Row, str]]:
    """Yield the rows that ``table`` lacks, and their settings; all settings are compared first."""
    settings = {(name, text): _settings(asked, name, text) for name, text in points(SERIES)}
    found: dict[Penalties, Network] = {}
    for name, text in [key for key in settings if not table.holds(key, settings[key])]:
        series = SERIES.get(name)
        whole, trained = asked.network, 0
        if series and series.penalties:
            if series.penalties not in found:
                found[series.penalties] = _trained(series.penalties, asked, log, folder)
            whole, trained = found[series.penalties], TRAINING.epochs
        if series is None or text == UNCUT:
            row = _row(name, text, whole, asked, trained)
        else:
            row = _cut(name, text, whole, asked, log)
        yield row, settings[name, text]


def _settings(asked: Case, name: str, text: str) -> str:
    series = SERIES.get(name)
    rule = series.rules.get(text) if series else None
    training = (series.penalties, TRAINING, own_recipe(asked.network)) if series and series.penalties else None
    return fingerprint(asked, training, rule, RETRAINING if rule and training else None, ArrayChoice())


def _trained(penalties: Penalties, asked: Case, log: Callable[[str], None], folder: Path) -> Network:
    """Return the network after the training with ``penalties``; from ``folder`` where this code made it before.

    Code that is in no commit keeps nothing: other changes may have the same name.
    """
    own = _trained_file(penalties, asked, folder)
    if own.exists() and not is_dirty(code_version()):
        return load_network_file(own)
    log(f"training with tau {penalties.tau:g}, lambda {penalties.group:g}, alpha {penalties.alpha:g}")
    found = train_low_rank(asked.network, Work(asked.train, log, THREADS), penalties, TRAINING)
    if not is_dirty(code_version()):
        save_network(found, own)
    return found


def _trained_file(penalties: Penalties, asked: Case, folder: Path) -> Path:
    made = fingerprint(asked.network, asked.train, penalties, TRAINING, own_recipe(asked.network), code_version())
    return folder / f"trained-{made}.npz"


def _cut(name: str, text: str, whole: Network, asked: Case, log: Callable[[str], None]) -> Row:
    """Return the row of a cut network, trained on where its series is trained at all."""
    start, trains = time.monotonic(), SERIES[name].penalties is not None
    cut, splits = truncated(whole, asked.train, SERIES[name].rules[text])
    before = shrink(factorise(cut, splits)).network
    tuned = fine_tuned(before, Work(asked.train, log, THREADS), RETRAINING) if trains else before
    seconds, epochs = round(time.monotonic() - start), (TRAINING.epochs + RETRAINING.epochs) if trains else 0
    row = _row(name, text, tuned, asked, epochs)
    ranks = " ".join(f"{layer}={split.form.value}:{split.rank}" for layer, split in splits.items())
    return replace(row, cut_correct=_correct(before, asked.validation), ranks=ranks, seconds=seconds)


def _row(series: str, threshold: str, network: Network, asked: Case, epochs: int) -> Row:
    """Return the row of a network that was not cut."""
    costs = {objective: ArrayCost(network, ArrayChoice(objective)).whole for objective in ("cycles", "energy")}
    correct = _correct(network, asked.validation)
    return Row(
        series=series,
        threshold=threshold,
        parameters=sum(tensor.size for tensor in network.tensors.values()),
        macs=sum(gemm_shape(network, layer).macs for layer in network.mac_layers),
        cycles=int(costs["cycles"]),
        energy_uj=1e-6 * costs["energy"],
        cut_correct=correct,
        validation_correct=correct,
        validation_images=len(asked.validation),
        test_correct=_correct(network, asked.test),
        test_images=len(asked.test),
        epochs=epochs,
        ranks="",
        seconds=0,
    )


def probes(asked: Case, log: Callable[[str], None]) -> Iterator[Probe]:
    """Yield what each rank of the first convolution costs when nothing else is cut and nothing is trained."""
    cost, images = ArrayCost(asked.network, ArrayChoice()), asked.train.subset(SAMPLES).images
    for order, seen in (("weights", None), ("output", images)):
        cutter = Cutter(asked.network, seen)
        for rank in range(1, cutter.largest_rank(FIRST, Form.SPATIAL) + 1):
            splits = {FIRST: Split(Form.SPATIAL, rank)}
            correct = _correct(cutter.cut(splits), asked.validation)
            log(f"{FIRST} alone, rank {rank} by {order}: {correct} of {len(asked.validation)}")
            yield Probe(order, rank, int(cost(splits)), correct, len(asked.validation))


def _correct(network: Network, data: Dataset) -> int:
    """Return how many images are right, in float32: several times faster than in float64."""
    import torch

    from models.training.loop import count_correct

    return count_correct(network, {name: torch.tensor(array) for name, array in network.tensors.items()}, data)


def draw(axes: Sequence[Axes], rows: Sequence[Row]) -> None:
    """Draw the test error against parameters and against cycles, a line to a series, the whole network as a level."""
    (whole,) = (row for row in rows if row.series == WHOLE)
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
