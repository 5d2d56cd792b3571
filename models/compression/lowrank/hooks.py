"""Proximal steps inside a training: after every so many steps, or after every epoch as the paper has it.

A proximal gradient method minimises loss + r by gradient steps of the loss, each followed by the proximal operator of
(step size) x r. Here that operator is applied at once for all steps since the last time, with the sum of their sizes,
so that the strength of r does not depend on how often it is applied. With momentum m, a step is rate / (1 - m) long.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Network
from models.compression.lowrank.matrix import Form, as_matrices, as_weight, groups_of
from models.compression.lowrank.prox import nuclear_prox, sparse_group_prox
from models.compression.pruning.budget import Masks
from models.training.hooks import Hook

if TYPE_CHECKING:
    import torch

    Tensors = Mapping[str, torch.Tensor]


class ProximalHook(Hook):
    """Applies a proximal operator to some tensors, from time to time.

    Args:
        every: Steps between two applications; 0 applies it after every epoch.
        momentum: Of the optimiser.
        masks: By tensor, True for the weights that stay: an operator that fills the zeros of a pruned network (the
            nuclear one does) has them put back after it, which is no longer the operator of r alone.
    """

    def __init__(self, every: int, momentum: float, masks: Masks | None = None) -> None:
        self.every, self.momentum = every, momentum
        self.masks = dict(masks or {})
        self._length, self._steps = 0.0, 0

    def after_step(self, weights: Tensors, rate: float) -> None:
        """See the base class."""
        self._length += rate / (1 - self.momentum)
        self._steps += 1
        if self.every and self._steps % self.every == 0:
            self._apply(weights)

    def after_epoch(self, weights: Tensors, rate: float, epoch: int) -> None:
        """See the base class."""
        if self._length:
            self._apply(weights)

    def _apply(self, weights: Tensors) -> None:
        import torch

        for name in self.names():
            tensor = weights[name]
            changed = self.prox(name, tensor.detach().cpu().numpy(), self._length)
            if name in self.masks:
                changed = np.where(self.masks[name], changed, 0.0)
            tensor.copy_(torch.tensor(changed.astype(np.float32)))
        self._length = 0.0

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Return the tensors that the operator is applied to."""

    @abstractmethod
    def prox(self, name: str, values: NDArray[np.float32], length: float) -> NDArray[np.float64]:
        """Return the operator of ``length`` x r at ``values``, of the same shape."""


class NuclearProxHook(ProximalHook):
    """Nuclear norm: r = tau x the sum over layers of the singular values of their matrices.

    Args:
        network: Whose layers are trained.
        forms: By the name of the layer, which of its matrices.
        tau: Weight of the norm in the objective, nats per unit of a singular value.
        every: See the base class.
        momentum: See the base class.
        masks: See the base class.
    """

    def __init__(
        self,
        network: Network,
        forms: Mapping[str, Form],
        tau: float,
        every: int = 0,
        momentum: float = 0.9,
        masks: Masks | None = None,
    ) -> None:
        super().__init__(every, momentum, masks)
        self.tau = tau
        self._forms = {f"{name}.weight": form for name, form in forms.items()}
        self._groups = {f"{name}.weight": groups_of(network.layer(name).op) for name in forms}  # type: ignore[arg-type]

    def names(self) -> tuple[str, ...]:
        """See the base class."""
        return tuple(self._forms)

    def prox(self, name: str, values: NDArray[np.float32], length: float) -> NDArray[np.float64]:
        """See the base class."""
        form = self._forms[name]
        matrices = as_matrices(values, self._groups[name], form)
        return as_weight(nuclear_prox(matrices, length * self.tau), values.shape, form)


class GroupLassoHook(ProximalHook):
    """Sparse group lasso, a group to an output unit: r = lambda x ``sparse_group_norm``, summed over layers.

    Args:
        layers: Names of the layers.
        strength: lambda, nats per unit of the norm.
        alpha: Share of the 1-norm.
        every: See the base class.
        momentum: See the base class.
    """

    def __init__(
        self, layers: tuple[str, ...], strength: float, alpha: float = 0.0, every: int = 0, momentum: float = 0.9
    ) -> None:
        super().__init__(every, momentum)
        self.strength, self.alpha = strength, alpha
        self._names = tuple(f"{name}.weight" for name in layers)

    def names(self) -> tuple[str, ...]:
        """See the base class."""
        return self._names

    def prox(self, name: str, values: NDArray[np.float32], length: float) -> NDArray[np.float64]:
        """See the base class."""
        rows = values.reshape(len(values), -1)
        return sparse_group_prox(rows, length * self.strength, self.alpha).reshape(values.shape)
