"""Waits for memories on many machines at once: ``hwsim.array.stalls`` on arrays.

A layer is a row of phases, one a fold; along each loop only the first turn, the last two and one that stands for all
others can differ. Each such phase is worked out for all points and layers together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hwsim.array import Dataflow
from hwsim.sweep.bus import Bus, Moved
from hwsim.sweep.closed_forms import Ints, Placed, Side, fold_lengths
from hwsim.sweep.movement import Flags, Residence, Room, Width, own_weights
from hwsim.sweep.ports import Edge, Ratio

_OS, _WS, _IS = Dataflow.OUTPUT_STATIONARY, Dataflow.WEIGHT_STATIONARY, Dataflow.INPUT_STATIONARY
RANGE = float(1 << 62)


Place = tuple[Ints, Ints, Ints]  #: turn of the groups, of the columns and of the rows


@dataclass(frozen=True)
class Waiting:
    """Layers on arrays with a bus: how long each waits.

    Attributes:
        placed: the layers on the arrays.
        room: scratchpads and widths.
        bias: width of a bias.
        where: which maps go through DRAM.
        bus: what crosses in a cycle.
        edge: the ports of the scratchpads.
    """

    placed: Placed
    room: Room
    bias: Width
    where: Residence
    bus: Bus
    edge: Edge

    def cycles(self) -> Ints:
        """Return the cycles that the array stands still in each layer, all groups."""
        nothing = 0 * self.placed.folds
        total = nothing
        for place, weight in self._kinds():
            if weight.any():
                total = total + weight * self._phase(place)
        last: Place = (self._turns[0] - 1 + nothing, self._turns[1] - 1, self._turns[2] - 1)
        fill = self._moved((nothing, nothing, nothing)).in_beside
        result: Ints = total + fill + self._moved(last).out_beside
        return result

    def safe(self) -> NDArray[np.bool_]:
        """Return the points where every vector fits its scratchpad and no product leaves 64 bits."""
        rows, columns = self._sides
        layers, room, flow = self.placed.layers, self.room, self.placed.style.flow
        acts, weights = (columns, rows) if flow is _IS else (rows, columns)
        fits = room.act.fits(acts, room.ifmap) & room.weight.fits(weights, room.filters)
        fits &= room.acc.fits(columns, room.ofmap)
        area = (rows * columns).astype(float) * np.maximum.reduce(self.bus.cycles)
        words = (
            layers.ifmap * room.act.bits,
            layers.weights * room.weight.bits * self.bias.parts,
            layers.ofmap * room.output.bits,
            self.placed.stream * columns * room.acc.bits,
            self.bias.bits * self.placed.stream * room.weight.parts,
        )
        most = np.maximum.reduce([count.astype(float) for count in words]) * area
        extents = (self.placed.rows.extent * self.placed.columns.extent * layers.groups).astype(float)
        bits = np.maximum.reduce(self.bus.bits)
        least = extents * bits * room.act.parts * room.weight.parts * room.output.parts * self.bias.parts
        good: NDArray[np.bool_] = (fits & (4 * most < RANGE) & (least < RANGE)).all(axis=1)
        return good

    @cached_property
    def _turns(self) -> Place:
        return self.placed.layers.groups, self.placed.columns.folds, self.placed.rows.folds

    @cached_property
    def _sides(self) -> tuple[Ints, Ints]:
        """Rows and columns of the largest tile."""
        rows, columns = self.placed.rows, self.placed.columns
        return np.minimum(rows.side, rows.extent), np.minimum(columns.side, columns.extent)

    def _kinds(self) -> Iterator[tuple[Place, Ints]]:
        """Yield one place of each kind of phase, and how many there are of it."""
        for groups, columns, rows in itertools.product(*map(_turn_kinds, self._turns)):
            yield (groups[0], columns[0], rows[0]), groups[1] * columns[1] * rows[1]

    def _phase(self, place: Place) -> Ints:
        """Return the cycles that one phase waits."""
        after, ends = self._beside(place, 1)
        before, starts = self._beside(place, -1)
        whole, interval = self._lengths
        own = self._moved(place)
        ports = self._ports(place)
        compute = np.where(ends, whole, interval) + ports
        coming = np.where(ends, 0, self._moved(after).in_beside)
        going = np.where(starts, 0, self._moved(before).out_beside)
        waits: Ints = own.in_alone + own.out_alone + np.maximum(0, coming + going - compute) + ports
        return waits

    def _ports(self, place: Place) -> Ints:
        """Return the cycles that one fold waits for ports."""
        if not self.edge.pads.stated:
            return 0 * self.placed.folds
        _, columns, rows = place
        down, across = _piece(self.placed.rows, rows), _piece(self.placed.columns, columns)
        stays = self.placed.style.flow is _OS
        return self.edge.waits(down, across, (rows == 0) | stays, (rows == self._turns[2] - 1) | stays)

    def _beside(self, place: Place, way: int) -> tuple[Place, Flags]:
        """Return the place of the fold after (1) or before (-1), and where there is none."""
        moved: list[Ints] = []
        carry: Ints = np.ones_like(self.placed.folds)
        for turn, turns in zip(reversed(place), reversed(self._turns), strict=True):
            next_turn = turn + way * carry
            over = (next_turn < 0) | (next_turn >= turns)
            moved.append(np.where(over, 0 if way > 0 else turns - 1, next_turn))
            carry = over.astype(np.int64)
        rows, columns, groups = moved
        return (groups, columns, rows), carry.astype(bool)

    @cached_property
    def _lengths(self) -> tuple[Ints, Ints]:
        return fold_lengths(self.placed)

    def _moved(self, place: Place) -> Moved:
        ifmap, filters, sums_in, sums_out = self._transfers(place)
        acts, weights, sums = self._overlaps
        coming = ((self._pass(ifmap, 0), acts), (self._pass(filters, 1), weights), (self._pass(sums_in, 2), sums))
        beside = sum((cycles * own for cycles, own in coming), 0 * self.placed.folds)
        every = sum((cycles for cycles, _ in coming), 0 * self.placed.folds)
        going = self._pass(sums_out, 2)
        return Moved(every - beside, beside, going * ~sums, going * sums)

    def _pass(self, bits: Ratio, pad: int) -> Ints:
        """Return the cycles in which ``bits`` cross the edge, to or from one of the scratchpads."""
        bus = self.bus
        cycles: Ints = -(-(bits.upper * bus.cycles[pad]) // (bits.lower * bus.bits[pad])) * bus.limited[pad]
        return cycles

    def _transfers(self, place: Place) -> tuple[Ratio, Ratio, Ratio, Ratio]:
        """Return the bits of activations, weights and sums that come in for a fold, and those that go out."""
        groups, columns, rows = place
        down, across = _piece(self.placed.rows, rows), _piece(self.placed.columns, columns)
        room, layers, flow = self.room, self.placed.layers, self.placed.style.flow
        first_row, last_row = rows == 0, rows == self._turns[2] - 1
        acts = self._acts(down, across)
        if flow is not _IS:
            acts = acts.only((columns == 0) | ~self._acts_whole.fits(room.ifmap))
        weights = self._weights(down, across)
        if flow is _OS:
            weights = weights.only(first_row | ~weights.fits(room.filters))
        elif flow is _IS:
            weights = weights.only((columns == 0) | ~self._weights_whole.fits(room.filters))
        biased = layers.has_bias & first_row & ((columns == 0) if flow is _IS else True)
        channels = self.placed.stream if flow is _IS else across
        biases = Ratio(channels * self.bias.bits, self.bias.parts + 0 * across).only(biased)
        held = layers.shared & self._weights_whole.fits(room.filters) & (groups > 0)
        outputs = self._outputs(down, across).only(self.where.ofmap_in_dram)
        nothing = Ratio(0 * across, 1 + 0 * across)
        if flow is _OS:
            return acts.only(self.where.ifmap_in_dram), weights.plus(biases).only(~held), nothing, outputs
        strip = Ratio(self.placed.stream * across * room.acc.bits, room.acc.parts + 0 * across)
        spilled = strip.only(~strip.fits(room.ofmap))
        out = Ratio(np.where(last_row, outputs.upper, spilled.upper), np.where(last_row, outputs.lower, spilled.lower))
        coming = spilled.only(~first_row)
        return acts.only(self.where.ifmap_in_dram), weights.plus(biases).only(~held), coming, out

    @cached_property
    def _acts_whole(self) -> Ratio:
        return self._acts(self.placed.rows.extent, self.placed.columns.extent)

    @cached_property
    def _weights_whole(self) -> Ratio:
        return self._weights(self.placed.rows.extent, self.placed.columns.extent)

    def _acts(self, down: Ints, across: Ints) -> Ratio:
        """Return the bits of a tile of one group's activations."""
        layers, flow = self.placed.layers, self.placed.style.flow
        part, whole = self._part(down, across, flow is _IS)
        words = layers.ifmap // layers.groups
        return Ratio(words * self.room.act.bits * part, self.room.act.parts * whole)

    def _weights(self, down: Ints, across: Ints) -> Ratio:
        """Return the bits of a tile of one group's weights."""
        rows, columns, words = self.placed.rows.extent, self.placed.columns.extent, own_weights(self.placed)
        part, whole = {
            _WS: (down * across, rows * columns),
            _OS: (across, columns),
            _IS: (down, rows),
        }[self.placed.style.flow]
        return Ratio(words * self.room.weight.bits * part, self.room.weight.parts * whole)

    def _outputs(self, down: Ints, across: Ints) -> Ratio:
        """Return the bits of the outputs of a tile of one group."""
        layers, columns = self.placed.layers, self.placed.columns.extent
        part, whole = across, columns
        if self.placed.style.flow is _OS:
            part, whole = down * across, self.placed.rows.extent * columns
        return Ratio(layers.ofmap * self.room.output.bits * part, self.room.output.parts * whole * layers.groups)

    def _part(self, down: Ints, across: Ints, both: bool) -> tuple[Ints, Ints]:
        rows, columns = self.placed.rows.extent, self.placed.columns.extent
        return (down * across, rows * columns) if both else (down, rows)

    @cached_property
    def _overlaps(self) -> tuple[Flags, Flags, Flags]:
        """Where activations, weights and sums move beside the computation."""
        (rows, columns), room, bus = self._sides, self.room, self.bus
        acts, weights = self._acts(rows, columns), self._weights(rows, columns)
        if self.placed.style.flow is _OS:
            sums = Ratio(rows * columns * room.output.bits, room.output.parts + 0 * rows * columns)
        else:
            sums = Ratio(self.placed.stream * columns * room.acc.bits, room.acc.parts + 0 * columns)
        return (
            bus.halves[0] & acts.fits(room.ifmap),
            bus.halves[1] & weights.fits(room.filters),
            bus.halves[2] & sums.fits(room.ofmap),
        )


def _piece(axis: Side, turn: Ints) -> Ints:
    piece: Ints = np.minimum(axis.side, axis.extent - turn * axis.side)
    return piece


def _turn_kinds(turns: Ints) -> tuple[tuple[Ints, Ints], ...]:
    """Return (turn, how many it stands for) of the first, the middle and the last two; 0 of those that do not occur."""
    many, last = turns > 4, turns - 1
    places = (0 * turns, 1 + 0 * turns, np.where(many, turns - 2, 2), np.where(many, turns - 1, 3))
    counts = (1 + 0 * turns, np.where(many, turns - 3, turns > 1), many | (turns > 2), many | (turns > 3))
    return tuple((np.minimum(at, last), count.astype(np.int64)) for at, count in zip(places, counts, strict=True))
