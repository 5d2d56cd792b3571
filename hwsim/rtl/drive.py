"""What enters the arrays of the RTL in each cycle: a layer's folds, tile by tile, on a machine's timetable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.array import Dataflow, Machine, Tile, Workload, fold_cycles, fold_interval, map_layer

Codes = NDArray[np.int64]
_ROWS_AT_ONCE = 4096  # lines that are packed to text together


@dataclass(frozen=True)
class LayerCodes:
    """The operands of a layer as codes of their formats.

    Attributes:
        acts: [groups, M, K].
        weights: [groups, K, N].
        starts: where each sum starts, codes of the accumulator [groups, N].
        zeros: code of the number zero as an activation and as a weight.
    """

    acts: Codes
    weights: Codes
    starts: Codes
    zeros: tuple[int, int] = (0, 0)

    @property
    def workload(self) -> Workload:
        """The layer's products as the closed forms see them."""
        groups, m, k = self.acts.shape
        return Workload.gemm(m, self.weights.shape[2], k, groups=groups)


@dataclass(frozen=True)
class Fold:
    """One fold in time: which tile of which group, and the cycle in which its stream begins."""

    group: int
    tile: Tile
    start: int


@dataclass(frozen=True)
class Drive:
    """What the testbench is fed.

    Attributes:
        text: one line a cycle, four hex words each.
        folds: in the order in which they run.
        stream: vectors of a fold.
    """

    text: str
    folds: tuple[Fold, ...]
    stream: int


def timetable(machine: Machine, codes: LayerCodes, interval: int | None = None) -> tuple[Fold, ...]:
    """Return when each fold's stream begins, cycles from 0.

    Args:
        machine: the array.
        codes: the layer; only its size matters.
        interval: cycles from one fold to the next; the machine's own if None.

    >>> from hwsim.array import parse_machine
    >>> codes = LayerCodes(*(np.zeros(s, dtype=np.int64) for s in ((1, 4, 3), (1, 3, 2), (1, 2))))
    >>> [fold.start for fold in timetable(parse_machine("2x2-ws"), codes)]
    [2, 10]
    """
    workload = codes.workload
    mapping = map_layer(machine.array, workload)
    step = fold_interval(machine, mapping.stream) if interval is None else interval
    first = 0 if machine.array.dataflow is Dataflow.OUTPUT_STATIONARY else machine.array.rows
    tiles = [(group, tile) for group in range(workload.groups) for tile in mapping.tiles()]
    return tuple(Fold(group, tile, first + index * step) for index, (group, tile) in enumerate(tiles))


def drive_layer(
    machine: Machine, codes: LayerCodes, widths: tuple[int, int, int], interval: int | None = None
) -> Drive:
    """Return the lines that take a layer through the array of ``machine``.

    Args:
        machine: the array and its registers.
        codes: the operands.
        widths: bits of an activation, a weight and a sum.
        interval: as in ``timetable``.
    """
    folds = timetable(machine, codes, interval)
    stream = map_layer(machine.array, codes.workload).stream
    # Idle lines at the end, so that sums which come later than they should are seen as well.
    lines = folds[-1].start + fold_cycles(machine, stream).total + machine.array.rows + machine.array.columns + 8
    if machine.array.dataflow is Dataflow.OUTPUT_STATIONARY:
        fields = _output_stationary(machine, codes, folds, lines)
        order = (1, *widths)
    else:
        fields = _held(machine, codes, folds, lines)
        act, weight, acc = widths
        ws = machine.array.dataflow is Dataflow.WEIGHT_STATIONARY
        order = (1, weight, act, acc) if ws else (1, act, weight, acc)
    columns = [_hex_words(field, bits) for field, bits in zip(fields, order, strict=True)]
    return Drive("".join(f"{' '.join(line)}\n" for line in zip(*columns, strict=True)), folds, stream)


