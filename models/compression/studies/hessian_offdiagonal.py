"""How much is lost by ignoring the off-diagonal terms of the Hessian?

On networks that are small enough for the whole matrix: the loss that quantisation really costs beside what the diagonal
and the whole Hessian predict, and quantisers that see the diagonal, blocks, or everything, with as many clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.compression.hessian.change import Score, predicted, score
from models.compression.hessian.correlated import correlated_kmeans
from models.compression.hessian.full import full_hessian, gauss_newton
from models.compression.hessian.hutchinson import loss_gradient
from models.compression.hessian.importance import FLOOR
from models.compression.quantize import entropy_bits, kmeans, uniform
from models.compression.quantize.uniform import cell_width
from models.compression.studies.cases import SMALL, Case, case
from models.compression.studies.tables import fingerprint, write_rows
from models.compression.studies.writing import COLOURS, MARKERS, save_figure, write_provenance
from models.compression.weights import flat_weights, split_flat, weight_names, with_tensors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Float64 = NDArray[np.float64]

NETWORKS = (SMALL, "digits-cnn")
CLUSTERS = (2, 4, 6, 8, 12, 16, 24, 32, 64)
DAMPING = 1.0  #: added to the diagonal, as a share of its mean, where off-diagonal terms are used; not searched for
DAMPED = (0.1, 1.0)  #: the same without off-diagonal terms: what the damping alone does
QUANTISERS = {
    "uniform": "uniform cells",
    "kmeans": "k-means",
    "diagonal": "k-means, diagonal",
    **{f"diagonal + {share:g}": f"k-means, diagonal + {share:g} mean" for share in DAMPED},
    "filters": "k-means, blocks of filters",
    "layers": "k-means, blocks of layers",
    "whole": "k-means, whole Hessian",
}


@dataclass(frozen=True)
class Row:
    """A quantisation: losses in nats, on all training images unless a name says test; d is the change of the weights.

    The prediction is ``first`` + ``diagonal`` or ``first`` + ``full``.
    """

    network: str
    quantiser: str
    clusters: int
    entropy_bits: float
    mean_squared_error: float
    loss_change: float
    first: float
    diagonal: float
    within_filters: float
    within_layers: float
    full: float
    gauss_newton: float
    train_correct: int
    train_total: int
    test_loss_change: float
    test_correct: int
    test_total: int


@dataclass(frozen=True, eq=False)
class Problem:
    """What is known of a network: flat weights, gradient, matrices, and the filter and layer of each weight."""

    case: Case
    weights: Float64
    gradient: Float64
    hessian: Float64
    gauss_newton: Float64
    filters: NDArray[np.int64]
    layers: NDArray[np.int64]
    train: Score
    test: Score


def run(folder: Path, root: Path | None, report: Callable[[str], None]) -> None:
    """Write ``quantisers.csv``, a figure and where they come from into ``folder``."""
    rows: list[Row] = []
    facts: dict[str, object] = {"damping": DAMPING, "floor": FLOOR}
    settings: list[object] = [CLUSTERS, DAMPING, DAMPED, FLOOR]
    for name in NETWORKS:
        asked = case(name, root)
        settings.append(asked)
        problem = posed(asked)
        facts[name] = described(problem)
        report(f"{name}: {facts[name]}")
        for row in measured(problem):
            report(f"  {row.quantiser} {row.clusters}: loss {row.loss_change:+.4f}, test {row.test_correct}")
            rows.append(row)
    write_rows(folder / "quantisers.csv", rows, fingerprint(*settings))
    save_figure(folder / "hessian-offdiagonal", lambda axes: draw(axes, rows), panels=2)
    write_provenance(folder, facts=facts)


def posed(asked: Case) -> Problem:
    """Return matrices and gradient of a case over all its training images."""
    network, train = asked.network, asked.train
    names = weight_names(network)
    slopes = loss_gradient(network, train)
    sizes = [(network.tensors[name].shape[0], network.tensors[name][0].size) for name in names]
    units = np.cumsum([0, *(rows for rows, _ in sizes)])
    return Problem(
        asked,
        flat_weights(network),
        np.concatenate([slopes[name].ravel() for name in names]),
        full_hessian(network, train, len(train)),
        gauss_newton(network, train, len(train)),
        np.concatenate([np.repeat(start + np.arange(n), each) for start, (n, each) in zip(units, sizes, strict=False)]),
        np.repeat(np.arange(len(names)), [rows * each for rows, each in sizes]),
        score(network, train),
        score(network, asked.test),
    )


def described(problem: Problem) -> dict[str, object]:
    """Return size, gradient, trace and how much of the matrix is off the diagonal."""
    h = problem.hessian
    layers = problem.layers[:, None] == problem.layers
    filters = problem.filters[:, None] == problem.filters
    squares = {
        "diagonal": np.sum(np.diag(h) ** 2),
        "filters": np.sum(h[filters] ** 2),
        "layers": np.sum(h[layers] ** 2),
    }
    return {
        "weights": int(problem.weights.size),
        "train_loss": round(problem.train.loss, 5),
        "test_correct": problem.test.correct,
        "trace": round(float(np.trace(h)), 4),
        "largest_gradient": float(f"{np.abs(problem.gradient).max():.3g}"),
        "share_of_squares": {name: round(float(part / np.sum(h**2)), 4) for name, part in squares.items()},
    }


def measured(problem: Problem) -> Iterator[Row]:
    """Yield a row for each number of clusters and quantiser."""
    for clusters in CLUSTERS:
        for name, quantised in quantisations(problem, clusters).items():
            yield row_of(problem, name, quantised)


def quantisations(problem: Problem, clusters: int) -> Mapping[str, Float64]:
    """Return the quantised weights by quantiser, all from the same whole network and with ``clusters`` clusters."""
    w, curvature = problem.weights, np.diag(problem.gauss_newton)
    start = kmeans(w, clusters, np.maximum(curvature, FLOOR * curvature.mean()), "optimal")
    found = {
        "uniform": uniform(w, cell_width(w, clusters)).quantised,
        "kmeans": kmeans(w, clusters, init="optimal").quantised,
        "diagonal": start.quantised,
    }
    for share in DAMPED:
        damped = curvature + share * curvature.mean()
        found[f"diagonal + {share:g}"] = kmeans(w, clusters, damped, "optimal").quantised
    for name, groups in (("filters", problem.filters), ("layers", problem.layers), ("whole", None)):
        matrix = problem.gauss_newton * (True if groups is None else groups[:, None] == groups)
        matrix.flat[:: w.size + 1] += DAMPING * curvature.mean()
        found[name] = correlated_kmeans(w, matrix, start.centres, start.assignment, 8, 1e-3).quantised
    return found


def row_of(problem: Problem, name: str, quantised: Float64) -> Row:
    """Return everything about one quantisation."""
    network = problem.case.network
    change = quantised - problem.weights
    result = with_tensors(network, split_flat(quantised, network))
    train, test = score(result, problem.case.train), score(result, problem.case.test)
    terms = predicted(change, problem.gradient, problem.hessian, problem.gauss_newton)
    centres, assignment = np.unique(quantised, return_inverse=True)
    return Row(
        network=network.name,
        quantiser=name,
        clusters=centres.size,
        entropy_bits=entropy_bits(assignment),
        mean_squared_error=float(np.mean(change**2)),
        loss_change=train.loss - problem.train.loss,
        first=terms.first,
        diagonal=terms.diagonal,
        within_filters=within(change, problem.hessian, problem.filters),
        within_layers=within(change, problem.hessian, problem.layers),
        full=terms.full,
        gauss_newton=terms.gauss_newton,
        train_correct=train.correct,
        train_total=train.total,
        test_loss_change=test.loss - problem.test.loss,
        test_correct=test.correct,
        test_total=test.total,
    )


def within(change: Float64, matrix: Float64, groups: NDArray[np.int64]) -> float:
    """Return ½ dᵀ M d with the blocks of ``groups`` alone, whose members lie together.

    >>> within(np.array([1.0, 1.0, 1.0]), np.ones((3, 3)), np.array([0, 0, 1]))
    2.5
    """
    total = 0.0
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        part = slice(members[0], members[-1] + 1)
        total += float(change[part] @ matrix[part, part] @ change[part])
    return total / 2


def draw(axes: Sequence[Axes], rows: Sequence[Row]) -> None:
    """Draw predictions against measurements, and the loss against the number of clusters."""
    left, right = axes
    plain = [row for row in rows if row.quantiser in ("uniform", "kmeans", "diagonal") and row.loss_change > 0]
    for place, (field, label) in enumerate((("diagonal", "½ Σ h d²"), ("full", "½ dᵀHd"))):
        left.plot(
            [row.loss_change for row in plain],
            [max(getattr(row, field), 1e-5) for row in plain],
            MARKERS[place], color=COLOURS[place], markersize=4.5, alpha=0.8, label=label,
        )  # fmt: skip
    left.plot([1e-4, 10], [1e-4, 10], color="#777777", linewidth=0.8)
    left.set(xscale="log", yscale="log", xlabel="measured rise of the training loss, nats", ylabel="prediction, nats")
    left.set_title("predictions, both networks", loc="left")
    left.legend()
    for place, (name, label) in enumerate(QUANTISERS.items()):
        chosen = [row for row in rows if row.quantiser == name and row.network == NETWORKS[-1]]
        right.plot(
            [row.clusters for row in chosen],
            [100 * row.test_correct / row.test_total for row in chosen],
            MARKERS[place] + "-", color=COLOURS[place], markersize=4.5, linewidth=1.2, label=label,
        )  # fmt: skip
    right.set(xscale="log", xlabel="clusters", ylabel="test images correct, %")
    right.set_xticks(CLUSTERS, [str(k) for k in CLUSTERS])
    right.minorticks_off()
    right.set_title(f"{NETWORKS[-1]}, no retraining", loc="left")
    right.legend()
