"""Training on what earlier steps made: zeros stay zeros, and what a training gives up is said in the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hwsim.network import Network
from models.compression.pruning.hooks import MaskHook
from models.compression.pruning.masks import masks_of
from models.compression.step import Training, Work
from models.training.hooks import Hook


def trained(network: Network, work: Work, training: Training, hooks: Sequence[Hook] = ()) -> Network:
    """Return ``network`` trained on with what is 0 held at 0; as it is when there are no epochs.

    Args:
        network: Its weights that are 0, biases aside, are those of an earlier pruning.
        work: Its log says which codebook of an earlier step the training leaves.
        training: How.
        hooks: What else takes part; the zeros are put back after all of them.
    """
    if training.epochs == 0:
        return network
    report_left(network, work)
    fit = work.retrain(network, training, (*hooks, MaskHook(masks_of(network))))
    return replace(network, tensors=fit.tensors)


def report_left(network: Network, work: Work, moved: Sequence[str] = ("weights", "biases")) -> None:
    """Write into the log which earlier steps restricted tensors that this one moves freely, by the network's card.

    Args:
        network: As it is before.
        work: Has the log.
        moved: What this step moves: weights, biases.
    """
    for method, what in codebooks(network):
        if what in moved:
            work.report(f"  the {what} leave the codebook of {method}: let {method} follow this step instead")


def codebooks(network: Network) -> tuple[tuple[str, str], ...]:
    """Return the latest step that restricted the weights, and that of the biases, by the card: method and what.

    >>> from models import load_network
    >>> from models.compression.inq.convert import Pow2
    >>> from models.compression.step import recorded
    >>> codebooks(recorded(load_network("digits-cnn"), Pow2()))
    (('pow2', 'weights'),)
    """
    steps = network.metadata.get("compression", [])
    entries = [step for step in steps if isinstance(step, Mapping)] if isinstance(steps, list) else []
    latest = {str(step["restricts"]): str(step.get("method")) for step in entries if "restricts" in step}
    return tuple((method, what) for what, method in latest.items())
