"""One batch of images through a tree of configurations, depth first: what two share is computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hwsim.errors import HwsimError
from hwsim.network.activity import Activity
from hwsim.network.graph import Network
from hwsim.network.layer import INPUT
from hwsim.network.prefixes import Numbering, Trail, Visit, walk
from hwsim.network.resolved import ResolvedNetwork
from hwsim.network.sampling import layer_activity
from hwsim.network.steps import Arithmetic, Step, Values

Maps = Mapping[str, Values]


@dataclass(frozen=True)
class Leaf:
    """A configuration in the tree.

    Attributes:
        index: its place among the configurations asked for.
        trail: what it computes; no two leaves have the same.
        resolved: its layers, in its own spelling.
        steps: its layers, ready to run.
    """

    index: int
    trail: Trail
    resolved: ResolvedNetwork
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Broken:
    """A configuration that cannot be computed.

    Attributes:
        error: why.
        depth: where in its trail.
        resolved: the configuration in whose spelling the message is written.
    """

    error: HwsimError
    depth: int
    resolved: ResolvedNetwork

    def speaks_for(self, resolved: ResolvedNetwork) -> bool:
        """True if the message is, word for word, that of ``resolved`` too."""
        same_input = resolved.input_format == self.resolved.input_format
        return same_input and resolved.layers[: self.depth] == self.resolved.layers[: self.depth]


@dataclass(frozen=True)
class Counts:
    """What one layer of one prefix did: multiply-accumulates of two nonzero numbers, kernels taken, bus activity."""

    effectual_macs: int = 0
    paths: tuple[str, ...] = ()
    activity: Activity | None = None

    def plus(self, other: Counts) -> Counts:
        """Return the counts of this batch and a later one."""
        paths = tuple(dict.fromkeys((*self.paths, *other.paths)))
        return Counts(self.effectual_macs + other.effectual_macs, paths, self.activity or other.activity)


@dataclass
class BatchResult:
    """What a batch gave: outputs [classes, images] by leaf, counts by node of the tree, and leaves that failed."""

    outputs: dict[int, Values] = field(default_factory=dict)
    counts: dict[int, Counts] = field(default_factory=dict)
    broken: dict[int, Broken] = field(default_factory=dict)


@dataclass(frozen=True)
class Walk:
    """The leaves that are still alive, by their place in the tree, and the visits to them in order."""

    alive: tuple[int, ...]
    visits: tuple[Visit, ...]


class Tree:
    """Leaves in the order of a walk, ready to run batch after batch, in any number of threads.

    Args:
        network: folded.
        leaves: with steps, sorted by trail.
        arithmetic: what computes.
        looking: whether the operands are looked at for the activity of the buses.
    """

    def __init__(self, network: Network, leaves: Sequence[Leaf], arithmetic: Arithmetic, looking: bool = False) -> None:
        self.leaves = tuple(leaves)
        number = Numbering()
        #: Node of each leaf at each depth: leaves with one prefix have one node there.
        self.nodes = tuple(tuple(number(leaf.trail[: d + 1]) for d in range(len(leaf.trail))) for leaf in leaves)
        self._network = network
        self._arithmetic = arithmetic
        self._live = live_maps(network)
        self._looking = looking

    def walk(self, dead: Mapping[int, Broken]) -> Walk:
        """Return the walk over the leaves that are not ``dead``."""
        alive = tuple(place for place in range(len(self.leaves)) if place not in dead)
        return Walk(alive, walk([self.leaves[place].trail for place in alive]))

    def run(self, images: Values, first_image: int, plan: Walk) -> BatchResult:
        """Run one batch of images [B, C, H, W] through every leaf of ``plan``."""
        lanes = np.ascontiguousarray(np.moveaxis(images, 0, -1))
        result, kept = BatchResult(), dict[int, Maps]()
        broken: Broken | None = None
        for visit in plan.visits:
            place = plan.alive[visit.leaf]
            if broken is None or visit.shared <= broken.depth:
                broken = self._visit(place, visit, lanes, first_image, kept, result)
            if broken is not None:
                result.broken[place] = broken
        return result

    def _visit(
        self, place: int, visit: Visit, lanes: Values, first_image: int, kept: dict[int, Maps], result: BatchResult
    ) -> Broken | None:
        """Compute a leaf from where it leaves the one before it."""
        leaf, maps = self.leaves[place], dict[str, Values]()
        for depth in [depth for depth in kept if depth >= visit.shared]:
            del kept[depth]
        if visit.shared:
            before = visit.shared - 1
            maps = dict(kept[before] if before in visit.keep else kept.pop(before))
        for depth in range(visit.shared, len(leaf.trail)):
            try:
                name, values, counts = self._compute(leaf, depth, maps, lanes, first_image)
            except HwsimError as error:
                return Broken(error, depth, leaf.resolved)
            result.counts[self.nodes[place][depth]] = counts
            maps = {name: values} | {other: maps[other] for other in self._live[depth] if other in maps}
            if depth in visit.keep:
                kept[depth] = maps
        result.outputs[place] = maps[self._network.output].reshape(-1, lanes.shape[-1])
        return None

    def _compute(
        self, leaf: Leaf, depth: int, maps: Maps, lanes: Values, first_image: int
    ) -> tuple[str, Values, Counts]:
        if depth == 0:
            fmt = leaf.resolved.input_format
            values = self._arithmetic.quantize(lanes, fmt, images_last=True, first_image=first_image)
            return INPUT, values, Counts()
        step = leaf.steps[depth - 1]
        layer = step.resolved.layer
        inputs = [maps[name] for name in layer.inputs]
        output = step.run(inputs, first_image)
        activity = layer_activity(self._network, step, inputs[0]) if self._looking else None
        return layer.name, output.values, Counts(output.effectual_macs, output.paths, activity)


def live_maps(network: Network) -> tuple[frozenset[str], ...]:
    """Return, for the depth of the input and of each layer, the maps that are read at a later depth."""
    live = [frozenset((network.output,))]
    for layer in reversed(network.layers):
        live.append(live[-1] | set(layer.inputs))
    return tuple(reversed(live))
