"""The compiled event-driven simulator: gates with inertial delays, so that glitches are seen.

An output that is to move is put into a queue with its delay. If its inputs change their mind before it is due, it is
taken out again: pulses shorter than the delay of a gate do not pass it (as in ``assign #delay`` of Verilog).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.compiled import compiled
from hwsim.gates.circuit import CLOCK_PIN, FORCED, INS, KIND, OUT, OUTS, STATES, TRUTH, Circuit
from hwsim.gates.events import EventValues
from hwsim.gates.kernels import (
    GATE,
    GATE_NET,
    INPUT_NET,
    REGISTER,
    REGISTER_NET,
    Bytes,
    Energies,
    Ints,
    State,
    clock_edge,
    sample,
    start,
    state_of,
)
from hwsim.gates.queue_kernels import NOWHERE, ORDER_BITS, Queue, remove, rise, sink


@compiled
def _cycle(
    circuit: Circuit, energies: Energies, state: State, delays: EventValues, queue: Queue, owner: Ints,
    following: Bytes, nets: Ints, wanted: Bytes, cycle: int, half: int, arrival: int, events: NDArray[np.int32],
) -> None:  # fmt: skip
    """Simulate one cycle. One flat loop: calls with many arrays would dominate the time.

    Items of the queue are the outputs of all cells, then the input ports' nets, then the other edge of the clock.
    ``events`` holds, per output in the queue, the event (state, pin, output) that asked for its move.
    """
    cells, kinds, outs, logic = circuit.cells, circuit.kinds, circuit.outs, circuit.logic
    sinks, readers = circuit.sinks, circuit.readers
    values, stored, seen, toggles, energy = state.values, state.stored, state.seen, state.toggles, state.energy[cycle]
    net_energy = energies.net
    pin_first, pin_slot, pin_start, pin_values = energies.pin
    out_first, out_slot, out_start, out_values = energies.output
    late_first, late_slot, late_start, late_values = delays
    heap, place, key = queue
    outputs, size, put = len(owner), 0, 0
    fall = outputs + len(nets)

    for port in range(len(nets)):
        if values[nets[port]] != wanted[port]:
            key[outputs + port] = arrival << ORDER_BITS | put
            put += 1
            rise(heap, place, key, size, outputs + port)
            size += 1
    if circuit.clock_net >= 0:
        key[fall] = half << ORDER_BITS | put
        put += 1
        rise(heap, place, key, size, fall)
        size += 1
        sample(circuit, state, following)
        clock_edge(circuit, energies, state, cycle, circuit.active)

    now, due = 0, len(circuit.registers) - 1
    while due >= 0 or size > 0:
        # Flip-flops that take a new bit ask for their outputs to move, then events come in order.
        item, net, first_reader, last_reader = -1, -1, 0, 1
        if due >= 0:
            register = circuit.registers[due]
            due -= 1
            if stored[register] == following[due + 1]:
                continue
            stored[register] = following[due + 1]
        else:
            item = heap[0]
            now = key[item] >> ORDER_BITS
            size -= 1
            place[item] = NOWHERE
            if size > 0:
                sink(heap, place, key, size, 0, heap[size])
            if item == fall:
                clock_edge(circuit, energies, state, cycle, 1 - circuit.active)
                continue
            if item >= outputs:
                net = nets[item - outputs]
                energy[INPUT_NET] += net_energy[net]
            else:
                net, cell = outs[item], owner[item]
                gate = cells[cell, CLOCK_PIN] < 0
                slot = out_slot[out_first[cells[cell, KIND]] + events[item]]
                energy[GATE if gate else REGISTER] += out_values[out_start[cell] + slot]
                energy[GATE_NET if gate else REGISTER_NET] += net_energy[net]
            values[net] ^= 1
            toggles[net] += 1
            first_reader, last_reader = sinks[net], sinks[net + 1]

        for reader in range(first_reader, last_reader):
            cell = register if item < 0 else readers[reader, 0]
            pin = cells[cell, CLOCK_PIN] if item < 0 else readers[reader, 1]
            kind, count = cells[cell, KIND], cells[cell, INS]
            if cells[cell, CLOCK_PIN] < 0:
                now_in = np.int64(seen[cell] ^ readers[reader, 2])
                seen[cell] = now_in
                energy[GATE] += pin_values[pin_start[cell] + pin_slot[pin_first[kind] + now_in * count + pin]]
            else:
                now_in = np.int64(state_of(circuit, state, cell))
                if item >= 0:
                    energy[REGISTER] += pin_values[pin_start[cell] + pin_slot[pin_first[kind] + now_in * count + pin]]
                    forced = logic[kinds[kind, FORCED] + now_in]
                    if forced == 0 or stored[cell] == forced - 1:
                        continue
                    stored[cell] = forced - 1
                    now_in ^= 1 << count
            number = cells[cell, OUTS]
            for output in range(number):
                asked = cells[cell, OUT] + output
                moves = values[outs[asked]] != logic[kinds[kind, TRUTH] + output * kinds[kind, STATES] + now_in]
                waits = place[asked] != NOWHERE
                if waits and not moves:
                    size = remove(heap, place, key, size, asked)
                elif moves and not waits:
                    event = (now_in * count + pin) * number + output
                    events[asked] = event
                    delay = max(1, int(late_values[late_start[cell] + late_slot[late_first[kind] + event]]))
                    key[asked] = (now + delay) << ORDER_BITS | put
                    put += 1
                    rise(heap, place, key, size, asked)
                    size += 1


@compiled
def run_events(
    circuit: Circuit, energies: Energies, state: State, nets: Ints, bits: Bytes, outputs: Ints,
    delays: EventValues, queue: Queue, half: int, arrival: int,
) -> None:  # fmt: skip
    """Simulate with delays.

    Args:
        circuit: The netlist.
        energies: Of its events.
        state: All 0 but the constant 1; filled.
        nets: Nets of the input ports.
        bits: Their values. Shape [cycles, nets].
        outputs: Nets of the output ports.
        delays: In ticks.
        queue: Empty, of one item per output of a cell, one per input net, and one more.
        half: Tick of the other edge of the clock.
        arrival: Tick at which the inputs arrive.
    """
    following = np.zeros(len(circuit.registers), dtype=np.uint8)
    owner = np.zeros(len(circuit.outs), dtype=np.int32)
    for cell in range(len(circuit.cells)):
        for output in range(circuit.cells[cell, OUTS]):
            owner[circuit.cells[cell, OUT] + output] = cell
    events = np.zeros(len(owner), dtype=np.int32)
    start(circuit, energies, state, nets, bits)
    for cycle in range(len(bits)):
        if cycle > 0:
            _cycle(
                circuit,
                energies,
                state,
                delays,
                queue,
                owner,
                following,
                nets,
                bits[cycle],
                cycle,
                half,
                arrival,
                events,
            )
        for place in range(len(outputs)):
            state.outputs[cycle, place] = state.values[outputs[place]]
