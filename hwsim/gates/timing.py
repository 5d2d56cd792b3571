"""Static timing: the longest delay between registers and ports, from the library's tables at actual loads and slews.

Delay and slew of an arc are bilinear look-ups at the slew of its input and the load of its output (non-linear delay
model, NLDM). Rise and fall are kept apart. A net takes the latest arrival and, apart from it, the largest slew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hwsim.gates.cells import Sense, TimingArc
from hwsim.gates.circuit import pack, starts
from hwsim.gates.faults import LibertyError
from hwsim.gates.library import Library
from hwsim.gates.models import CellModel
from hwsim.gates.netlist import Netlist
from hwsim.gates.slots import delay_slots
from hwsim.gates.tables import Table
from hwsim.gates.wires import Loads, WireModel, net_loads

if TYPE_CHECKING:
    from hwsim.gates.timing_kernels import PackedArcs, PackedTables

Floats = NDArray[np.float64]

DEFAULT_SLEW_NS = 0.02
"""Slew of input ports and of the clock where none is given."""


@dataclass(frozen=True)
class Step:
    """One arrival on the critical path.

    Attributes:
        cell: Name and type of the cell, or the port.
        net: The net.
        edge: rise or fall.
        delay_ns: Since the step before.
        arrival_ns: Since the clock edge, or since the inputs moved.
        slew_ns: On the net.
        load_ff: On the net.
    """

    cell: str
    net: str
    edge: str
    delay_ns: float
    arrival_ns: float
    slew_ns: float
    load_ff: float


@dataclass(frozen=True, eq=False)
class Timing:
    """The result of static timing.

    Attributes:
        delay_ns: Of the longest path from a register or input port to a register (its setup time included) or output
            port; 0 if there is no path.
        endpoint: Where it ends.
        setup_ns: Setup time in ``delay_ns``; 0 where it ends at a port.
        path: Its steps.
        arrival_ns: Latest arrival by net and edge (fall, rise); -inf where nothing arrives. Shape [nets, 2].
        slew_ns: Largest slew by net and edge; 0 where nothing arrives. Shape [nets, 2].
        loads: On the nets.
    """

    delay_ns: float
    endpoint: str
    setup_ns: float
    path: tuple[Step, ...]
    arrival_ns: Floats
    slew_ns: Floats
    loads: Loads

    def report(self) -> str:
        """Return the critical path as a table."""
        lines = [f"{'delay ps':>9} {'arrival':>8} {'slew ps':>8} {'load fF':>8}  edge  net (driven by)"]
        for step in self.path:
            numbers = f"{1e3 * step.delay_ns:9.1f} {1e3 * step.arrival_ns:8.1f} {1e3 * step.slew_ns:8.1f}"
            lines.append(f"{numbers} {step.load_ff:8.2f}  {step.edge:<4}  {step.net} ({step.cell})")
        setup = f", setup {1e3 * self.setup_ns:.1f} ps included" if self.setup_ns else ""
        return "\n".join([*lines, f"ends at {self.endpoint} after {1e3 * self.delay_ns:.1f} ps{setup}"])


def static_timing(
    netlist: Netlist,
    library: Library,
    *,
    wire: WireModel | None = None,
    input_slew_ns: float = DEFAULT_SLEW_NS,
    output_load_ff: float | Mapping[str, float] = 0.0,
    clock_slew_ns: float | None = None,
) -> Timing:
    """Return the longest path of ``netlist``, and arrivals and slews of all nets.

    Args:
        netlist: The netlist.
        library: The library that it is mapped to.
        wire: Capacitance of wires; None means none.
        input_slew_ns: Slew of input ports.
        output_load_ff: Load on every output port bit, or per port.
        clock_slew_ns: Slew of the clock; None means that of input ports. The clock arrives everywhere at 0.

    Raises:
        LibertyError: a cell on a path has no timing.
    """
    from hwsim.gates.timing_kernels import FALL, RISE, Arrivals, propagate

    loads = net_loads(netlist, library, wire or WireModel(), output_load_ff)
    arcs, tables = _pack_arcs(netlist.models)
    time = np.full((netlist.nets, 2), -np.inf)
    slew = np.zeros((netlist.nets, 2))
    cell, source = np.full((netlist.nets, 2), -1, dtype=np.int32), np.full((netlist.nets, 2), -1, dtype=np.int32)
    for nets in netlist.inputs.values():
        time[nets], slew[nets] = 0.0, input_slew_ns
    clock_slew = input_slew_ns if clock_slew_ns is None else clock_slew_ns
    if netlist.clock_net >= 0:
        slew[netlist.clock_net] = clock_slew
    by_edge = np.stack([loads.falling, loads.rising], axis=1)
    arrivals = Arrivals(time, slew, cell, source)
    propagate(pack(netlist), arcs, tables, by_edge, arrivals)
    ends = _endpoints(netlist, time, slew, clock_slew)
    if not ends:
        return Timing(0.0, "nowhere: no path", 0.0, (), time, slew, loads)
    delay, endpoint, setup, net, edge = max(ends, key=lambda end: end[0])
    path = _path(netlist, arrivals.time, slew, cell, source, by_edge, net, edge, {FALL: "fall", RISE: "rise"})
    return Timing(delay, endpoint, setup, path, time, slew, loads)


End = tuple[float, str, float, int, int]
"""(delay with setup, name, setup, net, edge)."""


def _endpoints(netlist: Netlist, time: Floats, slew: Floats, clock_slew_ns: float) -> list[End]:
    ends: list[End] = []
    for name, nets in netlist.outputs.items():
        for place, net in enumerate(nets):
            label = f"output {name}" + (f"[{place}]" if len(nets) > 1 else "")
            ends += [(float(time[net, e]), label, 0.0, int(net), e) for e in (0, 1) if time[net, e] > -np.inf]
    for register in netlist.registers:
        model = netlist.model(register)
        for place, net in enumerate(netlist.cell_inputs(register)):
            if place == model.clock:
                continue
            for edge in (0, 1):
                if time[net, edge] > -np.inf:
                    setup = _setup(model, place, edge, float(slew[net, edge]), clock_slew_ns)
                    label = f"{netlist.cell_names[register]}.{model.inputs[place]} ({model.cell.name})"
                    ends.append((float(time[net, edge]) + setup, label, setup, int(net), edge))
    return ends


def _setup(model: CellModel, place: int, edge: int, slew_ns: float, clock_slew_ns: float) -> float:
    """Return the setup (or recovery) time of a flip-flop's pin in ns: the largest that the library gives, or 0."""
    arcs = model.cell.pins[model.inputs[place]].timing
    tables = [arc.rise if edge else arc.fall for arc in arcs if arc.kind.startswith(("setup", "recovery"))]
    return max((table[0].lookup(slew_ns, clock_slew_ns) for table in tables if table), default=0.0)


