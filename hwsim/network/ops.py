"""The operations of a network. Shapes and meanings follow PyTorch's layers of the same names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from hwsim.errors import NetworkError, unknown_name
from hwsim.network.base import Activation, Op, Pair, Shape, elements, feature_map, vector
from hwsim.network.sequence_ops import Gelu, GroupSoftmax, LayerNorm, LstmCell, MatMul, Recurrent
from hwsim.network.windows import window_counts


@dataclass(frozen=True)
class Conv2d(Op):
    """Two-dimensional convolution (cross-correlation) with zero padding.

    Tensors: weight (out_channels, in_channels / groups, kernel height, kernel width), bias (out_channels,).

    Attributes:
        out_channels: filters.
        kernel: height and width of a filter, pixels.
        stride: step between windows, pixels.
        padding: zeros added on both sides of each axis, pixels.
        groups: parts that channels and filters are split into; in_channels for a depthwise convolution.
        bias: whether there is a bias tensor.
        activation: applied to the sums.

    >>> Conv2d(20, (5, 5)).output_shape(((1, 28, 28),))
    (20, 24, 24)
    """

    kind: ClassVar[str] = "conv2d"

    out_channels: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    groups: int = 1
    bias: bool = True
    activation: Activation = Activation.NONE

    def _faults(self) -> list[str]:
        if self.out_channels % self.groups:
            return [f"out_channels is {self.out_channels}; it must be a multiple of groups, {self.groups}"]
        return []

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        self._channels_per_group(inputs[0])
        return (self.out_channels, *window_counts(self.kind, self, inputs[0]))

    def tensor_shapes(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """See the base class."""
        weight = (self.out_channels, self._channels_per_group(inputs[0]), *self.kernel)
        return {"weight": weight} | ({"bias": (self.out_channels,)} if self.bias else {})

    def _channels_per_group(self, shape: Shape) -> int:
        channels, _, _ = feature_map(self.kind, shape)
        if channels % self.groups:
            raise NetworkError(f"{self.kind} has {channels} input channels, not a multiple of groups, {self.groups}")
        return channels // self.groups


@dataclass(frozen=True)
class Linear(Op):
    """Matrix product. Tensors: weight (out_features, in_features), bias (out_features,)."""

    kind: ClassVar[str] = "linear"

    out_features: int
    bias: bool = True
    activation: Activation = Activation.NONE

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        vector(self.kind, inputs[0])
        return (self.out_features,)

    def tensor_shapes(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """See the base class."""
        weight = (self.out_features, vector(self.kind, inputs[0]))
        return {"weight": weight} | ({"bias": (self.out_features,)} if self.bias else {})


@dataclass(frozen=True)
class BatchNorm(Op):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta; tensors: gamma, beta, mean, variance, each (channels,)."""

    kind: ClassVar[str] = "batchnorm"

    epsilon: float = 1e-5

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0]

    def tensor_shapes(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """See the base class."""
        return dict.fromkeys(("gamma", "beta", "mean", "variance"), (inputs[0][0],))


@dataclass(frozen=True)
class Relu(Op):
    """max(x, 0)."""

    kind: ClassVar[str] = "relu"

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0]


@dataclass(frozen=True)
class Relu6(Op):
    """min(max(x, 0), 6)."""

    kind: ClassVar[str] = "relu6"

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0]


@dataclass(frozen=True)
class _Pool2d(Op):
    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    ceil_mode: bool = False

    def _faults(self) -> list[str]:
        over = any(2 * pad > kernel for pad, kernel in zip(self.padding, self.kernel, strict=True))
        # Otherwise a window could lie wholly in the padding, where there is no maximum and no average.
        return [f"padding is {self.padding}; it may be at most half of the kernel, {self.kernel}"] if over else []

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return (inputs[0][0], *window_counts(self.kind, self, inputs[0], self.ceil_mode))


@dataclass(frozen=True)
class MaxPool2d(_Pool2d):
    """The largest element of each window; padding never wins.

    >>> MaxPool2d((2, 2), (2, 2)).output_shape(((20, 24, 24),))
    (20, 12, 12)
    """

    kind: ClassVar[str] = "maxpool2d"


@dataclass(frozen=True)
class AvgPool2d(_Pool2d):
    """The mean of each window; ``count_include_pad`` says whether padding counts in the divisor."""

    kind: ClassVar[str] = "avgpool2d"

    count_include_pad: bool = True


@dataclass(frozen=True)
class GlobalAvgPool(Op):
    """The mean of each channel: (channels, height, width) to (channels, 1, 1)."""

    kind: ClassVar[str] = "globalavgpool"

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return (feature_map(self.kind, inputs[0])[0], 1, 1)


@dataclass(frozen=True)
class Add(Op):
    """Elementwise sum of two or more inputs of one shape, in the order of the inputs."""

    kind: ClassVar[str] = "add"
    fewest_inputs: ClassVar[int] = 2
    most_inputs: ClassVar[int | None] = None

    activation: Activation = Activation.NONE

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        if len(set(inputs)) > 1:
            raise NetworkError(f"{self.kind} takes inputs of one shape, not {' and '.join(map(str, inputs))}")
        return inputs[0]


@dataclass(frozen=True)
class Concat(Op):
    """Inputs one after another along the channels (or features).

    >>> Concat().output_shape(((8, 4, 4), (3, 4, 4)))
    (11, 4, 4)
    """

    kind: ClassVar[str] = "concat"
    fewest_inputs: ClassVar[int] = 2
    most_inputs: ClassVar[int | None] = None

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        if len({shape[1:] for shape in inputs}) > 1:
            raise NetworkError(f"{self.kind} takes inputs that differ in channels only, not {inputs}")
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])


@dataclass(frozen=True)
class Flatten(Op):
    """(channels, height, width) to (channels x height x width,), width fastest."""

    kind: ClassVar[str] = "flatten"

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return (elements(inputs[0]),)


@dataclass(frozen=True)
class Softmax(Op):
    """exp(x) over the sum of exp(x) of a vector."""

    kind: ClassVar[str] = "softmax"

    def _shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return (vector(self.kind, inputs[0]),)


_OPS: Mapping[str, type[Op]] = {
    "conv2d": Conv2d,
    "linear": Linear,
    "batchnorm": BatchNorm,
    "relu": Relu,
    "relu6": Relu6,
    "maxpool2d": MaxPool2d,
    "avgpool2d": AvgPool2d,
    "globalavgpool": GlobalAvgPool,
    "add": Add,
    "concat": Concat,
    "flatten": Flatten,
    "softmax": Softmax,
    **{op.kind: op for op in (MatMul, Recurrent, LstmCell, GroupSoftmax, LayerNorm, Gelu)},
}


def op_from_dict(values: Mapping[str, Any]) -> Op:
    """Read back what ``Op.to_dict`` wrote, trusting nothing in it.

    Raises:
        NetworkError: unknown kind, or unknown, missing or ill-typed fields.

    >>> op_from_dict({"kind": "linear", "out_features": 10, "bias": False, "activation": "relu"})
    Linear(out_features=10, bias=False, activation=<Activation.RELU: 'relu'>)
    """
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in _OPS:
        raise NetworkError(unknown_name("operation", str(kind)[:60], _OPS))
    return _OPS[kind].from_fields({name: value for name, value in values.items() if name != "kind"})
