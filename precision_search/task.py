"""One configuration, and the two keys under which its answers are stored.

The *numerics key* covers everything that can change which images are classified correctly; the *hardware key*
adds everything that can change cycles and prices. New prices therefore redraw a frontier without new inference.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True)
class FormatChoice:
    """The number formats of a layer, as canonical strings.

    Attributes:
        weights, acts: the operands.
        acc: the accumulator; every partial sum is rounded to it.
        product: each product is rounded to it before it is added; None keeps products exact.
        bias: the bias; None leaves the choice to the simulator (the accumulator's format).
    """

    weights: str
    acts: str
    acc: str
    product: str | None = None
    bias: str | None = None

    def to_dict(self) -> dict[str, Json]:
        """Return the formats by role.

        >>> FormatChoice("pow2<4>", "fixed<8,4>", "fixed<24,12>").to_dict()["weights"]
        'pow2<4>'
        """
        return {
            "weights": self.weights,
            "acts": self.acts,
            "acc": self.acc,
            "product": self.product,
            "bias": self.bias,
        }


@dataclass(frozen=True)
class Configuration:
    """Network + formats + machine + prices + data: one row of a sweep.

    Attributes:
        network: registry name or path of an ``.npz`` file.
        formats: the formats of every layer without an override.
        machine, table: the array and the price table, by name.
        split: which part of the data set is classified.
        images: how many images of the split, from its start; None for all.
        overrides: layers that have formats of their own, sorted by layer name.
    """

    network: str
    formats: FormatChoice
    machine: str
    table: str
    split: str = "test"
    images: int | None = None
    overrides: tuple[tuple[str, FormatChoice], ...] = ()

    def assignment(self) -> dict[str, Json]:
        """Return which format each tensor has, ready for JSON."""
        layers: dict[str, Json] = {layer: choice.to_dict() for layer, choice in self.overrides}
        return {"default": self.formats.to_dict(), "overrides": layers}


@dataclass(frozen=True)
class Subject:
    """What is classified by what: the identity, by content, of a network and the images it is shown.

    Attributes:
        network: name for people; ``network_hash`` is the identity (structure and weights).
        dataset, split: names for people; ``data_hash`` is the identity.
        images: how many images are classified.
        data_hash, calibration_hash: content of the whole data splits used.
    """

    network: str
    network_hash: str
    dataset: str
    split: str
    images: int
    data_hash: str
    calibration_hash: str


@dataclass(frozen=True)
class Task:
    """A configuration with its identity: its keys, and what went into them beside names."""

    configuration: Configuration
    subject: Subject
    numerics_key: str
    hardware_key: str
    table_hash: str
    kernel_version: str
    simulator_version: str


def canonical_json(value: Json | Mapping[str, Json]) -> str:
    """Return the one JSON text of ``value``: sorted keys, no spaces, no NaN.

    >>> canonical_json({"b": 1, "a": [2]}) == canonical_json({"a": [2], "b": 1})
    True
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def content_key(value: Mapping[str, Json]) -> str:
    """Return the sha256 of the canonical JSON of ``value``, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def numerics_key(configuration: Configuration, subject: Subject, kernel_version: str) -> str:
    """Return the key of which images ``configuration`` classifies correctly.

    Machine, prices and every name are left out: they cannot change the answer.
    """
    return content_key(
        {
            "network": subject.network_hash,
            "assignment": configuration.assignment(),
            "data": subject.data_hash,
            "split": subject.split,
            "images": subject.images,
            "calibration": subject.calibration_hash,
            "kernels": kernel_version,
        }
    )


def hardware_key(numerics: str, machine: Mapping[str, Json], table_hash: str, simulator_version: str) -> str:
    """Return the key of what a configuration costs.

    Args:
        numerics: the numerics key; formats, shapes and zeros come with it.
        machine: every parameter of the machine.
        table_hash: content of the price table, its name included.
        simulator_version: version of the meaning of cycles, traffic and pricing.
    """
    return content_key(
        {"numerics": numerics, "machine": dict(machine), "table": table_hash, "simulator": simulator_version}
    )
