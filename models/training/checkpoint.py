"""What a training leaves on disk after each epoch, so that it can go on: an archive of arrays, no pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import DataError, NetworkError
from hwsim.network.archive import open_archive, write_archive
from models.data.dataset import Dataset
from models.training.recipe import Recipe

if TYPE_CHECKING:
    from hwsim.network import Network

_HEADER = "training.json"
_LIMIT_BYTES = 1 << 30


@dataclass(frozen=True)
class Epoch:
    """One row of the curve: the mean training loss in nats and the images of the validation split that are correct."""

    epoch: int
    learning_rate: float
    train_loss: float
    validation_correct: int
    validation_total: int


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes:
        curve: Epochs done.
        best: Correct images of the best epoch; -1 before the first.
        kept_epoch: The epoch that ``kept`` is from.
        kept: Averaged tensors of that epoch.
        state: What the next step depends on; empty unless read from a file.
    """

    curve: tuple[Epoch, ...]
    best: int
    kept_epoch: int
    kept: Mapping[str, NDArray[np.float32]]
    state: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def training_key(network: Network, train: Dataset, recipe: Recipe, device: str = "cpu") -> str:
    """Return a hash of everything that a training starts from; ``device`` is the kind that it runs on, cpu or cuda."""
    parts: tuple[str, ...] = (network.content_hash, train.sha256, json.dumps(recipe.to_dict(), sort_keys=True))
    # Stored trainings from before devices were told apart are of a CPU, and stay valid.
    parts += (device,) if device != "cpu" else ()
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def save_progress(path: Path, key: str, progress: Progress, state: Mapping[str, NDArray[Any]]) -> None:
    """Write the progress, whole or not at all.

    Raises:
        DataError: the file cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {f"kept/{name}": array for name, array in progress.kept.items()}
    arrays |= {f"state/{name}": array for name, array in state.items()}
    header = {
        "key": key,
        "curve": [asdict(epoch) for epoch in progress.curve],
        "best": progress.best,
        "kept_epoch": progress.kept_epoch,
        "arrays": sorted(arrays),
    }
    try:
        write_archive(path, {_HEADER: np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays})
    except NetworkError as error:
        raise DataError(f"the training cannot be stored: {error}") from error


def load_progress(path: Path, key: str) -> Progress | None:
    """Read what ``save_progress`` wrote; None when there is no such file.

    Raises:
        DataError: the file is damaged, or of another training.
    """
    if not path.exists():
        return None
    try:
        with open_archive(path, _LIMIT_BYTES) as archive:
            header = json.loads(archive.read(_HEADER).tobytes())
            arrays = {name: archive.read(name) for name in archive.entries if name != _HEADER}
        if header["arrays"] != sorted(arrays):
            raise ValueError("some of its arrays are missing")
        if header["key"] == key:
            return _progress(header, arrays)
    except (NetworkError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is no stored training ({error}): delete it to begin anew") from error
    raise DataError(f"{path} is of another training (other data, recipe, network or device): delete it or name another")


def _progress(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Progress:
    kept, state = (
        {name.removeprefix(part): array for name, array in arrays.items() if name.startswith(part)}
        for part in ("kept/", "state/")
    )
    curve = tuple(Epoch(**row) for row in header["curve"])
    return Progress(curve, int(header["best"]), int(header["kept_epoch"]), kept, state)
