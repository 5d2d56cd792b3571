"""How an element is used, as far as its price depends on it: dataflow, gating, and what flows through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hwsim.array.parts import Dataflow
from hwsim.formats.activity import BusToggles, FlowActivity


@dataclass(frozen=True)
class Usage:
    """What a synthesised element's price depends on beside its widths; prices of single operations do not.

    Attributes:
        dataflow: whose registers and operands the element has.
        activity: toggles of the buses; None for those of the table's own operand stream.
        zero_gating: zeros do not reach the arithmetic.
        second_register: the element has a shadow or drain register of what stays in it.
    """

    dataflow: Dataflow = Dataflow.WEIGHT_STATIONARY
    activity: FlowActivity | None = None
    zero_gating: bool = True
    second_register: bool = False

    @classmethod
    def of(
        cls,
        dataflow: Dataflow,
        zero_gating: bool,
        flows: Mapping[str, FlowActivity] | None,
        second_register: bool = False,
    ) -> Usage:
        """Return how a layer uses its elements; ``flows`` is its activity by dataflow, None where nobody looked."""
        return cls(dataflow, flows[dataflow.value] if flows else None, zero_gating, second_register)

    @property
    def core(self) -> BusToggles | None:
        """What the arithmetic sees: with zero gating operands hold over zeros, and so do sums that do not pass."""
        if self.activity is None or not self.zero_gating:
            return self.wires
        held = self.activity.core
        staying = self.dataflow is Dataflow.OUTPUT_STATIONARY
        return BusToggles(held.act, held.weight, held.sum if staying else self.activity.wires.sum)

    @property
    def wires(self) -> BusToggles | None:
        """What the registers see."""
        return self.activity.wires if self.activity else None


PLAIN = Usage()
