"""The compiled simulators: levelised without delays, and event-driven with inertial delays.

Both count toggles per net and add the energy of every event to one of six places of each cycle's row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.gates.circuit import Circuit
from hwsim.gates.events import EventValues
from hwsim.gates.jit import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bytes = NDArray[np.uint8]

GATE, GATE_NET, REGISTER, REGISTER_NET, CLOCK, INPUT_NET = 0, 1, 2, 3, 4, 5
"""Columns of the energies: inside gates and on the nets they drive, inside flip-flops (outputs and data pins) and on
their nets, at clock pins (inside and on the net), and on the nets of input ports."""
COLUMNS = 6


class Energies(NamedTuple):
    """Energy in pJ of every event.

    Attributes:
        output: Of output events.
        pin: Of events of input pins.
        net: Of a toggle of each net, 0.5 C V^2. Shape [nets].
        rank: Order of arrival of the input pins of each cell: the highest of those that move is the cause.
    """

    output: EventValues
    pin: EventValues
    net: Floats
    rank: Ints


class State(NamedTuple):
    """What a simulation changes.

    Attributes:
        values: Of the nets. Shape [nets].
        stored: Of the flip-flops' bits. Shape [cells].
        seen: Inputs of each cell, as bits of a state, when it was last evaluated. Shape [cells].
        toggles: Per net. Shape [nets].
        energy: Shape [cycles, COLUMNS].
        outputs: Shape [cycles, output bits].
    """

    values: Bytes
    stored: Bytes
    seen: Ints
    toggles: Longs
    energy: Floats
    outputs: Bytes


@compiled
def _inputs_of(circuit: Circuit, values: Bytes, cell: int) -> int:
    """Return the inputs of a cell as bits of a state."""
    state, first = 0, circuit.input_start[cell]
    for place in range(circuit.input_start[cell + 1] - first):
        state |= values[circuit.input_nets[first + place]] << place
    return state


@compiled
def _value(table: EventValues, cell: int, kind: int, event: int) -> float:
    slot = table.slot[table.slot_start[kind] + event]
    return 0.0 if slot < 0 else table.values[table.value_start[cell] + slot]


@compiled
def _full(circuit: Circuit, state: State, cell: int, inputs: int) -> int:
    """Return the state of a cell: its inputs and, of a flip-flop, the stored bit above them."""
    if circuit.clock_pin[circuit.kinds[cell]] < 0:
        return inputs
    return inputs | state.stored[cell] << (circuit.input_start[cell + 1] - circuit.input_start[cell])


@compiled
def _pin_energy(circuit: Circuit, energies: Energies, cell: int, full: int, pin: int) -> float:
    count = circuit.input_start[cell + 1] - circuit.input_start[cell]
    return _value(energies.pin, cell, circuit.kinds[cell], full * count + pin)


@compiled
def _column(circuit: Circuit, cell: int) -> int:
    return REGISTER if circuit.clock_pin[circuit.kinds[cell]] >= 0 else GATE


@compiled
def _toggle(
    circuit: Circuit, energies: Energies, state: State, cycle: int, cell: int, output: int, full: int, pin: int
) -> None:
    """Move one output of a cell, count it and add its energy: caused by ``pin``, in the state ``full``."""
    first, kind = circuit.output_start[cell], circuit.kinds[cell]
    net = circuit.output_nets[first + output]
    state.values[net] ^= 1
    state.toggles[net] += 1
    inputs = circuit.input_start[cell + 1] - circuit.input_start[cell]
    event = (full * inputs + pin) * (circuit.output_start[cell + 1] - first) + output
    column = _column(circuit, cell)
    state.energy[cycle, column] += _value(energies.output, cell, kind, event)
    state.energy[cycle, column + 1] += energies.net[net]


@compiled
def _truth(circuit: Circuit, cell: int, output: int, full: int) -> int:
    kind = circuit.kinds[cell]
    return circuit.truth[circuit.truth_start[kind] + output * circuit.states[kind] + full]


@compiled
def _evaluate(circuit: Circuit, energies: Energies, state: State, cycle: int, cell: int) -> None:
    """Bring the outputs of a cell to what its inputs say, without delay."""
    inputs = _inputs_of(circuit, state.values, cell)
    changed = inputs ^ state.seen[cell]
    if changed == 0:
        return
    state.seen[cell] = inputs
    full = _full(circuit, state, cell, inputs)
    first = circuit.input_start[cell]
    best, cause = -1, 0
    for pin in range(circuit.input_start[cell + 1] - first):
        if changed >> pin & 1 and pin != circuit.clock_pin[circuit.kinds[cell]]:
            state.energy[cycle, _column(circuit, cell)] += _pin_energy(circuit, energies, cell, full, pin)
            if energies.rank[first + pin] > best:
                best, cause = energies.rank[first + pin], pin
    for output in range(circuit.output_start[cell + 1] - circuit.output_start[cell]):
        net = circuit.output_nets[circuit.output_start[cell] + output]
        if state.values[net] != _truth(circuit, cell, output, full):
            _toggle(circuit, energies, state, cycle, cell, output, full, cause)


@compiled
def _force(circuit: Circuit, energies: Energies, state: State, cycle: int) -> bool:
    """Let asynchronous pins act on the flip-flops; return whether any changed."""
    acted = False
    for cell in circuit.registers:
        kind = circuit.kinds[cell]
        inputs = _inputs_of(circuit, state.values, cell)
        full = _full(circuit, state, cell, inputs)
        forced = circuit.forced[circuit.next_start[kind] + full]
        if forced and state.stored[cell] != forced - 1:
            state.stored[cell] = forced - 1
            _outputs_of_register(circuit, energies, state, cycle, cell, circuit.clock_pin[kind])
            acted = True
    return acted


@compiled
def _outputs_of_register(circuit: Circuit, energies: Energies, state: State, cycle: int, cell: int, pin: int) -> None:
    full = _full(circuit, state, cell, _inputs_of(circuit, state.values, cell))
    for output in range(circuit.output_start[cell + 1] - circuit.output_start[cell]):
        net = circuit.output_nets[circuit.output_start[cell] + output]
        if state.values[net] != _truth(circuit, cell, output, full):
            _toggle(circuit, energies, state, cycle, cell, output, full, pin)


@compiled
def _settle(circuit: Circuit, energies: Energies, state: State, cycle: int) -> None:
    """Evaluate everything without delay until nothing moves."""
    while True:
        for cell in circuit.order:
            _evaluate(circuit, energies, state, cycle, cell)
        if not _force(circuit, energies, state, cycle):
            break
    for cell in circuit.registers:
        _evaluate(circuit, energies, state, cycle, cell)


@compiled
def _clock(circuit: Circuit, energies: Energies, state: State, cycle: int, clock_net: int, level: int) -> None:
    """Move the clock and add the energy of the clock pins."""
    state.values[clock_net] = level
    state.toggles[clock_net] += 1
    state.energy[cycle, CLOCK] += energies.net[clock_net]
    for cell in circuit.registers:
        inputs = _inputs_of(circuit, state.values, cell)
        full = _full(circuit, state, cell, inputs)
        pin = circuit.clock_pin[circuit.kinds[cell]]
        state.energy[cycle, CLOCK] += _pin_energy(circuit, energies, cell, full, pin)


@compiled
def _sample(circuit: Circuit, state: State, following: Bytes) -> None:
    """Find what every flip-flop takes at the clock edge."""
    for place in range(len(circuit.registers)):
        cell = circuit.registers[place]
        kind = circuit.kinds[cell]
        full = _full(circuit, state, cell, _inputs_of(circuit, state.values, cell))
        forced = circuit.forced[circuit.next_start[kind] + full]
        following[place] = forced - 1 if forced else circuit.next_state[circuit.next_start[kind] + full]


@compiled
def _apply(energies: Energies, state: State, cycle: int, net: int, value: int) -> bool:
    """Set an input port's net; return whether it moved."""
    if state.values[net] == value:
        return False
    state.values[net] = value
    state.toggles[net] += 1
    state.energy[cycle, INPUT_NET] += energies.net[net]
    return True


