"""A netlist packed into a few flat arrays, as the kernels want it: many small arrays would cost more than the work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.gates.netlist import Netlist

Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

KIND, IN, INS, OUT, OUTS, CLOCK_PIN = range(6)
"""Columns of ``cells``: its type, where its inputs begin and how many, where its outputs begin and how many, and the
clock pin of a flip-flop or -1."""
TRUTH, STATES, NEXT, FORCED = range(4)
"""Columns of ``kinds``: where in ``logic`` the outputs' truth tables begin, the number of states, and where the next
state and the effect of asynchronous pins begin."""


class Circuit(NamedTuple):
    """Logic and connections.

    Attributes:
        cells: Shape [cells, 6].
        kinds: Shape [types, 4].
        pins: Net on each input pin of each cell.
        outs: Net on each output pin of each cell.
        logic: Truth tables; output o in state s is at TRUTH + o * STATES + s, the next stored bit at NEXT + s, and what
            asynchronous pins do (0 nothing, 1 clear, 2 set) at FORCED + s.
        order: Combinational cells in order of evaluation.
        registers: Flip-flops.
        sinks: Who reads a net n: from ``sinks[n]`` to ``sinks[n + 1]``, places in ``readers``. Clock pins are
            left out. Shape [nets + 1].
        readers: (cell, pin, bits of all pins that move with the net: given with the first of them). Shape
            [readers, 3].
        active: Level of the clock after the edge that clocks the flip-flops.
        clock_net: The net of the clock, or -1.
    """

    cells: Ints
    kinds: Ints
    pins: Ints
    outs: Ints
    logic: Bytes
    order: Ints
    registers: Ints
    sinks: Ints
    readers: Ints
    active: int
    clock_net: int


def pack(netlist: Netlist) -> Circuit:
    """Return ``netlist`` as flat arrays."""
    models = netlist.models
    clocks = np.array([model.clock for model in models], dtype=np.int32)[netlist.kinds]
    columns = [netlist.kinds, netlist.input_start[:-1], np.diff(netlist.input_start)]
    columns += [netlist.output_start[:-1], np.diff(netlist.output_start), clocks]
    tables = [part for model in models for part in (model.truth.ravel(), model.next_state, model.forced)]
    begin = starts([len(table) for table in tables])[:-1].reshape(-1, 3)
    states = np.array([1 << model.bits for model in models], dtype=np.int32)
    kinds = np.stack([begin[:, 0], states, begin[:, 1], begin[:, 2]], axis=1)
    sinks, readers = _readers(netlist, clocks)
    edges = {model.rising for model in models if model.is_register}
    return Circuit(
        np.ascontiguousarray(np.stack(columns, axis=1), dtype=np.int32),
        np.ascontiguousarray(kinds, dtype=np.int32),
        netlist.input_nets,
        netlist.output_nets,
        np.concatenate([np.zeros(0, dtype=np.uint8), *tables]),
        netlist.order,
        netlist.registers,
        sinks,
        readers,
        int(edges != {False}),
        netlist.clock_net,
    )


def starts(sizes: Sequence[int]) -> Ints:
    """Return where each of several parts begins when they are joined, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int32)


def _readers(netlist: Netlist, clocks: Ints) -> tuple[Ints, Ints]:
    """Return the readers of each net, grouped by net."""
    cells = np.repeat(np.arange(netlist.cells, dtype=np.int32), np.diff(netlist.input_start))
    pins = (np.arange(len(netlist.input_nets)) - netlist.input_start[cells]).astype(np.int32)
    kept = np.flatnonzero(pins != clocks[cells])
    kept = kept[np.lexsort((pins[kept], cells[kept], netlist.input_nets[kept]))]
    nets = netlist.input_nets[kept]
    counted = np.bincount(nets, minlength=netlist.nets)
    # A net on several pins of one cell moves them all at once.
    _, first, group = np.unique(np.stack([nets, cells[kept]]), axis=1, return_index=True, return_inverse=True)
    bits = np.zeros(len(kept), dtype=np.int32)
    np.bitwise_or.at(bits, first[group.ravel()], np.int32(1) << pins[kept])
    return starts(counted.tolist()), np.ascontiguousarray(np.stack([cells[kept], pins[kept], bits], axis=1))
