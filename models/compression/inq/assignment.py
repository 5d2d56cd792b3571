"""From tensors that hold restricted values back to the formats in which the array computes with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.quantize import quantize
from hwsim.errors import FormatError, all_faults
from hwsim.formats import parse
from hwsim.network import INPUT, Network
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.network.resolve import layers_with_formats
from models.compression.errors import CompressionError
from models.compression.inq.codebook import MAX_BITS, MIN_BITS, Codebook, bits_faults
from models.compression.weights import weight_names


def assignment_formats(network: Network, bits: int = 0) -> dict[str, str]:
    """Return, for each layer with weights, a format of hwsim that holds every weight exactly: no bit changes.

    Powers of two are recognised from the tensors themselves, others by what a conversion wrote on the card; either is
    checked weight by weight.

    Args:
        network: Folded and quantised.
        bits: Of powers of two; 0 is the fewest that hold a layer.

    >>> from models import load_network
    >>> from models.compression.step import Work
    >>> from models.compression.inq.convert import Pow2
    >>> from models import load_data
    >>> network = Pow2(bits=4).apply(load_network("digits-cnn"), Work(load_data("digits", "train")))
    >>> sorted(assignment_formats(network, bits=4).items())
    [('classify', 'pow2<4>@2^0'), ('conv1', 'pow2<4>@2^1'), ('conv2', 'pow2<4>@2^0')]

    Raises:
        CompressionError: layers whose weights no format is known to hold, all of them by name.
    """
    if bits and bits_faults(bits):
        raise CompressionError(bits_faults(bits)[0])
    noted = _noted(network, "formats")
    found: dict[str, str] = {}
    faults: list[str] = []
    for name in weight_names(network):
        layer, values = name.removesuffix(".weight"), network.tensors[name]
        spelled = powers_of_two(values, bits) or _checked(noted.get(layer), values)
        if spelled is None:
            faults.append(f"{layer}: {len(np.unique(np.abs(values)))} magnitudes, {_reason(noted.get(layer), bits)}")
        else:
            found[layer] = spelled
    if faults:
        raise CompressionError(all_faults(f"weights of network {network.name!r} without a format", faults))
    return found


def powers_of_two(values: NDArray[Any], bits: int = 0) -> str | None:
    """Return the ``pow2`` format that holds every value, or None where there is none.

    >>> powers_of_two(np.array([0.5, -0.25, 0.0])), powers_of_two(np.array([0.5, 0.3]))
    ('pow2<3>@2^-1', None)
    """
    magnitudes = np.abs(values[values != 0]).astype(np.float64)
    mantissas, exponents = np.frexp(magnitudes)
    if not bool((mantissas == 0.5).all()):
        return None
    top = int(exponents.max(initial=1 - 64)) - 1 if magnitudes.size else 0
    for width in (bits,) if bits else range(MIN_BITS, MAX_BITS + 1):
        book = Codebook(width, top)
        if magnitudes.size == 0 or int(exponents.min()) - 1 >= book.bottom:
            return str(book.format)
    return None


def array_assignment(network: Network, acts: str = "int8", acc: str = "int32", bits: int = 0) -> Assignment:
    """Return the formats in which the array computes exactly what was trained.

    Args:
        network: Folded and quantised.
        acts: Of activations whose format the card does not name.
        acc: Of the sums.
        bits: As in ``assignment_formats``.

    Raises:
        CompressionError: as ``assignment_formats``.
        FormatError: spellings that cannot be read.
    """
    weights, noted = assignment_formats(network, bits), _noted(network, "activations")
    default = LayerFormats.of("int8", acts, acc)
    names = [INPUT, *(layer.name for layer in layers_with_formats(network))]
    overrides = tuple(
        (name, LayerFormats.of(weights.get(name, "int8"), noted.get(name, acts), acc))
        for name in names
        if name in weights or name in noted
    )
    return Assignment(default, overrides)


def _noted(network: Network, key: str) -> Mapping[str, str]:
    """Return what the latest step that has facts named ``key`` wrote on the card."""
    for entry in reversed(network.metadata.get("compression", [])):  # type: ignore[arg-type,call-overload]
        facts = entry.get("facts", {})
        if key in facts:
            noted: Mapping[str, str] = facts[key]
            return noted
    return {}


def _checked(spelled: str | None, values: NDArray[Any]) -> str | None:
    if spelled is None:
        return None
    try:
        return spelled if np.array_equal(quantize(values, parse(spelled)), values) else None
    except FormatError:
        return None  # a card may name what this version cannot read; the layer then counts as unknown


def _reason(noted: str | None, bits: int) -> str:
    powers = f"no powers of two of {bits} bits" if bits else "no powers of two"
    return powers + ("" if noted is None else f", and not the {noted} of the card")
