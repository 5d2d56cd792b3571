"""Which value each nonzero of a matrix is: its sign, then its rank among the values of that sign by magnitude.

The rank is coded as decisions "is it larger still?", up to ``steps`` of them, each with probabilities of its own; what
is left is an exponential Golomb code with adaptive bits. The mask is known to both sides.
"""

from __future__ import annotations

import numpy as np

from hwsim.compiled import compiled
from models.compression.container.coder_kernels import FAULT, SLOT_BITS, TOO_LARGE, adaptive_bit, code_even
from models.compression.container.mask_kernels import neighbourhood
from models.compression.container.mixing_kernels import logit_of_ratio, mixed_bit

SIGN_GIVEN, SIGN_SLOTTED = 5, 3
SIGN_WEIGHT = 13107  #: 0.2 in steps of 1/65536
SIGN_STRENGTH = 2
RANK_SLOTTED = 5
RANK_WEIGHT = 19661  #: 0.3
MOST_STEPS = 24
LEVELS = 16  #: of each context of a rank
FASTEST, SLOWEST, SLOWING = 160, 8, 1024
CLASSES = 32  #: of the exponential Golomb code
LEADING = 3  #: bits after the first that have probabilities of their own
GOLOMB_SLOTS = CLASSES + CLASSES * (1 << LEADING)


@compiled
def fresh(slots):
    """Return slots that have seen nothing: probabilities of 1/2, and counts."""
    return np.full(slots, 1 << (SLOT_BITS - 1), np.int64), np.zeros(slots, np.int64)


@compiled
def code_golomb(state, buffer, chances, counts, value):
    """Code ``value`` >= 0, below 2^31 - 1; return it. The slots are those of one context, GOLOMB_SLOTS of them."""
    width = 0
    while (value + 1) >> (width + 1) > 0:
        width += 1
    length = 0
    while adaptive_bit(state, buffer, chances, counts, length, np.int64(width > length)):
        length += 1
        if length == CLASSES - 1:
            state[FAULT] = TOO_LARGE
            return 0
    found = 1
    for place in range(length - 1, -1, -1):
        if length - place > LEADING:
            rest = place + 1
            return ((found << rest) | code_even(state, buffer, rest, (value + 1) & ((1 << rest) - 1))) - 1
        slot = CLASSES + (length << LEADING) + found
        found = (found << 1) | adaptive_bit(state, buffer, chances, counts, slot, ((value + 1) >> place) & 1)
    return found - 1


@compiled
def sign_of(value):
    """Return 0, 1 or 2 for a negative value, zero and a positive one."""
    return (1 if value > 0 else 0) + (1 if value >= 0 else 0)


