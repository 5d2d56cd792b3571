"""The curves of the low-rank study: what pulls in the training, and what cuts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from models.compression.lowrank.train import Penalties
from models.compression.lowrank.truncate import RankRule

FIRST = "conv1"  #: stays whole
SAMPLES = 1000  #: first training images, for components of a layer's output
ENERGIES = (0.7, 0.5, 0.35, 0.2)
OUTPUT_ENERGIES = (0.95, 0.85, 0.7, 0.5)
UNTRAINED_ENERGIES = (0.98, 0.95, 0.9)
SHARES = (0.14, 0.115)
NUCLEAR = Penalties(tau=8e-3, skip=(FIRST,))
WHOLE = "whole"  #: the network as it is
UNCUT = "uncut"  #: what the training alone does to a series


@dataclass(frozen=True)
class Series:
    """One curve: a training, and the rules that cut what it gives.

    Attributes:
        penalties: Of the training; None trains nothing, before the cut and after it.
        rules: One for each point, with the threshold as the row states it.
    """

    penalties: Penalties | None
    rules: Mapping[str, RankRule]


def _by_weights() -> Mapping[str, RankRule]:
    rules = {f"energy {energy}": RankRule(energy=energy, skip=(FIRST,)) for energy in ENERGIES}
    return rules | {"gavish-donoho": RankRule("gavish-donoho", skip=(FIRST,))}


def _by_output(energies: Sequence[float] = OUTPUT_ENERGIES) -> Mapping[str, RankRule]:
    rule = RankRule(data_aware=True, samples=SAMPLES, skip=(FIRST,))
    return {f"output energy {energy}": replace(rule, energy=energy) for energy in energies}


def _by_cycles() -> Mapping[str, RankRule]:
    rule = RankRule("array", data_aware=True, samples=SAMPLES, skip=(FIRST,))
    return {f"cycles x {share}": replace(rule, cost_share=share) for share in SHARES}


SERIES: Mapping[str, Series] = MappingProxyType(
    {
        "plain": Series(Penalties(skip=(FIRST,)), _by_weights()),
        "nuclear": Series(NUCLEAR, _by_weights()),
        "plain, by output": Series(Penalties(skip=(FIRST,)), _by_output()),
        "nuclear, by output": Series(NUCLEAR, _by_output()),
        "nuclear + group": Series(replace(NUCLEAR, group=2.5e-4, alpha=0.1), _by_weights()),
        "plain, by cycles": Series(Penalties(skip=(FIRST,)), _by_cycles()),
        "as it is, by output": Series(None, _by_output(UNTRAINED_ENERGIES)),
    }
)


def points(curves: Mapping[str, Series] = SERIES) -> list[tuple[str, str]]:
    """Return series and threshold of every row: the network as it is, the trainings, then a point of each in turn."""
    first_of = {series.penalties: name for name, series in reversed(tuple(curves.items())) if series.penalties}
    cuts = [(place, name, text) for name, series in curves.items() for place, text in enumerate(series.rules)]
    ordered = [(name, text) for _, name, text in sorted(cuts, key=lambda point: point[0])]
    return [(WHOLE, "-"), *((name, UNCUT) for name in reversed(first_of.values())), *ordered]
