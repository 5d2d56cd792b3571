"""The steps around the rank: two layers for one, and the whole chain from training to fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from hwsim.network import Network
from models.compression.errors import Idle, idle_faults, raise_faults
from models.compression.lowrank.array_cost import ArrayChoice, ArrayCost
from models.compression.lowrank.cut import Cutter, skip_faults
from models.compression.lowrank.graph import factorise
from models.compression.lowrank.matrix import Split
from models.compression.lowrank.train import Penalties, ready, train_low_rank, training_faults
from models.compression.lowrank.truncate import RankRule, check_reachable, report_cut, truncated
from models.compression.retrain import trained
from models.compression.step import Step, Training, Work, recorded


@dataclass(frozen=True)
class Factorise(Step):
    """Run each layer whose weights have a low rank as two, where that saves parameters and costs no more on the array.

    Attributes:
        form: channel, spatial, or for each layer the cheapest.
        skip: Layers that stay whole.
        array: What is cheap.
        training: Retraining of the factorised network.
    """

    method: ClassVar[str] = "factorise"
    keeps_batch_norms: ClassVar[bool] = True
    version: ClassVar[int] = 2  # 2: batch-norms stay

    form: Literal["channel", "spatial", "cheapest"] = "cheapest"
    skip: tuple[str, ...] = ()
    array: ArrayChoice = field(default_factory=ArrayChoice)
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        known = self.form in ("channel", "spatial", "cheapest")
        raise_faults("factorise", (), [("form", self.form, known, "channel, spatial or cheapest")])

    def apply(self, network: Network, work: Work) -> Network:
        """See the base class."""
        splits = splits_of(network, self.array, self.form, self.skip)
        for name, split in splits.items():
            work.report(f"  {name}: rank {split.rank}, {split.form.value}")
        if not splits:
            work.report("  no layer is split: none has a rank that makes it cheaper as two")
        factorised = trained(factorise(network, splits), work, self.training)
        facts = {name: [split.form.value, split.rank] for name, split in splits.items()}
        return recorded(factorised, self, {"ranks": facts})


def splits_of(
    network: Network, array: ArrayChoice, form: str = "cheapest", skip: tuple[str, ...] = ()
) -> Mapping[str, Split]:
    """Return the splits that keep the function of ``network``: by the ranks that its weights have as they are."""
    cutter, cost = Cutter(network, None, skip), ArrayCost(network, array)
    found: dict[str, Split] = {}
    for name in cutter.layers:
        splits = [Split(kind, cutter.numerical_rank(name, kind)) for kind in cutter.forms(name, form)]
        saving = [split for split in splits if split.rank <= cutter.largest_rank(name, split.form)]
        price, best = min(((cost({name: s}), s) for s in saving), key=lambda e: e[0], default=(cost.whole, None))
        if best is not None and price <= cost.whole:
            found[name] = best
    return found


@dataclass(frozen=True)
class LowRank(Step):
    """Train towards low rank, cut, run the cut layers as two, and train those on.

    Attributes:
        penalties: What pulls in the training; without any, it is plain truncation with the same training.
        training: With the penalties.
        ranks: How the rank of each layer is found.
        retraining: Of the factorised network.
    """

    method: ClassVar[str] = "low-rank"
    keeps_batch_norms: ClassVar[bool] = True
    version: ClassVar[int] = 2  # 2: batch-norms stay; slopes of layers that shallow cuts do not hurt

    penalties: Penalties = field(default_factory=lambda: Penalties(tau=1e-3))
    training: Training = field(default_factory=lambda: Training(epochs=10))
    ranks: RankRule = field(default_factory=RankRule)
    retraining: Training = field(default_factory=lambda: Training(epochs=5))

    def __post_init__(self) -> None:
        idle: tuple[Idle, ...] = ((self.training.epochs == 0, "training.epochs = 0", self, ("penalties",)),)
        raise_faults("low-rank", [*training_faults(self.penalties, self.training), *idle_faults(idle)])

    def apply(self, network: Network, work: Work) -> Network:
        """See the base class."""
        raise_faults("the choice of ranks", skip_faults(network, self.ranks.skip))
        network = ready(network, self.penalties)
        cost = ArrayCost(network, self.ranks.array)
        check_reachable(network, cost, self.ranks)  # before the training, which may take hours
        whole = train_low_rank(network, work, self.penalties, self.training)
        cut, splits = truncated(whole, work.train, self.ranks, cost)
        report_cut(whole, cut, splits, work)
        tuned = trained(factorise(cut, splits), work, self.retraining)
        return recorded(tuned, self, {"ranks": {name: [s.form.value, s.rank] for name, s in splits.items()}})
