"""The factors that make the channels of every layer alike, and the step that applies them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Network
from models.compression.equalise.channels import ChannelGroup, channel_groups
from models.compression.errors import CompressionError
from models.compression.step import Step, Work, recorded
from models.compression.weights import Float32, with_tensors

Values = NDArray[np.float64]
_PASSES = 50
_SETTLED = 1e-4  # largest relative change of a factor in the last pass


@dataclass(frozen=True)
class Equalise(Step):
    """Scale channels between layers until those of a layer are alike; a ReLU network's function stays.

    A folded batch-norm leaves channels and layers of very different size. One scale has to serve a layer and one
    codebook may have to serve all, and a retraining that the largest gradients do not blow up hardly moves the rest.
    Source: Nagel et al., "Data-free quantization through weight equalization and bias correction", ICCV 2019, eq. 11,
    here with all layers that share a channel through additions taken together.

    Attributes:
        measure: Size of a channel: the root mean square of its weights, or the largest magnitude as in the paper.
        exact: Factors are powers of two, so that not one bit of any result changes (but for underflow).
    """

    method: ClassVar[str] = "equalise"
    measure: Literal["rms", "max"] = "rms"
    exact: bool = False

    def apply(self, network: Network, work: Work) -> Network:
        """See the base class."""
        before = spread(network, self.measure)
        network = equalised(network, self.measure, self.exact)
        after = spread(network, self.measure)
        work.report(f"  spread of channels: a factor of {before:.3g} before, {after:.3g} after")
        return recorded(network, self, {"spread_before": before, "spread_after": after})


def equalised(network: Network, measure: str = "rms", exact: bool = False) -> Network:
    """Return ``network`` with the factors of all channel groups applied, which its function does not depend on.

    The factor of a channel is the root of (size in its readers / size in its writers), geometric means over layers;
    groups depend on each other and are passed over until nothing moves.

    Raises:
        CompressionError: when no channels can be scaled.
    """
    groups = channel_groups(network)
    if not groups:
        raise CompressionError(f"{network.name!r} has no channels to equalise: they all reach its input or its answer")
    for _ in range(_PASSES):
        moved = 0.0
        for group in groups:
            factors = _factors(network, group, measure)
            if exact:
                factors = np.exp2(np.rint(np.log2(factors)))
            network = scaled(network, group, factors)
            moved = max(moved, float(np.abs(factors - 1).max()))
        if moved < _SETTLED:
            break
    return network


def scaled(network: Network, group: ChannelGroup, factors: Values) -> Network:
    """Return ``network`` with the channels of ``group`` multiplied by ``factors`` (> 0), shape (channels,)."""
    changed: dict[str, NDArray[np.float64]] = {}
    for name in group.writers:
        weight, bias = network.weight(name), network.bias(name)
        changed[f"{name}.weight"] = weight * factors.reshape(-1, *[1] * (weight.ndim - 1))
        if bias is not None:
            changed[f"{name}.bias"] = bias * factors
    for name, block in group.readers:
        written = changed.get(f"{name}.weight", network.weight(name).astype(np.float64))
        divisor = np.repeat(factors, block)
        changed[f"{name}.weight"] = written / divisor.reshape(1, -1, *[1] * (written.ndim - 2))
    return with_tensors(network, changed)


def spread(network: Network, measure: str = "rms") -> float:
    """Return how far sizes of output channels differ: exp of the standard deviation of their logs."""
    sizes = np.concatenate([_sizes(_rows(network.weight(layer.name)), measure) for layer in network.mac_layers])
    alive = sizes[sizes > 0]
    return float(np.exp(np.log(alive).std())) if alive.size else 1.0


def _factors(network: Network, group: ChannelGroup, measure: str) -> Values:
    written = _log_sizes([_rows(network.weight(name)) for name in group.writers], measure)
    read = _log_sizes([_columns(network.weight(name), block) for name, block in group.readers], measure)
    factors: Values = np.exp((read - written) / 2)
    return factors


def _log_sizes(parts: list[Values], measure: str) -> Values:
    """Return the mean over layers of the log of each channel's size; one of zeros counts as the mean of the others."""
    logs = []
    for part in parts:
        sizes = _sizes(part, measure)
        alive = sizes > 0
        log = np.zeros(len(sizes))
        if alive.any():
            log = np.full(len(sizes), np.log(sizes[alive]).mean())
            log[alive] = np.log(sizes[alive])
        logs.append(log)
    mean: Values = np.mean(logs, axis=0)
    return mean


def _sizes(part: Values, measure: str) -> Values:
    sizes: Values = np.abs(part).max(axis=1) if measure == "max" else np.sqrt(np.square(part).mean(axis=1))
    return sizes


def _rows(weight: Float32) -> Values:
    return weight.reshape(len(weight), -1).astype(np.float64)


def _columns(weight: Float32, block: int) -> Values:
    """Return the weights that read each channel, shape (channels, weights of one)."""
    by_channel = weight.reshape(len(weight), -1, block) if weight.ndim == 2 else weight
    return np.moveaxis(by_channel, 1, 0).reshape(by_channel.shape[1], -1).astype(np.float64)
