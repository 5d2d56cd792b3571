"""Networks as data: layers, shapes, weights, files, and the float baseline."""

from hwsim.network.base import Activation, Op, Pair, Shape
from hwsim.network.files import load_network_file, save_network
from hwsim.network.float_run import activations_float, forward_float
from hwsim.network.fold import fold, fold_shapes
from hwsim.network.graph import PRODUCTS, Gemm, Network, gemm_shape
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
from hwsim.network.sequence_ops import Gelu, GroupSoftmax, LayerNorm, LstmCell, MatMul, Recurrent

__all__ = [
    "INPUT",
    "PRODUCTS",
    "Activation",
    "Add",
    "AvgPool2d",
    "BatchNorm",
    "Concat",
    "Conv2d",
    "Flatten",
    "Gelu",
    "Gemm",
    "GlobalAvgPool",
    "GroupSoftmax",
    "Layer",
    "LayerNorm",
    "Linear",
    "LstmCell",
    "MatMul",
    "MaxPool2d",
    "Network",
    "Op",
    "Pair",
    "Recurrent",
    "Relu",
    "Relu6",
    "Shape",
    "Softmax",
    "activations_float",
    "fold",
    "fold_shapes",
    "forward_float",
    "gemm_shape",
    "load_network_file",
    "op_from_dict",
    "save_network",
]
