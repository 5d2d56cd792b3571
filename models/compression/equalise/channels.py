"""Which layers write and read the same channels, so that a factor on one side has to come off on the other."""

from __future__ import annotations

from dataclasses import dataclass

from hwsim.network import Add, AvgPool2d, Conv2d, Flatten, GlobalAvgPool, Layer, Linear, MaxPool2d, Network, Relu
from hwsim.network.base import Activation, elements
from hwsim.network.layer import INPUT

_HOMOGENEOUS = (MaxPool2d, AvgPool2d, GlobalAvgPool, Relu, Flatten)  #: f(s x) = s f(x) for s > 0, channel by channel


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that can be scaled by any factors above 0 without changing the network's function.

    Attributes:
        channels: How many.
        writers: Layers whose output units they are: weights and bias are multiplied by the factors.
        readers: Layers whose inputs they are, and how many input elements come from one channel: weights are divided.
    """

    channels: int
    writers: tuple[str, ...]
    readers: tuple[tuple[str, int], ...]


def channel_groups(network: Network) -> tuple[ChannelGroup, ...]:
    """Return the groups of a folded network, in the order of their first writers.

    Left out is what reaches the network's input or answer, layers with groups, and operations that are not positively
    homogeneous (ReLU6, softmax, joins of channels).

    >>> from models import load_network
    >>> from hwsim.network import fold
    >>> [(group.writers, group.readers) for group in channel_groups(fold(load_network("digits-cnn")))]
    [(('conv1',), (('conv2', 1),)), (('conv2',), (('classify', 4),))]
    """
    tree = _Groups()
    for layer in network.layers:
        _place(network, layer, tree)
    tree.bar(network.output)
    found = [(root, writers) for root, writers in tree.writers().items() if root not in tree.barred()]
    readers = tree.readers()
    groups = (ChannelGroup(len(network.weight(writers[0])), writers, readers.get(root, ())) for root, writers in found)
    return tuple(group for group in groups if group.readers)


class _Groups:
    """Values of a network in sets that share their channels (union-find), with who writes and who reads them."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {INPUT: INPUT}
        self._block: dict[str, int] = {INPUT: 1}
        self._barred: set[str] = {INPUT}
        self._writers: list[str] = []
        self._readers: list[tuple[str, str]] = []

    def add(self, name: str, block: int = 1) -> None:
        self._parent[name], self._block[name] = name, block

    def block(self, name: str) -> int:
        return self._block[name]

    def root(self, name: str) -> str:
        while self._parent[name] != name:
            name = self._parent[name]
        return name

    def join(self, name: str, other: str) -> None:
        self._parent[self.root(name)] = self.root(other)

    def bar(self, name: str) -> None:
        self._barred.add(name)

    def write(self, name: str) -> None:
        self._writers.append(name)

    def read(self, name: str, reader: str) -> None:
        self._readers.append((name, reader))

    def barred(self) -> set[str]:
        return {self.root(name) for name in self._barred}

    def writers(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for name in self._writers:
            found[self.root(name)] = (*found.get(self.root(name), ()), name)
        return found

    def readers(self) -> dict[str, tuple[tuple[str, int], ...]]:
        found: dict[str, tuple[tuple[str, int], ...]] = {}
        for name, reader in self._readers:
            found[self.root(name)] = (*found.get(self.root(name), ()), (reader, self._block[name]))
        return found


def _place(network: Network, layer: Layer, tree: _Groups) -> None:
    op, first = layer.op, layer.inputs[0]
    if isinstance(op, Conv2d | Linear):
        tree.add(layer.name)
        tree.write(layer.name)
        tree.read(first, layer.name)
        if op.activation is Activation.RELU6:
            tree.bar(layer.name)
        if isinstance(op, Conv2d) and op.groups > 1:
            tree.bar(layer.name)
            tree.bar(first)
    elif isinstance(op, _HOMOGENEOUS):
        wider = elements(network.shapes[first][1:]) if isinstance(op, Flatten) else 1
        tree.add(layer.name, tree.block(first) * wider)
        tree.join(layer.name, first)
    elif isinstance(op, Add) and op.activation is not Activation.RELU6:
        tree.add(layer.name, tree.block(first))
        for source in layer.inputs:
            tree.join(source, layer.name)
    else:
        tree.add(layer.name)
        for name in (layer.name, *layer.inputs):
            tree.bar(name)
