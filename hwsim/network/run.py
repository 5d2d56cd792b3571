"""Running a resolved network bit-accurately, a bounded number of images at a time."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith import kernels
from hwsim.errors import DataError
from hwsim.network.assignment import Assignment
from hwsim.network.fold import fold
from hwsim.network.graph import Network, gemm_shape
from hwsim.network.layer import INPUT
from hwsim.network.ops import Conv2d, Linear, Softmax
from hwsim.network.resolve import ResolvedNetwork, resolve
from hwsim.network.steps import HOST_FORMAT, Arithmetic, Step, prepare

BATCH = 256  #: images per pass: one row of lanes, 1 KiB of float32


@dataclass(frozen=True)
class LayerNumerics:
    """What a layer ran in and what it did, summed over all images; everything that its price depends on.

    Attributes:
        name: of the layer.
        op: kind of operation.
        inputs: canonical spelling of the format of each input.
        output: of the output.
        weights: of the weights, or None.
        bias: of the stored biases, or None.
        product: that products are rounded to; None for exact products or no products.
        acc: of the accumulator, or None.
        path: the kernels that computed it.
        macs: multiply-accumulates, padding included.
        effectual_macs: those with both operands nonzero.
        weight_count: weights.
        weight_zeros: weights that are zero in their format.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    output: str
    weights: str | None = None
    bias: str | None = None
    product: str | None = None
    acc: str | None = None
    path: str = ""
    macs: int = 0
    effectual_macs: int = 0
    weight_count: int = 0
    weight_zeros: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-able."""
        return {**asdict(self), "inputs": list(self.inputs)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LayerNumerics:
        """Read back what ``to_dict`` wrote."""
        return cls(**{**values, "inputs": tuple(values["inputs"])})


@dataclass(frozen=True)
class NumericsResult:
    """The answers of a network in given formats; counts, not rates.

    Attributes:
        correct: images whose largest output is that of their label (a tie goes to the lowest class).
        total: images.
        correct_mask: bool per image, in the order given.
        logits: outputs [images, classes]; accumulators of the last layer, or its softmax.
        nan_images: images of which some output is NaN; they count as wrong.
        layers: what each layer ran in.
        wall_s: seconds that the run took.
    """

    correct: int
    total: int
    correct_mask: NDArray[np.bool_]
    logits: NDArray[np.floating[Any]]
    nan_images: int
    layers: tuple[LayerNumerics, ...]
    wall_s: float

    @property
    def accuracy(self) -> float:
        """Share of images that are classified correctly."""
        return self.correct / self.total


def run_numerics(
    network: Network,
    assignment: Assignment,
    images: NDArray[Any],
    labels: NDArray[Any],
    calibration: NDArray[Any],
    *,
    batch: int = BATCH,
    arithmetic: Arithmetic = kernels,
) -> NumericsResult:
    """Run ``images`` through ``network`` in the formats of ``assignment``.

    Args:
        network: folded or not.
        assignment: the formats.
        images: [images, C, H, W], float32.
        labels: class of each image.
        calibration: images that activation scales are chosen on.
        batch: images per pass; the result does not depend on it.
        arithmetic: what computes; hwsim.arith.reference gives the same bits, slowly.

    Raises:
        FormatError: formats that the layers cannot run in.
        DataError: images of the wrong shape or number.
        NetworkError: a network that is not valid.
    """
    start = time.perf_counter()
    _check(network, images, labels)
    resolved = resolve(fold(network), assignment, calibration)
    steps = [prepare(resolved.network, layer, arithmetic) for layer in resolved.layers]
    parts = [
        _run_batch(resolved, steps, images[first : first + batch], first, arithmetic)
        for first in range(0, len(images), batch)
    ]
    logits = np.concatenate(parts, axis=1).T
    nan = np.isnan(logits).any(axis=1)
    mask = (np.where(np.isnan(logits), -np.inf, logits).argmax(axis=1) == labels) & ~nan
    layers = tuple(_numerics(resolved.network, step, len(images)) for step in steps)
    wall_s = time.perf_counter() - start
    return NumericsResult(int(mask.sum()), len(images), mask, logits, int(nan.sum()), layers, wall_s)


def _check(network: Network, images: NDArray[Any], labels: NDArray[Any]) -> None:
    if len(images) == 0 or images.shape[1:] != network.input_shape:
        raise DataError(
            f"images of shape {images.shape}: network {network.name!r} takes at least one image of shape "
            f"{network.input_shape}"
        )
    if labels.shape != (len(images),):
        raise DataError(f"{len(images)} images with labels of shape {labels.shape}: one label per image is needed")
    if not bool(np.isfinite(images).all()):
        raise DataError(f"{int((~np.isfinite(images)).sum())} pixels are not finite: NaN and infinity have no format")


def _run_batch(
    resolved: ResolvedNetwork, steps: list[Step], images: NDArray[Any], first: int, arithmetic: Arithmetic
) -> NDArray[Any]:
    """Return the outputs [classes, images] of one batch, keeping only the maps that a later layer still reads."""
    lanes = np.ascontiguousarray(np.moveaxis(images, 0, -1))
    source = arithmetic.quantize(lanes, resolved.input_format, images_last=True, first_image=first)
    values = {INPUT: source}
    readers = Counter(name for step in steps for name in step.resolved.layer.inputs)
    output = resolved.network.output
    for step in steps:
        layer = step.resolved.layer
        values[layer.name] = step.run([values[name] for name in layer.inputs], first)
        readers.subtract(layer.inputs)
        for name in set(layer.inputs):
            if readers[name] == 0 and name != output:
                del values[name]
    return values[output].reshape(-1, len(images))


def _numerics(network: Network, step: Step, images: int) -> LayerNumerics:
    resolved, layer = step.resolved, step.resolved.layer
    matrix = isinstance(layer.op, Conv2d | Linear)
    dot = resolved.dot
    has_bias = matrix and network.bias(layer.name) is not None
    return LayerNumerics(
        name=layer.name,
        op=layer.op.kind,
        inputs=tuple(map(str, resolved.inputs)),
        output=HOST_FORMAT if isinstance(layer.op, Softmax) else str(resolved.output),
        weights=str(dot.weights) if dot and matrix else None,
        bias=str(resolved.bias) if has_bias else None,
        product=str(dot.product) if dot and dot.product else None,
        acc=str(dot.acc) if dot else None,
        path=", ".join(step.paths),
        macs=gemm_shape(network, layer).macs * images if matrix else 0,
        effectual_macs=step.effectual_macs,
        weight_count=step.weight_count,
        weight_zeros=step.weight_zeros,
    )
