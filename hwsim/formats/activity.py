"""How much the buses of a processing element toggle: a property of numbers and their order, without a price."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BusToggles:
    """Mean bits that change from one word to the next on the buses of a processing element.

    Attributes:
        act: of the activation.
        weight: of the weight.
        sum: of the partial sum that enters.
    """

    act: float
    weight: float
    sum: float


@dataclass(frozen=True)
class FlowActivity:
    """The buses under one dataflow.

    Attributes:
        wires: from cycle to cycle, what the registers see.
        core: from one multiply-accumulate without a zero operand to the next one on the same element: what the
            arithmetic sees where zeros are held back.
    """

    wires: BusToggles
    core: BusToggles
