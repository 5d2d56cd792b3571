"""The step that removes units of 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwsim.network import Network
from models.compression.lowrank.units import shrink
from models.compression.retrain import report_left
from models.compression.step import Step, Work, recorded


@dataclass(frozen=True)
class ShrinkUnits(Step):
    """Remove output units that are 0 or that nobody reads, and the weights that read them; the function stays."""

    method: ClassVar[str] = "shrink-units"

    def apply(self, network: Network, work: Work) -> Network:
        """See the base class."""
        shrunk = shrink(network)
        if _moves_biases(network, shrunk.network):
            report_left(network, work, ("biases",))
        for name, count in shrunk.removed.items():
            work.report(f"  {name}: {count} units removed")
        for name, reason in shrunk.kept.items():
            work.report(f"  {name}: {reason}")
        return recorded(shrunk.network, self, {"removed": dict(shrunk.removed), "kept": dict(shrunk.kept)})


def _moves_biases(before: Network, after: Network) -> bool:
    """Return whether a bias has taken up a constant: whether any is none of those of its layer before."""
    names = [name for name in after.tensors if name.endswith(".bias")]
    return not all(np.isin(after.tensors[name], before.tensors.get(name, np.zeros(1))).all() for name in names)
