"""The weights of a layer as matrices whose rank decides into what two layers it can be split.

Channel form: rows are output units, columns (input channel, kernel row, kernel column). A matrix of rank r is r filters
of the same kernel followed by a 1x1 convolution; of a linear layer, two linear layers. Source: Alvarez & Salzmann,
"Compression-aware Training of Deep Networks", arXiv:1711.02638, section 3; Zhang et al., arXiv:1505.06798.

Spatial form: rows are (output unit, kernel column), columns (input channel, kernel row). A matrix of rank r is r
vertical filters (kh x 1) followed by horizontal ones (1 x kw). Source: Jaderberg et al., arXiv:1405.3866, scheme 2.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Conv2d, Linear, Network, Shape
from models.compression.errors import CompressionError

Matrices = NDArray[np.float64]  #: (groups, rows, columns)


class Form(enum.Enum):
    """How a layer is split into two."""

    CHANNEL = "channel"  #: a layer with the same kernel and fewer units, then a 1x1 convolution
    SPATIAL = "spatial"  #: vertical filters, then horizontal ones


@dataclass(frozen=True)
class Split:
    """One layer as two.

    Attributes:
        form: Which two.
        rank: Components between them, for each group of the layer.
    """

    form: Form
    rank: int


def forms_of(op: Conv2d | Linear) -> tuple[Form, ...]:
    """Return the forms in which a layer can be split; where both are the same matrix, the channel form alone.

    >>> [form.value for form in forms_of(Conv2d(8, (3, 3)))], [form.value for form in forms_of(Linear(8))]
    (['channel', 'spatial'], ['channel'])
    """
    if isinstance(op, Conv2d) and op.kernel[1] > 1:
        return (Form.CHANNEL, Form.SPATIAL)
    return (Form.CHANNEL,)


def groups_of(op: Conv2d | Linear) -> int:
    """Return the number of groups, 1 for a linear layer."""
    return op.groups if isinstance(op, Conv2d) else 1


def as_matrices(weight: NDArray[Any], groups: int, form: Form) -> Matrices:
    """Return the matrices of a weight tensor, float64, shape (groups, rows, columns).

    >>> weight = np.arange(24.0).reshape(2, 2, 3, 2)
    >>> as_matrices(weight, 1, Form.CHANNEL).shape, as_matrices(weight, 1, Form.SPATIAL).shape
    ((1, 2, 12), (1, 4, 6))
    """
    values = np.asarray(weight, dtype=np.float64)
    if form is Form.CHANNEL:
        return values.reshape(groups, len(values) // groups, -1)
    out, channels, height, width = values.shape
    turned = values.reshape(groups, out // groups, channels, height, width).transpose(0, 1, 4, 2, 3)
    return np.ascontiguousarray(turned).reshape(groups, out // groups * width, channels * height)


def as_weight(matrices: Matrices, shape: Shape, form: Form) -> NDArray[np.float64]:
    """Return the weight tensor of ``shape`` whose matrices these are: the inverse of ``as_matrices``."""
    if form is Form.CHANNEL:
        return matrices.reshape(shape)
    out, channels, height, width = shape
    groups = len(matrices)
    turned = matrices.reshape(groups, out // groups, width, channels, height).transpose(0, 1, 3, 4, 2)
    return np.ascontiguousarray(turned).reshape(shape)


def matrix_shape(shape: Shape, groups: int, form: Form) -> tuple[int, int]:
    """Return rows and columns of one matrix of a weight tensor of ``shape``.

    >>> matrix_shape((50, 20, 5, 5), 1, Form.CHANNEL), matrix_shape((50, 20, 5, 5), 1, Form.SPATIAL)
    ((50, 500), (250, 100))
    """
    rows, columns = shape[0] // groups, int(np.prod(shape[1:]))
    return (rows, columns) if form is Form.CHANNEL else (rows * shape[3], columns // shape[3])


def largest_saving_rank(shape: Shape, groups: int, form: Form) -> int:
    """Return the largest rank r with r (rows + columns) < rows x columns, 0 where no rank saves a parameter.

    Source: Alvarez & Salzmann, arXiv:1711.02638, section 3.

    >>> largest_saving_rank((500, 800), 1, Form.CHANNEL)
    307
    """
    rows, columns = matrix_shape(shape, groups, form)
    return (rows * columns - 1) // (rows + columns)


def checked_split(network: Network, name: str, split: Split) -> Conv2d | Linear:
    """Return the operation of layer ``name`` if it can be split so.

    Raises:
        CompressionError: with the bound of what is wrong.
    """
    op = network.layer(name).op
    if not isinstance(op, Conv2d | Linear):
        raise CompressionError(f"layer {name!r} is {op.kind}; convolutions and linear layers can be split")
    if split.form not in forms_of(op):
        raise CompressionError(f"layer {name!r} ({op.kind}) has no {split.form.value} form: use channel")
    largest = min(matrix_shape(network.tensor_shapes[f"{name}.weight"], groups_of(op), split.form))
    if not 1 <= split.rank <= largest:
        raise CompressionError(f"layer {name!r}: rank is {split.rank}; needed: 1 to {largest}")
    return op
