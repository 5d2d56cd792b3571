"""Training with OrthoReg: from the start, or on from a trained network as a step before quantization."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from hwsim.network import Network
from models.compression.orthoreg.cosine import ALL, pairwise_cosine
from models.compression.orthoreg.hook import OrthoRegHook
from models.compression.orthoreg.options import Decorrelation
from models.compression.retrain import trained
from models.compression.step import Step, Training, Work, recorded
from models.data.dataset import Dataset
from models.training.recipe import Recipe

if TYPE_CHECKING:
    from models.training.loop import Epoch, Fit


@dataclass(frozen=True)
class OrthoReg(Step):
    """Train the network on while its filters are pushed apart; weights that are pruned stay 0.

    Attributes:
        decorrelation: Which loss, how strong, on which layers.
        training: How it is trained on.
    """

    method: ClassVar[str] = "orthoreg"

    decorrelation: Decorrelation = field(default_factory=Decorrelation)
    training: Training = field(default_factory=lambda: Training(epochs=5))

    def apply(self, network: Network, work: Work) -> Network:
        """See the base class."""
        layers = self.decorrelation.layers
        before = pairwise_cosine(network, layers)[ALL].mean_absolute
        result = trained(network, work, self.training, (OrthoRegHook(network, self.decorrelation),))
        after = pairwise_cosine(result, layers)[ALL].mean_absolute
        work.report(f"  mean absolute cosine {before:.4f}, then {after:.4f}")
        return recorded(result, self, {"mean_absolute_cosine": {"before": before, "after": after}})


def train_with(
    network: Network,
    train: Dataset,
    recipe: Recipe,
    decorrelation: Decorrelation,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Fit:
    """Train ``network`` from the tensors that it holds, batch-norms and all, with OrthoReg in every step.

    Args:
        network: Structure and initial weights.
        train: All images that training may see.
        recipe: How to train.
        decorrelation: Which loss, how strong, on which layers; a beta of 0 is plain training.
        on_epoch: Called after each epoch.

    Raises:
        CompressionError: when the layers to decorrelate are not there.
        DataError: when the recipe does not fit the data.
    """
    from models.training.loop import fit

    return fit(network, train, recipe, on_epoch, (OrthoRegHook(network, decorrelation),))
