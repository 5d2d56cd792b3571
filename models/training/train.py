"""Training from a recipe to a network file with its card, log and curve."""

from __future__ import annotations

import csv
import io
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hwsim.errors import NetworkError, require_extra, unknown_name
from hwsim.network import Network, save_network
from models.accuracy import count_correct_float
from models.data import DATASETS, Dataset, load_data
from models.log import TimedLog
from models.training.loop import Epoch, Fit, fit
from models.training.recipe import Recipe, recipe_for
from models.zoo import ZOO

Report = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """A trained network with its card, and how it got there: the curve and the log."""

    network: Network
    fit: Fit
    log: tuple[str, ...]

    def save(self, path: Path) -> None:
        """Write the network file (atomically)."""
        save_network(self.network, path)

    def save_results(self, folder: Path) -> None:
        """Write ``log.txt`` and ``curve.csv`` into ``folder``.

        Raises:
            NetworkError: when the folder cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "log.txt").write_text("\n".join(self.log) + "\n", encoding="utf-8")
            (folder / "curve.csv").write_text(curve_csv(self.fit.curve), encoding="utf-8")
        except OSError as error:
            raise NetworkError(
                f"{folder} cannot be written: {error.strerror or error}. Name another --results"
            ) from error


def train(
    name: str,
    recipe: Recipe | None = None,
    root: Path | None = None,
    command: str = "",
    report: Report = lambda line: None,
    checkpoint: Path | None = None,
) -> Trained:
    """Train a network of the zoo; the test images are looked at once, when all is done.

    Args:
        name: A key of ``ZOO``.
        recipe: Default: the network's own.
        root: Folder of downloaded data.
        command: What the user typed, for the card.
        report: Called with each line of the log.
        checkpoint: File for the state after each epoch; the same call goes on from it, to the same bits.

    Raises:
        NetworkError: for an unknown name.
        DataError: when data is missing or the recipe does not fit it.
        MissingExtraError: when torch is not installed.
    """
    recipe = recipe or recipe_for(name)
    if name not in ZOO:
        raise NetworkError(unknown_name("network", name, ZOO))
    torch_version = _torch_version()
    log = TimedLog(report)
    network = ZOO[name](recipe.seed)
    dataset = str(network.metadata["dataset"])
    training, test = load_data(dataset, "train", root), load_data(dataset, "test", root)
    log.write(f"{name} on {dataset}: {command}".rstrip(": "))
    log.write(
        f"torch {torch_version}, {recipe.threads} threads, Python {platform.python_version()}, {platform.machine()}"
    )
    fitted = fit(network, training, recipe, lambda epoch: log.write(_epoch_text(epoch)), checkpoint=checkpoint)
    trained = Network(name, network.input_shape, network.layers, dict(fitted.tensors))
    correct = count_correct_float(trained, test)
    log.write(
        f"kept epoch {fitted.kept_epoch}; test: {correct} of {len(test)} correct ({100 * correct / len(test):.2f} %)"
    )
    card = _card(dataset, recipe, fitted, (training, test), correct) | {"torch": torch_version, "command": command}
    return Trained(Network(name, trained.input_shape, trained.layers, trained.tensors, card), fitted, tuple(log.lines))


def curve_csv(curve: tuple[Epoch, ...]) -> str:
    """Return the curve as CSV, one row per epoch.

    >>> print(curve_csv((Epoch(1, 0.05, 0.25, 9, 10),)), end="")
    epoch,learning_rate,train_loss_nats,validation_correct,validation_total
    1,0.05,0.25,9,10
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("epoch", "learning_rate", "train_loss_nats", "validation_correct", "validation_total"))
    for e in curve:
        rate, loss = f"{e.learning_rate:.6g}", f"{e.train_loss:.6g}"
        writer.writerow((e.epoch, rate, loss, e.validation_correct, e.validation_total))
    return out.getvalue()


def _epoch_text(epoch: Epoch) -> str:
    checked = f", validation {epoch.validation_correct} of {epoch.validation_total}" if epoch.validation_total else ""
    return f"epoch {epoch.epoch}: rate {epoch.learning_rate:.4g}, loss {epoch.train_loss:.4f}{checked}"


def _torch_version() -> str:
    try:
        import torch
    except ImportError as error:
        raise require_extra("torch", "train", "training") from error
    return str(torch.__version__)


def _card(dataset: str, recipe: Recipe, fitted: Fit, data: tuple[Dataset, Dataset], correct: int) -> dict[str, object]:
    training, test = data
    return {
        "dataset": dataset,
        "data_sha256": {"train": training.sha256, "test": test.sha256},
        "float_accuracy": {"split": "test", "correct": correct, "total": len(test)},
        "kept_epoch": fitted.kept_epoch,
        "recipe": recipe.to_dict(),
        "licence": f"weights: Apache-2.0; trained on {DATASETS[dataset].licence}",
    }
