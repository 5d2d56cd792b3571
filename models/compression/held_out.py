"""Whether images that a run keeps from its training were kept from the network's own training too."""

from __future__ import annotations

from collections.abc import Mapping

from hwsim.network import Network
from models.compression.step import own_recipe


def seen_before(network: Network, hold_out: int) -> str:
    """Return the warning for images that ``network`` was trained on before; empty where it was trained on none.

    Its recipe says how many images at the end of train its own training held out. Those chose the epoch that was kept,
    which no warning is for.

    Args:
        network: As it comes, with its card.
        hold_out: How many images at the end of train the run trains on none of.

    >>> from models import load_network
    >>> seen_before(load_network("lenet5"), 5000)
    ''
    >>> print(seen_before(load_network("digits-cnn"), 180))
    digits-cnn was trained on 180 of the 180 images that are held out: counts of them say little about new images

    Raises:
        DataError: a recipe that this version cannot read.
    """
    if not hold_out:
        return ""
    if not isinstance(network.metadata.get("recipe"), Mapping):
        return (
            f"the card of {network.name} has no recipe: whether it was trained on the {hold_out} images that are held "
            "out is not known"
        )
    seen = max(0, hold_out - own_recipe(network).validation)
    return (
        f"{network.name} was trained on {seen} of the {hold_out} images that are held out: counts of them say little "
        "about new images"
        if seen
        else ""
    )
