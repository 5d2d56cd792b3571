"""What a quantiser weighs its errors with: a positive number for each weight."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Network
from models.compression.errors import CompressionError
from models.compression.weights import weight_names

FLOOR = 0.01  #: smallest importance, as a share of the mean: a weight with less would be free to move anywhere


def importance(
    network: Network,
    diagonal: Mapping[str, NDArray[np.float64]],
    names: tuple[str, ...] | None = None,
    floor: float = FLOOR,
) -> NDArray[np.float64]:
    """Return the diagonal as one flat vector of positive numbers, in the order of ``weights.flat_weights``.

    A weight behind a unit that no image reaches has a second derivative of 0, and an estimate may be negative where the
    truth is not: weighted means would be undefined. Values below ``floor`` times the mean (of the values, negative ones
    taken as 0) are raised to it. All values 0 gives all ones. Only ratios matter to a quantiser.

    The mean is that over *all* weights of ``names``, pruned ones included, and Choi et al. have no floor (their eq. 8
    and 9 take h as it is). A quantiser then divides by the mean over the weights that are left, so that in a pruned
    network the floor, in the unit of that mean, is ``floor`` times the ratio of the two means.

    >>> import numpy as np
    >>> from hwsim.network import Layer, Linear
    >>> layers = (Layer("fc", Linear(1, bias=False), ("input",)),)
    >>> net = Network("n", (3,), layers, {"fc.weight": np.ones((1, 3), np.float32)})
    >>> importance(net, {"fc.weight": np.array([[3.0, 0.0, -1.0]])}, floor=0.01).tolist()
    [3.0, 0.01, 0.01]

    Raises:
        CompressionError: a tensor without values, or of another shape; values that are not finite; a floor outside
            (0, 1].
    """
    names = names or weight_names(network)
    if faults := _faults(network, diagonal, names, floor):
        raise CompressionError(f"importance of {network.name!r}: " + "; ".join(faults))
    flat = np.concatenate([np.asarray(diagonal[name], dtype=np.float64).ravel() for name in names])
    mean = float(np.maximum(flat, 0.0).mean())
    return np.maximum(flat, floor * mean) if mean > 0 else np.ones_like(flat)


def _faults(
    network: Network, diagonal: Mapping[str, NDArray[np.float64]], names: tuple[str, ...], floor: float
) -> list[str]:
    faults = [] if 0 < floor <= 1 else [f"the floor is {floor}; a share of the mean is in (0, 1]"]
    for name in names:
        shape = network.tensor(name).shape
        if name not in diagonal:
            faults.append(f"no values for {name!r}; there are some for {', '.join(diagonal) or 'nothing'}")
        elif diagonal[name].shape != shape:
            faults.append(f"{name!r} has shape {shape} and its values {diagonal[name].shape}")
        elif not np.isfinite(diagonal[name]).all():
            faults.append(f"{int((~np.isfinite(diagonal[name])).sum())} values of {name!r} are not finite")
    return faults
