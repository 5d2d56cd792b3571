"""The forward pass in float64: the accuracy baseline, and the values that scales are calibrated on.

Plain numpy. The order of the sums is BLAS's, so the last bits may differ between machines; nothing that has to be
bit-accurate may be built on these results.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import DataError
from hwsim.network.base import elements
from hwsim.network.float_ops import apply
from hwsim.network.graph import Network
from hwsim.network.layer import INPUT
from hwsim.network.ops import Conv2d

Values = NDArray[np.float64]

DEFAULT_LIMIT_BYTES = 16 << 20  #: working memory of one pass; larger is slower, because it leaves the cache


def forward_float(
    network: Network, images: NDArray[np.floating[Any]], limit_bytes: int = DEFAULT_LIMIT_BYTES
) -> Values:
    """Return the output of the network for a batch of images.

    Args:
        network: folded or not.
        images: (images, *network.input_shape), usually float32.
        limit_bytes: working memory that decides how many images go through at once.

    Returns:
        (images, *output shape), float64.

    Raises:
        DataError: images of another shape or with non-finite values.
        NetworkError: the network is not valid.

    >>> from hwsim.network.layer import Layer
    >>> from hwsim.network.ops import Linear
    >>> net = Network("sum", (3,), (Layer("fc", Linear(1, bias=False), ("input",)),),
    ...               {"fc.weight": np.ones((1, 3), np.float32)})
    >>> forward_float(net, np.array([[1, 2, 3]], np.float32))
    array([[6.]])
    """
    _check(network, images)
    result = np.empty((len(images), *network.shapes[network.output]))
    for part, values in _passes(network, images, limit_bytes, keep_all=False):
        result[part] = values[network.output]
    return result


def activations_float(
    network: Network, images: NDArray[np.floating[Any]], limit_bytes: int = DEFAULT_LIMIT_BYTES
) -> dict[str, Values]:
    """Return the output of every layer, and the images under "input", by name: what formats are fitted to.

    Everything is kept, 8 bytes per element: pass as many images as the memory allows.

    Raises:
        DataError: images of another shape or with non-finite values.
        NetworkError: the network is not valid.
    """
    _check(network, images)
    results = {name: np.empty((len(images), *shape)) for name, shape in network.shapes.items()}
    for part, values in _passes(network, images, limit_bytes, keep_all=True):
        for name, result in results.items():
            result[part] = values[name]
    return results


def _passes(
    network: Network, images: NDArray[np.floating[Any]], limit_bytes: int, keep_all: bool
) -> Iterator[tuple[slice, Mapping[str, Values]]]:
    """Yield a slice of the images and the values it gives, a bounded number of images at a time."""
    tensors: dict[str, dict[str, Values]] = {layer.name: {} for layer in network.layers}
    for name, tensor in network.tensors.items():
        layer, _, part_name = name.rpartition(".")
        tensors[layer][part_name] = tensor.astype(np.float64)
    step = max(1, limit_bytes // bytes_per_image(network))
    for start in range(0, len(images), step):
        part = slice(start, start + step)
        yield part, _one_pass(network, tensors, images[part].astype(np.float64), keep_all)


def _one_pass(
    network: Network, tensors: Mapping[str, Mapping[str, Values]], images: Values, keep_all: bool
) -> Mapping[str, Values]:
    left = Counter(source for layer in network.layers for source in layer.inputs)
    values = {INPUT: images}
    for layer in network.layers:
        values[layer.name] = apply(layer.op, [values[source] for source in layer.inputs], tensors[layer.name])
        left.subtract(layer.inputs)
        for source in {source for source in layer.inputs if not left[source] and not keep_all}:
            del values[source]
    return values


def bytes_per_image(network: Network) -> int:
    """Return about how much memory one image needs in a pass, bytes: the two largest layers with their windows."""
    sizes = [8 * elements(shape) for shape in network.shapes.values()]
    for layer in network.layers:
        if isinstance(layer.op, Conv2d):
            channels = network.shapes[layer.inputs[0]][0]
            _, height, width = network.shapes[layer.name]
            sizes.append(8 * channels * elements(layer.op.kernel) * height * width)
    return sum(sorted(sizes)[-3:])


def _check(network: Network, images: NDArray[np.floating[Any]]) -> None:
    network.validate()
    if images.ndim == 0 or images.shape[1:] != network.input_shape:
        raise DataError(
            f"the images have the shape {images.shape}; network {network.name!r} takes (images, "
            f"{', '.join(map(str, network.input_shape))})"
        )
    if (bad := np.flatnonzero(~np.isfinite(images).all(axis=tuple(range(1, images.ndim))))).size:
        raise DataError(f"{bad.size} of {len(images)} images have non-finite values, the first is image {bad[0]}")
