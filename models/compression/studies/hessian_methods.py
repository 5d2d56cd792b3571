"""Does Adam's second moment stand in for the Hessian, across data sets?

Every diagonal beside the exact one: rank correlation in each layer and over all weights, and the loss and accuracy of
quantisers that take it as importance, at as many clusters and at the same entropy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwsim.figures import INK
from models.compression.hessian import Diagonal, diagonal_of, importance
from models.compression.hessian.importance import FLOOR
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

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Diagonals = Mapping[str, Mapping[str, NDArray[np.float64]]]


@dataclass(frozen=True)
class Effort:
    """How many images a network's diagonals are taken over, probes of the random ones, and most images that judge."""

    samples: int
    probes: int
    judges: int = 10_000


EFFORTS = {
    "digits-cnn": Effort(718, 100),
    "lenet300": Effort(1000, 50),
    "lenet5": Effort(1000, 10),
    "resnet20": Effort(300, 4, 1000),
}
LABELS = {
    "exact": "exact",
    "hutchinson": "Hutchinson",
    "backprop": "Becker & LeCun",
    "fisher": "squared gradients",
    "adam": "√v of Adam, weights fixed",
    "adam-training": "√v of Adam, in training",
    "adam-square": "v of Adam, weights fixed",
    "exact-root": "√ of exact",
    "ones": "all weights alike",
}


@dataclass(frozen=True)
class Correlation:
    """Rank correlation of a diagonal with the exact one, in a layer or ("all") over all weights."""

    network: str
    method: str
    layer: str
    weights: int
    spearman: float
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """A quantisation by one importance; ``predicted`` is ½ Σ h d² with the exact h, losses are in nats.

    Importances are ranked by the loss of the held-out images ("validation"), which ``resnet20`` was trained on all the
    same (``studies.cases``): its rise says what the quantiser does to a fit. Nothing is chosen by those of the test.
    """

    network: str
    method: str
    quantiser: str
    clusters: int
    entropy_bits: float
    predicted: float
    validation_loss_change: float
    validation_correct: int
    validation_total: int
    test_loss_change: float
    test_correct: int
    test_total: int


def run(folder: Path, root: Path | None, report: Callable[[str], None]) -> None:
    """Write ``correlations.csv``, ``quantisers.csv``, a figure and where they come from into ``folder``.

    Networks that the tables there have already are kept, so that a run that was stopped goes on.

    Raises:
        CompressionError: the tables there were made with other settings.
    """
    correlations = Table(folder / "correlations.csv", Correlation, ("network",))
    outcomes = Table(folder / "quantisers.csv", Outcome, ("network",))
    for table in (correlations, outcomes):
        table.expect([(name,) for name in EFFORTS])
    for name, effort in EFFORTS.items():
        asked = case(name, root)
        settings = fingerprint(asked, effort, options(effort), CLUSTERS, RATES_BITS, SEARCHED, FLOOR)
        if correlations.holds((name,), settings) & outcomes.holds((name,), settings):
            report(f"{name}: kept from {folder}")
            continue
        found, seconds = diagonals(asked, effort, report)
        correlations.add(compared(asked, found, seconds), settings)
        outcomes.add(measured(asked, found, effort, report), settings)
        drawing = partial(draw, correlations=correlations.rows, outcomes=outcomes.rows)
        save_figure(folder / "hessian-methods", drawing, panels=2)
        facts = {name: asdict(effort) for name, effort in EFFORTS.items()}
        write_provenance(folder, facts={**facts, "floor": FLOOR, **made_by(correlations, outcomes)})


def options(effort: Effort) -> dict[str, Diagonal]:
    """Return how each diagonal is found."""
    samples, adam = effort.samples, Diagonal(method="adam", samples=effort.samples)
    return {
        "exact": Diagonal(samples=samples),
        "hutchinson": Diagonal(method="hutchinson", samples=samples, probes=effort.probes),
        "backprop": Diagonal(method="backprop", samples=samples),
        "fisher": Diagonal(method="fisher", samples=samples),
        "adam": adam,
        "adam-training": Diagonal(method="adam", samples=samples, rate=1e-4),
        "ones": Diagonal(method="ones", samples=samples),
    }


