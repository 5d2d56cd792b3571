"""The ranks of the nonzeros of a matrix: which of the values of its sign each one is, 0 for the smallest magnitude.

A rank is coded as decisions "is it larger still?", up to ``steps`` of them, each with probabilities of its own; what is
left is an exponential Golomb code with adaptive bits. Mask and signs are known to both sides.
"""

from __future__ import annotations

import numpy as np

from hwsim.compiled import compiled
from models.compression.container.coder_kernels import (
    FAULT,
    SLOT_BITS,
    TOO_LARGE,
    Bytes,
    Ints,
    Ranks,
    Signs,
    adaptive_bit,
    code_even,
)
from models.compression.container.mixing_kernels import mixed_bit

SLOTTED = 5  #: the decision alone, and with: neighbours that are not zero, the larger of two, the sign, the row's mean
WEIGHT = 19661  #: of every input at the start: 0.3 in steps of 1/65536
MOST_STEPS = 24
LEVELS = 16  #: of what a decision is guessed with
FASTEST, SLOWEST, SLOWING = 160, 8, 1024
CLASSES = 32  #: of the exponential Golomb code
LEADING = 3  #: bits after the first that have probabilities of their own
LARGEST_RANK = (1 << 31) - 2  #: that fits; a larger one comes from damaged data and is in no table
GOLOMB_SLOTS = CLASSES + CLASSES * (1 << LEADING)


@compiled
def fresh(slots: int) -> tuple[Ints, Ints]:
    """Return slots that have seen nothing: probabilities of 1/2, and counts."""
    return np.full(slots, 1 << (SLOT_BITS - 1), np.int64), np.zeros(slots, np.int64)


@compiled
def code_golomb(state: Ints, buffer: Bytes, chances: Ints, counts: Ints, value: int) -> int:
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
def code_ranks(
    state: Ints,
    buffer: Bytes,
    squash: Ints,
    stretch: Ints,
    signs: Signs,
    values: Ranks,
    area: int,
    width: int,
    steps: int,
) -> None:
    """Code ``values``, int32 of the shape of ``signs``: rank + 1 where there is a sign, else 0.

    Args:
        state: of the coder.
        buffer: of the coder.
        squash: table.
        stretch: table.
        signs: -1, 0 or 1.
        values: filled in when reading.
        area: positions of a group.
        width: positions in a row of a group.
        steps: decisions before the exponential Golomb code, up to MOST_STEPS.
    """
    rows, columns = values.shape
    inputs, weights = np.zeros(SLOTTED, np.int64), np.full((MOST_STEPS, SLOTTED), WEIGHT)
    chances = np.zeros((SLOTTED, MOST_STEPS * LEVELS), np.int64)
    counts, slots = np.zeros_like(chances), np.zeros(SLOTTED, np.int64)
    rest_chances, rest_counts = fresh(GOLOMB_SLOTS)
    decisions = 0
    for row in range(rows):
        in_row, row_sum = 0, 0
        for column in range(columns):
            if signs[row, column] == 0:
                continue
            place = column % area
            left = values[row, column - 1] if place % width > 0 else 0
            up = values[row, column - width] if place >= width else 0
            near = (1 if left > 0 else 0) + (1 if up > 0 else 0)
            near += 1 if place % width < width - 1 and signs[row, column + 1] != 0 else 0
            near += 1 if place + width < area and signs[row, column + width] != 0 else 0
            larger = min(LEVELS - 1, max(left, up))
            mean = min(LEVELS - 1, 1 + 2 * row_sum // in_row) if in_row > 0 else 0
            above = 1 if signs[row, column] > 0 else 0
            wanted = values[row, column] - 1
            rank = 0
            while rank < steps:
                slots[0] = rank
                slots[1] = rank * LEVELS + near
                slots[2] = rank * LEVELS + larger
                slots[3] = rank * LEVELS + above
                slots[4] = rank * LEVELS + mean
                learning = max(SLOWEST, FASTEST * SLOWING // (SLOWING + decisions))
                decisions += 1
                guess = chances[0, rank] >> (SLOT_BITS - 16) if counts[0, rank] > 0 else 32768
                if not mixed_bit(
                    state, buffer, squash, stretch, inputs, 0, chances, counts, slots, weights[rank],
                    min(65535, max(1, guess)), learning, np.int64(wanted > rank),
                ):  # fmt: skip
                    break
                rank += 1
            if rank == steps:
                rank += code_golomb(state, buffer, rest_chances, rest_counts, max(0, wanted - steps))
            if state[FAULT]:
                return
            rank = min(rank, LARGEST_RANK)
            values[row, column] = rank + 1
            in_row += 1
            row_sum += rank
