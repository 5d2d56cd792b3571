"""The compiled simulator without delays: levelised, every net moves at most once per cycle.

This one and the event-driven one count toggles per net and add the energy of every event to one of six columns of each
cycle's row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.compiled import compiled
from hwsim.gates.circuit import CLOCK_PIN, FORCED, IN, INS, KIND, NEXT, OUT, OUTS, STATES, TRUTH, Circuit
from hwsim.gates.events import EventValues

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bytes = NDArray[np.uint8]

GATE, GATE_NET, REGISTER, REGISTER_NET, CLOCK, INPUT_NET = range(6)
"""Columns of the energies: inside gates and on the nets they drive, inside flip-flops (outputs and data pins) and on
their nets, at clock pins (inside and on the net), and on the nets of input ports."""
COLUMNS = 6


class Energies(NamedTuple):
    """Energy in pJ of every event.

    Attributes:
        output: Of output events.
        pin: Of events of input pins.
        net: Of a toggle of each net, 0.5 C V^2. Shape [nets].
        rank: Order of arrival at each input pin; of several that move at once, the last is the cause.
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
def state_of(circuit: Circuit, state: State, cell: int) -> int:
    """Return the state of a flip-flop: its inputs, and the stored bit above them."""
    row = circuit.cells[cell]
    bits = np.int64(state.stored[cell]) << row[INS]
    for pin in range(row[INS]):
        bits |= np.int64(state.values[circuit.pins[row[IN] + pin]]) << pin
    return bits


@compiled
def pin_energy(circuit: Circuit, energies: Energies, cell: int, now_in: int, pin: int) -> float:
    """Return the energy of a move of an input pin that leaves the cell in the state ``now_in``."""
    row, table = circuit.cells[cell], energies.pin
    return table.values[table.value_start[cell] + table.slot[table.slot_start[row[KIND]] + now_in * row[INS] + pin]]


@compiled
def move_register(circuit: Circuit, energies: Energies, state: State, cycle: int, cell: int, pin: int) -> None:
    """Bring the outputs of a flip-flop to what it stores, at once, because of ``pin``."""
    row, table = circuit.cells[cell], energies.output
    now_in = state_of(circuit, state, cell)
    kind = circuit.kinds[row[KIND]]
    for output in range(row[OUTS]):
        net = circuit.outs[row[OUT] + output]
        if state.values[net] != circuit.logic[kind[TRUTH] + output * kind[STATES] + now_in]:
            state.values[net] ^= 1
            state.toggles[net] += 1
            event = (now_in * row[INS] + pin) * row[OUTS] + output
            slot = table.slot[table.slot_start[row[KIND]] + event]
            state.energy[cycle, REGISTER] += table.values[table.value_start[cell] + slot]
            state.energy[cycle, REGISTER_NET] += energies.net[net]


@compiled
def clock_edge(circuit: Circuit, energies: Energies, state: State, cycle: int, level: int) -> None:
    """Move the clock and add the energy of the clock pins."""
    net = circuit.clock_net
    state.values[net] = level
    state.toggles[net] += 1
    state.energy[cycle, CLOCK] += energies.net[net]
    for cell in circuit.registers:
        now_in = state_of(circuit, state, cell)
        state.energy[cycle, CLOCK] += pin_energy(circuit, energies, cell, now_in, circuit.cells[cell, CLOCK_PIN])


@compiled
def sample(circuit: Circuit, state: State, following: Bytes) -> None:
    """Find what every flip-flop takes at the clock edge."""
    for place in range(len(circuit.registers)):
        cell = circuit.registers[place]
        kind = circuit.kinds[circuit.cells[cell, KIND]]
        now_in = state_of(circuit, state, cell)
        forced = circuit.logic[kind[FORCED] + now_in]
        following[place] = forced - 1 if forced else circuit.logic[kind[NEXT] + now_in]


@compiled
def settle_gates(circuit: Circuit, energies: Energies, state: State, cycle: int) -> None:
    """Evaluate all gates in order. One flat loop: calls with many arrays would dominate the time."""
    cells, kinds, pins, outs, logic = circuit.cells, circuit.kinds, circuit.pins, circuit.outs, circuit.logic
    values, seen, toggles, energy = state.values, state.seen, state.toggles, state.energy[cycle]
    rank, net_energy = energies.rank, energies.net
    pin_first, pin_slot, pin_start, pin_values = energies.pin
    out_first, out_slot, out_start, out_values = energies.output
    for cell in circuit.order:
        first, count = cells[cell, IN], cells[cell, INS]
        now_in = np.int64(0)
        for pin in range(count):
            now_in |= np.int64(values[pins[first + pin]]) << pin
        changed = now_in ^ seen[cell]
        if changed == 0:
            continue
        seen[cell] = now_in
        kind = cells[cell, KIND]
        best, cause = -1, 0
        for pin in range(count):
            if changed >> pin & 1:
                energy[GATE] += pin_values[pin_start[cell] + pin_slot[pin_first[kind] + now_in * count + pin]]
                if rank[first + pin] > best:
                    best, cause = rank[first + pin], pin
        outputs = cells[cell, OUTS]
        for output in range(outputs):
            net = outs[cells[cell, OUT] + output]
            if values[net] != logic[kinds[kind, TRUTH] + output * kinds[kind, STATES] + now_in]:
                values[net] ^= 1
                toggles[net] += 1
                slot = out_slot[out_first[kind] + (now_in * count + cause) * outputs + output]
                energy[GATE] += out_values[out_start[cell] + slot]
                energy[GATE_NET] += net_energy[net]


