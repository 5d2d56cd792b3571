"""The structure of each network, with untrained weights drawn from a seed; needs no torch."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from hwsim.network import Network
from models.zoo.digits_cnn import digits_cnn
from models.zoo.lenet5 import lenet5
from models.zoo.lenet300 import lenet300
from models.zoo.resnet20 import resnet20

ZOO: Mapping[str, Callable[[int], Network]] = MappingProxyType(
    {"digits-cnn": digits_cnn, "lenet5": lenet5, "lenet300": lenet300, "resnet20": resnet20}
)

__all__ = ["ZOO", "digits_cnn", "lenet5", "lenet300", "resnet20"]
