"""A netlist packed into flat arrays, as the kernels want it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.gates.netlist import Netlist

Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]


class Circuit(NamedTuple):
    """Logic and connections.

    Attributes:
        kinds: Cell type of each cell.
        input_start: First place of each cell's inputs in ``input_nets``. Shape [cells + 1].
        input_nets: Net on each input pin.
        output_start: First place of each cell's outputs in ``output_nets``. Shape [cells + 1].
        output_nets: Net on each output pin.
        order: Combinational cells in order of evaluation.
        registers: Flip-flops.
        clock_pin: Per cell type, the clock pin or -1.
        truth_start: Per cell type, first place in ``truth``; output o of state s is at start + o * states + s.
        truth: Values of outputs.
        states: Per cell type, the number of states.
        next_start: Per cell type, first place in ``next_state`` and ``forced``.
        next_state: Stored bit after the clock edge.
        forced: What asynchronous pins do: 0 nothing, 1 clear, 2 set.
        active: 1 if the rising edge clocks the flip-flops, 0 if the falling one does.
        sink_start: Per net, first place in ``sink_cells``. Shape [nets + 1].
        sink_cells: Cells that read the net, flip-flops' clock pins left out.
        sink_pins: The pin by which they read it.
    """

    kinds: Ints
    input_start: Ints
    input_nets: Ints
    output_start: Ints
    output_nets: Ints
    order: Ints
    registers: Ints
    clock_pin: Ints
    truth_start: Ints
    truth: Bytes
    states: Ints
    next_start: Ints
    next_state: Bytes
    forced: Bytes
    active: int
    sink_start: Ints
    sink_cells: Ints
    sink_pins: Ints


def pack(netlist: Netlist) -> Circuit:
    """Return ``netlist`` as flat arrays."""
    models = netlist.models
    sink_start, sink_cells, sink_pins = _sinks(netlist)
    edges = {model.rising for model in models if model.is_register}
    return Circuit(
        netlist.kinds, netlist.input_start, netlist.input_nets, netlist.output_start, netlist.output_nets,
        netlist.order, netlist.registers,
        np.array([model.clock for model in models], dtype=np.int32),
        starts([model.truth.size for model in models]),
        _joined([model.truth.ravel() for model in models]),
        np.array([1 << model.bits for model in models], dtype=np.int32),
        starts([model.next_state.size for model in models]),
        _joined([model.next_state for model in models]),
        _joined([model.forced for model in models]),
        int(edges != {False}),
        sink_start, sink_cells, sink_pins,
    )  # fmt: skip


def starts(sizes: list[int]) -> Ints:
    """Return where each of several parts begins when they are joined, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int32)


def _joined(parts: list[Bytes]) -> Bytes:
    return np.concatenate([np.zeros(0, dtype=np.uint8), *parts])


def _sinks(netlist: Netlist) -> tuple[Ints, Ints, Ints]:
    """Return the readers of each net, grouped by net."""
    counts = np.diff(netlist.input_start)
    cells = np.repeat(np.arange(netlist.cells, dtype=np.int32), counts)
    pins = (np.arange(len(netlist.input_nets)) - netlist.input_start[cells]).astype(np.int32)
    clocks = np.array([model.clock for model in netlist.models], dtype=np.int32)[netlist.kinds[cells]]
    kept = np.flatnonzero(pins != clocks) if len(cells) else np.zeros(0, dtype=np.int64)
    kept = kept[np.argsort(netlist.input_nets[kept], kind="stable")]
    counted = np.bincount(netlist.input_nets[kept], minlength=netlist.nets)
    return starts(counted.tolist()), cells[kept], pins[kept]
