"""What the buses of the array see while a layer runs, as numbers that a record keeps: toggles and shares of zeros."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hwsim.formats.activity import BusToggles, FlowActivity

FLOWS = ("ws", "os", "is")
BUSES = ("act", "weight", "sum")
_DIGITS = 4  #: decimals that are kept


@dataclass(frozen=True)
class Activity:
    """Toggles of one layer's buses, by dataflow, and how many operands were zero.

    Attributes:
        flows: by dataflow ("ws", "os", "is").
        act_zeros: share of activations that are zero, padding included.
        weight_zeros: share of weights that are zero.
        images: that were looked at.
    """

    flows: Mapping[str, FlowActivity]
    act_zeros: float
    weight_zeros: float
    images: int

    def __hash__(self) -> int:
        """Hash the numbers."""
        return hash((tuple(self.flows.items()), self.act_zeros, self.weight_zeros, self.images))

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, JSON-able: per dataflow act, weight, sum of the wires, then of the core."""
        flows = {flow: [*_numbers(own.wires), *_numbers(own.core)] for flow, own in self.flows.items()}
        return flows | {"act_zeros": self.act_zeros, "weight_zeros": self.weight_zeros, "images": self.images}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Activity:
        """Read back what ``to_dict`` wrote."""
        flows = {flow: FlowActivity(BusToggles(*values[flow][:3]), BusToggles(*values[flow][3:])) for flow in FLOWS}
        return cls(flows, values["act_zeros"], values["weight_zeros"], values["images"])


def _numbers(toggles: BusToggles) -> tuple[float, float, float]:
    return toggles.act, toggles.weight, toggles.sum


@dataclass(frozen=True)
class Tally:
    """Changed bits over pairs of words.

    Attributes:
        bits: that changed, all pairs together.
        pairs: of words that followed one another.
    """

    bits: int = 0
    pairs: int = 0

    def plus(self, other: Tally) -> Tally:
        """Return both together."""
        return Tally(self.bits + other.bits, self.pairs + other.pairs)

    @property
    def mean(self) -> float:
        """Bits that change from one word to the next; 0 where there was no pair."""
        return self.bits / self.pairs if self.pairs else 0.0


def per_cycle(within: Tally, between: Tally, stream: int) -> float:
    """Return the mean change a cycle of streams of ``stream`` words, one after another: the first of each is new.

    A stream too short, or too seldom taken, to hold a pair is described by unrelated words.

    >>> per_cycle(Tally(6, 3), Tally(4, 1), stream=4)
    2.5
    """
    if not within.pairs:
        return between.mean
    return ((stream - 1) * within.mean + between.mean) / stream


Key = tuple[str, str, bool]  #: dataflow, bus, and whether only taken words count


@dataclass(frozen=True)
class ActivityCounts:
    """Exact sums of what was looked at; those of several batches add up.

    Attributes:
        within: changes within streams.
        between: changes from one stream to the next.
        zeros: (zero activations, activations, zero weights, weights).
        streams: length of the streams of each dataflow.
        images: looked at.
    """

    within: Mapping[Key, Tally] = field(default_factory=dict)
    between: Mapping[Key, Tally] = field(default_factory=dict)
    zeros: tuple[int, int, int, int] = (0, 0, 0, 0)
    streams: Mapping[str, int] = field(default_factory=dict)
    images: int = 0

    def plus(self, other: ActivityCounts) -> ActivityCounts:
        """Return both together."""
        return ActivityCounts(
            _sums(self.within, other.within),
            _sums(self.between, other.between),
            (
                self.zeros[0] + other.zeros[0], self.zeros[1] + other.zeros[1], self.zeros[2] + other.zeros[2],
                self.zeros[3] + other.zeros[3],
            ),
            self.streams or other.streams,
            self.images + other.images,
        )  # fmt: skip

    def activity(self) -> Activity:
        """Return the means."""
        flows = {flow: FlowActivity(self._buses(flow, False), self._buses(flow, True)) for flow in FLOWS}
        acts, weights = (round(self.zeros[i] / max(self.zeros[i + 1], 1), _DIGITS) for i in (0, 2))
        return Activity(flows, acts, weights, self.images)

    def _buses(self, flow: str, taken: bool) -> BusToggles:
        means = (
            per_cycle(self.within[flow, bus, taken], self.between[flow, bus, taken], self.streams[flow])
            for bus in BUSES
        )
        return BusToggles(*(round(mean, _DIGITS) for mean in means))


def _sums(one: Mapping[Key, Tally], other: Mapping[Key, Tally]) -> dict[Key, Tally]:
    return {key: one.get(key, Tally()).plus(other.get(key, Tally())) for key in {**one, **other}}
