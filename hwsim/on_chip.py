"""Which feature maps stay on the chip between one layer and the next."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

from hwsim.array import Machine, fits_on_chip
from hwsim.array.moves import whole
from hwsim.formats import parse
from hwsim.network import INPUT, Flatten, Layer, Network, Softmax
from hwsim.network.base import elements
from hwsim.network.run import LayerNumerics


@dataclass(frozen=True)
class OnChip:
    """Which feature maps stay on the chip: those that fit, and that only the next layer reads, there.

    A flatten moves nothing: what it names is the map before it. A softmax runs on the host, so its input leaves.
    """

    network: Network
    numerics: dict[str, LayerNumerics]
    machine: Machine
    batch: int = 1

    def stays(self, name: str) -> bool:
        """True where the output of layer ``name`` never leaves the chip."""
        return self._written_by[name] in self._staying

    @cached_property
    def _staying(self) -> frozenset[str]:
        shapes, found = self.network.shapes, []
        for name in self._handed_on:
            bits = whole(parse(self.numerics[name].output).storage_bits) * elements(shapes[name]) * self.batch
            if fits_on_chip(self.machine, bits):
                found.append(name)
        return frozenset(found)

    @cached_property
    def _written_by(self) -> dict[str, str]:
        """The layer that wrote what each name names: a flatten hands on what it reads."""
        found = {INPUT: INPUT}
        for layer in self.network.layers:
            found[layer.name] = found[layer.inputs[0]] if isinstance(layer.op, Flatten) else layer.name
        return found

    @cached_property
    def _handed_on(self) -> frozenset[str]:
        """The maps that only the next layer reads, that one alone and on the chip."""
        moving = [layer for layer in self.network.layers if not isinstance(layer.op, Flatten)]
        readers: dict[str, list[Layer]] = {name: [] for name in (INPUT, *(layer.name for layer in moving))}
        for layer in moving:
            for tensor in {self._written_by[name] for name in layer.inputs}:
                readers[tensor].append(layer)
        return frozenset(
            before.name
            for before, after in itertools.pairwise(moving)
            if readers[before.name] == [after] and len(after.inputs) == 1 and not isinstance(after.op, Softmax)
        )

    def source_stays(self, layer: Layer) -> bool:
        """True where every input of ``layer`` is on the chip already."""
        return all(self.stays(name) for name in layer.inputs)
