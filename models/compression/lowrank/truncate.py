"""The step that cuts the weights of a network to a rank per layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, Literal, get_args

import numpy as np

from hwsim.network import Network
from models.compression.errors import CompressionError, Idle, idle_faults, raise_faults
from models.compression.lowrank.array_cost import ArrayChoice, ArrayCost
from models.compression.lowrank.choose import Chosen, candidates, cheapest, choose, loss_slopes
from models.compression.lowrank.cut import Cutter, skip_faults
from models.compression.lowrank.loss import mean_loss
from models.compression.lowrank.matrix import Form, Split, matrix_shape
from models.compression.lowrank.ranks import energy_rank, gavish_donoho_rank
from models.compression.pruning.masks import masks_of
from models.compression.retrain import report_left
from models.compression.step import Step, Work, recorded
from models.data.dataset import Dataset

Rule = Literal["energy", "gavish-donoho", "fraction", "array"]


@dataclass(frozen=True)
class RankRule:
    """How the rank of each layer is found. A layer is cut only where that saves parameters, to one component or more.

    An option that the rule leaves without effect is refused.

    Attributes:
        rule: energy; gavish-donoho (hard threshold 4/sqrt(3) and its kin, noise from the median singular value);
            fraction of the largest rank that saves; or array, the ranks with the best cost for a bound.
        energy: Share of the squared singular values that is kept, or of the layer's output with ``data_aware``.
        fraction: Share of the largest rank that saves parameters, rounded up.
        allowed_loss: For array: by how many nats the mean loss may rise before retraining.
        cost_share: For array: when above 0, the share of the network's cost that may remain, at the least loss instead.
        data_aware: Whether components are ordered and fitted by what they do to the layer's output on images.
        samples: First training images that this, and the loss, are measured on.
        form: channel, spatial, or for each layer the cheapest.
        skip: Layers that stay whole.
        array: What is cheap.
    """

    rule: Rule = "energy"
    energy: float = 0.9
    fraction: float = 0.5
    allowed_loss: float = 0.1
    cost_share: float = 0.0
    data_aware: bool = False
    samples: int = 1000
    form: Literal["channel", "spatial", "cheapest"] = "cheapest"
    skip: tuple[str, ...] = ()
    array: ArrayChoice = field(default_factory=ArrayChoice)

    def __post_init__(self) -> None:
        checks = (
            ("rule", self.rule, self.rule in get_args(Rule), "a rule by its name"),
            ("energy", self.energy, 0 < self.energy <= 1, "above 0 to 1"),
            ("fraction", self.fraction, 0 < self.fraction <= 1, "above 0 to 1"),
            ("allowed_loss", self.allowed_loss, self.allowed_loss >= 0, "at least 0 nats"),
            ("cost_share", self.cost_share, 0 <= self.cost_share < 1, "0 <= cost_share < 1"),
            ("samples", self.samples, self.samples >= 1, "at least 1 image"),
            ("form", self.form, self.form in ("channel", "spatial", "cheapest"), "channel, spatial or cheapest"),
        )
        raise_faults("the choice of ranks", self._conflicts(), checks)

    def _conflicts(self) -> list[str]:
        """Return a fault for every option that is given and that the rule leaves without effect."""
        rule = f"rule = {self.rule!r}"
        rows: tuple[Idle, ...] = (
            (self.rule != "energy", rule, self, ("energy",)),
            (self.rule != "fraction", rule, self, ("fraction",)),
            (self.rule != "array", rule, self, ("allowed_loss", "cost_share")),
            (self.rule == "array" and self.cost_share > 0, "cost_share", self, ("allowed_loss",)),
            (self.rule == "gavish-donoho", f"{rule}, which is about the weights alone,", self, ("data_aware",)),
            (self.rule != "array" and not self.data_aware, f"{rule} without data_aware", self, ("samples",)),
        )
        return idle_faults(rows)


@dataclass(frozen=True)
class Truncate(Step):
    """Cut the weights to a low rank, layer by layer; they keep their shapes until ``factorise``.

    Attributes:
        ranks: How the rank of each layer is found.
    """

    method: ClassVar[str] = "truncate"
    keeps_batch_norms: ClassVar[bool] = True
    version: ClassVar[int] = 2  # 2: batch-norms stay; slopes of layers that shallow cuts do not hurt

    ranks: RankRule = RankRule()

    def apply(self, network: Network, work: Work) -> Network:
        """See the base class."""
        cut, splits = truncated(network, work.train, self.ranks)
        report_cut(network, cut, splits, work)
        facts = {name: [split.form.value, split.rank] for name, split in splits.items()}
        return recorded(cut, self, {"ranks": facts})


def report_cut(before: Network, cut: Network, splits: Mapping[str, Split], work: Work) -> None:
    """Write into the log what the rule found, which codebooks the cut leaves, and how many zeros it has filled."""
    moved = {name.rpartition(".")[2] for name, old in before.tensors.items() if (cut.tensors[name] != old).any()}
    report_left(before, work, [what for what, part in (("weights", "weight"), ("biases", "bias")) if part in moved])
    for name, split in splits.items():
        work.report(f"  {name}: rank {split.rank}, {split.form.value}")
    if not splits:
        work.report("  nothing fits the rule: no layer is cut")
    masks = masks_of(before)
    filled = sum(int(np.count_nonzero(cut.tensors[name][~mask])) for name, mask in masks.items())
    if filled:
        work.report(f"  {filled} weights that were 0 are not any more: prune after the cut")


def check_reachable(network: Network, cost: ArrayCost, rule: RankRule) -> None:
    """Raise CompressionError where no ranks of ``network`` bring its cost down to the share that ``rule`` asks for."""
    if not (rule.rule == "array" and rule.cost_share):
        return
    least = cost(cheapest(Cutter(network, None, rule.skip), cost, rule.form)) / cost.whole
    if least > rule.cost_share:
        raise CompressionError(f"cost_share is {rule.cost_share}; the lowest that ranks alone reach is {least:.3f}")


def truncated(
    network: Network, train: Dataset, rule: RankRule, cost: ArrayCost | None = None
) -> tuple[Network, Mapping[str, Split]]:
    """Return the cut network, and the rank and form of every layer that was cut.

    Args:
        network: Folded or not.
        train: Images; the first ``rule.samples`` are looked at.
        rule: How ranks are found.
        cost: Of a network of the same shapes, where one has been asked already.

    Raises:
        CompressionError: ``skip`` names no layer of the network, there are fewer images than ``samples``, or the cost
            asked for is out of reach.
    """
    faults = skip_faults(network, rule.skip)
    if rule.samples > len(train) and (rule.data_aware or rule.rule == "array"):
        faults.append(f"samples is {rule.samples}; there are {len(train)} training images")
    raise_faults("the choice of ranks", faults)
    seen = train.subset(min(rule.samples, len(train)))
    cutter = Cutter(network, seen.images if rule.data_aware else None, rule.skip)
    cost = cost or ArrayCost(network, rule.array)
    check_reachable(network, cost, rule)
    splits = _for_budget(cutter, cost, seen, rule) if rule.rule == "array" else _by_threshold(cutter, cost, rule)
    return cutter.cut(splits), splits


def _by_threshold(cutter: Cutter, cost: ArrayCost, rule: RankRule) -> Mapping[str, Split]:
    """Return for each layer the cheapest of its forms at the rank that the rule gives; none where no form saves."""
    found: dict[str, Split] = {}
    for name in cutter.layers:
        splits = [Split(form, threshold_rank(cutter, name, form, rule)) for form in cutter.forms(name, rule.form)]
        saving = [split for split in splits if split.rank <= cutter.largest_rank(name, split.form)]
        priced = [(cost({name: split}), split) for split in saving]
        price, best = min(priced, key=lambda entry: entry[0], default=(cost.whole, None))
        if best is not None and price <= cost.whole:
            found[name] = best
    return found


def threshold_rank(cutter: Cutter, name: str, form: Form, rule: RankRule) -> int:
    """Return the rank of layer ``name`` by energy, Gavish and Donoho, or fraction; at least 1."""
    if rule.rule == "fraction":
        return max(1, -int(-rule.fraction * cutter.largest_rank(name, form) // 1))
    rank = cutter.numerical_rank(name, form)
    if rule.rule == "gavish-donoho":
        shape = cutter.network.tensor_shapes[f"{name}.weight"]
        groups = len(cutter.decomposition(name, form).matrices)
        return max(1, min(rank, gavish_donoho_rank(cutter.sigma(name, form), matrix_shape(shape, groups, form))))
    return max(1, energy_rank(cutter.decomposition(name, form).energies[:rank], rule.energy))


def _for_budget(cutter: Cutter, cost: ArrayCost, seen: Dataset, rule: RankRule) -> Mapping[str, Split]:
    loss = lru_cache(maxsize=256)(lambda key: mean_loss(cutter.cut(dict(key)), seen))

    def loss_of(splits: Mapping[str, Split]) -> float:
        return loss(tuple(splits.items()))

    def measure(splits: Mapping[str, Split]) -> Chosen:
        return Chosen(splits, cost(splits), loss_of(splits))

    table = {name: candidates(cutter, cost, name, rule.form) for name in cutter.layers}
    slopes, whole = loss_slopes(table, loss_of), measure({})
    if not rule.cost_share:
        bound = whole.loss + rule.allowed_loss
        found = choose(table, slopes, measure, lambda chosen: chosen.loss <= bound, cheap_first=True)
        return {} if found is None else found.splits
    bound = rule.cost_share * whole.cost
    found = choose(table, slopes, measure, lambda chosen: chosen.cost <= bound, cheap_first=False)
    return cheapest(cutter, cost, rule.form) if found is None else found.splits
