"""How a compressed network runs on the array: a format for each layer's weights, read off the values that they have.

A format chosen here holds every weight exactly wherever one of the array's formats can; where none can, how far the
weights move is part of the answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.fit import fit
from hwsim.arith.quantize import quantize
from hwsim.formats import CodebookFormat, NumberFormat, parse
from hwsim.formats.scaled import MAX_SCALE
from hwsim.network import INPUT, Network
from hwsim.network.assignment import Assignment, LayerFormats
from models.compression.recipe import ArraySettings
from models.compression.weights import with_tensors

AUTO = "auto"
DEFAULT = ArraySettings()
_MOST_POW2_BITS, _MOST_INT_BITS, _MOST_ENTRIES = 6, 8, 256


@dataclass(frozen=True)
class LayerWeights:
    """What the weights of a layer run in.

    Attributes:
        layer: Its name.
        fmt: The fitted format.
        largest_change: Largest distance that a weight moves into the format, in the unit of the weights; 0 is exact.
    """

    layer: str
    fmt: NumberFormat
    largest_change: float

    @property
    def exact(self) -> bool:
        """Whether every weight keeps its value."""
        return self.largest_change == 0


def array_assignment(network: Network, settings: ArraySettings) -> tuple[Assignment, tuple[LayerWeights, ...]]:
    """Return the formats that ``network`` runs in on the array, and what becomes of its weights.

    Activations that a step rounded while it trained, as its card says, keep the formats that it rounded to.

    Args:
        network: Folded.
        settings: Formats of activations and sums, and of weights where they are not read off the tensors.

    >>> from hwsim.network import fold
    >>> from models import load_network
    >>> [str(weights.fmt) for weights in array_assignment(fold(load_network("digits-cnn")), ArraySettings())[1]]
    ['int8@2^-6', 'int8@2^-7', 'int8@2^-7']

    Raises:
        FormatError: a format that cannot be read.
    """
    meant, acts = noted_formats(network, "formats"), noted_formats(network, "activations")
    chosen: dict[str, LayerWeights] = {}
    for layer in network.mac_layers:
        values = network.weight(layer.name)
        fmt = weight_format(values, settings, meant.get(layer.name))
        chosen[layer.name] = LayerWeights(layer.name, fmt, _largest_change(values, fmt))
    weights: dict[str, NumberFormat | str] = {name: own.fmt for name, own in chosen.items()}
    overrides = tuple(
        (name, LayerFormats.of(weights.get(name, "int8"), acts.get(name, settings.acts), settings.acc))
        for name in dict.fromkeys((*acts, *chosen))
    )
    default = LayerFormats.of("int8", settings.acts, settings.acc)
    return Assignment(default, overrides), tuple(chosen.values())


def noted_formats(network: Network, fact: str) -> dict[str, NumberFormat]:
    """Return the formats by layer that the latest step with such a fact wrote on the card; "input" is the images.

    Layers that later steps took away are left out, and so is everything where no step says anything.

    Raises:
        FormatError: a card with a spelling that cannot be read.
    """
    steps = network.metadata.get("compression", [])
    facts = [step.get("facts", {}) for step in steps if isinstance(step, Mapping)] if isinstance(steps, list) else []
    found: Mapping[str, str] = next((own[fact] for own in reversed(facts) if fact in own), {})
    names = {INPUT, *(layer.name for layer in network.layers)}
    return {name: parse(spelled) for name, spelled in found.items() if name in names}


def on_array(network: Network, weights: Sequence[LayerWeights]) -> Network:
    """Return ``network`` with its weights as the array holds them."""
    held = {f"{own.layer}.weight": quantize(network.weight(own.layer), own.fmt) for own in weights}
    return with_tensors(network, held)


def weight_format(
    values: NDArray[np.float32], settings: ArraySettings = DEFAULT, meant: NumberFormat | None = None
) -> NumberFormat:
    """Return the format of a weight tensor: the first of these that holds every value.

    Powers of two and zero: ``pow2``, a shift. What a step rounded to, ``meant``. Multiples of a power of two: the
    narrowest ``int`` of at most 8 bits. Else, for shared values (at most 256, each held twice on average) whose indices
    need fewer bits than an entry: ``codebook``, its entries rounded to ``settings.entries``. Else ``settings.plain``,
    its scale fitted to the tensor.

    >>> str(weight_format(np.array([0, 0.5, -0.25], np.float32)))
    'pow2<3>@2^-1'
    >>> str(weight_format(np.array([0, 0.375, -0.25], np.float32)))
    'int3@2^-3'
    >>> str(weight_format(np.array([0, 0.1, -0.3] * 2, np.float32)))
    'codebook<3,int8@2^-8>{-77/256;0;13/128}'

    Raises:
        FormatError: a format of the settings cannot be read.
    """
    if settings.weights != AUTO:
        return fit(parse(settings.weights), values)
    distinct = np.unique(values.astype(np.float64))
    exact = meant if meant is not None and _largest_change(distinct, meant) == 0 else None
    candidates = (_pow2(distinct), exact, _integer(distinct))
    found = next((fmt for fmt in candidates if fmt is not None), None)
    return found or _codebook(values, distinct, settings.entries) or fit(parse(settings.plain), values)


def _pow2(distinct: NDArray[np.float64]) -> NumberFormat | None:
    mantissas, exponents = np.frexp(distinct[distinct != 0])
    if np.any(np.abs(mantissas) != 0.5):
        return None
    if exponents.size == 0:
        return parse("pow2<2>@2^0")
    span, top = int(exponents.max() - exponents.min()) + 1, int(exponents.max()) - 1
    bits = 2 + math.ceil(math.log2(span))
    return parse(f"pow2<{bits}>@2^{top}") if bits <= _MOST_POW2_BITS and abs(top) <= MAX_SCALE else None


def _integer(distinct: NDArray[np.float64]) -> NumberFormat | None:
    nonzero = distinct[distinct != 0]
    if nonzero.size == 0:
        return None
    exponent = min(_lowest_bit(float(value)) for value in nonzero)
    if abs(exponent) > MAX_SCALE or float(np.abs(nonzero).max()) > math.ldexp(1, exponent + _MOST_INT_BITS - 1):
        return None
    codes = np.ldexp(distinct, -exponent)
    bits = max(_signed_bits(int(codes.min())), _signed_bits(int(codes.max())))
    return parse(f"int<{bits}>@2^{exponent}") if bits <= _MOST_INT_BITS else None


def _lowest_bit(value: float) -> int:
    """Return the exponent of the last set bit of a float that is not 0."""
    denominator = Fraction(value)
    numerator = abs(denominator.numerator)
    return (numerator & -numerator).bit_length() - denominator.denominator.bit_length()


def _signed_bits(code: int) -> int:
    return (code if code >= 0 else -code - 1).bit_length() + 1


def _codebook(values: NDArray[np.float32], distinct: NDArray[np.float64], entries: str) -> NumberFormat | None:
    if distinct.size > min(_MOST_ENTRIES, values.size // 2):
        return None
    entry = fit(parse(entries), values)
    table = tuple(sorted({Fraction(float(value)) for value in quantize(distinct, entry)}))
    book = CodebookFormat(max(2, len(table)), entry, table)
    return book if book.bits < entry.bits else None


def _largest_change(values: NDArray[np.floating[Any]], fmt: NumberFormat) -> float:
    held = quantize(values.astype(np.float64), fmt).astype(np.float64)
    return float(np.abs(held - values).max(initial=0.0))
