"""A small convolutional network for 8x8 digits, small enough to sweep hundreds of formats in a minute."""

from __future__ import annotations

from hwsim.network import Activation, Conv2d, Flatten, Layer, Linear, MaxPool2d, Network
from models.zoo.initial import initial_tensors

INPUT_SHAPE = (1, 8, 8)
LAYERS = (
    Layer("conv1", Conv2d(16, (3, 3), padding=(1, 1), activation=Activation.RELU), ("input",)),
    Layer("pool1", MaxPool2d((2, 2), (2, 2)), ("conv1",)),
    Layer("conv2", Conv2d(32, (3, 3), padding=(1, 1), activation=Activation.RELU), ("pool1",)),
    Layer("pool2", MaxPool2d((2, 2), (2, 2)), ("conv2",)),
    Layer("flatten", Flatten(), ("pool2",)),
    Layer("classify", Linear(10), ("flatten",)),
)


def digits_cnn(seed: int = 1) -> Network:
    """Return the untrained network; 84,224 multiply-accumulates per image.

    >>> sum(tensor.size for tensor in digits_cnn().tensors.values())
    6090
    """
    tensors = initial_tensors(INPUT_SHAPE, LAYERS, seed)
    return Network("digits-cnn", INPUT_SHAPE, LAYERS, tensors, {"dataset": "digits"})
