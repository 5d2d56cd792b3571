"""Masks of a network: which weights stay, by score or by threshold."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hwsim.network import Network
from models.compression.errors import raise_faults
from models.compression.pruning.budget import Masks, budget_of
from models.compression.pruning.criteria import Weights, scores
from models.compression.weights import weight_names, with_tensors


def magnitude_masks(
    network: Network,
    keep: float,
    per_layer: Mapping[str, float] | None = None,
    criterion: str = "magnitude",
    scope: str = "network",
    importance: Weights | None = None,
) -> Masks:
    """Return True for the weights that stay, by tensor: exactly ``keep`` of them (halves round up, at least one).

    Args:
        network: Without batch-norms; its tensors with two dimensions or more are pruned.
        keep: Fraction that stays of the weights of the layers that ``per_layer`` does not name.
        per_layer: Fractions for single layers, by the layer's name.
        criterion: What is compared, see ``criteria.scores``; of equal scores the first weights stay.
        scope: ``network``: the weights of all those layers compete; ``layer``: those of each layer among themselves.
        importance: The diagonal of the Hessian by tensor, for the criterion ``saliency``.

    >>> from models import load_network
    >>> masks = magnitude_masks(load_network("digits-cnn"), 0.1, {"conv1": 0.5})
    >>> {name: int(mask.sum()) for name, mask in masks.items()}
    {'conv1.weight': 72, 'conv2.weight': 309, 'classify.weight': 280}

    Raises:
        CompressionError: for bad fractions, unknown names, and fewer weights that are not 0 than are to stay.
    """
    weights = {name: network.tensors[name] for name in weight_names(network)}
    budget = budget_of(network, keep, per_layer, scope)
    budget.check(weights)
    return budget.masks(scores(weights, criterion, importance))


def deviation_masks(network: Network, quality: float) -> Masks:
    """Return True for the weights of larger magnitude than ``quality`` standard deviations of their layer's weights.

    Source: Han et al. 2015, arXiv:1506.02626, section 3: "the pruning threshold is chosen as a quality parameter
    multiplied by the standard deviation of a layer's weights".

    Args:
        network: Without batch-norms.
        quality: Threshold in standard deviations.

    Raises:
        CompressionError: for a threshold below 0, or a layer that would lose every weight.
    """
    raise_faults("pruning", (), [("quality", quality, quality >= 0, "at least 0")])
    weights = {name: network.tensors[name] for name in weight_names(network)}
    masks = {name: np.abs(tensor) > quality * np.std(tensor) for name, tensor in weights.items()}
    lost = [f"{name} would lose every weight; lower its quality" for name, mask in masks.items() if not mask.any()]
    raise_faults("pruning", lost)
    return masks


def masked(network: Network, masks: Masks) -> Network:
    """Return ``network`` with exact zeros (never -0.0) where ``masks`` is False."""
    return with_tensors(
        network, {name: np.where(mask, network.tensors[name], np.float32(0)) for name, mask in masks.items()}
    )


def masks_of(network: Network) -> Masks:
    """Return the masks that an earlier step left: True where a weight is not 0."""
    return {name: network.tensors[name] != 0 for name in weight_names(network)}
