"""OrthoReg in a training step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hwsim.network import Network
from models.compression.orthoreg.loss import direction, pair_loss
from models.compression.orthoreg.options import Decorrelation, decorrelated_layers
from models.training.hooks import Hook

if TYPE_CHECKING:
    import torch

    Tensors = Mapping[str, torch.Tensor]


class OrthoRegHook(Hook):
    """Pushes the filters of each layer apart, in every step; biases and what stands in no pair are left alone.

    The Lua code moves the weights in the backward pass, just before the optimiser; here it is just after it. Name a
    hook that restricts weights (a mask, say) after this one.

    Args:
        network: What is trained; its layers say which tensors are filters.
        options: How.

    Raises:
        CompressionError: when the layers that the options name are not there.
    """

    def __init__(self, network: Network, options: Decorrelation) -> None:
        self.options = options
        self._groups = {f"{name}.weight": g for name, g in decorrelated_layers(network, options.layers).items()}

    def penalty(self, weights: Tensors) -> torch.Tensor | None:
        """Return beta times the loss over all layers, with the form ``penalty``."""
        o = self.options
        if o.form != "penalty" or o.beta == 0:
            return None
        losses = [pair_loss(weights[name], o.kind, o.sharpness, groups) for name, groups in self._groups.items()]
        return o.beta * sum(losses[1:], start=losses[0])

    def after_step(self, weights: Tensors, rate: float) -> None:
        """Move the filters by rate * beta against their direction, with the form ``update``."""
        o = self.options
        if o.form != "update" or o.beta == 0:
            return
        for name, groups in self._groups.items():
            weight = weights[name]
            weight.sub_(direction(weight, o.kind, o.sharpness, groups), alpha=rate * o.beta)
