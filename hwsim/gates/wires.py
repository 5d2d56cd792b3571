"""The capacitance of wires before they are routed, and the load on each net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import all_faults, unknown_name
from hwsim.gates.faults import LibertyError, NetlistError
from hwsim.gates.library import Library, WireLoad
from hwsim.gates.netlist import Netlist

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WireModel:
    """How much capacitance the wire of a net has.

    Attributes:
        table: Name of a wire load table of the library, "default" for the library's own choice, or None.
        base_ff: Of every net, in fF.
        per_sink_ff: More per sink, in fF.

    >>> WireModel(base_ff=3.0, per_sink_ff=1.0).load_ff(None, 4)
    7.0
    >>> WireModel().load_ff(None, 4)
    0.0
    """

    table: str | None = None
    base_ff: float = 0.0
    per_sink_ff: float = 0.0

    def __str__(self) -> str:
        parts = [f"table {self.table}"] if self.table else []
        if self.base_ff or self.per_sink_ff:
            parts.append(f"{self.base_ff:g} fF + {self.per_sink_ff:g} fF per sink")
        return " + ".join(parts) or "none"

    def resolve(self, library: Library) -> WireLoad | None:
        """Return the wire load table in use, or None.

        Raises:
            LibertyError: the library has no such table, or no default.
        """
        if self.table is None:
            return None
        name = library.default_wire_load if self.table == "default" else self.table
        if name is None:
            listed = ", ".join(library.wire_loads) or "none"
            raise LibertyError(
                f"library {library.name} has no default wire load table; its tables: {listed}; "
                "use WireModel(base_ff=..., per_sink_ff=...)"
            )
        if name not in library.wire_loads:
            raise LibertyError(f"library {library.name}: {unknown_name('wire load table', name, library.wire_loads)}")
        return library.wire_loads[name]

    def load_ff(self, table: WireLoad | None, fanout: int) -> float:
        """Return the capacitance of the wire of a net with ``fanout`` sinks, in fF."""
        fixed = self.base_ff + self.per_sink_ff * fanout if fanout else 0.0
        return fixed + (table.load_ff(fanout) if table else 0.0)


@dataclass(frozen=True, eq=False)
class Loads:
    """Load on each net in fF: input pins, wire, and what hangs on output ports.

    Attributes:
        falling: While the net falls. Shape [nets].
        rising: While the net rises. Shape [nets].
    """

    falling: Floats
    rising: Floats

    @property
    def mean(self) -> Floats:
        """Mean of both, as the energy of a rise and a fall takes it."""
        return (self.falling + self.rising) / 2


def net_loads(
    netlist: Netlist, library: Library, wire: WireModel, output_load_ff: float | Mapping[str, float]
) -> Loads:
    """Return the load on each net.

    The wire of the clock net is left out: a clock tree would replace it.

    Args:
        netlist: The netlist.
        library: Its cells.
        wire: The model of wires.
        output_load_ff: On every output port bit, or per port.

    Raises:
        NetlistError: ``output_load_ff`` names a port that is no output.
        LibertyError: the library has no such wire load table.
    """
    if isinstance(output_load_ff, Mapping) and (wrong := output_load_ff.keys() - netlist.outputs.keys()):
        faults = [unknown_name("output port", name, netlist.outputs) for name in sorted(wrong)]
        raise NetlistError(all_faults(f"output_load_ff of {netlist.top!r}", faults))
    rising, falling, sinks = np.zeros(netlist.nets), np.zeros(netlist.nets), np.zeros(netlist.nets, dtype=np.int64)
    kinds = np.repeat(netlist.kinds, np.diff(netlist.input_start))
    places = np.arange(len(netlist.input_nets)) - np.repeat(netlist.input_start[:-1], np.diff(netlist.input_start))
    for kind, model in enumerate(netlist.models):
        for place, name in enumerate(model.inputs):
            nets = netlist.input_nets[(kinds == kind) & (places == place)]
            np.add.at(rising, nets, model.cell.pins[name].rise_ff)
            np.add.at(falling, nets, model.cell.pins[name].fall_ff)
            np.add.at(sinks, nets, 1)
    for name, nets in netlist.outputs.items():
        load = output_load_ff if isinstance(output_load_ff, int | float) else output_load_ff.get(name, 0.0)
        np.add.at(rising, nets, load)
        np.add.at(falling, nets, load)
        np.add.at(sinks, nets, 1)
    table = wire.resolve(library)
    by_fanout = {int(count): wire.load_ff(table, int(count)) for count in np.unique(sinks)}
    wires = np.array([by_fanout[int(count)] for count in sinks])
    wires[[0, 1]] = 0.0
    if netlist.clock_net >= 0:
        wires[netlist.clock_net] = 0.0
    return Loads(falling + wires, rising + wires)
