"""Well-known networks as shapes alone: what they cost can be asked without their weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from hwsim.network import Network
from models.shapes.branched import googlenet, mobilenet_v2, resnet18, resnet50
from models.shapes.chains import alexnet, lenet5, vgg16
from models.shapes.sequences import bert_layer, lstm

__all__ = ["SHAPES"]

SHAPES: Mapping[str, Callable[[], Network]] = MappingProxyType(
    {
        "lenet5": lenet5,
        "alexnet": alexnet,
        "vgg16": vgg16,
        "googlenet": googlenet,
        "resnet18": resnet18,
        "resnet50": resnet50,
        "mobilenetv2": mobilenet_v2,
        "bert-layer": bert_layer,
        "lstm": lstm,
    }
)
