"""From tensors that hold restricted values back to formats in which the array computes with exactly these weights."""

from __future__ import annotations

from hwsim.errors import all_faults
from hwsim.network import Network
from models.compression.errors import CompressionError
from models.compression.inq.codebook import Codebook, bits_faults
from models.compression.on_array import array_assignment
from models.compression.recipe import ArraySettings


def assignment_formats(network: Network, bits: int = 0) -> dict[str, str]:
    """Return, for each layer with weights, a format of hwsim that holds every weight: no bit changes.

    Powers of two are recognised from the tensors alone, sums of them by what a conversion wrote on the card.

    Args:
        network: Folded and quantised.
        bits: Of powers of two, all layers alike; 0 is the fewest that hold a layer.

    >>> from models import load_data, load_network
    >>> from models.compression.inq.convert import Pow2
    >>> from models.compression.step import Work
    >>> network = Pow2(bits=4).apply(load_network("digits-cnn"), Work(load_data("digits", "train")))
    >>> sorted(assignment_formats(network, bits=4).items())
    [('classify', 'pow2<4>@2^0'), ('conv1', 'pow2<4>@2^1'), ('conv2', 'pow2<4>@2^0')]

    Raises:
        CompressionError: layers whose weights no such format holds, all of them by name.
    """
    faults = bits_faults(bits) if bits else []
    found: dict[str, str] = {}
    for weights in array_assignment(network, ArraySettings())[1] if not faults else ():
        found[weights.layer] = str(weights.fmt)
        if not weights.exact:
            faults.append(f"{weights.layer}: weights move by up to {weights.largest_change:.3g} into {weights.fmt}")
        elif bits and str(weights.fmt).startswith("pow2<"):
            values = network.weight(weights.layer)
            book = Codebook(bits, Codebook.of(values, bits).top)
            found[weights.layer] = str(book.format)
            if not book.holds(values).all():
                faults.append(f"{weights.layer}: its powers of two need {weights.fmt}, more than {bits} bits")
    if faults:
        raise CompressionError(all_faults(f"formats of the weights of {network.name!r}", faults))
    return found
