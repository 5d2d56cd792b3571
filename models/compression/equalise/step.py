"""The step that equalises channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from hwsim.network import Network
from models.compression.equalise.factors import equalised, spread
from models.compression.retrain import report_left
from models.compression.step import Step, Work, recorded


@dataclass(frozen=True)
class Equalise(Step):
    """Scale channels between layers until those of a layer are alike; a ReLU network's function stays.

    A folded batch-norm leaves channels and layers of very different size. One scale has to serve a layer and one
    codebook may have to serve all, and a retraining that the largest gradients do not blow up hardly moves the rest.
    Source: Nagel et al., "Data-free quantization through weight equalization and bias correction", ICCV 2019, eq. 11,
    here with all layers that share a channel through additions taken together.

    Attributes:
        measure: Size of a channel: the root mean square of its weights, or the largest magnitude as in the paper.
        exact: Factors are powers of two, so that not one bit of any result changes, but for underflow and overflow.
    """

    method: ClassVar[str] = "equalise"
    measure: Literal["rms", "max"] = "rms"
    exact: bool = False

    def apply(self, network: Network, work: Work) -> Network:
        """See the base class."""
        report_left(network, work)
        done = equalised(network, self.measure, self.exact)
        before, after = spread(network, self.measure), spread(done.network, self.measure)
        work.report(f"  spread of channels: a factor of {before:.3g} before, {after:.3g} after")
        state = "settled" if done.settled else f"NOT settled, factors still move by {done.change:.2g}"
        work.report(f"  {done.passes} passes, {state}")
        facts = {"spread_before": before, "spread_after": after, "passes": done.passes, "settled": done.settled}
        return recorded(done.network, self, facts)
