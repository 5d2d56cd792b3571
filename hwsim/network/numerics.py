"""What a bit-accurate run gives: counts, not rates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import NetworkError, all_faults, unknown_name
from hwsim.network.activity import Activity
from hwsim.network.branches import Counts
from hwsim.network.graph import Network, gemm_shape
from hwsim.network.ops import Conv2d, Linear
from hwsim.network.resolved import ResolvedLayer
from hwsim.network.steps import Weights


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
        activity: how much the array's buses toggle, on a sample of the images; None where nobody looked.
        packed_bits: that a weight takes on average in a code measured elsewhere, for machines with ``compress=layers``.
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
    activity: Activity | None = None
    packed_bits: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-able."""
        values = {**asdict(replace(self, activity=None)), "inputs": list(self.inputs)}
        del values["activity"]
        if self.packed_bits is None:
            del values["packed_bits"]
        return values | ({"activity": self.activity.to_dict()} if self.activity else {})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LayerNumerics:
        """Read back what ``to_dict`` wrote."""
        own = values.get("activity")
        activity = None if own is None else Activity.from_dict(own)
        return cls(**{**values, "inputs": tuple(values["inputs"]), "activity": activity})


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
        wall_s: seconds that the run took; its share of them where configurations ran together.
        computed_as: index of the configuration of the same call whose numbers these are, because its formats hold the
            same numbers everywhere; None for a configuration that was computed itself.
        computed_macs: multiply-accumulates computed for it; what it shares with one before it is counted there.
    """

    correct: int
    total: int
    correct_mask: NDArray[np.bool_]
    logits: NDArray[np.floating[Any]]
    nan_images: int
    layers: tuple[LayerNumerics, ...]
    wall_s: float
    computed_as: int | None = None
    computed_macs: int = 0

    @property
    def accuracy(self) -> float:
        """Share of images that are classified correctly."""
        return self.correct / self.total


def with_packed_bits(layers: Sequence[LayerNumerics], packed: Mapping[str, float]) -> tuple[LayerNumerics, ...]:
    """Return ``layers`` with the bits that a packed weight of each takes, measured elsewhere.

    Args:
        layers: what the layers ran in.
        packed: bits a weight by layer, for every layer with weights.

    Raises:
        NetworkError: lists layers without weights or without bits, and bits that are none.
    """
    names = [layer.name for layer in layers if layer.weights]
    faults = [unknown_name("layer with weights", name, names) for name in packed if name not in names]
    faults += [f"{name} has weights and no bits: give those of a weight" for name in names if name not in packed]
    faults += [
        f"{name} takes {bits!r} bits a weight: give a finite number of at least 0"
        for name, bits in packed.items()
        if not (math.isfinite(bits) and bits >= 0)
    ]
    if faults:
        raise NetworkError(all_faults("the bits of packed weights", faults))
    return tuple(replace(layer, packed_bits=packed.get(layer.name)) for layer in layers)


def layer_numerics(
    network: Network, resolved: ResolvedLayer, weights: Weights | None, images: int, counts: Counts
) -> LayerNumerics:
    """Return what a layer ran in and did over ``images``."""
    return replace(
        spelling(resolved),
        path=", ".join(counts.paths),
        macs=layer_macs(network, resolved) * images,
        effectual_macs=counts.effectual_macs,
        weight_count=0 if weights is None else weights.groups.size,
        weight_zeros=0 if weights is None else weights.zeros,
        activity=counts.activity,
    )


def respelled(resolved: ResolvedLayer, numerics: LayerNumerics) -> LayerNumerics:
    """Return ``numerics`` under the names that ``resolved`` has for its formats."""
    own = spelling(resolved)
    return replace(
        numerics, inputs=own.inputs, output=own.output, weights=own.weights, bias=own.bias, product=own.product,
        acc=own.acc,
    )  # fmt: skip


def layer_macs(network: Network, resolved: ResolvedLayer) -> int:
    """Return the multiply-accumulates of a layer for one image."""
    matrix = isinstance(resolved.layer.op, Conv2d | Linear)
    return gemm_shape(network, resolved.layer).macs if matrix else 0


def spelling(resolved: ResolvedLayer) -> LayerNumerics:
    """Return the names of a layer and its formats, with nothing counted yet."""
    return LayerNumerics(resolved.layer.name, resolved.layer.op.kind, **resolved.names)
