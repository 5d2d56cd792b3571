"""A group of configurations whose prepared weights are in memory together: batch after batch, in threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import HwsimError
from hwsim.network.activity import Activity
from hwsim.network.branches import BatchResult, Broken, Counts, Leaf, Tree, Walk, live_maps
from hwsim.network.bus_counts import sample_images
from hwsim.network.graph import Network
from hwsim.network.numerics import NumericsResult, layer_macs, layer_numerics
from hwsim.network.prefixes import walk
from hwsim.network.prepare import StepCache, prepared_bytes
from hwsim.network.steps import Arithmetic, Values
from hwsim.network.threads import blas_single_threaded

ACTIVITY_IMAGES = 8  #: whose operands are looked at
_WORD_BYTES = 8  # of a number in a feature map, at most


@dataclass(frozen=True)
class GroupTask:
    """What every configuration is run on.

    Attributes:
        network: folded.
        images: [images, C, H, W]; ``labels`` has the class of each.
        batch: images per pass.
        threads: batches at the same time.
        arithmetic: what computes.
        activity_images: of them whose operands are looked at for the activity of the buses; 0 for none.
    """

    network: Network
    images: NDArray[Any]
    labels: NDArray[Any]
    batch: int
    threads: int
    arithmetic: Arithmetic
    activity_images: int = ACTIVITY_IMAGES


@dataclass(frozen=True)
class SharedWork:
    """What a call of ``run_many`` is about to do.

    Attributes:
        configurations: that have formats to run in.
        distinct: of them that are computed; the others equal one of these.
        groups: of configurations that run one after another, for the sake of memory.
        macs_asked: multiply-accumulates of all configurations run alone.
        macs_computed: those that are computed.
        prepared_bytes: upper bound of the memory for prepared weights.
        maps_bytes: upper bound of the memory for feature maps, all threads together.
        results_bytes: memory of the outputs that are returned.
    """

    configurations: int
    distinct: int
    groups: int
    macs_asked: int
    macs_computed: int
    prepared_bytes: int
    maps_bytes: int
    results_bytes: int

    @property
    def peak_bytes(self) -> int:
        """Upper bound of the memory that the call takes at any time, beside its arguments."""
        return self.prepared_bytes + self.maps_bytes + self.results_bytes


def run_group(task: GroupTask, leaves: Sequence[Leaf], cache: StepCache) -> dict[int, NumericsResult | Broken]:
    """Run every leaf, sorted by trail, on all images; returns results by the leaf's index."""
    ready, found = _prepared(leaves, cache)
    if ready:
        run = _GroupRun(task, Tree(task.network, ready, task.arithmetic))
        with blas_single_threaded():  # the threads are ours: one per batch
            run.look()
            run.take_all()
        found |= run.results()
    return found


def _prepared(leaves: Sequence[Leaf], cache: StepCache) -> tuple[list[Leaf], dict[int, NumericsResult | Broken]]:
    ready: list[Leaf] = []
    broken: dict[int, NumericsResult | Broken] = {}
    for leaf in leaves:
        steps = []
        try:
            for layer in leaf.resolved.layers:
                steps.append(cache.step(layer))  # noqa: PERF401  how far it got is part of the answer
        except HwsimError as error:
            broken[leaf.index] = Broken(error, len(steps) + 1, leaf.resolved)
        else:
            ready.append(replace(leaf, steps=tuple(steps)))
    return ready, broken


