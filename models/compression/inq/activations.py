"""Activations in few bits during training: fixed point with a step that is a power of two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.fit import fit
from hwsim.formats import FixedFormat, NumberFormat, Overflow, Rounding, ScaledFormat
from hwsim.formats.grid import FixedGrid
from hwsim.network import INPUT, Activation, Network, activations_float
from hwsim.network.layer import Layer
from hwsim.network.resolve import final_layer, layers_with_formats
from models.compression.errors import CompressionError
from models.training.hooks import Hook

if TYPE_CHECKING:
    import torch

MAX_ACT_BITS = 8  #: bfloat16 holds every number of so many bits


def activation_formats(
    network: Network, images: NDArray[Any], bits: int, input_bits: int = 8
) -> dict[str, ScaledFormat]:
    """Return a format for the images ("input") and for what each layer writes, by the layer's name.

    ``uint<bits>`` after a ReLU and for what is made of such numbers alone, ``int<bits>`` elsewhere; the scale is the
    power of two that hwsim fits to the float network's activations. The last layer's sums are the answer and stay as
    they are; layers that only move numbers have no format of their own.

    Args:
        network: Folded.
        images: Shape (count, channels, height, width): of the training images, some hundreds.
        bits: Of the activations.
        input_bits: Of the images.
    """
    values = activations_float(network, images)
    unsigned = _unsigned(network, bool((images >= 0).all()))
    final = final_layer(network)
    names = [INPUT, *(layer.name for layer in layers_with_formats(network) if layer.name != final)]
    formats: dict[str, ScaledFormat] = {}
    for name in names:
        width = input_bits if name == INPUT else bits
        chosen = fit(ScaledFormat(FixedFormat(width, width, signed=not unsigned[name])), values[name])
        assert isinstance(chosen, ScaledFormat)
        formats[name] = chosen
    return formats


def _unsigned(network: Network, images_unsigned: bool) -> dict[str, bool]:
    known = {INPUT: images_unsigned}
    for layer in network.layers:
        known[layer.name] = _rectifies(layer) or (
            not _computes(layer) and all(known[source] for source in layer.inputs)
        )
    return known


def _rectifies(layer: Layer) -> bool:
    return layer.op.kind in ("relu", "relu6") or getattr(layer.op, "activation", Activation.NONE) != Activation.NONE


def _computes(layer: Layer) -> bool:
    """Whether the layer has weights, which may make negative numbers of positive ones."""
    return layer.op.kind in ("conv2d", "linear")


def _is_plain(grid: FixedGrid) -> bool:
    return grid.rounding is Rounding.NEAREST_EVEN and grid.overflow is Overflow.SATURATE


class ActivationHook(Hook):
    """Rounds what layers write to fixed point; the gradient passes where a number was not clipped.

    Args:
        formats: ``int<W>`` or ``uint<W>`` with a scale, or ``fixed<W,I>``, of at most 8 bits so that bfloat16 holds
            them, nearest-even and saturating, by the name of the layer, "input" for the images.

    Raises:
        CompressionError: a format that is none of these.
    """

    def __init__(self, formats: Mapping[str, NumberFormat]) -> None:
        self._limits: dict[str, tuple[float, float, float]] = {}
        for name, fmt in formats.items():
            grid = fmt.grid()
            if not isinstance(grid, FixedGrid) or fmt.bits > MAX_ACT_BITS or not _is_plain(grid):
                raise CompressionError(
                    f"activations of {name!r} in {fmt}: needed is fixed point of at most {MAX_ACT_BITS} bits that"
                    " rounds to nearest even and saturates"
                )
            step = float(np.ldexp(1.0, grid.lsb))
            self._limits[name] = (step, grid.minimum * step, grid.maximum * step)

    def view(self, name: str, value: torch.Tensor) -> torch.Tensor:
        """Return ``value`` rounded to the nearest number of its format, a tie to the even one."""
        if name not in self._limits:
            return value
        step, low, high = self._limits[name]
        clipped = value.clamp(low, high)
        rounded = ((clipped.detach() / step).round() * step).to(value.dtype)
        # The difference is exactly zero: the sum is the rounded number, with the gradient of the clipping.
        return rounded + (clipped - clipped.detach())
