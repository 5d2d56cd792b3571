"""Gate-level simulation: outputs, toggles and energy of a netlist under given inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.gates.circuit import pack
from hwsim.gates.events import TICKS_PER_NS, event_delays, event_energies, pin_energies
from hwsim.gates.faults import StimulusError
from hwsim.gates.library import Library
from hwsim.gates.netlist import Netlist
from hwsim.gates.stimulus import Ports, to_bits, to_codes
from hwsim.gates.timing import DEFAULT_SLEW_NS, Timing, static_timing
from hwsim.gates.wires import WireModel

Floats = NDArray[np.float64]

MOST_NS = 10_000.0
"""Longest period and arrival of inputs; the queue of events ends at 2^35 femtoseconds, which is 34 us."""


@dataclass(frozen=True)
class Area:
    """Cell area in um2; wires and the space between cells are not in it."""

    total_um2: float
    registers_um2: float

    @property
    def combinational_um2(self) -> float:
        """Of the cells that are no flip-flops."""
        return self.total_um2 - self.registers_um2


@dataclass(frozen=True, eq=False)
class SimulationResult:
    """What a simulation counted. The first cycle only brings the netlist to rest: nothing of it is counted.

    Attributes:
        outputs: Per output port, one unsigned number per cycle; bits of shape [cycles, width] above 64 bits.
        cycles: Cycles that were counted: one less than were given.
        toggles: Of each net, over all cycles. Shape [nets].
        combinational_pj: Inside gates and on the nets that they drive.
        register_pj: Inside flip-flops as their data and outputs move, and on the nets that they drive.
        clock_pj: Inside flip-flops as their clock pins move, and the charge of these pins. No clock tree.
        input_pj: Charge of the nets of input ports, which whatever drives them pays.
        per_cycle_pj: By cycle and column: gates, their nets, registers, their nets, clock, input nets. Row 0 is 0.
            Shape [cycles + 1, 6].
        leakage_w: Of all cells.
        area: Of all cells.
        timing: The loads, slews and arrivals behind the numbers.
    """

    outputs: Mapping[str, NDArray[Any]]
    cycles: int
    toggles: NDArray[np.int64]
    combinational_pj: float
    register_pj: float
    clock_pj: float
    input_pj: float
    per_cycle_pj: Floats
    leakage_w: float
    area: Area
    timing: Timing

    @property
    def total_pj(self) -> float:
        """All dynamic energy, nets of input ports included."""
        return self.combinational_pj + self.register_pj + self.clock_pj + self.input_pj


def toggle_energy_pj(load_ff: Floats, voltage_v: float) -> Floats:
    """Return the energy of one toggle of nets, 0.5 C V^2, in pJ.

    A rise draws C V^2 from the supply, of which half is lost in the driver and half when the net falls.

    >>> toggle_energy_pj(np.array([10.0]), 1.0).tolist()
    [0.005]
    """
    energies: Floats = 0.5 * load_ff * voltage_v**2 / 1e3
    return energies


def cell_area(netlist: Netlist) -> Area:
    """Return the area of the cells of ``netlist``."""
    areas = np.array([netlist.model(cell).cell.area_um2 for cell in range(netlist.cells)])
    return Area(float(areas.sum()), float(areas[netlist.registers].sum()))


def cell_leakage_w(netlist: Netlist) -> float:
    """Return the leakage of the cells of ``netlist``: the library's value per cell, or the mean over its states."""
    return float(sum(netlist.model(cell).cell.leakage_w for cell in range(netlist.cells)))