@dataclass
class _GroupRun:
    task: GroupTask
    tree: Tree
    outputs: dict[int, list[Values]] = field(default_factory=dict)
    counts: dict[int, Counts] = field(default_factory=dict)
    broken: dict[int, Broken] = field(default_factory=dict)
    activity: dict[int, Activity] = field(default_factory=dict)

    def look(self) -> None:
        """See what the buses do on a few images, all at once: it is the same however the batches are cut."""
        chosen = sample_images(len(self.task.images), self.task.activity_images)
        if chosen:
            tree = Tree(self.task.network, self.tree.leaves, self.task.arithmetic, looking=True)
            counts = tree.run(self.task.images[list(chosen)], 0, tree.walk({})).counts
            self.activity = {node: own.activity for node, own in counts.items() if own.activity}

    def take_all(self) -> None:
        """Run all batches; what they give is added up in their order, whichever thread is first."""
        self._plan = self.tree.walk({})
        for result in self._batches():
            for place, values in result.outputs.items():
                self.outputs.setdefault(place, []).append(values)
            for node, counts in result.counts.items():
                self.counts[node] = self.counts.get(node, Counts()).plus(counts)
            fresh = {place: broken for place, broken in result.broken.items() if place not in self.broken}
            if fresh:
                self.broken |= fresh
                self._plan = self.tree.walk(self.broken)

    def _batches(self) -> Iterator[BatchResult]:
        firsts = range(0, len(self.task.images), self.task.batch)
        workers = min(self.task.threads, len(firsts))
        if workers == 1:
            yield from map(self._batch, firsts)
            return
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(self._batch, firsts)

    def _batch(self, first: int) -> BatchResult:
        plan: Walk = self._plan  # a batch begun before a leaf failed runs that leaf too; its answer is not used
        return self.tree.run(self.task.images[first : first + self.task.batch], first, plan)

    def results(self) -> dict[int, NumericsResult | Broken]:
        """Return what each leaf gave, by its index among the configurations."""
        macs = [0, *(layer_macs(self.task.network, step.resolved) for step in self.tree.leaves[0].steps)]
        visits = walk([leaf.trail for leaf in self.tree.leaves])
        return {
            leaf.index: self.broken.get(place) or self._result(place, sum(macs[visits[place].shared :]))
            for place, leaf in enumerate(self.tree.leaves)
        }

    def _result(self, place: int, computed_macs: int) -> NumericsResult:
        labels, network, leaf = self.task.labels, self.task.network, self.tree.leaves[place]
        logits = np.concatenate(self.outputs.pop(place), axis=1).T
        nan = np.isnan(logits).any(axis=1)
        mask = (np.where(np.isnan(logits), -np.inf, logits).argmax(axis=1) == labels) & ~nan
        nodes = self.tree.nodes[place][1:]
        counts = [replace(self.counts[node], activity=self.activity.get(node)) for node in nodes]
        layers = tuple(
            layer_numerics(network, own, step.weights, len(labels), count)
            for own, step, count in zip(leaf.resolved.layers, leaf.steps, counts, strict=True)
        )
        correct, missing = int(mask.sum()), int(nan.sum())
        computed = computed_macs * len(labels)
        return NumericsResult(correct, len(labels), mask, logits, missing, layers, 0.0, computed_macs=computed)


def shared_work(task: GroupTask, groups: Sequence[Sequence[Leaf]], configurations: int) -> SharedWork:
    """Say what running ``groups`` will compute, and the memory that it takes at most."""
    network, images = task.network, len(task.images)
    leaves = [leaf for group in groups for leaf in group]
    macs = [0, *(layer_macs(network, layer) for layer in leaves[0].resolved.layers)] if leaves else [0]
    visits = [walk([leaf.trail for leaf in group]) for group in groups]
    weights = [
        sum({layer.key: prepared_bytes(network, layer) for leaf in group for layer in leaf.resolved.layers}.values())
        for group in groups
    ]
    branching = {depth for group in visits for visit in group for depth in visit.keep}
    at_once = min(task.threads, -(-images // task.batch)) * min(task.batch, images)
    classes = int(np.prod(network.shapes[network.output]))
    return SharedWork(
        configurations=configurations,
        distinct=len(leaves),
        groups=len(groups),
        macs_asked=configurations * sum(macs) * images,
        macs_computed=sum(sum(macs[visit.shared :]) for group in visits for visit in group) * images,
        prepared_bytes=max(weights, default=0),
        maps_bytes=_maps_elements(network, branching) * at_once * _WORD_BYTES,
        results_bytes=2 * len(leaves) * classes * images * _WORD_BYTES,
    )


def _maps_elements(network: Network, branching: set[int]) -> int:
    """Elements of feature maps held at once for one image: those that a branch starts from, and a layer at work."""
    live = live_maps(network)
    held = frozenset[str]().union(*(live[depth] for depth in branching))
    sizes = {name: int(np.prod(shape)) for name, shape in network.shapes.items()}
    works = [
        sum(sizes[name] for name in live[depth] | held | {layer.name}) + 3 * sum(map(sizes.__getitem__, layer.inputs))
        + 2 * sizes[layer.name]
        for depth, layer in enumerate(network.layers)
    ]  # fmt: skip
    return max(works)
