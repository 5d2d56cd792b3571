"""The factors that make the channels of every layer alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Network
from models.compression.equalise.channels import ChannelGroup, channel_groups
from models.compression.errors import CompressionError
from models.compression.weights import with_tensors

Values = NDArray[np.float64]
_PASSES = 1000
_SETTLED = 1e-4  # largest relative change of a factor in the last pass


@dataclass(frozen=True)
class Equalised:
    """A network with the factors of all its channel groups applied.

    Attributes:
        network: Folded.
        passes: Over all groups.
        change: Largest relative change of a factor in the last pass.
    """

    network: Network
    passes: int
    change: float

    @property
    def settled(self) -> bool:
        """Whether another pass would change no factor by more than 1e-4 of it."""
        return self.change < _SETTLED


def equalised(network: Network, measure: str = "rms", exact: bool = False, passes: int = _PASSES) -> Equalised:
    """Return ``network`` with factors that its function does not depend on.

    The factor of a channel is the root of (size in its readers / size in its writers), geometric means over layers;
    groups depend on each other and are passed over until nothing moves. Factors are found in float64 and applied once,
    with one rounding to float32; exact ones are rounded to the nearest power of two first.

    Args:
        network: Folded.
        measure: ``"rms"``: a channel is as large as the root mean square of its weights; ``"max"``: as its largest.
        exact: Factors are powers of two.
        passes: At most so many.

    Raises:
        CompressionError: when no channels can be scaled.
    """
    groups = channel_groups(network)
    if not groups:
        raise CompressionError(f"{network.name!r} has no channels to equalise: they all reach its input or its answer")
    start = {name: tensor.astype(np.float64) for name, tensor in network.tensors.items()}
    totals, current, done, moved = [np.ones(group.channels) for group in groups], start, 0, np.inf
    while done < passes and moved >= _SETTLED:
        moved = 0.0
        for place, group in enumerate(groups):
            factors = _factors(current, group, measure)
            current = scaled(current, group, factors)
            totals[place] = totals[place] * factors
            moved = max(moved, float(np.abs(factors - 1).max()))
        done += 1
    final = start
    for group, total in zip(groups, totals, strict=True):
        final = scaled(final, group, np.exp2(np.rint(np.log2(total))) if exact else total)
    return Equalised(with_tensors(network, final), done, moved)


def scaled(tensors: Mapping[str, NDArray[Any]], group: ChannelGroup, factors: Values) -> dict[str, NDArray[Any]]:
    """Return ``tensors`` with the channels of ``group`` multiplied by ``factors`` (> 0), shape (channels,)."""
    changed = dict(tensors)
    for name in group.writers:
        weight = changed[f"{name}.weight"]
        changed[f"{name}.weight"] = weight * factors.reshape(-1, *[1] * (weight.ndim - 1))
        if f"{name}.bias" in changed:
            changed[f"{name}.bias"] = changed[f"{name}.bias"] * factors
    for name, block in group.readers:
        weight = changed[f"{name}.weight"]
        changed[f"{name}.weight"] = weight / np.repeat(factors, block).reshape(1, -1, *[1] * (weight.ndim - 2))
    return changed


def spread(network: Network, measure: str = "rms") -> float:
    """Return how far sizes of output channels differ: exp of the standard deviation of their logs."""
    sizes = np.concatenate([_sizes(_rows(network.weight(layer.name)), measure) for layer in network.mac_layers])
    alive = sizes[sizes > 0]
    return float(np.exp(np.log(alive).std())) if alive.size else 1.0


def _factors(tensors: Mapping[str, NDArray[Any]], group: ChannelGroup, measure: str) -> Values:
    written = _log_sizes([_rows(tensors[f"{name}.weight"]) for name in group.writers], measure)
    read = _log_sizes([_columns(tensors[f"{name}.weight"], block) for name, block in group.readers], measure)
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


def _rows(weight: NDArray[Any]) -> Values:
    return weight.reshape(len(weight), -1).astype(np.float64)


def _columns(weight: NDArray[Any], block: int) -> Values:
    """Return the weights that read each channel, shape (channels, weights of one)."""
    by_channel = weight.reshape(len(weight), -1, block) if weight.ndim == 2 else weight
    return np.moveaxis(by_channel, 1, 0).reshape(by_channel.shape[1], -1).astype(np.float64)
