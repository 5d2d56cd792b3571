"""Quantisers as steps of a recipe."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import numpy as np

from hwsim.errors import unknown_name
from models.compression.quantize.clusters import Clusters
from models.compression.quantize.ecsq import ecsq
from models.compression.quantize.groups import Group
from models.compression.quantize.kmeans import kmeans
from models.compression.quantize.quantizer import Found, Importance, Quantizer
from models.compression.quantize.target import by_rate, clusters_by_rate
from models.compression.quantize.uniform import cell_width, uniform

_MOST = 1024  #: clusters that a search for a rate goes up to
_FINEST = 4096  #: cells over the range of the values, from which a search for a rate begins


@dataclass(frozen=True)
class KMeans(Quantizer):
    """k-means of the weights.

    Attributes:
        clusters: k of each codebook; 0 when ``rate_bits`` decides.
        rate_bits: The most clusters are taken whose entropy per unpruned weight is at most this; 0 when ``clusters``
            decides.
        init: First centres: evenly spaced values, evenly spaced quantiles, or the global optimum.
    """

    method: ClassVar[str] = "kmeans"
    clusters: int = 0
    rate_bits: float = 0.0
    init: Literal["linear", "density", "optimal"] = "linear"

    def _faults(self) -> list[str]:
        return self._one_of(clusters=self.clusters, rate_bits=self.rate_bits)

    def _coarse(self) -> str:
        return f"k is a whole number, of at most {_MOST}"

    def quantised(self, groups: Sequence[Group]) -> Found:
        """Return what was found out, and the clusters of each group."""
        if self.clusters:
            return {}, self._with_clusters(groups, self.clusters)
        most = min(_MOST, max(group.values.size for group in groups))
        count, parts = clusters_by_rate(partial(self._with_clusters, groups), self.rate_bits, most)
        return {"k": count}, parts

    def _with_clusters(self, groups: Sequence[Group], clusters: int) -> list[Clusters]:
        return [kmeans(g.values, clusters, g.importance, self.init) for g in groups]


@dataclass(frozen=True)
class HessianKMeans(KMeans):
    """k-means with errors weighted by the diagonal of the Hessian."""

    method: ClassVar[str] = "hessian-kmeans"
    importance: Importance = "exact"


@dataclass(frozen=True)
class Uniform(Quantizer):
    """Cells of one width, centred on the mean of their members: ECSQ for high rates.

    Attributes:
        step: Width of a cell, in the unit of the weights; 0 when another option decides.
        cells: Cells over the range of the weights of a codebook; 0 when another option decides.
        rate_bits: The narrowest cells are taken whose entropy per unpruned weight is at most this; 0 when another
            option decides.
        offset: Thresholds are at (n + offset) step: 0 keeps the signs apart, 0.5 centres a cell on zero.
        dead_zone: Weights nearer to zero than ``dead_zone * step`` are pruned.
        centres: The mean of the members, as published, or the grid: codes are integers and no table is needed.
        sensitive: Each codebook's step is divided by the root of its mean importance (for ``scope = "layer"``): the
            best division of bits at high rates.
    """

    method: ClassVar[str] = "uniform"
    step: float = 0.0
    cells: int = 0
    rate_bits: float = 0.0
    offset: float = 0.0
    dead_zone: float = 0.0
    centres: Literal["mean", "grid"] = "mean"
    sensitive: bool = False

    def _faults(self) -> list[str]:
        faults = self._one_of(step=self.step, cells=self.cells, rate_bits=self.rate_bits)
        if not 0 <= self.offset <= 1:
            faults.append(f"offset is {self.offset}; needed: 0 to 1 steps")
        if not 0 <= self.dead_zone < math.inf:
            faults.append(f"dead_zone is {self.dead_zone}; needed: at least 0 steps")
        if self.centres not in ("mean", "grid"):
            faults.append(unknown_name("centres", self.centres, ("mean", "grid")))
        return faults

    def _trains_centres(self) -> bool:
        return self.centres == "mean"

    def _coarse(self) -> str:
        return f"cells are tried down to 1/{_FINEST} of the range"

    def quantised(self, groups: Sequence[Group]) -> Found:
        """Return what was found out, and the clusters of each group."""
        if self.cells:
            widths = [cell_width(group.values, self.cells) for group in groups]
            return {"step": [float(f"{width:.6g}") for width in widths]}, self._with_steps(groups, widths)
        if self.step:
            return {}, self._with_step(groups, self.step)
        widest = 2 * max(float(np.abs(group.values).max()) for group in groups)
        step, parts = by_rate(partial(self._with_step, groups), self.rate_bits, widest / _FINEST, widest * 1.001)
        return {"step": float(f"{step:.6g}")}, parts

    def _with_step(self, groups: Sequence[Group], step: float) -> list[Clusters]:
        scales = [1 / math.sqrt(group.importance.mean()) if self.sensitive else 1.0 for group in groups]
        return self._with_steps(groups, [step * scale for scale in scales])

    def _with_steps(self, groups: Sequence[Group], steps: Sequence[float]) -> list[Clusters]:
        return [
            uniform(group.values, step, group.importance, self.offset, self.dead_zone, self.centres)
            for group, step in zip(groups, steps, strict=True)
        ]


@dataclass(frozen=True)
class Ecsq(Quantizer):
    """Iterative entropy-constrained quantisation: centres and code lengths that fit each other.

    Attributes:
        multiplier: What a bit may cost, in squared weight (the mean importance is 1), the same for all codebooks; 0
            when ``rate_bits`` decides.
        rate_bits: The least multiplier is taken whose entropy per unpruned weight is at most this; 0 when
            ``multiplier`` decides.
        cells: Uniform cells over the range of the weights that it starts from.
        zero: Whether a centre at exactly 0 is among them, so that more weights are pruned.
    """

    method: ClassVar[str] = "ecsq"
    multiplier: float = 0.0
    rate_bits: float = 0.0
    cells: int = 256
    zero: bool = False

    def _faults(self) -> list[str]:
        faults = self._one_of(multiplier=self.multiplier, rate_bits=self.rate_bits)
        if self.cells < 1:
            faults.append(f"cells is {self.cells}; needed: at least 1")
        return faults

    def _coarse(self) -> str:
        return f"it starts from {self.cells} cells, and they only vanish"

    def quantised(self, groups: Sequence[Group]) -> Found:
        """Return what was found out, and the clusters of each group."""
        run: Callable[[float], list[Clusters]] = partial(self._with_multiplier, groups)
        if self.multiplier:
            value, parts = self.multiplier, run(self.multiplier)
        else:
            power = float(np.mean([np.mean(group.importance * group.values**2) for group in groups]))
            value, found = by_rate(run, self.rate_bits, power * 1e-6, power * 1e2, probes=20)
            parts = list(found)
        passes = [len(part.trace) for part in parts]
        return {"multiplier": float(f"{value:.6g}"), "passes": passes}, parts

    def _with_multiplier(self, groups: Sequence[Group], multiplier: float) -> list[Clusters]:
        starts = [self._start(group) for group in groups]
        return [
            ecsq(group.values, multiplier, group.importance, start, self.zero)
            for group, start in zip(groups, starts, strict=True)
        ]

    def _start(self, group: Group) -> Clusters:
        width = cell_width(group.values, self.cells)
        offset, dead = (0.5, 0.5) if self.zero else (0.0, 0.0)
        return uniform(group.values, width, group.importance, offset, dead)
