"""Sliding windows: their number along an axis, and the arrays of them that convolution and pooling work on."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hwsim.errors import NetworkError
from hwsim.network.base import Pair, Shape, feature_map


class Windowed(Protocol):
    """An operation that looks at its input through a window."""

    @property
    def kernel(self) -> Pair:
        """Height and width, pixels."""

    @property
    def stride(self) -> Pair:
        """Step between windows, pixels."""

    @property
    def padding(self) -> Pair:
        """Pixels added on both sides of each axis."""


def window_count(size: int, kernel: int, stride: int, padding: int, ceil_mode: bool = False) -> int:
    """Return how many windows fit along an axis of ``size`` elements with ``padding`` on both ends; 0 or less for none.

    Source: PyTorch's ``Conv2d`` and ``MaxPool2d``: floor((size + 2 padding - kernel) / stride) + 1. With ``ceil_mode``
    the quotient is rounded up, and a last window that would start in the far padding or beyond is left out.

    >>> window_count(28, 5, 1, 0), window_count(7, 2, 2, 0), window_count(7, 2, 2, 0, ceil_mode=True)
    (24, 3, 4)
    """
    span = size + 2 * padding - kernel
    if not ceil_mode:
        return span // stride + 1
    count = -(-span // stride) + 1
    return count - 1 if (count - 1) * stride >= size + padding else count


def window_counts(kind: str, op: Windowed, shape: Shape, ceil_mode: bool = False) -> Pair:
    """Return the output height and width of a windowed operation on a feature map of ``shape``.

    Raises:
        NetworkError: not a feature map, or not one window fits.
    """
    _, height, width = feature_map(kind, shape)
    counts = (
        window_count(height, op.kernel[0], op.stride[0], op.padding[0], ceil_mode),
        window_count(width, op.kernel[1], op.stride[1], op.padding[1], ceil_mode),
    )
    if min(counts) < 1:
        raise NetworkError(
            f"{kind} with a {op.kernel[0]}x{op.kernel[1]} window does not fit the {height}x{width} input padded by "
            f"{op.padding[0]},{op.padding[1]}: use a smaller kernel or more padding"
        )
    return counts


def _padded(images: NDArray[Any], op: Windowed, counts: Pair, fill: float) -> NDArray[Any]:
    """Return ``images`` padded so far that every window is whole (ceil mode needs more than the declared padding)."""
    ends = [
        max(0, (count - 1) * stride + kernel - size - pad)
        for size, kernel, stride, pad, count in zip(
            images.shape[2:], op.kernel, op.stride, op.padding, counts, strict=True
        )
    ]
    widths = ((0, 0), (0, 0), (op.padding[0], ends[0]), (op.padding[1], ends[1]))
    if not any(before or after for before, after in widths):
        return images
    return np.pad(images, widths, constant_values=fill)


def windows(images: NDArray[Any], op: Windowed, counts: Pair, fill: float = 0) -> NDArray[Any]:
    """Return a read-only view of the windows of a batch of feature maps.

    Args:
        images: (batch, channels, height, width), any dtype.
        op: the convolution or pooling whose kernel, stride and padding are used.
        counts: height and width of the output of ``op``.
        fill: value of the padding.

    Returns:
        (batch, channels, output height, output width, kernel height, kernel width); memory is shared.
    """
    whole = sliding_window_view(_padded(images, op, counts, fill), op.kernel, axis=(2, 3))
    return whole[:, :, :: op.stride[0], :: op.stride[1]][:, :, : counts[0], : counts[1]]


def im2col(images: NDArray[Any], op: Windowed, groups: int, counts: Pair) -> NDArray[Any]:
    """Return the left operand of the matrix products that a convolution is.

    Returns:
        (groups, M, K) contiguous: M = batch x output height x output width (batch slowest), K = (channels per group,
        kernel height, kernel width) in the order of the stored weights.

    >>> from hwsim.network.ops import Conv2d
    >>> images = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> im2col(images, Conv2d(1, (2, 2)), 1, (2, 2))[0]
    array([[0., 1., 3., 4.],
           [1., 2., 4., 5.],
           [3., 4., 6., 7.],
           [4., 5., 7., 8.]])
    """
    view = windows(images, op, counts)
    batch, channels, height, width, kernel_h, kernel_w = view.shape
    split = view.reshape(batch, groups, channels // groups, height, width, kernel_h, kernel_w)
    ordered = split.transpose(1, 0, 3, 4, 2, 5, 6)
    return np.ascontiguousarray(ordered).reshape(groups, batch * height * width, -1)


def col2im(sums: NDArray[Any], batch: int, counts: Pair) -> NDArray[Any]:
    """Return the feature maps of the results of the matrix products: the inverse of the row order of ``im2col``.

    Args:
        sums: (groups, M, filters per group).
        batch: images in the batch.
        counts: output height and width.

    Returns:
        (batch, groups x filters per group, output height, output width).
    """
    groups, _, filters = sums.shape
    parts = sums.reshape(groups, batch, counts[0], counts[1], filters)
    return parts.transpose(1, 0, 4, 2, 3).reshape(batch, groups * filters, *counts)


def average_divisors(size: Pair, op: Windowed, counts: Pair, count_include_pad: bool) -> NDArray[np.int64]:
    """Return by how much each window's sum is divided in average pooling, (output height, output width).

    Source: PyTorch's ``AvgPool2d``: elements of the window inside the input, and inside the declared padding too where
    ``count_include_pad``; what ceil mode adds beyond that never counts.

    >>> from hwsim.network.ops import AvgPool2d
    >>> average_divisors((3, 3), AvgPool2d((2, 2), (2, 2)), (2, 2), True).tolist()
    [[4, 2], [2, 1]]
    """
    axes = []
    for axis in range(2):
        starts = np.arange(counts[axis], dtype=np.int64) * op.stride[axis] - op.padding[axis]
        reach = op.padding[axis] if count_include_pad else 0
        ends = np.minimum(starts + op.kernel[axis], size[axis] + reach)
        axes.append(ends - np.maximum(starts, -reach))
    return np.outer(axes[0], axes[1])
