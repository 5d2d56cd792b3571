"""Cycles and counts of many machines at once: the closed forms of ``hwsim.array`` on arrays of [points, layers].

Everything that decides which formula applies (dataflow, registers, gating) is the same for all points of a call; rows,
columns, scratchpads and widths may differ from point to point. The scalar functions are the twin that tests compare.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.array import Action, Component, Dataflow, Machine
from hwsim.sweep.layers import Products

Ints = NDArray[np.int64]
_OS, _WS, _IS = Dataflow.OUTPUT_STATIONARY, Dataflow.WEIGHT_STATIONARY, Dataflow.INPUT_STATIONARY


@dataclass(frozen=True)
class Style:
    """What a machine does in one way or another; the same for all points that are evaluated together."""

    flow: Dataflow
    output_register: bool
    shadow: bool
    drain_registers: bool
    direct: bool
    zero_gating: bool
    clock_gating: bool

    @classmethod
    def of(cls, machine: Machine) -> Style:
        """Return the style of ``machine``."""
        return cls(
            machine.array.dataflow, machine.output_register, machine.shadow_registers, machine.drain_registers,
            machine.direct_outputs, machine.zero_gating, machine.clock_gating,
        )  # fmt: skip


@dataclass(frozen=True)
class Count:
    """How often one thing happens: ``words`` of the kind ``word`` (see ``hwsim.sweep.widths``), [points, layers]."""

    component: Component
    action: Action
    unit: str
    word: str
    words: Ints


@dataclass(frozen=True)
class Side:
    """A dimension of each layer cut into pieces of a side of each machine."""

    extent: Ints
    side: Ints

    @property
    def folds(self) -> Ints:
        """Number of pieces."""
        return -(-self.extent // self.side)

    @property
    def triangle(self) -> Ints:
        """The sum over pieces p of p (p - 1) / 2."""
        full, rest = np.divmod(self.extent, self.side)
        registers: Ints = full * (self.side * (self.side - 1) // 2) + rest * (rest - 1) // 2
        return registers

    @property
    def sizes(self) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
        """(size, how many) of the whole pieces and of the rest; 0 of a kind that does not occur."""
        full, rest = np.divmod(self.extent, self.side)
        return (self.side + 0 * full, full), (rest, (rest > 0).astype(np.int64))


@dataclass(frozen=True)
class Placed:
    """Layers on arrays: what ``hwsim.array.mapping`` says, for all points and layers.

    Attributes:
        style: of the machines.
        layers: the products, [layers].
        array: rows and columns, [points, 1].
        rows, columns: the dimensions laid along them.
        stream: the dimension that passes in time.
    """

    style: Style
    layers: Products
    array: tuple[Ints, Ints]
    rows: Side
    columns: Side
    stream: Ints

    @property
    def folds(self) -> Ints:
        """Folds of all groups."""
        return self.rows.folds * self.columns.folds * self.layers.groups


def place(style: Style, layers: Products, rows: Ints, columns: Ints) -> Placed:
    """Lay every layer on every array; ``rows`` and ``columns`` are [points, 1]."""
    laid = {
        _WS: (layers.k, layers.n, layers.m),
        _OS: (layers.m, layers.n, layers.k),
        _IS: (layers.k, layers.m, layers.n),
    }[style.flow]
    return Placed(style, layers, (rows, columns), Side(laid[0], rows), Side(laid[1], columns), laid[2])


def fold_lengths(placed: Placed) -> tuple[Ints, Ints]:
    """Return the cycles of a fold, and those from the start of one to the start of the next."""
    style, stream, (rows, columns) = placed.style, placed.stream, placed.array
    extra = int(style.output_register)
    if style.flow is _OS:
        fill, drain = rows + columns - 2, 0 * rows if style.direct else rows - 1 + extra
    else:
        fill, drain = rows + rows - 1 + extra, columns - 1
    whole = fill + stream + drain
    if style.shadow:
        return whole, np.maximum(stream, rows + columns - 2 + np.maximum(rows, 1 + extra))
    if style.drain_registers:
        return whole, np.maximum(stream, rows)
    return whole, whole


def cycles(placed: Placed) -> Ints:
    """Return the cycles of every layer on every array, memories without limits: ``hwsim.array.cycles``."""
    whole, interval = fold_lengths(placed)
    result: Ints = (placed.folds - 1) * interval + whole
    return result


def mac_counts(placed: Placed) -> Iterator[Count]:
    """Yield the products that switch and those that are held still."""
    layers = placed.layers
    gated = layers.macs - layers.effectual if placed.style.zero_gating else 0 * layers.macs
    shape = np.zeros_like(placed.folds)
    yield Count(Component.PE, Action.MAC, "pe", "none", shape + layers.macs - gated)
    yield Count(Component.PE, Action.MAC_GATED, "pe", "none", shape + gated)


def requantise_counts(placed: Placed, rounded: NDArray[np.bool_]) -> Iterator[Count]:
    """Yield what brings sums to the format of the outputs, where it is another: ``hwsim.array.vector``."""
    done = placed.layers.m * placed.layers.n * placed.layers.groups * rounded
    yield Count(Component.VECTOR, Action.ADD, "requantise", "wire acc", done)
    yield Count(Component.VECTOR, Action.COMPARE, "requantise", "wire acc", 2 * done)


def register_counts(placed: Placed) -> Iterator[tuple[str, str, Ints, Ints]]:
    """Yield (unit, word, captured, handed on) for every kind of register, all groups."""
    made = _stationary_sums(placed) if placed.style.flow is _OS else _moving_sums(placed)
    for unit, writes, reads in made:
        word = {"act": "wire act", "weight": "wire weight"}.get(unit.partition("_")[0], "wire acc")
        yield unit, word, writes * placed.layers.groups, reads * placed.layers.groups


def _moving_sums(placed: Placed) -> Iterator[tuple[str, Ints, Ints]]:
    rows, columns, stream, style = placed.rows, placed.columns, placed.stream, placed.style
    weights_held, has_bias = style.flow is _WS, placed.layers.has_bias
    held, moving = ("weight", "act") if weights_held else ("act", "weight")
    tiles, shifts = rows.extent * columns.extent, rows.triangle * columns.extent
    if style.shadow:
        yield f"{held}_shadow_register", shifts + tiles, shifts + tiles
        yield f"{held}_register", tiles + 0 * shifts, stream * tiles + 0 * shifts
    else:
        yield f"{held}_register", shifts + tiles, shifts + stream * tiles
    passed = stream * rows.extent * (columns.extent - columns.folds)
    yield f"{moving}_register", passed, passed
    skew = stream * rows.triangle * columns.folds
    yield f"{moving}_skew_register", skew, skew
    sums = stream * columns.extent * rows.folds
    yield "psum_register", sums * rows.side, sums * rows.side
    entering = rows.folds - 1 + (has_bias & (not weights_held))
    top = stream * columns.triangle * entering
    yield "psum_skew_register", top, top
    if weights_held:
        started = has_bias * columns.extent + 0 * sums
        yield "bias_register", started, started * stream
    if style.output_register:
        yield "output_register", sums, sums


def _stationary_sums(placed: Placed) -> Iterator[tuple[str, Ints, Ints]]:
    rows, columns, stream, style = placed.rows, placed.columns, placed.stream, placed.style
    outputs = rows.extent * columns.extent
    drain = (rows.extent * (rows.side - 1) - rows.triangle) * columns.extent
    passed = stream * rows.extent * (columns.extent - columns.folds)
    yield "act_register", passed, passed
    skew = stream * rows.triangle * columns.folds
    yield "act_skew_register", skew, skew
    passed = stream * columns.extent * (rows.extent - rows.folds)
    yield "weight_register", passed, passed
    skew = stream * columns.triangle * rows.folds
    yield "weight_skew_register", skew, skew
    summed = stream * outputs + (0 * drain if style.direct else drain)
    if style.drain_registers:
        summed = (stream - 1) * outputs + 0 * drain
        yield "drain_register", outputs + drain, outputs + drain
    yield "psum_register", summed, summed
    has_bias = placed.layers.has_bias
    yield "bias_register", has_bias * columns.extent * rows.folds, has_bias * outputs + 0 * drain
    if style.output_register:
        yield "output_register", outputs + 0 * drain, outputs + 0 * drain


def register_sizes(placed: Placed) -> dict[str, Ints]:
    """Return how many registers of each kind the arrays have, in words: ``hwsim.array.clocking``."""
    (rows, columns), style, has_bias = placed.array, placed.style, placed.layers.has_bias
    every, triangles = rows * columns, (rows * (rows - 1) // 2, columns * (columns - 1) // 2)
    if style.flow is _OS:
        found = {
            "act_register": rows * (columns - 1),
            "act_skew_register": triangles[0],
            "weight_register": columns * (rows - 1),
            "weight_skew_register": triangles[1],
            "psum_register": every,
            "bias_register": columns * has_bias,
        }
        found |= {"drain_register": every} if style.drain_registers else {}
    else:
        held, moving = ("weight", "act") if style.flow is _WS else ("act", "weight")
        found = {
            f"{held}_register": every,
            f"{moving}_register": rows * (columns - 1),
            f"{moving}_skew_register": triangles[0],
            "psum_register": every,
            "psum_skew_register": triangles[1],
        }
        found |= {f"{held}_shadow_register": every} if style.shadow else {}
        found |= {"bias_register": columns * has_bias} if style.flow is _WS else {}
    return found | ({"output_register": columns} if style.output_register else {})
