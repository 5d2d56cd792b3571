"""Training through a rounding: the forward pass sees rounded weights, the gradient passes as if nothing were rounded.

Source: Bengio et al., arXiv 1308.3432 (the straight-through estimator). With ``pow2`` it trains as DeepShift-Q does
(Elhoushi et al., CVPR-W 2021), but rounds to INQ's numbers, by value and with a 0, where DeepShift-Q rounds exponents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from hwsim.arith.quantize import quantize
from hwsim.errors import all_faults, unknown_name
from hwsim.formats import NumberFormat
from models.compression.errors import CompressionError
from models.training.hooks import Hook

if TYPE_CHECKING:
    import torch

    from models.training.hooks import Tensors

Rounder = Callable[[NDArray[Any], NumberFormat], NDArray[Any]]


class StraightThroughHook(Hook):
    """Shows the forward pass rounded weights and hands their gradient to the weights behind them.

    The trained tensors stay unrounded: round what the training returns.

    Args:
        formats: A fitted format of hwsim for each tensor, by name.
        rounding: What rounds; hwsim's own by default.

    Raises:
        CompressionError: in ``begin``, for names of no tensor; at once for formats without a scale.
    """

    def __init__(self, formats: Mapping[str, NumberFormat], rounding: Rounder = quantize) -> None:
        loose = [f"{name}: {fmt} has no scale or table yet" for name, fmt in formats.items() if not fmt.is_fitted]
        if loose:
            raise CompressionError(f"{all_faults('formats to train in', loose)}; use hwsim.arith.fit")
        self._formats, self._rounding = dict(formats), rounding

    def begin(self, weights: Tensors) -> None:
        """Check the names."""
        faults = [unknown_name("tensor", name, weights) for name in self._formats if name not in weights]
        if faults:
            raise CompressionError(all_faults("formats to train in", faults))

    def seen(self, weights: Tensors) -> Tensors:
        """Return the tensors with those that have a format rounded."""
        return {
            name: self._rounded(tensor, self._formats[name]) if name in self._formats else tensor
            for name, tensor in weights.items()
        }

    def _rounded(self, tensor: torch.Tensor, fmt: NumberFormat) -> torch.Tensor:
        import torch

        rounded = torch.from_numpy(self._rounding(tensor.detach().cpu().numpy(), fmt))
        # The difference is exactly zero: the sum is the rounded weight to the last bit, with the weight's gradient.
        return rounded.to(tensor.device, tensor.dtype) + (tensor - tensor.detach())
