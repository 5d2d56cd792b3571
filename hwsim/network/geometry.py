"""Where the inputs of each output lie: row numbers instead of an im2col matrix.

Feature maps are held as [channels, height, width, images], so that one row is one pixel of one channel for every
image, and kernels run across images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.network.base import Pair, Shape

Rows = NDArray[np.int64]

_GATHERED = 1 << 18  # indices gathered at a time: 2 MiB


@dataclass(frozen=True)
class Windows:
    """The sliding windows of a layer over a padded feature map.

    Attributes:
        channels: channels that one sum runs over.
        kernel: window height and width.
        stride: step between windows.
        padding: (top, bottom, left, right) rows and columns added.
        output: windows (vertical, horizontal).
        padded: height and width with padding.
    """

    channels: int
    kernel: Pair
    stride: Pair
    padding: tuple[int, int, int, int]
    output: Pair
    padded: Pair

    @property
    def base(self) -> Rows:
        """Row of the first pixel of each window, in the order of the outputs."""
        vertical = np.arange(self.output[0]) * self.stride[0] * self.padded[1]
        horizontal = np.arange(self.output[1]) * self.stride[1]
        return (vertical[:, None] + horizontal[None, :]).reshape(-1).astype(np.int64)

    @property
    def tap(self) -> Rows:
        """Row of each input of a window relative to its first pixel: channel, then row, then column."""
        area = self.padded[0] * self.padded[1]
        channel = np.arange(self.channels)[:, None, None] * area
        vertical = np.arange(self.kernel[0])[None, :, None] * self.padded[1]
        horizontal = np.arange(self.kernel[1])[None, None, :]
        return (channel + vertical + horizontal).reshape(-1).astype(np.int64)

    def pad(self, maps: NDArray[Any], value: float = 0.0) -> NDArray[Any]:
        """Return maps [C, H, W, B] with the padding around them filled with ``value``."""
        if not any(self.padding):
            return maps
        top, bottom, left, right = self.padding
        return np.pad(maps, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=value)


def windows(source: Shape, channels: int, kernel: Pair, stride: Pair, padding: Pair, output: Pair) -> Windows:
    """Return the windows of a layer that reads ``source`` (C, H, W) and has ``output`` windows.

    In ceil mode the last window may reach beyond the padding; the map grows at the bottom and right by what it lacks.

    >>> windows((1, 4, 4), 1, (2, 2), (2, 2), (0, 0), (2, 2)).base
    array([ 0,  2,  8, 10])
    """
    reach = [(count - 1) * step + size for count, step, size in zip(output, stride, kernel, strict=True)]
    after = [max(pad, r - size - pad) for pad, r, size in zip(padding, reach, source[1:], strict=True)]
    padded = tuple(size + pad + extra for size, pad, extra in zip(source[1:], padding, after, strict=True))
    sides = (padding[0], after[0], padding[1], after[1])
    return Windows(channels, kernel, stride, sides, output, (padded[0], padded[1]))


def as_rows(maps: NDArray[Any]) -> NDArray[Any]:
    """Return [..., B] as [rows, B]."""
    return np.ascontiguousarray(maps).reshape(-1, maps.shape[-1])


def nonzero_per_tap(rows: NDArray[Any], base: Rows, tap: Rows) -> NDArray[np.int64]:
    """Return, for each tap, how many nonzero activations it meets over all positions and images [K].

    >>> nonzero_per_tap(np.array([[1, 0], [2, 3], [0, 0]]), np.array([0, 1]), np.array([0, 1])).tolist()
    [3, 2]
    """
    nonzero = np.count_nonzero(rows, axis=1).astype(np.int64)
    at_once = max(1, _GATHERED // tap.size)
    total = np.zeros(tap.size, dtype=np.int64)
    for start in range(0, base.size, at_once):
        total += nonzero[base[start : start + at_once, None] + tap].sum(axis=0)
    return total
