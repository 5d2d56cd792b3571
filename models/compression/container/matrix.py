"""A tensor as the matrix that the coders walk through, and where its columns lie in space."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hwsim.network import Flatten, Linear, Network, Shape


@dataclass(frozen=True)
class Matrix:
    """Rows of outputs, columns of inputs: groups (channels) of ``area`` positions in rows of ``width``.

    Attributes:
        rows: Outputs.
        columns: Inputs of each, a multiple of ``area``.
        area: Positions of a channel: of the kernel, or of the map that a linear layer flattens.
        width: Positions in a row of the kernel or the map; divides ``area``.
    """

    rows: int
    columns: int
    area: int = 1
    width: int = 1

    @property
    def size(self) -> int:
        """How many values there are."""
        return self.rows * self.columns

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.rows, self.columns


def matrices(network: Network) -> Mapping[str, Matrix]:
    """Return the matrix of every tensor that the layers of ``network`` need, by name, sorted.

    A vector is one row. A linear layer that reads a flattened map has the positions of the map as area.

    >>> from models import load_network
    >>> matrices(load_network("lenet5"))["ip1.weight"]
    Matrix(rows=500, columns=800, area=16, width=4)
    """
    found = {name: _matrix(shape) for name, shape in network.tensor_shapes.items()}
    for layer in network.layers:
        before = layer.inputs[0]
        if isinstance(layer.op, Linear) and before in network.shapes and before != "input":
            source = network.layer(before)
            if isinstance(source.op, Flatten) and len(mapped := network.shapes[source.inputs[0]]) == 3:
                own = found[f"{layer.name}.weight"]
                found[f"{layer.name}.weight"] = Matrix(own.rows, own.columns, mapped[1] * mapped[2], mapped[2])
    return dict(sorted(found.items()))


def _matrix(shape: Shape) -> Matrix:
    if len(shape) < 2:
        return Matrix(1, math.prod(shape))
    area, width = (math.prod(shape[2:]), shape[-1]) if len(shape) > 2 else (1, 1)
    return Matrix(shape[0], math.prod(shape[1:]), area, width)
