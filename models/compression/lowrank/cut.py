"""Cutting layers of a network to a rank, each in the form that it is cheapest in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import unknown_name
from hwsim.network import BatchNorm, Conv2d, Linear, Network
from models.compression.errors import raise_faults
from models.compression.lowrank.decompose import Decomposition, bias_shift, decompose
from models.compression.lowrank.matrix import (
    Form,
    Split,
    as_matrices,
    checked_split,
    forms_of,
    groups_of,
    largest_saving_rank,
    matrix_shape,
)
from models.compression.lowrank.moments import Moments, input_moments
from models.compression.lowrank.ranks import numerical_rank
from models.compression.weights import with_tensors


def skip_faults(network: Network, skip: Sequence[str]) -> list[str]:
    """Return a fault for every name in ``skip`` that is no layer with weights of ``network``."""
    known = [layer.name for layer in network.mac_layers]
    return [unknown_name("layer to skip", name, known) for name in skip if name not in known]


@dataclass(frozen=True, eq=False)
class Cutter:
    """The layers of a network, each in every form, ready to be cut at any rank.

    Attributes:
        network: Folded or not. Before a batch-norm, errors are those of the sums that it reads, and its mean takes up
            what a bias would.
        images: Whose layer inputs decide what is kept; None keeps the nearest weights.
        skip: Layers that stay whole.

    Raises:
        CompressionError: ``skip`` names no layer with weights.
    """

    network: Network
    images: NDArray[Any] | None = None
    skip: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        raise_faults("the choice of layers", skip_faults(self.network, self.skip))

    @cached_property
    def layers(self) -> Mapping[str, Conv2d | Linear]:
        """The layers that can be cut: convolutions and linear layers that are not skipped, by name."""
        found = {layer.name: layer.op for layer in self.network.mac_layers if layer.name not in self.skip}
        return {name: op for name, op in found.items() if isinstance(op, Conv2d | Linear)}

    @cached_property
    def moments(self) -> Mapping[str, Moments]:
        """Of the inputs of every layer that can be cut; none without images."""
        return {} if self.images is None else input_moments(self.network, self.images, self.layers)

    @cached_property
    def _known(self) -> dict[tuple[str, Form], Decomposition]:
        return {}

    def decomposition(self, name: str, form: Form) -> Decomposition:
        """Return the components of layer ``name``; by their weight in the output where there are images."""
        if (name, form) not in self._known:
            op, moments = self.layers[name], self.moments.get(name)
            centred = op.bias or norm_behind(self.network, name) is not None
            covariance = None if moments is None else moments.covariance if centred else moments.second
            found = decompose(self.network.weight(name), groups_of(op), form, covariance)
            self._known[name, form] = found
        return self._known[name, form]

    def forms(self, name: str, form: str) -> tuple[Form, ...]:
        """Return the forms to look at: ``form`` by its name where the layer has it, or all for "cheapest"."""
        known = forms_of(self.layers[name])
        return known if form == "cheapest" else tuple(f for f in known if f.value == form) or known[:1]

    def largest_rank(self, name: str, form: Form) -> int:
        """Return the largest rank that saves parameters, 0 where none does."""
        return largest_saving_rank(self.network.tensor_shapes[f"{name}.weight"], groups_of(self.layers[name]), form)

    def sigma(self, name: str, form: Form) -> NDArray[np.float64]:
        """Return the singular values of the weights themselves, descending, root mean square over groups."""
        matrices = as_matrices(self.network.weight(name), groups_of(self.layers[name]), form)
        values = np.linalg.svd(matrices, compute_uv=False)
        root: NDArray[np.float64] = np.sqrt((values**2).mean(axis=0))
        return root

    def numerical_rank(self, name: str, form: Form) -> int:
        """Return the rank of the weights but for rounding to float32, at least 1."""
        sides = matrix_shape(self.network.tensor_shapes[f"{name}.weight"], groups_of(self.layers[name]), form)
        return max(1, numerical_rank(self.sigma(name, form), max(sides)))

    def cut(self, splits: Mapping[str, Split]) -> Network:
        """Return the network with the weights of each layer in ``splits`` replaced by ones of that rank.

        With images the biases, or the means of the batch-norms that follow, take up what the cut changes in the mean of
        the sums; a layer with neither keeps the components of its uncentred sums.

        Raises:
            CompressionError: a layer that has no such form or rank.
        """
        changed: dict[str, NDArray[Any]] = {}
        for name, split in splits.items():
            checked_split(self.network, name, split)
            before = self.network.weight(name)
            after = self.decomposition(name, split.form).truncated(split.rank)
            changed[f"{name}.weight"] = after
            if name in self.moments:
                changed |= self._with_mean(name, bias_shift(before, after, self.moments[name]))
        return with_tensors(self.network, changed)

    def _with_mean(self, name: str, shift: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
        """Return the tensor that gives layer ``name`` the mean of its sums back, where there is one."""
        bias, norm = self.network.bias(name), norm_behind(self.network, name)
        if bias is not None:
            return {f"{name}.bias": bias + shift}
        return {} if norm is None else {f"{norm}.mean": self.network.tensors[f"{norm}.mean"] - shift}


def norm_behind(network: Network, name: str) -> str | None:
    """Return the batch-norm that alone reads layer ``name``, which has no bias; None where it is not so."""
    if network.bias(name) is not None:
        return None
    readers = [layer for layer in network.layers if name in layer.inputs]
    return readers[0].name if len(readers) == 1 and isinstance(readers[0].op, BatchNorm) else None
