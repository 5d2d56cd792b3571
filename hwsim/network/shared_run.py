"""Many configurations of one network at once: what they share is computed once, and nothing else changes.

Configurations are leaves of a tree over (the input's format, layer 1, layer 2, ...), walked depth first for each batch
of images, so that a layer's output is reused by every configuration with the same formats up to there. Each node
computes what it would compute alone, on the same batch: outputs and counts are those of ``run_numerics``, bit by bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith import kernels
from hwsim.errors import DataError, HwsimError
from hwsim.network.assignment import Assignment
from hwsim.network.branches import Broken, Leaf
from hwsim.network.fold import fold
from hwsim.network.graph import Network
from hwsim.network.groups import ACTIVITY_IMAGES, GroupTask, SharedWork, run_group, shared_work
from hwsim.network.numerics import NumericsResult, respelled
from hwsim.network.prefixes import Numbering, Trail, chunks
from hwsim.network.prepare import StepCache, prepared_bytes
from hwsim.network.resolve import ResolvedNetwork, Resolver
from hwsim.network.steps import Arithmetic

BATCH = 256  #: images per pass: one row of lanes, 1 KiB of float32
MEMORY_LIMIT_BYTES = 256 << 20  #: for prepared weights

Outcome = NumericsResult | HwsimError
Announce = Callable[[SharedWork], None]


def run_many(
    network: Network,
    assignments: Sequence[Assignment],
    images: NDArray[Any],
    labels: NDArray[Any],
    calibration: NDArray[Any],
    *,
    batch: int = BATCH,
    threads: int = 1,
    memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
    arithmetic: Arithmetic = kernels,
    resolver: Resolver | None = None,
    announce: Announce = lambda work: None,
    activity_images: int = ACTIVITY_IMAGES,
) -> tuple[Outcome, ...]:
    """Run ``images`` through ``network`` in each of ``assignments``; the same as ``run_numerics`` for each.

    Args:
        network: folded or not.
        assignments: the formats of each configuration.
        images: [images, C, H, W], float32.
        labels: class of each image.
        calibration: images that activation scales are chosen on.
        batch: images per pass.
        threads: batches computed at the same time.
        memory_limit_bytes: for prepared weights; beyond it, configurations are run in groups, one after another.
        arithmetic: what computes.
        resolver: of the same folded network and calibration images; keeps the scales chosen for the next call.
        announce: called, before anything is computed, with what will be, and how much memory that takes.
        activity_images: images, evenly spread, whose operands are looked at for the activity of the array's buses,
            which prices of synthesised elements depend on; 0 to leave that out.

    Returns:
        A result for each assignment, in order, or the error that ``run_numerics`` would raise for it.

    Raises:
        DataError: images of the wrong shape or number, or ``threads`` or ``batch`` below 1.
        NetworkError: a network that is not valid.
    """
    start = time.perf_counter()
    _check(network, images, labels, batch, threads)
    scales = resolver or Resolver(fold(network), calibration)
    task = GroupTask(scales.network, images, labels, batch, threads, arithmetic, activity_images)
    work = _Work(task, memory_limit_bytes)
    resolved = [_attempt(scales, assignment) for assignment in assignments]
    scales.forget_activations()
    found = work.run(resolved, announce)
    outcomes = [
        work.own_error(outcome, own) if isinstance(outcome, Broken) else outcome
        for outcome, own in zip(found, resolved, strict=True)
    ]
    share_s = (time.perf_counter() - start) / max(len(assignments), 1)
    return tuple(replace(o, wall_s=share_s) if isinstance(o, NumericsResult) else o for o in outcomes)


def _check(network: Network, images: NDArray[Any], labels: NDArray[Any], batch: int, threads: int) -> None:
    if batch < 1 or threads < 1:
        raise DataError(f"batch = {batch}, threads = {threads}; each must be at least 1")
    if len(images) == 0 or images.shape[1:] != network.input_shape:
        raise DataError(
            f"images of shape {images.shape}: network {network.name!r} takes at least one image of shape "
            f"{network.input_shape}"
        )
    if labels.shape != (len(images),):
        raise DataError(f"{len(images)} images with labels of shape {labels.shape}: one label per image is needed")
    if not bool(np.isfinite(images).all()):
        raise DataError(f"{int((~np.isfinite(images)).sum())} pixels are not finite: NaN and infinity have no format")


def _attempt(resolver: Resolver, assignment: Assignment) -> ResolvedNetwork | HwsimError:
    try:
        return resolver.resolve(assignment)
    except HwsimError as error:
        return error


@dataclass(frozen=True)
class _Work:
    task: GroupTask
    memory_limit_bytes: int

    def run(
        self, resolved: Sequence[ResolvedNetwork | HwsimError], announce: Announce = lambda work: None
    ) -> list[NumericsResult | HwsimError | Broken]:
        """Compute each distinct configuration once and hand its numbers to those that equal it."""
        leaves, first = _leaves(resolved)
        network = self.task.network
        needed = [{layer.key: prepared_bytes(network, layer) for layer in leaf.resolved.layers} for leaf in leaves]
        groups = [[leaves[i] for i in group] for group in chunks(needed, self.memory_limit_bytes)]
        announce(shared_work(self.task, groups, sum(isinstance(r, ResolvedNetwork) for r in resolved)))
        cache = StepCache(network, self.task.arithmetic)
        found: dict[int, NumericsResult | Broken] = {}
        for group in groups:
            cache.keep({layer.key for leaf in group for layer in leaf.resolved.layers})
            found |= run_group(self.task, group, cache)
        return [
            own if isinstance(own, HwsimError) else _as(own, index, first[index], found[first[index]])
            for index, own in enumerate(resolved)
        ]

    def own_error(self, broken: Broken, resolved: ResolvedNetwork | HwsimError) -> Outcome:
        """Return the error as this configuration spells it; computed alone where another's words were recorded."""
        assert isinstance(resolved, ResolvedNetwork)
        if broken.speaks_for(resolved):
            return broken.error
        (alone,) = self.run([resolved])
        return alone.error if isinstance(alone, Broken) else alone


def _leaves(resolved: Sequence[ResolvedNetwork | HwsimError]) -> tuple[list[Leaf], dict[int, int]]:
    """Return one leaf for all configurations that compute the same, in walking order, and who stands for whom."""
    number, leaves, first = Numbering(), dict[Trail, Leaf](), dict[int, int]()
    for index, own in enumerate(resolved):
        if isinstance(own, ResolvedNetwork):
            trail = tuple(map(number, own.keys))
            leaf = leaves.setdefault(trail, Leaf(index, trail, own))
            first[index] = leaf.index
    return sorted(leaves.values(), key=lambda leaf: leaf.trail), first


def _as(own: ResolvedNetwork, index: int, computed: int, found: NumericsResult | Broken) -> NumericsResult | Broken:
    """Return the numbers of configuration ``computed`` as those of ``index``, which names its formats otherwise."""
    if isinstance(found, Broken) or index == computed:
        return found
    layers = tuple(map(respelled, own.layers, found.layers))
    return replace(found, layers=layers, computed_as=computed, computed_macs=0)