def _held(machine: Machine, codes: LayerCodes, folds: tuple[Fold, ...], lines: int) -> tuple[Codes, ...]:
    """Return flags, held rows, moving words and starts of each cycle, where an operand is held."""
    rows, columns = machine.array.rows, machine.array.columns
    weights_held = machine.array.dataflow is Dataflow.WEIGHT_STATIONARY
    act_zero, weight_zero = codes.zeros
    held_zero, moving_zero = (weight_zero, act_zero) if weights_held else (act_zero, weight_zero)
    flags = np.zeros((lines, 4), dtype=np.int64)  # load, swap, valid, back
    held, moving = np.full((lines, columns), held_zero), np.full((lines, rows), moving_zero)
    sums = np.zeros((lines, columns), dtype=np.int64)
    for fold in folds:
        tile, stays, moves, starts = fold.tile, *_roles(codes, fold.group, weights_held)
        k = slice(tile.row_start, tile.row_start + tile.rows)
        laid = slice(tile.column_start, tile.column_start + tile.columns)
        load = slice(fold.start - rows, fold.start)
        time = slice(fold.start, fold.start + moves.shape[1])
        flags[load, 0], flags[fold.start - 1, 1], flags[time, 2] = 1, 1, 1
        flags[time, 3] = tile.row_start > 0
        held[fold.start - tile.rows : fold.start, : tile.columns] = stays[k, laid][::-1]
        moving[time, : tile.rows] = moves[k].T
        sums[time, : tile.columns] = starts[laid] if weights_held else starts[:, None]
    return flags, held, moving, sums


def _roles(codes: LayerCodes, group: int, weights_held: bool) -> tuple[Codes, Codes, Codes]:
    """Return what stays [K, columns], what moves [K, stream] and where sums start."""
    acts, weights = codes.acts[group].T, codes.weights[group]
    stays, moves = (weights, acts) if weights_held else (acts, weights)
    return stays, moves, codes.starts[group]


def _output_stationary(machine: Machine, codes: LayerCodes, folds: tuple[Fold, ...], lines: int) -> tuple[Codes, ...]:
    """Return flags, activations, weights and starts of each cycle, where the sums stay."""
    rows, columns = machine.array.rows, machine.array.columns
    flags = np.zeros((lines, 3), dtype=np.int64)  # last, first, valid
    acts, weights = np.full((lines, rows), codes.zeros[0]), np.full((lines, columns), codes.zeros[1])
    starts = np.zeros((lines, columns), dtype=np.int64)
    for fold in folds:
        tile, stream = fold.tile, codes.acts.shape[2]
        m = slice(tile.row_start, tile.row_start + tile.rows)
        n = slice(tile.column_start, tile.column_start + tile.columns)
        time = slice(fold.start, fold.start + stream)
        flags[time, 2], flags[fold.start, 1], flags[fold.start + stream - 1, 0] = 1, 1, 1
        acts[time, : tile.rows] = codes.acts[fold.group, m].T
        weights[time, : tile.columns] = codes.weights[fold.group, :, n]
        places = np.arange(tile.columns)
        starts[fold.start + places, places] = codes.starts[fold.group, n]  # column c reads it c cycles later
    return flags, acts, weights, starts


def _hex_words(words: Codes, bits: int) -> list[str]:
    """Return each row of ``words`` as one hex number, the first word in the lowest bits."""
    blocks = (words[start : start + _ROWS_AT_ONCE] for start in range(0, len(words), _ROWS_AT_ONCE))
    return [text for block in blocks for text in _packed(block, bits)]


def _packed(words: Codes, bits: int) -> Iterator[str]:
    spread = (words[:, :, None] >> np.arange(bits)) & 1
    rows = np.packbits(spread.reshape(len(words), -1).astype(np.uint8), axis=1, bitorder="little")
    digits = -(-words.shape[1] * bits // 4)
    for row in rows[:, ::-1]:
        yield row.tobytes().hex()[-digits:]
