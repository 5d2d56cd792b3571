"""LeNet-5 as Caffe ships it: 20-50-500-10, 431,080 parameters, no ReLU after the convolutions.

Source: Caffe ``examples/mnist/lenet_train_test.prototxt``; after LeCun et al., "Gradient-based learning applied to
document recognition", 1998.
"""

from __future__ import annotations

from hwsim.network import Activation, Conv2d, Flatten, Layer, Linear, MaxPool2d, Network
from models.zoo.initial import initial_tensors

INPUT_SHAPE = (1, 28, 28)
LAYERS = (
    Layer("conv1", Conv2d(20, (5, 5)), ("input",)),
    Layer("pool1", MaxPool2d((2, 2), (2, 2)), ("conv1",)),
    Layer("conv2", Conv2d(50, (5, 5)), ("pool1",)),
    Layer("pool2", MaxPool2d((2, 2), (2, 2)), ("conv2",)),
    Layer("flatten", Flatten(), ("pool2",)),
    Layer("ip1", Linear(500, activation=Activation.RELU), ("flatten",)),
    Layer("ip2", Linear(10), ("ip1",)),
)


def lenet5(seed: int = 1) -> Network:
    """Return the untrained network; 2,293,000 multiply-accumulates per image.

    >>> sum(tensor.size for tensor in lenet5().tensors.values())
    431080
    """
    tensors = initial_tensors(INPUT_SHAPE, LAYERS, seed)
    return Network("lenet5", INPUT_SHAPE, LAYERS, tensors, {"dataset": "mnist"})