def simulate(
    netlist: Netlist,
    library: Library,
    inputs: Ports,
    *,
    glitches: bool = True,
    wire: WireModel | None = None,
    input_slew_ns: float = DEFAULT_SLEW_NS,
    output_load_ff: float | Mapping[str, float] = 0.0,
    timing: Timing | None = None,
    period_ns: float | None = None,
    input_delay_ns: float | None = None,
    per_pin: bool = True,
) -> SimulationResult:
    """Simulate ``netlist``: in each cycle the clock ticks, then the inputs of that cycle arrive, and all settles.

    Cycle 0 applies the first inputs with every flip-flop at 0 and lets the netlist settle.

    Args:
        netlist: The netlist.
        library: The library that it is mapped to.
        inputs: For every input port but the clock one number per cycle, or bits of shape [cycles, width].
        glitches: Whether gates have delays, and nets move several times in a cycle. False moves each at most once.
        wire: Capacitance of wires; None means none.
        input_slew_ns: Slew of input ports and the clock.
        output_load_ff: On every output port bit, or per port.
        timing: Of this netlist, where it is known already; it stands for the three arguments before it.
        period_ns: Of the clock; it falls half-way. None takes the delay of the longest path.
        input_delay_ns: When the inputs arrive after the clock edge. None takes the median delay of the flip-flops from
            clock to output, as if they came from such flip-flops; 0 without any.
        per_pin: Whether each input of a gate has delays of its own; False gives each output one per edge.

    Raises:
        StimulusError: inputs do not fit the ports, or times cannot be.
        LibertyError: a cell has no timing.
    """
    from hwsim.gates.event_kernels import run_events
    from hwsim.gates.kernels import COLUMNS, Energies, State, run_levelised
    from hwsim.gates.queue_kernels import empty_queue

    nets, bits = to_bits(netlist, inputs)
    if not len(bits):
        raise StimulusError(f"stimulus of {netlist.top!r} has no cycles; give at least one")
    if timing is None:
        timing = static_timing(netlist, library, wire=wire, input_slew_ns=input_slew_ns, output_load_ff=output_load_ff)
    circuit = pack(netlist)
    outputs = np.concatenate([np.zeros(0, dtype=np.int32), *netlist.outputs.values()]).astype(np.int32)
    energies = Energies(
        event_energies(netlist, timing),
        pin_energies(netlist, timing),
        toggle_energy_pj(timing.loads.mean, library.voltage_v),
        _arrival_rank(timing)[netlist.input_nets],
    )
    state = State(
        _initial_values(netlist),
        np.zeros(netlist.cells, dtype=np.uint8),
        np.zeros(netlist.cells, dtype=np.int32),
        np.zeros(netlist.nets, dtype=np.int64),
        np.zeros((len(bits), COLUMNS)),
        np.zeros((len(bits), len(outputs)), dtype=np.uint8),
    )
    if glitches:
        delays = event_delays(netlist, timing, per_pin)
        period = timing.delay_ns if period_ns is None else period_ns
        delay = _register_delay(netlist, timing) if input_delay_ns is None else input_delay_ns
        ticks = (_ticks("period_ns", period, 2), _ticks("input_delay_ns", delay, 1))
        queue = empty_queue(len(netlist.output_nets) + len(nets) + 1)
        run_events(circuit, energies, state, nets, bits, outputs, delays, queue, *ticks)
    else:
        run_levelised(circuit, energies, state, nets, bits, outputs)
    return _result(netlist, timing, state)


def _initial_values(netlist: Netlist) -> NDArray[np.uint8]:
    values = np.zeros(netlist.nets, dtype=np.uint8)
    values[1] = 1
    return values


def _arrival_rank(timing: Timing) -> NDArray[np.int32]:
    """Return the place of each net in the order of static arrival; of equal ones the later net comes later."""
    order = np.argsort(timing.arrival_ns.max(axis=1), kind="stable")
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order))
    return rank


def _ticks(name: str, time_ns: float, part: int) -> int:
    """Return ``time_ns`` / ``part`` in ticks.

    Raises:
        StimulusError: it is negative, no number, or longer than the queue of events can hold.
    """
    if not 0.0 <= time_ns <= MOST_NS:
        raise StimulusError(f"{name} is {time_ns:g} ns: give 0 to {MOST_NS:g} ns, or None for the netlist's own")
    return round(time_ns / part * TICKS_PER_NS)


def _register_delay(netlist: Netlist, timing: Timing) -> float:
    """Return the median delay of flip-flops from clock to output, in ns."""
    nets = [net for register in netlist.registers for net in netlist.cell_outputs(register)]
    return float(np.median(timing.arrival_ns[nets].max(axis=1))) if nets else 0.0


def _result(netlist: Netlist, timing: Timing, state: Any) -> SimulationResult:
    columns = state.energy.sum(axis=0)
    return SimulationResult(
        to_codes(netlist, state.outputs),
        len(state.energy) - 1,
        state.toggles,
        float(columns[0] + columns[1]),
        float(columns[2] + columns[3]),
        float(columns[4]),
        float(columns[5]),
        state.energy,
        cell_leakage_w(netlist),
        cell_area(netlist),
        timing,
    )
