"""Which format each tensor of each layer has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from hwsim.errors import FormatError, all_faults, unknown_name
from hwsim.formats import NumberFormat, parse

Spelled = str | NumberFormat


@dataclass(frozen=True)
class LayerFormats:
    """The formats of one layer.

    Attributes:
        weights: of the weights.
        acts: of the activations that the layer writes (for the name "input": of the network's input).
        acc: of the accumulator; an integer without a scale takes the unit of the exact product.
        product: that each product is rounded to before it is added; None keeps products exact.
        bias: that biases are stored in; None stores them in the accumulator's format.
    """

    weights: NumberFormat
    acts: NumberFormat
    acc: NumberFormat
    product: NumberFormat | None = None
    bias: NumberFormat | None = None

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.weights, self.acts, self.acc, self.product, self.bias))

    @classmethod
    def of(
        cls, weights: Spelled, acts: Spelled, acc: Spelled, product: Spelled | None = None, bias: Spelled | None = None
    ) -> LayerFormats:
        """Build from formats or their spellings.

        Raises:
            FormatError: lists every spelling that cannot be read.

        >>> str(LayerFormats.of("pow2<4>", "fixed<8,4>", "fixed<24,12>").weights)
        'pow2<4>'
        """
        return cls.from_dict({"weights": weights, "acts": acts, "acc": acc, "product": product, "bias": bias})

    @classmethod
    def from_dict(cls, spelled: Mapping[str, Spelled | None]) -> LayerFormats:
        """Read back what ``to_dict`` wrote. Raises FormatError, listing every fault."""
        known = [field.name for field in fields(cls)]
        faults = [unknown_name("tensor role", str(role), known) for role in spelled if role not in known]
        faults += [
            f"the format of {role} is missing" for role in ("weights", "acts", "acc") if spelled.get(role) is None
        ]
        parsed: dict[str, NumberFormat | None] = {}
        for role in known:
            value = spelled.get(role)
            try:
                parsed[role] = parse(value) if isinstance(value, str) else value
            except FormatError as error:
                faults.append(f"{role}: {error}")
        if faults:
            raise FormatError(all_faults("the choice of formats", faults))
        return cls(**parsed)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, str | None]:
        """Return the canonical spellings by role."""
        roles = {field.name: getattr(self, field.name) for field in fields(self)}
        return {role: None if fmt is None else str(fmt) for role, fmt in roles.items()}


@dataclass(frozen=True)
class Assignment:
    """Formats for a whole network: one set for every layer, and others for the layers named.

    Attributes:
        default: of every layer that is not named.
        overrides: (layer name, its formats); "input" names the network's input, of which only ``acts`` counts.

    >>> Assignment.uniform("float<6,7>").default.product is not None
    True
    """

    default: LayerFormats
    overrides: tuple[tuple[str, LayerFormats], ...] = ()

    @classmethod
    def uniform(cls, everything: Spelled) -> Assignment:
        """Return the assignment that has one format for weights, activations, products and sums alike."""
        return cls(LayerFormats.of(everything, everything, everything, everything))

    def of(self, layer: str) -> LayerFormats:
        """Return the formats of ``layer``."""
        return dict(self.overrides).get(layer, self.default)

    def to_dict(self) -> dict[str, Any]:
        """Return canonical spellings, JSON-able; ``from_dict`` reads them back."""
        return {"default": self.default.to_dict(), "overrides": {name: f.to_dict() for name, f in self.overrides}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Assignment:
        """Read back what ``to_dict`` wrote."""
        overrides = tuple((name, LayerFormats.from_dict(f)) for name, f in values.get("overrides", {}).items())
        return cls(LayerFormats.from_dict(values["default"]), overrides)
