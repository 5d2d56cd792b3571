"""What reaches a layer: mean and covariance of the inputs of its sums, over images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Conv2d, Layer, Linear, Network, activations_float
from hwsim.network.windows import im2col, window_counts

_CHUNK = 50  #: images whose feature maps are in memory at a time


@dataclass(frozen=True)
class Moments:
    """First and second moments of the columns that a layer's weights multiply.

    Attributes:
        mean: (groups, K): of each of the K inputs of a sum, padding included.
        second: (groups, K, K): mean of x x^T, not centred.
    """

    mean: NDArray[np.float64]
    second: NDArray[np.float64]

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Mean of (x - mean)(x - mean)^T, (groups, K, K)."""
        return self.second - self.mean[:, :, None] * self.mean[:, None, :]


def input_moments(network: Network, images: NDArray[Any], names: Iterable[str]) -> Mapping[str, Moments]:
    """Return the moments of the inputs of each layer in ``names``, over all images and output positions.

    Args:
        network: Folded or not.
        images: (images, channels, height, width).
        names: Convolutions and linear layers.
    """
    layers = [network.layer(name) for name in names]
    sums: dict[str, tuple[Any, Any, int]] = {layer.name: (0.0, 0.0, 0) for layer in layers}
    for start in range(0, len(images), _CHUNK):
        values = activations_float(network, images[start : start + _CHUNK])
        for layer in layers:
            rows = sum_inputs(network, layer, values[layer.inputs[0]])
            first, second, count = sums[layer.name]
            turned = rows.transpose(0, 2, 1)
            sums[layer.name] = (first + rows.sum(axis=1), second + turned @ rows, count + rows.shape[1])
    return {name: Moments(first / count, second / count) for name, (first, second, count) in sums.items()}


def sum_inputs(network: Network, layer: Layer, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a layer's weights multiply, (groups, images x positions, K), for its inputs ``values``."""
    if isinstance(layer.op, Conv2d):
        _, channels, height, width = values.shape
        counts = window_counts(layer.op.kind, layer.op, (channels, height, width))
        return im2col(values, layer.op, layer.op.groups, counts)
    assert isinstance(layer.op, Linear)
    return values[None]
