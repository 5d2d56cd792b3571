"""A network as columns of numbers: its layers by what they ask of any machine in any format.

Layers that are equal but for their name are one column; the order in which all of them run is kept apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hwsim.array import Action, Component, VectorWork, Workload, parse_machine, vector_traffic
from hwsim.costing.assumed import assumed_numerics
from hwsim.layer_work import Task, layer_tasks
from hwsim.network import Layer, MatMul, Network
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.network.base import elements
from hwsim.network.numerics import LayerNumerics
from hwsim.on_chip import OnChip

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: Formats whose widths all differ, so that every number of bits tells which format it is of.
PROBE = LayerFormats.of("int5", "int7", "int23", bias="int19")
_ROOMY = "1x1-ws,ifmap=1048576MiB,ofmap=1048576MiB"


@dataclass(frozen=True)
class Products:
    """The matrix products of a network, one column each; names as in ``hwsim.array.Workload``.

    Attributes:
        two_maps: both operands are feature maps, so the second is in the activations' format.
        final: results leave in the accumulator's format.
        shared: weights are shared by the groups.
        source, own: elements of the map read and written where it can stay on the chip, 0 where it cannot.
    """

    m: Ints
    n: Ints
    k: Ints
    groups: Ints
    ifmap: Ints
    weights: Ints
    ofmap: Ints
    effectual: Ints
    has_bias: Flags
    two_maps: Flags
    final: Flags
    shared: Flags
    source: Ints
    own: Ints

    @cached_property
    def macs(self) -> Ints:
        """Multiply-accumulates of all groups."""
        return self.m * self.n * self.k * self.groups

    @cached_property
    def kinds(self) -> NDArray[np.intp]:
        """Number of each layer's kind: 1 where both operands are maps, plus 2 where results are sums."""
        return (self.two_maps + 2 * self.final).astype(np.intp)


@dataclass(frozen=True)
class Deed:
    """How often a vector layer does one thing: ``words`` of the kind ``word``, "act" or "acc"."""

    component: Component
    action: Action
    unit: str
    word: str
    words: int


@dataclass(frozen=True)
class VectorLayer:
    """One kind of vector layer.

    Attributes:
        operations: of all kinds, which decide its cycles.
        inputs, operands, outputs: elements that come, are read, and go.
        deeds: what it does and moves, by whether its input comes from DRAM and whether its output goes there.
        has_sums: its element is in the accumulator's format; nothing but comparisons otherwise.
        final: results leave in the accumulator's format.
        source, own: as in ``Products``.
    """

    operations: int
    inputs: int
    operands: int
    outputs: int
    deeds: tuple[tuple[tuple[bool, bool], tuple[Deed, ...]], ...]
    has_sums: bool
    final: bool
    source: int
    own: int


@dataclass(frozen=True)
class LayerColumns:
    """A network ready for a sweep.

    Attributes:
        network: its name.
        products: the matrix products.
        vectors: the kinds of vector layers.
        order: the layers as they run: index of a product, or that of a vector layer plus the number of products.
        weight_count: weights of all layers.
    """

    network: str
    products: Products
    vectors: tuple[VectorLayer, ...]
    order: tuple[int, ...]
    weight_count: int


def layer_columns(network: Network, batch: int = 1, sparsity: float | None = None) -> LayerColumns:
    """Return the layers of a folded network as columns.

    Args:
        network: folded; tensors are not looked at.
        batch: images that go through together.
        sparsity: assumed share of products with a zero operand, as in ``hwsim.costing.assumed_numerics``.
    """
    numerics = assumed_numerics(network, Assignment(PROBE), sparsity)
    tasks = layer_tasks(network, numerics, parse_machine(_ROOMY), 1, batch)
    maps = _Maps(network, numerics, batch)
    products: dict[tuple[int, ...], int] = {}
    vectors: dict[VectorLayer, int] = {}
    order: list[tuple[str, int]] = []
    for task in tasks:
        layer = network.layer(task.name)
        if isinstance(task.work, Workload):
            row = _product(task, layer, maps)
            order.append(("product", products.setdefault(row, len(products))))
        elif isinstance(task.work, VectorWork):
            kind = _vector(task, layer, maps)
            order.append(("vector", vectors.setdefault(kind, len(vectors))))
    places = tuple(index + (len(products) if kind == "vector" else 0) for kind, index in order)
    weights = sum(layer.weight_count for layer in numerics)
    return LayerColumns(network.name, _columns(list(products)), tuple(vectors), places, weights)


class _Maps:
    """Which feature maps could stay on a chip with room for them."""

    def __init__(self, network: Network, numerics: tuple[LayerNumerics, ...], batch: int) -> None:
        roomy = OnChip(network, {layer.name: layer for layer in numerics}, parse_machine(_ROOMY), batch)
        self._network, self._batch, self._roomy = network, batch, roomy

    def source(self, layer: Layer) -> int:
        """Return the elements of the one map that ``layer`` reads, if it could stay."""
        return self._elements(layer.inputs[0]) if self._roomy.source_stays(layer) else 0

    def own(self, layer: Layer) -> int:
        """Return the elements of the map that ``layer`` writes, if it could stay."""
        return self._elements(layer.name) if self._roomy.stays(layer.name) else 0

    def _elements(self, name: str) -> int:
        return elements(self._network.shapes[name]) * self._batch


_NAMES = ("m", "n", "k", "groups", "ifmap_elements", "weight_elements", "ofmap_elements")


def _product(task: Task, layer: Layer, maps: _Maps) -> tuple[int, ...]:
    work = task.work
    assert isinstance(work, Workload)
    assert isinstance(work.effectual_macs, int)
    sizes = tuple(int(getattr(work, name)) for name in _NAMES)
    flags = (work.has_bias, isinstance(layer.op, MatMul), work.output_bits == PROBE.acc.bits, work.weights_shared)
    return (*sizes, work.effectual_macs, *map(int, flags), maps.source(layer), maps.own(layer))


def _columns(rows: list[tuple[int, ...]]) -> Products:
    table = np.array(rows, dtype=np.int64).reshape(len(rows), 14).T
    sizes, flags, places = table[:8], table[8:12].astype(bool), table[12:]
    return Products(*sizes, *flags, *places)


def _vector(task: Task, layer: Layer, maps: _Maps) -> VectorLayer:
    work = task.work
    assert isinstance(work, VectorWork)
    deeds = tuple(
        ((source, own), _deeds(replace(work, layer="", ifmap_in_dram=source, ofmap_in_dram=own)))
        for source in (False, True)
        for own in (False, True)
    )
    final = work.output_bits == PROBE.acc.storage_bits
    sizes = work.operations, work.input_elements, work.operands, work.output_elements
    return VectorLayer(*sizes, deeds, task.pe is not None, final, maps.source(layer), maps.own(layer))


def _deeds(work: VectorWork) -> tuple[Deed, ...]:
    widths = {PROBE.acts.bits: "act", PROBE.acc.bits: "acc"}
    counts = vector_traffic(parse_machine("1x1-ws"), work)
    return tuple(Deed(c.component, c.action, c.unit, widths[c.bits], int(c.count)) for c in counts)
