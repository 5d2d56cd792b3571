"""How many images does the diagonal of the Hessian need, and how does its floor matter?

Judged by held-out training images; no test image is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.compression.hessian import importance
from models.compression.hessian.exact import exact_diagonal
from models.compression.hessian.importance import FLOOR
from models.compression.hessian.unfused import drawn
from models.compression.studies.cases import Case, case
from models.compression.studies.importances import (
    CLUSTERS,
    RATES_BITS,
    SEARCHED,
    judged,
    quantisations,
    spearman,
    weighted_error,
)
from models.compression.studies.tables import Table, fingerprint, made_by
from models.compression.studies.writing import COLOURS, MARKERS, save_figure, write_provenance
from models.compression.weights import weight_names
from models.data.dataset import Dataset

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAMPLES = {
    "digits-cnn": (10, 30, 100, 300, 718),
    "lenet5": (10, 50, 100, 300, 1000, 3000),
    "resnet20": (10, 100, 300),
}
#: The first of the held-out images; ``resnet20`` was trained on them all the same (``studies.cases``).
JUDGES = {"digits-cnn": 180, "lenet5": 3000, "resnet20": 500}
FLOORS = (1e-6, 1e-4, 1e-1, 1.0)  #: beside ``FLOOR``, with the most images


@dataclass(frozen=True)
class Row:
    """A quantisation by the diagonal of some images; ``predicted`` is ½ Σ h d² with the h of the most images, nats.

    ``loss_change`` and ``correct`` are of the held-out images.
    """

    network: str
    samples: int
    floor: float
    spearman: float
    zeros: float
    quantiser: str
    entropy_bits: float
    predicted: float
    loss_change: float
    correct: int
    total: int


def run(folder: Path, root: Path | None, report: Callable[[str], None]) -> None:
    """Write ``samples.csv``, a figure and where they come from into ``folder``.

    Networks that the table there has already are kept, so that a run that was stopped goes on.

    Raises:
        CompressionError: the table there was made with other settings.
    """
    table = Table(folder / "samples.csv", Row, ("network",))
    table.expect([(name,) for name in SAMPLES])
    for name, counts in SAMPLES.items():
        asked = case(name, root)
        settings = fingerprint(asked, counts, JUDGES[name], FLOOR, FLOORS, CLUSTERS, RATES_BITS, SEARCHED)
        if table.holds((name,), settings):
            report(f"{name}: kept from {folder}")
            continue
        table.add(measured(asked, counts, report), settings)
        save_figure(folder / "hessian-samples", partial(draw, rows=table.rows), panels=2)
        write_provenance(folder, facts={"judges": JUDGES, "floor": FLOOR, **made_by(table)})


def measured(asked: Case, counts: Sequence[int], report: Callable[[str], None]) -> list[Row]:
    """Return rows for each number of images, and for each floor with the most images."""
    network, names = asked.network, weight_names(asked.network)
    judges = asked.validation.subset(JUDGES[network.name])
    before = judged(network, judges)
    found = running_means(asked, counts)
    flat = {count: np.concatenate([values[name].ravel() for name in names]) for count, values in found.items()}
    most = flat[counts[-1]]
    rows = []
    for count, floor in [*((count, FLOOR) for count in counts), *((counts[-1], floor) for floor in FLOORS)]:
        same, zeros = spearman(flat[count], most), float(np.mean(flat[count] == 0))
        for quantiser, made in quantisations(network, importance(network, found[count], floor=floor)).items():
            after, error = judged(made.network, judges), weighted_error(network, made.network, most)
            entropy, rise = made.clusters.entropy_bits, after.loss - before.loss
            measures = (same, zeros, quantiser, entropy, error, rise, after.correct, after.total)
            rows.append(Row(network.name, count, floor, *measures))
        report(f"{network.name}, {count} images, floor {floor:g}: rank correlation {same:.4f}")
    return rows


def running_means(asked: Case, counts: Sequence[int]) -> dict[int, dict[str, NDArray[np.float64]]]:
    """Return the exact diagonal over the first images of one draw, for each number of them (ascending)."""
    data = drawn(asked.train, counts[-1], seed=1)
    total = {name: np.zeros(tensor.shape) for name, tensor in asked.network.tensors.items()}
    found = {}
    for start, end in pairwise((0, *counts)):
        part = Dataset(data.name, data.split, data.images[start:end], data.labels[start:end])
        for name, values in exact_diagonal(asked.network, part).items():
            total[name] = total[name] + values * len(part)
        found[end] = {name: values / end for name, values in total.items()}
    return found


def draw(axes: Sequence[Axes], rows: Sequence[Row]) -> None:
    """Draw the rank correlation and the predicted loss against the number of images."""
    left, right = axes
    fewest = min(row.quantiser for row in rows if row.quantiser.startswith("ECSQ"))
    for place, network in enumerate(dict.fromkeys(row.network for row in rows)):
        own = [row for row in rows if row.network == network and row.floor == FLOOR and row.quantiser == fewest]
        style: Any = {
            "color": COLOURS[place],
            "marker": MARKERS[place],
            "markersize": 5,
            "linewidth": 1.2,
            "label": network,
        }
        left.plot([row.samples for row in own], [row.spearman for row in own], **style)
        right.plot([row.samples for row in own], [row.predicted / own[-1].predicted for row in own], **style)
    left.set(xscale="log", xlabel="images", ylabel="rank correlation with the most images")
    right.set(xscale="log", xlabel="images", ylabel="½ Σ h d², relative to the most images")
    right.set_title(f"{fewest} of entropy per weight", loc="left")
    for panel in axes:
        panel.legend()
