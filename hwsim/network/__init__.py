"""Networks as data: layers, shapes, weights, files, and the float baseline."""

from hwsim.network.base import Activation, Op, Pair, Shape
from hwsim.network.files import load_network_file, save_network
from hwsim.network.float_run import activations_float, forward_float
from hwsim.network.fold import fold
from hwsim.network.graph import Gemm, Network, gemm_shape
from hwsim.network.layer import INPUT, Layer
from hwsim.network.ops import (
    Add,
    AvgPool2d,
    BatchNorm,
    Concat,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    Relu,
    Relu6,
    Softmax,
    op_from_dict,
)

__all__ = [
    "INPUT",
    "Activation",
    "Add",
    "AvgPool2d",
    "BatchNorm",
    "Concat",
    "Conv2d",
    "Flatten",
    "Gemm",
    "GlobalAvgPool",
    "Layer",
    "Linear",
    "MaxPool2d",
    "Network",
    "Op",
    "Pair",
    "Relu",
    "Relu6",
    "Shape",
    "Softmax",
    "activations_float",
    "fold",
    "forward_float",
    "gemm_shape",
    "load_network_file",
    "op_from_dict",
    "save_network",
]