def diagonals(asked: Case, effort: Effort, report: Callable[[str], None]) -> tuple[Diagonals, Mapping[str, float]]:
    """Return the diagonals of a network by method, and what each took, seconds."""
    found: dict[str, Mapping[str, NDArray[np.float64]]] = {}
    seconds: dict[str, float] = {}
    for method, chosen in options(effort).items():
        start = monotonic()
        found[method] = diagonal_of(asked.network, asked.train, chosen)
        seconds[method] = monotonic() - start
        report(f"{asked.network.name}: {method} in {seconds[method]:.1f} s")
    found["adam-square"] = {name: values**2 for name, values in found["adam"].items()}
    # As the method of that name, without the way through the network again.
    found["exact-root"] = {name: np.sqrt(values) for name, values in found["exact"].items()}
    return found, seconds | {"adam-square": seconds["adam"], "exact-root": seconds["exact"]}


def compared(asked: Case, found: Diagonals, seconds: Mapping[str, float]) -> list[Correlation]:
    """Return the rank correlations with the exact diagonal, layer by layer and over all weights."""
    names = weight_names(asked.network)
    rows = []
    for method, values in found.items():
        for layer, part in [("all", names), *((name, (name,)) for name in names)]:
            one, other = (np.concatenate([d[name].ravel() for name in part]) for d in (values, found["exact"]))
            rows.append(Correlation(asked.network.name, method, layer, one.size, spearman(one, other), seconds[method]))
    return rows


def measured(asked: Case, found: Diagonals, effort: Effort, report: Callable[[str], None]) -> list[Outcome]:
    """Return what the quantisers make of each importance."""
    network, names = asked.network, weight_names(asked.network)
    judges = [data.subset(min(effort.judges, len(data))) for data in (asked.validation, asked.test)]
    before = [judged(network, data) for data in judges]
    reference = np.concatenate([found["exact"][name].ravel() for name in names])
    rows = []
    for method, values in found.items():
        for quantiser, made in quantisations(network, importance(network, values)).items():
            after = [judged(made.network, data) for data in judges]
            (chosen, test), clusters = after, made.clusters
            row = Outcome(
                network=network.name,
                method=method,
                quantiser=quantiser,
                clusters=clusters.centres.size,
                entropy_bits=clusters.entropy_bits,
                predicted=weighted_error(network, made.network, reference),
                validation_loss_change=chosen.loss - before[0].loss,
                validation_correct=chosen.correct,
                validation_total=chosen.total,
                test_loss_change=test.loss - before[1].loss,
                test_correct=test.correct,
                test_total=test.total,
            )
            rows.append(row)
            what = f"{row.entropy_bits:.3f} bits, loss {row.validation_loss_change:+.4f}"
            report(f"  {method}, {quantiser}: {what}, {chosen.correct} of {chosen.total} held out")
    return rows


def draw(axes: Sequence[Axes], correlations: Sequence[Correlation], outcomes: Sequence[Outcome]) -> None:
    """Draw rank correlations over all weights, and the rise of the loss of the quantiser with the fewest bits."""
    left, right = axes
    methods = [method for method in LABELS if method not in ("exact", "exact-root", "ones")]
    networks = list(dict.fromkeys(row.network for row in correlations))
    fewest = min((row.quantiser for row in outcomes if row.quantiser.startswith("ECSQ")), default="")
    for place, network in enumerate(networks):
        marks: Any = {"color": COLOURS[place], "markersize": 6, "label": network}
        whole = {r.method: r.spearman for r in correlations if r.network == network and r.layer == "all"}
        left.plot([whole[m] for m in methods], range(len(methods)), MARKERS[place], **marks)
        rise = {r.method: r.validation_loss_change for r in outcomes if r.network == network and r.quantiser == fewest}
        right.plot([max(rise[m], 1e-4) for m in LABELS], range(len(LABELS)), MARKERS[place], **marks)
    left.set_yticks(range(len(methods)), [LABELS[m] for m in methods], color=INK)
    left.set(xlabel="rank correlation with the exact diagonal, all weights", xlim=(None, 1.02))
    right.set_yticks(range(len(LABELS)), LABELS.values(), color=INK)
    right.set(xlabel="rise of the loss of held-out images, nats", xscale="log")
    right.set_title(f"{fewest} per weight", loc="left")
    for panel in axes:
        panel.invert_yaxis()
    left.legend(loc="lower left")