@compiled
def forcing_pin(circuit: Circuit, state: State, cell: int) -> int:
    """Return the asynchronous pin that forces a flip-flop: the one without which it would be free."""
    row = circuit.cells[cell]
    forced, now_in = circuit.kinds[row[KIND], FORCED], state_of(circuit, state, cell)
    for pin in range(row[INS]):
        if circuit.logic[forced + (now_in ^ (1 << pin))] == 0:
            return pin
    return row[CLOCK_PIN]


@compiled
def settle(circuit: Circuit, energies: Energies, state: State, cycle: int) -> None:
    """Let everything come to rest without delay, then let the flip-flops see their inputs."""
    acted = True
    while acted:
        settle_gates(circuit, energies, state, cycle)
        acted = False
        for cell in circuit.registers:
            row = circuit.cells[cell]
            forced = circuit.logic[circuit.kinds[row[KIND], FORCED] + state_of(circuit, state, cell)]
            if forced and state.stored[cell] != forced - 1:
                state.stored[cell] = forced - 1
                move_register(circuit, energies, state, cycle, cell, forcing_pin(circuit, state, cell))
                acted = True
    for cell in circuit.registers:
        row = circuit.cells[cell]
        now_in = state_of(circuit, state, cell)
        changed = now_in ^ state.seen[cell]
        state.seen[cell] = now_in
        for pin in range(row[INS]):
            if changed >> pin & 1 and pin != row[CLOCK_PIN]:
                state.energy[cycle, REGISTER] += pin_energy(circuit, energies, cell, now_in, pin)


@compiled
def start(circuit: Circuit, energies: Energies, state: State, nets: Ints, bits: Bytes) -> None:
    """Bring the netlist to rest under the first inputs, flip-flops at 0, and count nothing of it."""
    for place in range(len(nets)):
        state.values[nets[place]] = bits[0, place]
    if circuit.clock_net >= 0:
        state.values[circuit.clock_net] = 1 - circuit.active
    for cell in circuit.registers:
        move_register(circuit, energies, state, 0, cell, circuit.cells[cell, CLOCK_PIN])
    state.seen[:] = -1  # no state: every cell is evaluated
    settle(circuit, energies, state, 0)
    state.toggles[:] = 0
    state.energy[:] = 0.0


@compiled
def run_levelised(circuit: Circuit, energies: Energies, state: State, nets: Ints, bits: Bytes, outputs: Ints) -> None:
    """Simulate without delays: every net moves at most once per cycle, after a clock edge.

    Args:
        circuit: The netlist.
        energies: Of its events.
        state: All 0 but the constant 1; filled.
        nets: Nets of the input ports.
        bits: Their values. Shape [cycles, nets].
        outputs: Nets of the output ports.
    """
    following = np.zeros(len(circuit.registers), dtype=np.uint8)
    start(circuit, energies, state, nets, bits)
    for cycle in range(len(bits)):
        if cycle > 0:
            if circuit.clock_net >= 0:
                sample(circuit, state, following)
                clock_edge(circuit, energies, state, cycle, circuit.active)
                for place in range(len(circuit.registers)):
                    cell = circuit.registers[place]
                    if state.stored[cell] != following[place]:
                        state.stored[cell] = following[place]
                        move_register(circuit, energies, state, cycle, cell, circuit.cells[cell, CLOCK_PIN])
            for place in range(len(nets)):
                net = nets[place]
                if state.values[net] != bits[cycle, place]:
                    state.values[net] ^= 1
                    state.toggles[net] += 1
                    state.energy[cycle, INPUT_NET] += energies.net[net]
            settle(circuit, energies, state, cycle)
            if circuit.clock_net >= 0:
                clock_edge(circuit, energies, state, cycle, 1 - circuit.active)
        for place in range(len(outputs)):
            state.outputs[cycle, place] = state.values[outputs[place]]
