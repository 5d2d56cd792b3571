"""Layer by layer or all layers at once, and how sensitive is each quantiser to what steers it?

Uniform cells, k-means, Hessian-weighted k-means and iterative ECSQ over a range of k and of multipliers, with one
codebook for the network and with one for each layer; nothing is retrained, so that only the quantiser differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.compression.hessian import Diagonal, diagonal_of, importance
from models.compression.quantize import Clusters, ecsq, kmeans, uniform
from models.compression.quantize.groups import Group, groups_of, rebuilt
from models.compression.quantize.target import rate_bits
from models.compression.quantize.uniform import cell_width
from models.compression.studies.cases import Case, case, read_rows, write_rows
from models.compression.studies.importances import judged
from models.compression.studies.writing import COLOURS, MARKERS, save_figure, write_provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CASES = {"digits-cnn": (898, 899), "lenet5": (300, 3000), "resnet20": (100, 500)}
"""Images of the Hessian's diagonal, and of the test."""
SCOPES = ("network", "layer")
CLUSTERS = (4, 8, 16, 32)
MULTIPLIERS = (0.003, 0.01, 0.03, 0.1)  #: as shares of the mean of h w²
_PASSES = 20


@dataclass(frozen=True)
class Row:
    """A quantisation: ``parameter`` is k, the cells over the range, or the multiplier as a share of the mean of h w².

    ``predicted`` is ½ Σ h d² with the exact diagonal, nats; ``loss_change`` that of the test images.
    """

    network: str
    scope: str
    quantiser: str
    parameter: float
    clusters: int
    entropy_bits: float
    table_bits: float
    predicted: float
    loss_change: float
    correct: int
    total: int


@dataclass(frozen=True, eq=False)
class Method:
    """A quantiser: whether errors are weighted, the parameters to try, and what it does to values and weights."""

    weighted: bool
    parameters: Sequence[float]
    quantise: Callable[[NDArray[np.float64], NDArray[np.float64], float], Clusters]


METHODS = {
    "uniform": Method(False, CLUSTERS, lambda w, h, k: uniform(w, cell_width(w, int(k)))),
    "k-means": Method(False, CLUSTERS, lambda w, h, k: kmeans(w, int(k), passes=2 * _PASSES)),
    "Hessian k-means": Method(True, CLUSTERS, lambda w, h, k: kmeans(w, int(k), h, passes=2 * _PASSES)),
    "ECSQ": Method(False, MULTIPLIERS, lambda w, h, m: ecsq(w, m, passes=_PASSES)),
    "Hessian ECSQ": Method(True, MULTIPLIERS, lambda w, h, m: ecsq(w, m, h, passes=_PASSES)),
}


def run(folder: Path, root: Path | None, report: Callable[[str], None]) -> None:
    """Write ``sweep.csv``, a figure and where they come from into ``folder``.

    Networks that the tables there have already are kept, so that a run that was stopped goes on.
    """
    rows = read_rows(folder / "sweep.csv", Row)
    for name, (samples, test) in CASES.items():
        if any(row.network == name for row in rows):
            report(f"{name}: kept from {folder}; remove the tables there to run it anew")
            continue
        for row in swept(case(name, root), samples, test):
            report(
                f"{name}, {row.scope}, {row.quantiser} {row.parameter:g}: {row.entropy_bits:.2f} bits, "
                f"loss {row.loss_change:+.4f}, {row.correct} of {row.total}"
            )
            rows.append(row)
        write_rows(folder / "sweep.csv", rows)
        networks = tuple(dict.fromkeys(row.network for row in rows))
        save_figure(folder / "quantizer-sweep", partial(draw, networks=networks, rows=rows), panels=len(networks))
        write_provenance(folder, facts={"images": CASES})


def swept(asked: Case, samples: int, test: int) -> Iterator[Row]:
    """Yield a row for each scope, quantiser and parameter."""
    network, images = asked.network, asked.test.subset(test)
    before = judged(network, images)
    exact = importance(network, diagonal_of(network, asked.train, Diagonal(samples=samples)))
    for scope in SCOPES:
        groups = groups_of(network, scope, exact)
        for name, method in METHODS.items():
            for parameter in method.parameters:
                parts = quantised(groups, method, parameter)
                after = judged(rebuilt(network, groups, parts), images)
                yield Row(
                    network=network.name,
                    scope=scope,
                    quantiser=name,
                    parameter=parameter,
                    clusters=sum(part.centres.size for part in parts),
                    entropy_bits=rate_bits(parts),
                    table_bits=32 * sum(part.centres.size for part in parts) / exact.size,
                    predicted=predicted(groups, parts) * float(exact.mean()),
                    loss_change=after.loss - before.loss,
                    correct=after.correct,
                    total=after.total,
                )


def quantised(groups: Sequence[Group], method: Method, parameter: float) -> list[Clusters]:
    """Return the clusters of each group; a multiplier is given as a share of the mean of h w² of the network."""
    weights = [group.importance if method.weighted else np.ones(group.values.size) for group in groups]
    if parameter < 1:
        powers = [h * group.values**2 for h, group in zip(weights, groups, strict=True)]
        parameter *= float(np.concatenate(powers).mean())
    return [method.quantise(g.values, h, parameter) for g, h in zip(groups, weights, strict=True)]


def predicted(groups: Sequence[Group], parts: Sequence[Clusters]) -> float:
    """Return ½ Σ h d² over all groups, in the unit of their importance times squared weight."""
    errors = [g.importance @ (g.values - part.quantised) ** 2 for g, part in zip(groups, parts, strict=True)]
    return 0.5 * float(sum(errors))


def draw(axes: Sequence[Axes], networks: Sequence[str], rows: Sequence[Row]) -> None:
    """Draw the rise of the loss against the entropy; whole lines: one codebook, broken ones: one for each layer."""
    for panel, network in zip(axes, networks, strict=True):
        for place, method in enumerate(METHODS):
            for scope in SCOPES:
                own = [r for r in rows if (r.network, r.quantiser, r.scope) == (network, method, scope)]
                own.sort(key=lambda row: row.entropy_bits)
                style: Any = {"color": COLOURS[place], "marker": MARKERS[place], "markersize": 4, "linewidth": 1.1}
                whole = scope == "network"
                panel.plot(
                    [row.entropy_bits for row in own],
                    [max(row.loss_change, 1e-4) for row in own],
                    linestyle="-" if whole else "--",
                    markerfacecolor=COLOURS[place] if whole else "white",
                    label=method if whole else None,
                    **style,
                )
        panel.set(yscale="log", xlabel="entropy, bits per weight", ylabel="rise of the test loss, nats")
        panel.set_title(network, loc="left")
    axes[0].legend(title="— one codebook,  - - one per layer", fontsize=8, title_fontsize=8)
