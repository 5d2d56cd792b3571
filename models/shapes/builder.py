"""Layers one after another, by name, so that a network reads like its paper's table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hwsim.network import (
    INPUT,
    Add,
    BatchNorm,
    Concat,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    Op,
    Relu,
    Relu6,
    Shape,
)


@dataclass
class Builder:
    """A network that grows at its end; every method returns the name of the last layer that it added.

    Attributes:
        layers: so far.
        last: what the next layer reads unless told otherwise.
    """

    layers: list[Layer] = field(default_factory=list)
    last: str = INPUT

    def add(self, name: str, op: Op, *sources: str) -> str:
        """Add one operation."""
        self.layers.append(Layer(name, op, sources or (self.last,)))
        self.last = name
        return name

    def conv(
        self, name: str, filters: int, kernel: int, stride: int = 1, padding: int = 0, *, groups: int = 1,
        source: str | None = None, relu: bool | int = False, norm: bool = False,
    ) -> str:  # fmt: skip
        """Add a square convolution: with ``norm`` a batch-norm in place of the bias, then a ReLU (6: clipped at 6)."""
        op = Conv2d(filters, (kernel,) * 2, (stride,) * 2, (padding,) * 2, groups, bias=not norm)
        self.add(name, op, *([source] if source else []))
        if norm:
            self.add(f"{name}.bn", BatchNorm())
        if relu:
            self.add(f"{name}.relu", Relu6() if relu is not True and relu == 6 else Relu())
        return self.last

    def pool(self, name: str, kernel: int, stride: int, padding: int = 0, *, ceil: bool = False) -> str:
        """Add max pooling over squares."""
        return self.add(name, MaxPool2d((kernel,) * 2, (stride,) * 2, (padding,) * 2, ceil))

    def linear(self, name: str, features: int, relu: bool = False) -> str:
        """Add a linear layer with a bias."""
        self.add(name, Linear(features))
        return self.add(f"{name}.relu", Relu()) if relu else name

    def classify(self, features: int, name: str = "fc") -> str:
        """Add global average pooling and a linear layer."""
        self.add("avgpool", GlobalAvgPool())
        self.add("flatten", Flatten())
        return self.linear(name, features)

    def sum(self, name: str, *sources: str, relu: bool = False) -> str:
        """Add a sum of maps."""
        self.add(name, Add(), *sources)
        return self.add(f"{name}.relu", Relu()) if relu else name

    def concat(self, name: str, *sources: str) -> str:
        """Add maps one after another along the channels."""
        return self.add(name, Concat(), *sources)

    def network(self, name: str, input_shape: Shape, card: Mapping[str, Any]) -> Network:
        """Return the network without tensors."""
        return Network(name, input_shape, tuple(self.layers), {}, card)
