"""Layer by layer or all layers at once, and how sensitive is each quantiser to what steers it?

Uniform cells, k-means, Hessian-weighted k-means and iterative ECSQ over a range of k and of multipliers, with one
codebook for the network and with one for each layer; nothing is retrained, so that only the quantiser differs.
Judged by held-out training images; no test image is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.compression.hessian import Diagonal, diagonal_of, importance
from models.compression.hessian.importance import FLOOR
from models.compression.quantize import Clusters, Ecsq, KMeans, Quantizer, Uniform
from models.compression.quantize.groups import Group, groups_of, rebuilt
from models.compression.quantize.target import rate_bits
from models.compression.studies.cases import Case, case
from models.compression.studies.importances import judged
from models.compression.studies.tables import Table, fingerprint, made_by
from models.compression.studies.writing import COLOURS, MARKERS, save_figure, write_provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CASES = {"digits-cnn": (718, 180), "lenet5": (300, 3000), "resnet20": (100, 500)}
"""Images of the Hessian's diagonal, and held-out ones that judge; ``resnet20`` was trained on them all the same."""
SCOPES = ("network", "layer")
CLUSTERS = (4, 8, 16, 32)
MULTIPLIERS = (0.003, 0.01, 0.03, 0.1)  #: as shares of the mean of h w²


@dataclass(frozen=True)
class Row:
    """A quantisation: ``parameter`` is k, the cells over the range, or the multiplier as a share of the mean of h w².

    ``predicted`` is ½ Σ h d² with the exact diagonal, nats; ``loss_change`` and ``correct`` are
    of the held-out images.
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


@dataclass(frozen=True)
class Method:
    """A quantiser.

    Attributes:
        weighted: Whether errors are weighted.
        parameters: To try.
        relative: Whether a parameter is a share of the mean of h w² of the network.
        make: From a parameter to the step.
    """

    weighted: bool
    parameters: Sequence[float]
    relative: bool
    make: Callable[[float], Quantizer]


METHODS = {
    "uniform": Method(False, CLUSTERS, False, lambda k: Uniform(cells=int(k))),
    "k-means": Method(False, CLUSTERS, False, lambda k: KMeans(clusters=int(k))),
    "Hessian k-means": Method(True, CLUSTERS, False, lambda k: KMeans(clusters=int(k))),
    "ECSQ": Method(False, MULTIPLIERS, True, lambda share: Ecsq(multiplier=share)),
    "Hessian ECSQ": Method(True, MULTIPLIERS, True, lambda share: Ecsq(multiplier=share)),
}


def run(folder: Path, root: Path | None, report: Callable[[str], None]) -> None:
    """Write ``sweep.csv``, a figure and where they come from into ``folder``.

    Networks that the table there has already are kept, so that a run that was stopped goes on.

    Raises:
        CompressionError: the table there was made with other settings.
    """
    table = Table(folder / "sweep.csv", Row, ("network",))
    table.expect([(name,) for name in CASES])
    for name, (samples, judges) in CASES.items():
        asked = case(name, root)
        tried = {key: (m.weighted, m.relative, [m.make(p) for p in m.parameters]) for key, m in METHODS.items()}
        settings = fingerprint(asked, samples, judges, SCOPES, tried, FLOOR)
        if table.holds((name,), settings):
            report(f"{name}: kept from {folder}")
            continue
        table.add([told(row, report) for row in swept(asked, samples, judges)], settings)
        networks = tuple(dict.fromkeys(row.network for row in table.rows))
        drawing = partial(draw, networks=networks, rows=table.rows)
        save_figure(folder / "quantizer-sweep", drawing, panels=len(networks))
        write_provenance(folder, facts={"images": CASES, **made_by(table)})


def told(row: Row, report: Callable[[str], None]) -> Row:
    """Report a row, and return it."""
    report(
        f"{row.network}, {row.scope}, {row.quantiser} {row.parameter:g}: {row.entropy_bits:.2f} bits, "
        f"loss {row.loss_change:+.4f}, {row.correct} of {row.total}"
    )
    return row


def swept(asked: Case, samples: int, judges: int) -> Iterator[Row]:
    """Yield a row for each scope, quantiser and parameter."""
    network, images = asked.network, asked.validation.subset(judges)
    before = judged(network, images)
    exact = importance(network, diagonal_of(network, asked.train, Diagonal(samples=samples)))
    for scope in SCOPES:
        groups = groups_of(network, scope, exact)
        plain = groups_of(network, scope)
        for name, method in METHODS.items():
            for parameter in method.parameters:
                parts = quantised(groups if method.weighted else plain, method, parameter)
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


def quantised(groups: Sequence[Group], method: Method, parameter: float) -> Sequence[Clusters]:
    """Return the clusters of each group."""
    if method.relative:
        parameter *= float(np.concatenate([group.importance * group.values**2 for group in groups]).mean())
    return method.make(parameter).quantised(groups)[1]


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
        panel.set(yscale="log", xlabel="entropy, bits per weight", ylabel="rise of the loss of held-out images, nats")
        panel.set_title(network, loc="left")
    axes[0].legend(title="— one codebook,  - - one per layer", fontsize=8, title_fontsize=8)