@compiled
def code_values(state, buffer, squash, stretch, mask, values, area, width, steps):
    """Code ``values``, int64 of shape (rows, columns): rank + 1, negative for the values below zero.

    Args:
        state: of the coder.
        buffer: of the coder.
        squash: table.
        stretch: table.
        mask: uint8, where values are.
        values: filled in when reading; zero elsewhere.
        area: positions of a group.
        width: positions in a row of a group.
        steps: decisions before the exponential Golomb code, up to MOST_STEPS.
    """
    rows, columns = values.shape
    s_in, s_weights = np.zeros(SIGN_GIVEN + SIGN_SLOTTED, np.int64), np.full(SIGN_GIVEN + SIGN_SLOTTED, SIGN_WEIGHT)
    s_chances, s_counts = np.zeros((SIGN_SLOTTED, 16), np.int64), np.zeros((SIGN_SLOTTED, 16), np.int64)
    s_slots = np.zeros(SIGN_SLOTTED, np.int64)
    r_in, r_weights = np.zeros(RANK_SLOTTED, np.int64), np.full((MOST_STEPS, RANK_SLOTTED), RANK_WEIGHT)
    r_chances = np.zeros((RANK_SLOTTED, MOST_STEPS * LEVELS), np.int64)
    r_counts, r_slots = np.zeros_like(r_chances), np.zeros(RANK_SLOTTED, np.int64)
    g_chances, g_counts = fresh(GOLOMB_SLOTS)
    in_column, column_above = np.zeros(columns, np.int64), np.zeros(columns, np.int64)
    in_place, place_above = np.zeros(area, np.int64), np.zeros(area, np.int64)
    seen, above, decisions, last = 0, 0, 0, 0
    for row in range(rows):
        in_row, row_above, row_sum = 0, 0, 0
        in_place[:] = 0
        place_above[:] = 0
        for column in range(columns):
            if not mask[row, column]:
                continue
            group, place = column // area, column % area
            has_left, has_up = place % width > 0, place >= width
            left = values[row, column - 1] if has_left else 0
            up = values[row, column - width] if has_up else 0
            near = 1 if left != 0 else 0
            near += 1 if up != 0 else 0
            near += 1 if place % width < width - 1 and mask[row, column + 1] else 0
            near += 1 if place + width < area and mask[row, column + width] else 0
            overall = min(65535, max(1, ((above + 1) << 16) // (seen + 2)))
            s_in[0] = stretch[overall]
            s_in[1] = logit_of_ratio(column_above[column], in_column[column], overall, SIGN_STRENGTH, stretch)
            s_in[2] = logit_of_ratio(row_above, in_row, overall, SIGN_STRENGTH, stretch)
            s_in[3] = logit_of_ratio(place_above[place], in_place[place], overall, SIGN_STRENGTH, stretch)
            ones, _ = neighbourhood(place_above, 0, place, area, width, 0)
            total, _ = neighbourhood(in_place, 0, place, area, width, 0)
            s_in[4] = logit_of_ratio(ones, total, overall, SIGN_STRENGTH, stretch)
            s_slots[0] = sign_of(left) + 3 * sign_of(up)
            s_slots[1] = sign_of(values[row, column - area] if group > 0 else 0) + 3 * sign_of(
                values[row - 1, column] if row > 0 else 0
            )
            s_slots[2] = last
            learning = max(SLOWEST, FASTEST * SLOWING // (SLOWING + seen))
            last = mixed_bit(
                state, buffer, squash, stretch, s_in, SIGN_GIVEN, s_chances, s_counts, s_slots, s_weights, overall,
                learning, np.int64(values[row, column] > 0),
            )  # fmt: skip
            wanted = abs(values[row, column]) - 1
            largest = min(LEVELS - 1, max(abs(left), abs(up)))
            average = min(LEVELS - 1, 1 + 2 * row_sum // in_row) if in_row > 0 else 0
            rank = 0
            while rank < steps:
                r_slots[0] = rank
                r_slots[1] = rank * LEVELS + near
                r_slots[2] = rank * LEVELS + largest
                r_slots[3] = rank * LEVELS + last
                r_slots[4] = rank * LEVELS + average
                learning = max(SLOWEST, FASTEST * SLOWING // (SLOWING + decisions))
                decisions += 1
                first = r_chances[0, rank] >> (SLOT_BITS - 16) if r_counts[0, rank] > 0 else 32768
                if not mixed_bit(
                    state, buffer, squash, stretch, r_in, 0, r_chances, r_counts, r_slots, r_weights[rank],
                    min(65535, max(1, first)), learning, np.int64(wanted > rank),
                ):  # fmt: skip
                    break
                rank += 1
            if rank == steps:
                rank += code_golomb(state, buffer, g_chances, g_counts, max(0, wanted - steps))
                if state[FAULT]:
                    return
            values[row, column] = rank + 1 if last else -rank - 1
            seen += 1
            above += last
            in_row += 1
            row_above += last
            row_sum += rank
            in_column[column] += 1
            column_above[column] += last
            in_place[place] += 1
            place_above[place] += last

