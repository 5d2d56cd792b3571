"""Operations of transformers and recurrent networks, on maps whose height is the position in the sequence.

A sequence of T vectors of D features is a feature map of shape (D, T, 1), so that a linear layer applied to every
position is a 1x1 convolution. Bit-accurate execution does not know these operations; float64 and costs do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hwsim.errors import NetworkError
from hwsim.network.base import Op, Shape, feature_map


@dataclass(frozen=True)
class MatMul(Op):
    """Products of two feature maps, head by head: neither operand is a stored weight.

    With ``transposed`` (queries times keys): inputs (heads d, T, 1) and (heads d, S, 1) give (heads S, T, 1), each
    score the sum over d. Otherwise (probabilities times values): (heads S, T, 1) and (heads d, S, 1) give
    (heads d, T, 1), each the sum over S.

    Attributes:
        heads: independent products; the channels are split among them.
        transposed: whether the second operand is summed over its channels.

    >>> MatMul(12, transposed=True).output_shape(((768, 128, 1), (768, 128, 1)))
    (1536, 128, 1)
    """

    kind: ClassVar[str] = "matmul"
    fewest_inputs: ClassVar[int] = 2
    most_inputs: ClassVar[int | None] = 2

    heads: int
    transposed: bool = False

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (left, rows, _), (right, positions, _) = (feature_map(self.kind, shape) for shape in inputs)
        if left % self.heads or right % self.heads:
            raise NetworkError(f"{self.kind} has {left} and {right} channels, not multiples of heads, {self.heads}")
        summed, offered = (right, left) if self.transposed else (self.heads * positions, left)
        if summed != offered:
            raise NetworkError(f"{self.kind} sums over {offered // self.heads} and {summed // self.heads} elements")
        return (self.heads * positions if self.transposed else right, rows, 1)

    def product(self, inputs: tuple[Shape, ...]) -> tuple[int, int, int]:
        """Return (rows M, columns N, sum length K) of one head."""
        (left, rows, _), (right, positions, _) = inputs
        summed, columns = left // self.heads, positions if self.transposed else right // self.heads
        return rows, columns, summed


@dataclass(frozen=True)
class Recurrent(Op):
    """The matrix product of a recurrent layer: at each position, ``gates`` x hidden sums of the state before it.

    The products of the positions cannot run together: each needs the state that the one before it gave.
    Input and output are (gates hidden, T, 1); tensors: weight (gates hidden, hidden), bias (gates hidden,).

    Attributes:
        hidden: features of the state.
        bias: whether there is a bias tensor.
    """

    kind: ClassVar[str] = "recurrent"

    hidden: int
    bias: bool = True

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        channels, _, width = feature_map(self.kind, inputs[0])
        if channels % self.hidden or width != 1:
            raise NetworkError(f"{self.kind} takes (a multiple of {self.hidden}, positions, 1), not {inputs[0]}")
        return inputs[0]

    def tensor_shapes(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """See the base class."""
        weight = (inputs[0][0], self.hidden)
        return {"weight": weight} | ({"bias": (inputs[0][0],)} if self.bias else {})


@dataclass(frozen=True)
class LstmCell(Op):
    """The pointwise part of a long short-term memory: two maps of gate sums (4 hidden, T, 1) to (hidden, T, 1).

    Gates i, f, g, o as PyTorch orders them: c = sigmoid(f) c + sigmoid(i) tanh(g); h = sigmoid(o) tanh(c).
    """

    kind: ClassVar[str] = "lstmcell"
    fewest_inputs: ClassVar[int] = 2
    most_inputs: ClassVar[int | None] = 2

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        channels, positions, width = feature_map(self.kind, inputs[0])
        if channels % 4 or inputs[0] != inputs[1]:
            raise NetworkError(f"{self.kind} takes two maps of one shape with 4 x hidden channels, not {inputs}")
        return (channels // 4, positions, width)


@dataclass(frozen=True)
class GroupSoftmax(Op):
    """exp(x) over the sum of exp(x) of the channels of a group, at every position (one group for each head)."""

    kind: ClassVar[str] = "groupsoftmax"

    groups: int = 1

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        channels, _, _ = feature_map(self.kind, inputs[0])
        if channels % self.groups:
            raise NetworkError(f"{self.kind} has {channels} channels, not a multiple of groups, {self.groups}")
        return inputs[0]


@dataclass(frozen=True)
class LayerNorm(Op):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta over the channels, at every position."""

    kind: ClassVar[str] = "layernorm"

    epsilon: float = 1e-12

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        feature_map(self.kind, inputs[0])
        return inputs[0]

    def tensor_shapes(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """See the base class."""
        return dict.fromkeys(("gamma", "beta"), (inputs[0][0],))


@dataclass(frozen=True)
class Gelu(Op):
    """x times the probability that a normal variable is below x (Hendrycks and Gimpel, arXiv 1606.08415)."""

    kind: ClassVar[str] = "gelu"

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0]
