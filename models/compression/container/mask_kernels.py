"""Which values of a matrix are not zero, bit by bit: what is coded already says how likely a one is here.

A matrix has ``columns`` = groups x area columns: a group is an input channel of a convolution, or of what a linear
layer flattens, and its ``area`` positions lie in rows of ``width``.
"""

from __future__ import annotations

import numpy as np

from hwsim.compiled import compiled
from models.compression.container.coder_kernels import FAULT, SLOT_BITS, Bytes, Ints, adaptive_bit
from models.compression.container.mixing_kernels import logit_of_ratio, mixed_bit

GIVEN = 6  #: overall, row, column, position in the row, its neighbourhood, neighbourhood of the column
SLOTTED = 2  #: neighbours of this row; the same place in the group and in the row before
WEIGHTS = (-45875, 9830, 13107, 13107, 26214, 26214, 13107, 6554)  #: at the start, in steps of 1/65536
STRENGTH = 16  #: how many values the prior of a ratio counts as
FASTEST, SLOWEST, SLOWING = 24, 2, 4096


@compiled
def neighbourhood(totals: Ints, at: int, place: int, area: int, width: int, seen: int) -> tuple[int, int]:
    """Return (ones, places) around a position: itself twice, its four neighbours once.

    ``totals`` has, from ``at`` on, how many ones each position of a group has; positions before ``place`` have been
    seen once more than ``seen``.
    """
    ones, places = 2 * totals[at + place], 2 * seen
    if place % width > 0:
        ones += totals[at + place - 1]
        places += seen + 1
    if place % width < width - 1:
        ones += totals[at + place + 1]
        places += seen
    if place >= width:
        ones += totals[at + place - width]
        places += seen + 1
    if place + width < area:
        ones += totals[at + place + width]
        places += seen
    return ones, places


@compiled
def code_mask(
    state: Ints,
    buffer: Bytes,
    squash: Ints,
    stretch: Ints,
    mask: Bytes,
    area: int,
    width: int,
    live_rows: Bytes,
    live_columns: Bytes,
    left_out: int,
) -> None:
    """Code ``mask``, uint8 of shape (rows, columns).

    Args:
        state: of the coder.
        buffer: of the coder.
        squash: table.
        stretch: table.
        mask: filled in when reading.
        area: positions of a group.
        width: positions in a row of a group.
        live_rows: 1 for each row that may have ones; the others cost nothing.
        live_columns: the same of columns.
        left_out: bit i says that guess i is not made, to measure what it is worth; 0 in files.
    """
    rows, columns = mask.shape
    inputs, weights = np.zeros(GIVEN + SLOTTED, np.int64), np.zeros((4, GIVEN + SLOTTED), np.int64)
    for place in range(GIVEN + SLOTTED):
        weights[:, place] = WEIGHTS[place]
    chances, counts = np.zeros((SLOTTED, 32), np.int64), np.zeros((SLOTTED, 32), np.int64)
    slots = np.zeros(SLOTTED, np.int64)
    of_column, of_place = np.zeros(columns, np.int64), np.zeros(area, np.int64)
    ones, seen, rows_seen = 0, 0, 0
    for row in range(rows):
        if not live_rows[row]:
            continue
        in_row, columns_seen = 0, 0
        of_place[:] = 0
        for column in range(columns):
            if not live_columns[column]:
                continue
            group, place = column // area, column % area
            left = mask[row, column - 1] if place % width > 0 else 0
            up = mask[row, column - width] if place >= width else 0
            up_left = mask[row, column - width - 1] if place >= width and place % width > 0 else 0
            up_right = mask[row, column - width + 1] if place >= width and place % width < width - 1 else 0
            group_before = mask[row, column - area] if group > 0 else 0
            row_before = mask[row - 1, column] if row > 0 else 0
            overall = min(65535, max(1, ((5 * ones + 2) << 16) // (5 * seen + 10)))
            row_share = min(65535, max(1, ((in_row << 16) + STRENGTH * overall) // (columns_seen + STRENGTH)))
            inputs[0] = stretch[overall]
            inputs[1] = stretch[row_share]
            inputs[2] = logit_of_ratio(of_column[column], rows_seen, overall, STRENGTH, stretch)
            inputs[3] = logit_of_ratio(of_place[place], group, row_share, STRENGTH, stretch)
            near, places = neighbourhood(of_place, 0, place, area, width, group)
            inputs[4] = logit_of_ratio(near, places, row_share, STRENGTH, stretch)
            near, places = neighbourhood(of_column, column - place, place, area, width, rows_seen)
            inputs[5] = logit_of_ratio(near, places, overall, STRENGTH, stretch)
            slots[0] = left + 2 * up + 4 * up_left + 8 * up_right + 16 * group_before
            slots[1] = row_before + 2 * group_before + 4 * left + 8 * up
            for guess in range(GIVEN + SLOTTED):
                if (left_out >> guess) & 1:
                    if guess < GIVEN:
                        inputs[guess] = 0
                    else:
                        slots[guess - GIVEN] = 0
            learning = max(SLOWEST, FASTEST * SLOWING // (SLOWING + seen))
            bit = mixed_bit(
                state, buffer, squash, stretch, inputs, GIVEN, chances, counts, slots,
                weights[left + up + group_before], overall, learning, np.int64(mask[row, column]),
            )  # fmt: skip
            if state[FAULT]:
                return
            mask[row, column] = bit
            seen += 1
            columns_seen += 1
            if bit:
                ones += 1
                in_row += 1
                of_column[column] += 1
                of_place[place] += 1
        rows_seen += 1


@compiled
def code_live(state: Ints, buffer: Bytes, live: Bytes) -> None:
    """Code one flag a line, 1 where the line has a value that is not zero, given the flag of the line before."""
    chances, counts = np.full(2, 1 << (SLOT_BITS - 1), np.int64), np.zeros(2, np.int64)
    before = 1
    for line in range(live.size):
        before = adaptive_bit(state, buffer, chances, counts, before, np.int64(live[line]))
        if state[FAULT]:
            return
        live[line] = before