def _path(
    netlist: Netlist, time: Floats, slew: Floats, cells: NDArray[np.int32], source: NDArray[np.int32],
    loads: Floats, net: int, edge: int, names: Mapping[int, str],
) -> tuple[Step, ...]:  # fmt: skip
    steps: list[Step] = []
    while True:
        cell, before = int(cells[net, edge]), int(source[net, edge])
        start = 0.0 if before < 0 else float(time[before >> 1, before & 1])
        label = "input port" if cell < 0 else f"{netlist.cell_names[cell]} {netlist.model(cell).cell.name}"
        now = float(time[net, edge])
        steps.append(
            Step(
                label,
                netlist.net_names[net],
                names[edge],
                now - start,
                now,
                float(slew[net, edge]),
                float(loads[net, edge]),
            )
        )
        if before < 0:
            return tuple(reversed(steps))
        net, edge = before >> 1, before & 1


def _pack_arcs(models: Sequence[CellModel]) -> tuple[PackedArcs, PackedTables]:
    """Return the delay arcs of the cell types and their tables, packed."""
    from hwsim.gates.timing_kernels import NEGATIVE, NON_UNATE, POSITIVE, PackedArcs

    senses = {Sense.POSITIVE: POSITIVE, Sense.NEGATIVE: NEGATIVE, Sense.NON_UNATE: NON_UNATE}
    tables: list[Table] = []

    def number(edge: tuple[Table, ...], which: int) -> int:
        if not edge:
            return -1
        tables.append(edge[which])
        return len(tables) - 1

    rows: list[tuple[int, int, int, list[int], list[int]]] = []
    sizes = []
    for model in models:
        delay_slots(model)  # refuses a cell without timing
        found = list(_delay_arcs(model))
        sizes.append(len(found))
        for pin, output, arc in found:
            delay, slew = ([number(edge, which) for edge in (arc.fall, arc.rise)] for which in (0, 1))
            rows.append((pin, output, senses[arc.sense], delay, slew))
    columns = [np.array([row[k] for row in rows], dtype=np.int32) for k in range(3)]
    pairs = [np.array([row[k] for row in rows], dtype=np.int32).reshape(-1, 2) for k in (3, 4)]
    return PackedArcs(starts(sizes), *columns, *pairs), pack_tables(tables)


def _delay_arcs(model: CellModel) -> list[tuple[int, int, TimingArc]]:
    """Return (pin, output, arc) of the arcs that static timing follows: all of a gate, the clock's of a flip-flop."""
    found = []
    for output, name in enumerate(model.outputs):
        for arc in model.cell.pins[name].timing:
            if arc.related in model.outputs:
                continue  # ASAP7's adders: the carry drives the sum too, and the arcs from the inputs say so as well
            if arc.related not in model.inputs:
                raise LibertyError(f"cell {model.cell.name}: timing of {name}: {arc.related!r} is no input pin")
            pin = model.inputs.index(arc.related)
            edge = arc.kind in {"rising_edge", "falling_edge"}
            if edge == model.is_register and (edge or arc.kind.startswith("combinational")):
                found.append((pin, output, arc))
    return found


def pack_tables(tables: Sequence[Table]) -> PackedTables:
    """Return tables as the kernels want them."""
    from hwsim.gates.timing_kernels import PackedTables

    axes = [axis for table in tables for axis in (table.first, table.second)]
    axis_start = starts([len(axis) for axis in axes])[:-1].reshape(-1, 2)
    sizes = np.array([len(axis) for axis in axes], dtype=np.int32).reshape(-1, 2)
    values = [table.values.ravel() for table in tables]
    none = np.zeros(0)
    return PackedTables(
        axis_start,
        sizes,
        np.concatenate([none, *axes]),
        starts([len(v) for v in values]),
        np.concatenate([none, *values]),
    )
