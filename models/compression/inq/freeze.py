"""Weights that a training leaves as they are, bit by bit, while it moves the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import all_faults
from models.compression.errors import CompressionError
from models.training.hooks import Hook

if TYPE_CHECKING:
    import torch

    from models.training.hooks import Tensors


class InqHook(Hook):
    """Freezes the weights of a mask: no gradient reaches them, and neither momentum nor decay moves them.

    Source: Zhou et al., ICLR 2017, eq. 8: W <- W - rate dE/dW T with T = 0 where a weight is frozen.

    Args:
        frozen: Where each tensor is frozen, by name; tensors that are not named are trained.

    Raises:
        CompressionError: in ``begin``, for masks that fit no tensor.
    """

    def __init__(self, frozen: Mapping[str, NDArray[np.bool_]]) -> None:
        self._frozen = {name: np.array(mask, dtype=bool) for name, mask in frozen.items()}
        self._masks: dict[str, torch.Tensor] = {}
        self._values: dict[str, torch.Tensor] = {}

    def begin(self, weights: Tensors) -> None:
        """Remember what is frozen."""
        import torch

        self._check(weights)
        for name, mask in self._frozen.items():
            self._masks[name] = torch.tensor(mask, device=weights[name].device)
            self._values[name] = weights[name].detach().clone()

    def after_backward(self, weights: Tensors, rate: float) -> None:
        """Stop the gradient of what is frozen."""
        for name, mask in self._masks.items():
            gradient = weights[name].grad
            if gradient is not None:
                gradient.masked_fill_(mask, 0.0)

    def after_step(self, weights: Tensors, rate: float) -> None:
        """Put back what weight decay moved."""
        import torch

        for name, mask in self._masks.items():
            weights[name].copy_(torch.where(mask, self._values[name], weights[name]))

    def _check(self, weights: Tensors) -> None:
        shapes: dict[str, Any] = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        faults = [
            f"mask {name!r} has the shape {mask.shape}; the network has {shapes.get(name, 'no such tensor')}"
            for name, mask in self._frozen.items()
            if shapes.get(name) != mask.shape
        ]
        if faults:
            raise CompressionError(all_faults("frozen weights", faults))
