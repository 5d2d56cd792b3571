"""LeNet-300-100: two hidden layers on the 784 pixels of a digit.

Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, in the form that the literature
on compression uses (Han et al., arXiv:1510.00149).
"""

from __future__ import annotations

from hwsim.network import Activation, Flatten, Layer, Linear, Network
from models.zoo.initial import initial_tensors

INPUT_SHAPE = (1, 28, 28)
LAYERS = (
    Layer("flatten", Flatten(), ("input",)),
    Layer("ip1", Linear(300, activation=Activation.RELU), ("flatten",)),
    Layer("ip2", Linear(100, activation=Activation.RELU), ("ip1",)),
    Layer("ip3", Linear(10), ("ip2",)),
)


def lenet300(seed: int = 1) -> Network:
    """Return the untrained network; 266,200 multiply-accumulates per image.

    >>> sum(tensor.size for tensor in lenet300().tensors.values())
    266610
    """
    tensors = initial_tensors(INPUT_SHAPE, LAYERS, seed)
    return Network("lenet300", INPUT_SHAPE, LAYERS, tensors, {"dataset": "mnist"})
