"""What is decorrelated, how strongly, and in which of the published ways."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from hwsim.errors import unknown_name
from hwsim.network import Conv2d, Linear, Network
from models.compression.errors import CompressionError, raise_faults

KINDS = ("local", "global")
FORMS = ("update", "penalty")


@dataclass(frozen=True)
class Decorrelation:
    """OrthoReg by its options.

    Source: Rodriguez et al., "Regularizing CNNs with Locally Constrained Decorrelations", arXiv:1611.01967, and the
    authors' released Lua code.

    Attributes:
        kind: local pushes apart only filters that point nearly the same way; global pulls every pair towards 90
            degrees, opposite ones too.
        form: update changes the weights after each step, by rate * beta * direction, as the released Lua code does;
            penalty adds beta * loss to the loss, and its gradient passes through the optimiser.
        beta: Strength. The released code names 0.001, its logs 0.1 (CIFAR-10) and 0.01 (CIFAR-100), for 200 epochs of
            wide networks. 10 is what ``models study orthoreg`` chose for the local update, of four values a decade
            apart, on two small networks trained from the start at a rate of 0.05; for the global one it chose 0.1, as
            a penalty 0.1 and 0.01. Nothing else was tried.
        sharpness: Lambda of the local loss, per unit of cosine: with 7 to 10 a pair beyond 90 degrees hardly matters.
        layers: Names of layers; none means every convolution and linear layer but the last, which classifies.
    """

    kind: Literal["local", "global"] = "local"
    form: Literal["update", "penalty"] = "update"
    beta: float = 10.0
    sharpness: float = 10.0
    layers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checks = (
            ("kind", self.kind, self.kind in KINDS, " or ".join(KINDS)),
            ("form", self.form, self.form in FORMS, " or ".join(FORMS)),
            ("beta", self.beta, 0 <= self.beta < math.inf, "a number, at least 0"),
            ("sharpness", self.sharpness, 0 < self.sharpness < math.inf, "a number above 0"),
        )
        raise_faults("decorrelation", (), checks)


def decorrelated_layers(network: Network, chosen: tuple[str, ...] = ()) -> dict[str, int]:
    """Return the groups of each layer that is decorrelated; filters of different groups see different channels.

    Args:
        network: Its convolutions and linear layers are what there is to choose from.
        chosen: Names of layers; empty: all but the last.

    >>> from models import load_network
    >>> decorrelated_layers(load_network("lenet5"))
    {'conv1': 1, 'conv2': 1, 'ip1': 1}

    Raises:
        CompressionError: for names that are no such layer (all of them), and when nothing is left to decorrelate.
    """
    ops = {layer.name: layer.op for layer in network.layers if isinstance(layer.op, Conv2d | Linear)}
    groups = {name: op.groups if isinstance(op, Conv2d) else 1 for name, op in ops.items()}
    unknown = [unknown_name("convolution or linear layer", name, groups) for name in chosen if name not in groups]
    raise_faults("decorrelation", unknown)
    names = [name for name in groups if name in chosen] if chosen else list(groups)[:-1]
    if not names:
        raise CompressionError(
            f"network {network.name!r} has no layer to decorrelate but the one that classifies: name it in 'layers'"
        )
    return {name: groups[name] for name in names}
