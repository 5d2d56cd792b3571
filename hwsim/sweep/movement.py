"""What scratchpads and DRAM move on many machines at once: ``hwsim.array.traffic`` and ``dram`` on arrays.

In words as they are asked for and the fixed order of tiles; ``hwsim.sweep.ports`` packs them where a width is stated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.array import Action, Component, Dataflow
from hwsim.sweep.closed_forms import Count, Ints, Placed

Flags = NDArray[np.bool_]
_OS, _WS, _IS = Dataflow.OUTPUT_STATIONARY, Dataflow.WEIGHT_STATIONARY, Dataflow.INPUT_STATIONARY


@dataclass(frozen=True)
class Width:
    """Bits of a word as a fraction, [points, layers] or anything that spreads to it."""

    bits: Ints
    parts: Ints

    def fits(self, words: Ints, room: Ints) -> Flags:
        """Return where ``words`` words take at most ``room`` bits."""
        return words * self.bits <= room * self.parts


@dataclass(frozen=True)
class Room:
    """Where words are: the room of the scratchpads in bits, [points, 1], and the words of each operand.

    Attributes:
        ifmap, filters, ofmap: usable bits.
        act, weight, acc, output: widths in memory.
    """

    ifmap: Ints
    filters: Ints
    ofmap: Ints
    act: Width
    weight: Width
    acc: Width
    output: Width


@dataclass(frozen=True)
class Residence:
    """Which maps go through DRAM, [points, layers]."""

    ifmap_in_dram: Flags
    ofmap_in_dram: Flags


def residence(source: Ints, own: Ints, room: Room) -> Residence:
    """Return what cannot stay on the chip: maps that may not, or that do not fit the smaller of the two scratchpads."""
    smaller = np.minimum(room.ifmap, room.ofmap)
    stays_before = (source > 0) & room.act.fits(source, smaller)
    stays_after = (own > 0) & room.output.fits(own, smaller)
    return Residence(~stays_before, ~stays_after)


def edge_counts(placed: Placed) -> Iterator[Count]:
    """Yield the reads and writes at the array's edge: ``hwsim.array.traffic.sram_traffic``."""
    layers, rows, columns = placed.layers, placed.rows.folds, placed.columns.folds
    acts, weights, biases = layers.m * layers.k, layers.n * layers.k, layers.n * layers.has_bias
    flow, once = placed.style.flow, np.ones_like(columns)
    again = {_WS: once, _IS: columns, _OS: rows}[flow]
    acts_read = acts * (columns if flow is not _IS else once) * layers.groups
    weights_read, biases_read = weights * again * layers.groups, biases * again * layers.groups
    outputs = layers.m * layers.n * layers.groups
    sums = outputs * ((rows if flow is not _OS else 1) - 1)
    yield from _sram("ifmap_sram", Action.READ, "act", acts_read)
    yield from _sram("filter_sram", Action.READ, "weight", weights_read)
    yield from _sram("filter_sram", Action.READ, "bias", biases_read)
    yield from _sram("ofmap_sram", Action.READ, "acc", sums)
    yield from _sram("ofmap_sram", Action.WRITE, "acc", sums)
    yield from _sram("ofmap_sram", Action.WRITE, "output", outputs)


def crossing_counts(placed: Placed, room: Room, where: Residence) -> Iterator[Count]:
    """Yield what crosses the chip's edge, and its other end in the scratchpads: ``hwsim.array.dram``."""
    layers = placed.layers
    acts, weights = _fetched(placed, room)
    sums, passes = _spilled(placed, room), np.where(layers.shared & _kept_weights(placed, room), 1, layers.groups)
    crossings = (
        ("ifmap_sram", Action.READ, "act", acts * where.ifmap_in_dram),
        ("filter_sram", Action.READ, "weight", weights),
        ("filter_sram", Action.READ, "bias", layers.n * layers.has_bias * passes),
        ("ofmap_sram", Action.READ, "acc", sums),
        ("ofmap_sram", Action.WRITE, "acc", sums),
        ("ofmap_sram", Action.WRITE, "output", layers.ofmap * where.ofmap_in_dram),
    )
    for unit, action, word, words in crossings:
        other = Action.WRITE if action is Action.READ else Action.READ
        yield from _sram(unit, other, word, words)
        yield Count(Component.DRAM, action, "dram", word, words)


def _fetched(placed: Placed, room: Room) -> tuple[Ints, Ints]:
    """Return activations and weights that come from DRAM, all groups."""
    layers, rows, columns = placed.layers, placed.rows.folds, placed.columns.folds
    acts, weights = layers.ifmap, layers.weights
    own = own_weights(placed)
    keeps_acts = room.act.fits(acts // layers.groups, room.ifmap)
    keeps_weights = _kept_weights(placed, room)
    fetched_acts = acts * np.where(keeps_acts | (placed.style.flow is _IS), 1, columns)
    if placed.style.flow is _WS:
        fetched = weights + 0 * columns
    elif placed.style.flow is _IS:
        fetched = weights * np.where(keeps_weights, 1, columns)
    else:
        fetched = weights + (rows - 1) * _not_kept(placed, room) * (weights // own)
    again = np.where(layers.shared & ~keeps_weights, layers.groups, 1)
    return fetched_acts, fetched * again


def own_weights(placed: Placed) -> Ints:
    """Return the weights that one group works with."""
    layers = placed.layers
    return np.where(layers.shared, layers.weights, layers.weights // layers.groups)


def _kept_weights(placed: Placed, room: Room) -> Flags:
    """Return where the weights of one group fit the filter scratchpad."""
    return room.weight.fits(own_weights(placed), room.filters)


def _not_kept(placed: Placed, room: Room) -> Ints:
    """Return the weights of one group whose column tile does not fit the filter scratchpad (output stationary)."""
    per_column = own_weights(placed) // placed.layers.n
    total = 0 * placed.columns.folds
    for size, count in placed.columns.sizes:
        total = total + np.where(room.weight.fits(size * per_column, room.filters), 0, size * per_column * count)
    return total


def _spilled(placed: Placed, room: Room) -> Ints:
    """Return the sums that go out and come back, all groups; where sums stay there are none."""
    total = 0 * placed.columns.folds
    if placed.style.flow is _OS:
        return total
    for size, count in placed.columns.sizes:
        strip = size * placed.stream
        total = total + np.where(room.acc.fits(strip, room.ofmap), 0, strip * count)
    return total * (placed.rows.folds - 1) * placed.layers.groups


def _sram(unit: str, action: Action, word: str, words: Ints) -> Iterator[Count]:
    yield Count(Component.SRAM, action, unit, word, words)
