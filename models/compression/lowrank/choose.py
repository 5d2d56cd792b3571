"""Ranks for a budget: what each layer saves on the array for each rank, against what its cut costs in loss.

Each layer has candidates (form and rank) with a cost and an error. For a price of loss, every layer takes the candidate
with the lowest cost + price x error, which is the best allocation for the total error that results (Lagrange; Shoham &
Gersho, IEEE Trans. ASSP 36(9), 1988). The price is then found by bisection, with the loss of the whole cut network
measured each time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from models.compression.lowrank.array_cost import ArrayCost
from models.compression.lowrank.cut import Cutter
from models.compression.lowrank.matrix import Split

_BISECTIONS = 20
_STEP = 16  #: sides of an array are multiples of it, or near to one
_PROBE_ERROR = 0.1  #: relative mean square error at which a layer's loss is measured
_LEAST_SLOPE = 1e-6  #: nats per unit of error, for layers that no cut of raises the measured loss
_LEAST_RISE = 0.01  #: of the loss, below which the usual cut says nothing


@dataclass(frozen=True)
class Candidate:
    """One way to split a layer, or to leave it.

    Attributes:
        split: None leaves the layer whole.
        saved: Cost that the network is spared, in the unit of the objective.
        error: Relative mean square error of the layer's output.
    """

    split: Split | None
    saved: float
    error: float


@dataclass(frozen=True)
class Chosen:
    """Ranks, and what they do to the network.

    Attributes:
        splits: By the name of the layer; layers that stay whole are missing.
        cost: Of the whole network, in the unit of the objective.
        loss: Of the cut network, nats.
    """

    splits: Mapping[str, Split]
    cost: float
    loss: float


def candidates(cutter: Cutter, cost: ArrayCost, name: str, form: str) -> tuple[Candidate, ...]:
    """Return the splits of a layer that save cost: for each saving the one with the smallest error, none dominated."""
    found: list[tuple[float, Split]] = []
    for kind in cutter.forms(name, form):
        best: dict[float, Split] = {}
        for rank in ranks_to_price(min(cutter.largest_rank(name, kind), cutter.decomposition(name, kind).components)):
            saved = cost.whole - cost({name: Split(kind, rank)})
            best[saved] = Split(kind, rank)
        found += [(saved, split) for saved, split in best.items() if saved > 0]
    kept = [Candidate(None, 0.0, 0.0)]
    measured = [
        Candidate(split, saved, cutter.decomposition(name, split.form).error(split.rank)) for saved, split in found
    ]
    lowest = math.inf
    for candidate in sorted(measured, key=lambda c: (-c.saved, c.error)):
        if candidate.error < lowest:
            kept.append(candidate)
            lowest = candidate.error
    return tuple(kept)


def cheapest(cutter: Cutter, cost: ArrayCost, form: str) -> Mapping[str, Split]:
    """Return for each layer the split that saves most cost, known from shapes alone; none where no split saves."""
    found: dict[str, Split] = {}
    for name in cutter.layers:
        splits = [Split(k, r) for k in cutter.forms(name, form) for r in ranks_to_price(cutter.largest_rank(name, k))]
        best = min(splits, key=lambda split: cost({name: split}), default=None)
        if best is not None and cost({name: best}) < cost.whole:
            found[name] = best
    return found


def ranks_to_price(largest: int) -> tuple[int, ...]:
    """Return the ranks up to ``largest`` that are looked at: all up to 32, then in steps of a sixteenth.

    >>> ranks_to_price(38)[-6:]
    (30, 31, 32, 34, 36, 38)
    """
    ranks, rank = [], 1
    while rank <= largest:
        ranks.append(rank)
        rank += max(1, rank // _STEP)
    return tuple(ranks)


def loss_slopes(
    table: Mapping[str, Sequence[Candidate]], loss: Callable[[Mapping[str, Split]], float]
) -> Mapping[str, float]:
    """Return by how many nats a unit of each layer's error raises the loss, measured on that layer's cut alone.

    Where a cut of the usual error raises it by less than a hundredth, as happens on few images, the deepest cut is
    asked too, and the larger slope counts: else such a layer would look as if it could be cut to nothing.
    """
    whole, slopes = loss({}), {}
    for name, layer in table.items():
        cuts = [candidate for candidate in layer if candidate.split is not None and candidate.error > 0]
        if not cuts:
            continue
        usual, deepest = (
            min(cuts, key=lambda c: abs(math.log(c.error / _PROBE_ERROR))),
            max(cuts, key=lambda c: c.error),
        )
        slopes[name] = _LEAST_SLOPE
        for cut in dict.fromkeys((usual, deepest)):
            assert cut.split is not None
            rise = loss({name: cut.split}) - whole
            slopes[name] = max(slopes[name], rise / cut.error)
            if rise >= _LEAST_RISE * whole:
                break
    return slopes


def allocate(
    table: Mapping[str, Sequence[Candidate]], slopes: Mapping[str, float], price: float
) -> Mapping[str, Split]:
    """Return the best candidate of every layer when a nat of loss is worth ``price`` units of cost.

    >>> from models.compression.lowrank.matrix import Form
    >>> table = {"a": (Candidate(None, 0, 0), Candidate(Split(Form.CHANNEL, 2), 10.0, 0.5))}
    >>> allocate(table, {"a": 1.0}, 10.0)["a"].rank, allocate(table, {"a": 1.0}, 30.0)
    (2, {})
    """
    taken = {
        name: max(layer, key=lambda c: (c.saved - price * slopes.get(name, 0.0) * c.error, c.saved)).split
        for name, layer in table.items()
    }
    return {name: split for name, split in taken.items() if split is not None}


def choose(
    table: Mapping[str, Sequence[Candidate]],
    slopes: Mapping[str, float],
    measure: Callable[[Mapping[str, Split]], Chosen],
    fits: Callable[[Chosen], bool],
    cheap_first: bool,
) -> Chosen | None:
    """Return the best allocation seen that fits, or None where none does.

    The logarithm of the price where ``fits`` begins to hold is found by bisection. The measured loss does not quite
    fall with the price, since cuts act on each other: the allocation at that price need not be the best one.

    Args:
        table: Candidates by layer.
        slopes: From ``loss_slopes``.
        measure: Cost and loss of an allocation.
        fits: Whether the budget holds.
        cheap_first: True when a lower price (a cheaper network) breaks the budget, as a bound on the loss does: the
            best is then the cheapest; False when a higher price does, as a bound on the cost does: the best has the
            least loss.
    """
    scale = max((c.saved for layer in table.values() for c in layer), default=1.0) or 1.0
    low, high = math.log(scale * 1e-4), math.log(scale * 1e8)

    def worth(chosen: Chosen) -> tuple[float, float]:
        return (chosen.cost, chosen.loss) if cheap_first else (chosen.loss, chosen.cost)

    best: Chosen | None = None
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        found = measure(allocate(table, slopes, math.exp(middle)))
        good = fits(found)
        if good and (best is None or worth(found) < worth(best)):
            best = found
        low, high = (low, middle) if good == cheap_first else (middle, high)
    return best