@compiled
def _start(circuit: Circuit, energies: Energies, state: State, nets: Ints, bits: Bytes, clock_net: int) -> None:
    """Bring the netlist to rest under the first inputs, flip-flops at 0, and count nothing of it."""
    for place in range(len(nets)):
        state.values[nets[place]] = bits[0, place]
    if clock_net >= 0:
        state.values[clock_net] = 1 - circuit.active
    for cell in circuit.registers:
        _outputs_of_register(circuit, energies, state, 0, cell, circuit.clock_pin[circuit.kinds[cell]])
    for cell in circuit.order:
        # Every cell is evaluated once, whatever its inputs are.
        state.seen[cell] = ~_inputs_of(circuit, state.values, cell)
    _settle(circuit, energies, state, 0)
    state.toggles[:] = 0
    state.energy[:] = 0.0


@compiled
def run_levelised(
    circuit: Circuit, energies: Energies, state: State, nets: Ints, bits: Bytes, outputs: Ints, clock_net: int
) -> None:
    """Simulate without delays: every net moves at most once per cycle, after a clock edge.

    Args:
        circuit: The netlist.
        energies: Of its events.
        state: All 0; filled.
        nets: Nets of the input ports.
        bits: Their values. Shape [cycles, nets].
        outputs: Nets of the output ports.
        clock_net: The net of the clock, or -1.
    """
    following = np.zeros(len(circuit.registers), dtype=np.uint8)
    for cycle in range(len(bits)):
        if cycle == 0:
            _start(circuit, energies, state, nets, bits, clock_net)
        else:
            if clock_net >= 0:
                _sample(circuit, state, following)
                _clock(circuit, energies, state, cycle, clock_net, circuit.active)
                for place in range(len(circuit.registers)):
                    cell = circuit.registers[place]
                    if state.stored[cell] != following[place]:
                        state.stored[cell] = following[place]
                        _outputs_of_register(
                            circuit, energies, state, cycle, cell, circuit.clock_pin[circuit.kinds[cell]]
                        )
            for place in range(len(nets)):
                _apply(energies, state, cycle, nets[place], bits[cycle, place])
            _settle(circuit, energies, state, cycle)
            if clock_net >= 0:
                _clock(circuit, energies, state, cycle, clock_net, 1 - circuit.active)
        for place in range(len(outputs)):
            state.outputs[cycle, place] = state.values[outputs[place]]


def run_events(*args):
    raise NotImplementedError("event simulation")
