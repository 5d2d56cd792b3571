"""Which of the four quantisers is best on a pruned network, and why?

LeNet-5 pruned to 8.55 %, as in table 1 of Choi et al. (2017), then every quantiser at the same entropies. Nothing is
trained after quantising, so that only the quantiser differs. Pruning sees the first 10,000 training images; the last
5,000, on which nothing was trained, judge, and no test image is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from hwsim.network import Network
from models.compression.container import pack
from models.compression.hessian.importance import FLOOR
from models.compression.pruning import Prune
from models.compression.quantize import Ecsq, KMeans, Quantizer, Uniform, entropy_bits
from models.compression.quantize.groups import groups_of, importance_of, rebuilt
from models.compression.step import Training, Work, own_recipe
from models.compression.studies.cases import case
from models.compression.studies.importances import judged
from models.compression.studies.tables import THREADS, fingerprint, write_rows
from models.compression.studies.writing import COLOURS, MARKERS, save_figure, write_provenance
from models.compression.weights import flat_weights
from models.data.dataset import Dataset

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NETWORK, KEEP = "lenet5", 0.0855
RATES = (2.6, 2.2, 1.8, 1.4)  #: bits per weight that is left
_PRUNING = Training(epochs=3, learning_rate=0.05)
_IMAGES, _SAMPLES = 10_000, 1000

Make = Callable[[float], Quantizer]
QUANTISERS: Mapping[str, tuple[Make, bool]] = MappingProxyType(
    {
        "k-means": (lambda bits: KMeans(rate_bits=bits), False),
        "k-means, Hessian": (lambda bits: KMeans(rate_bits=bits), True),
        "uniform": (lambda bits: Uniform(rate_bits=bits), False),
        "uniform, Hessian": (lambda bits: Uniform(rate_bits=bits), True),
        "ECSQ": (lambda bits: Ecsq(rate_bits=bits), False),
        "ECSQ, Hessian": (lambda bits: Ecsq(rate_bits=bits), True),
    }
)
"""What each makes of a rate, and whether errors are weighted by the exact diagonal of the Hessian."""


@dataclass(frozen=True)
class Row:
    """A quantisation: ``loss_nats`` and ``correct`` of the judging images, ``file_bytes`` of the whole file."""

    quantiser: str
    rate_bits: float
    entropy_bits: float
    clusters: int
    file_bytes: int
    loss_nats: float
    correct: int
    total: int


def run(folder: Path, root: Path | None, report: Callable[[str], None]) -> None:
    """Write ``rows.csv``, a figure and where they come from into ``folder``."""
    asked = case(NETWORK, root)
    work = Work(asked.train.subset(_IMAGES), report, THREADS)
    judges, pruning = asked.validation, Prune(keep=KEEP, schedule="gradual", training=_PRUNING)
    tried = [(name, weighted, [make(bits) for bits in RATES]) for name, (make, weighted) in QUANTISERS.items()]
    start = (asked.network, work.train, judges, pruning, own_recipe(asked.network), work.threads)
    settings = fingerprint(*start, _SAMPLES, FLOOR, tried)
    pruned = pruning.apply(asked.network, work)
    importance = importance_of(pruned, work, "exact", _SAMPLES, FLOOR)
    groups = {weighted: groups_of(pruned, "network", importance if weighted else None) for weighted in (False, True)}
    rows = [measured(pruned, judges, "none", 32.0)]
    for bits in RATES:
        for name, (make, weighted) in QUANTISERS.items():
            parts = make(bits).quantised(groups[weighted])[1]
            rows.append(measured(rebuilt(pruned, groups[weighted], parts), judges, name, bits))
            report(f"{rows[-1]}")
    write_rows(folder / "rows.csv", rows, settings)
    save_figure(folder / "quantizers-pruned", lambda axes: draw(axes[0], rows))
    facts = {"network": NETWORK, "keep": KEEP, "pruning_images": _IMAGES, "judging_images": len(judges)}
    write_provenance(folder, facts={**facts, "hessian_images": _SAMPLES})


def measured(network: Network, judges: Dataset, name: str, bits: float) -> Row:
    """Return what a network is like."""
    found, weights = judged(network, judges), flat_weights(network)
    values, codes = np.unique(weights[weights != 0], return_inverse=True)
    size = len(pack(network))
    return Row(name, bits, entropy_bits(codes), values.size, size, found.loss, found.correct, found.total)


def draw(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw the loss over the entropy."""
    for place, name in enumerate(QUANTISERS):
        own = [row for row in rows if row.quantiser == name]
        axes.plot(
            [row.entropy_bits for row in own],
            [row.loss_nats for row in own],
            color=COLOURS[place],
            marker=MARKERS[place],
            label=name,
        )
    axes.axhline(rows[0].loss_nats, color="#777777", linestyle=":", label="pruned, not quantised")
    axes.set(xlabel="entropy, bits per weight that is left", ylabel="loss of 5,000 images, nats", yscale="log")
    axes.legend()
