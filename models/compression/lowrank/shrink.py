"""The step that removes units of 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hwsim.network import Network
from models.compression.lowrank.units import shrink
from models.compression.step import Step, Work, recorded


@dataclass(frozen=True)
class ShrinkUnits(Step):
    """Remove output units that are 0 or that nobody reads, and the weights that read them; the function stays."""

    method: ClassVar[str] = "shrink-units"

    def apply(self, network: Network, work: Work) -> Network:
        """See the base class."""
        shrunk = shrink(network)
        for name, count in shrunk.removed.items():
            work.report(f"  {name}: {count} units removed")
        for name, reason in shrunk.kept.items():
            work.report(f"  {name}: {reason}")
        return recorded(shrunk.network, self, {"removed": dict(shrunk.removed), "kept": dict(shrunk.kept)})
