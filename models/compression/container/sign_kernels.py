"""The signs of the nonzeros of a matrix: neighbours in a filter tend to share theirs."""

from __future__ import annotations

import numpy as np

from hwsim.compiled import compiled
from models.compression.container.coder_kernels import FAULT, Bytes, Ints, Signs
from models.compression.container.mask_kernels import neighbourhood
from models.compression.container.mixing_kernels import logit_of_ratio, mixed_bit

GIVEN = 5  #: overall, column, row, position in the row, its neighbourhood
SLOTTED = 3  #: left and upper neighbour; the same place in the group and in the row before; the sign before
WEIGHT = 13107  #: of every input at the start: 0.2 in steps of 1/65536
STRENGTH = 2
FASTEST, SLOWEST, SLOWING = 160, 8, 1024


@compiled
def code_signs(
    state: Ints, buffer: Bytes, squash: Ints, stretch: Ints, mask: Bytes, signs: Signs, area: int, width: int
) -> None:
    """Code ``signs``, int8 of the shape of ``mask``: 1 or -1 where it is 1, else 0."""
    rows, columns = mask.shape
    inputs, weights = np.zeros(GIVEN + SLOTTED, np.int64), np.full(GIVEN + SLOTTED, WEIGHT)
    chances, counts = np.zeros((SLOTTED, 9), np.int64), np.zeros((SLOTTED, 9), np.int64)
    slots = np.zeros(SLOTTED, np.int64)
    in_column, column_above = np.zeros(columns, np.int64), np.zeros(columns, np.int64)
    in_place, place_above = np.zeros(area, np.int64), np.zeros(area, np.int64)
    seen, above, last = 0, 0, 0
    for row in range(rows):
        in_row, row_above = 0, 0
        in_place[:] = 0
        place_above[:] = 0
        for column in range(columns):
            if not mask[row, column]:
                continue
            group, place = column // area, column % area
            left = signs[row, column - 1] if place % width > 0 else 0
            up = signs[row, column - width] if place >= width else 0
            group_before = signs[row, column - area] if group > 0 else 0
            row_before = signs[row - 1, column] if row > 0 else 0
            overall = min(65535, max(1, ((above + 1) << 16) // (seen + 2)))
            inputs[0] = stretch[overall]
            inputs[1] = logit_of_ratio(column_above[column], in_column[column], overall, STRENGTH, stretch)
            inputs[2] = logit_of_ratio(row_above, in_row, overall, STRENGTH, stretch)
            inputs[3] = logit_of_ratio(place_above[place], in_place[place], overall, STRENGTH, stretch)
            ones, _ = neighbourhood(place_above, 0, place, area, width, 0)
            total, _ = neighbourhood(in_place, 0, place, area, width, 0)
            inputs[4] = logit_of_ratio(ones, total, overall, STRENGTH, stretch)
            slots[0] = left + 1 + 3 * (up + 1)
            slots[1] = group_before + 1 + 3 * (row_before + 1)
            slots[2] = last
            learning = max(SLOWEST, FASTEST * SLOWING // (SLOWING + seen))
            last = mixed_bit(
                state, buffer, squash, stretch, inputs, GIVEN, chances, counts, slots, weights, overall, learning,
                np.int64(signs[row, column] > 0),
            )  # fmt: skip
            if state[FAULT]:
                return
            signs[row, column] = 2 * last - 1
            seen += 1
            above += last
            in_row += 1
            row_above += last
            in_column[column] += 1
            column_above[column] += last
            in_place[place] += 1
            place_above[place] += last
