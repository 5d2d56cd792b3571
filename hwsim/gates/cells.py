"""What a liberty file says of one cell, in standard units: ns, fF, pJ, W, um2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from hwsim.gates.boolean import Boolean
from hwsim.gates.tables import Table

_CONSTRAINTS = ("setup", "hold", "recovery", "removal", "non_seq", "min_pulse", "minimum")


def is_constraint(kind: str) -> bool:
    """Return whether a liberty timing_type constrains an input rather than describes an output.

    >>> is_constraint("setup_rising"), is_constraint("rising_edge")
    (True, False)
    """
    return kind.startswith(_CONSTRAINTS)


class Sense(Enum):
    """Which way an output moves when an input rises."""

    POSITIVE = "positive_unate"
    NEGATIVE = "negative_unate"
    NON_UNATE = "non_unate"


@dataclass(frozen=True)
class TimingArc:
    """How an output follows one input, or the setup or hold time of an input against a clock.

    Attributes:
        related: The input that causes it; of a constraint, the clock.
        kind: The liberty timing_type: combinational, rising_edge, setup_rising, ...
        sense: Of the output against ``related``.
        when: The state of the other pins for which it holds; None means any state that no other arc claims.
        rise: Of a delay arc, (delay, slew) in ns over slew and load, for a rising output. Of a constraint, (time,).
        fall: The same for a falling output or data edge.
    """

    related: str
    kind: str
    sense: Sense
    when: Boolean | None
    rise: tuple[Table, ...]
    fall: tuple[Table, ...]

    @property
    def is_constraint(self) -> bool:
        """Whether it constrains an input rather than describes an output."""
        return is_constraint(self.kind)


@dataclass(frozen=True)
class InternalPower:
    """Energy inside the cell per event, load not included.

    Attributes:
        related: The inputs that cause the event of an output; empty for the event of an input pin itself.
        when: The state for which it holds; None means any state that no other group claims.
        rise: Energy in pJ over slew and load of a rising pin, or None where none is given.
        fall: The same of a falling pin.
    """

    related: tuple[str, ...]
    when: Boolean | None
    rise: Table | None
    fall: Table | None


@dataclass(frozen=True)
class Pin:
    """One signal pin.

    Attributes:
        name: Its name.
        direction: input, output, inout or internal.
        capacitance_ff: Load that it puts on its net.
        rise_ff: The same while it rises.
        fall_ff: The same while it falls.
        function: Of an output, in terms of the inputs and the state variables.
        three_state: Whether the output can let go of its net.
        timing: Delay arcs that end here, and constraints.
        power: Energy per event here.
    """

    name: str
    direction: str
    capacitance_ff: float
    rise_ff: float
    fall_ff: float
    function: Boolean | None
    three_state: bool
    timing: tuple[TimingArc, ...]
    power: tuple[InternalPower, ...]


@dataclass(frozen=True)
class Register:
    """An ``ff`` or ``latch`` group.

    Attributes:
        kind: ff or latch.
        state: Name of the state variable (IQ).
        inverse: Name of its complement (IQN).
        next_state: What a flip-flop takes at the clock edge, or a latch follows.
        clock: The function whose rising edge clocks a flip-flop, or that opens a latch.
        clear: When true, the state is 0 at once.
        preset: When true, the state is 1 at once.
        both: The state when clear and preset are true together: L, H, N (unchanged), T (toggles), X; X if not given.
    """

    kind: str
    state: str
    inverse: str
    next_state: Boolean
    clock: Boolean
    clear: Boolean | None
    preset: Boolean | None
    both: str


@dataclass(frozen=True)
class Leakage:
    """Leakage power in one state; ``when`` None is the value for any state that no other entry claims."""

    when: Boolean | None
    power_w: float


@dataclass(frozen=True, eq=False)
class Cell:
    """One cell of a library."""

    name: str
    area_um2: float
    pins: Mapping[str, Pin]
    register: Register | None
    statetable: bool
    leakage: tuple[Leakage, ...]
    library_leakage_w: float | None

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input pins, in the order of the file."""
        return tuple(name for name, pin in self.pins.items() if pin.direction == "input")

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Names of the output pins, in the order of the file."""
        return tuple(name for name, pin in self.pins.items() if pin.direction == "output")

    @property
    def leakage_w(self) -> float:
        """Leakage power of the cell in W: the library's own value, or else the mean over its states.

        A cell of which the file says nothing leaks the library's default; without a default 0 W (Liberty User Guide).
        """
        if self.library_leakage_w is not None:
            return self.library_leakage_w
        general = [entry.power_w for entry in self.leakage if entry.when is None]
        if general:
            return general[0]
        states = [entry.power_w for entry in self.leakage]
        return sum(states) / len(states) if states else 0.0
