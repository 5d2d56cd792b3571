"""Fine-tuning of shared centres."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.errors import unknown_name
from models.compression.errors import CompressionError
from models.compression.quantize.groups import SCOPES
from models.training.hooks import Hook

if TYPE_CHECKING:
    from models.training.hooks import Tensors

GRADIENTS = ("mean", "sum")


class CentresHook(Hook):
    """Trains one number per cluster: equal weights stay equal, and zeros stay zero.

    The gradient of a centre is the sum of its members' (Han et al., "Deep compression", ICLR 2016, section 3.3;
    Choi et al., ICLR 2017). ``"mean"`` divides it by their number, which is the projection of the step onto the
    weights that the clusters allow: the learning rates of ordinary training hold for it. With ``"sum"`` they have to be
    smaller by about the number of members. Weight decay acts on a centre as on one weight.

    Args:
        scope: ``"network"``: equal weights of all layers are one centre; ``"layer"``: of one tensor only.
        gradient: ``"mean"`` or ``"sum"``.
        biases: Whether tensors of one dimension are trained.
        centres: Whether the centres are trained; without, only the biases are.

    Raises:
        CompressionError: for another scope or gradient.
    """

    def __init__(
        self, scope: str = "network", gradient: str = "mean", biases: bool = True, centres: bool = True
    ) -> None:
        if scope not in SCOPES:
            raise CompressionError(unknown_name("scope", scope, SCOPES))
        if gradient not in GRADIENTS:
            raise CompressionError(unknown_name("gradient of a centre", gradient, GRADIENTS))
        self._scope, self._mean, self._biases, self._centres = scope, gradient == "mean", biases, centres
        self._members: list[_Members] = []

    def begin(self, weights: Tensors) -> None:
        """Group the weights by their values."""
        names = [name for name, tensor in weights.items() if tensor.ndim >= 2]
        parts = [names] if self._scope == "network" else [[name] for name in names]
        self._members = [_Members(weights, part) for part in parts if part]

    def after_backward(self, weights: Tensors, rate: float) -> None:
        """Give every member of a cluster the gradient of its centre, and pruned weights none."""
        for members in self._members:
            members.share_gradients(weights, self._mean, self._centres)
        if not self._biases:
            for tensor in weights.values():
                if tensor.ndim < 2 and tensor.grad is not None:
                    tensor.grad.zero_()

    def after_step(self, weights: Tensors, rate: float) -> None:
        """Make the members of a cluster equal to the last bit."""
        for members in self._members:
            members.restore(weights, self._centres)


class _Members:
    """The weights of some tensors, grouped by their first values."""

    def __init__(self, weights: Tensors, names: list[str]) -> None:
        import torch

        self._names = names
        flat = torch.cat([weights[name].detach().reshape(-1) for name in names])
        values, self._index, counts = torch.unique(flat, return_inverse=True, return_counts=True)
        self._counts, self._values = counts.to(flat.dtype), values.clone()
        self._zero = values == 0
        self._one = torch.empty_like(counts)
        self._one[self._index] = torch.arange(flat.numel(), device=flat.device)

    def _sizes(self, weights: Tensors) -> list[int]:
        return [weights[name].numel() for name in self._names]

    def share_gradients(self, weights: Tensors, mean: bool, trained: bool) -> None:
        import torch

        grads = [weights[name].grad for name in self._names]
        flat = torch.cat([grad.reshape(-1) for grad in grads if grad is not None])
        sums = torch.zeros_like(self._values).index_add_(0, self._index, flat)
        sums[self._zero] = 0
        shared = (sums / self._counts if mean else sums) * float(trained)
        for grad, part in zip(grads, torch.split(shared[self._index], self._sizes(weights)), strict=True):
            if grad is not None:
                grad.copy_(part.view_as(grad))

    def restore(self, weights: Tensors, trained: bool) -> None:
        import torch

        if trained:
            flat = torch.cat([weights[name].detach().reshape(-1) for name in self._names])
            # The optimiser may round the members of one cluster differently; one of them speaks for all.
            self._values = torch.where(self._zero, 0.0, flat[self._one])
        for name, part in zip(self._names, torch.split(self._values[self._index], self._sizes(weights)), strict=True):
            weights[name].copy_(part.view_as(weights[name]))
