"""Floats and text through the range coder."""

from __future__ import annotations

import numpy as np

from hwsim.compiled import compiled
from models.compression.container.coder_kernels import FAULT, Bytes, Ints, Patterns, adaptive_bit, code_even
from models.compression.container.mixing_kernels import mixed_bit
from models.compression.container.rank_kernels import LEADING, fresh

MANTISSA_BITS = 23
EXPONENT_BITS = 8
TEXT_ORDERS = 3  #: a byte is guessed from none, one and two bytes before it
TEXT_SLOTS = 1 << 16
TEXT_WEIGHT = 26214  #: 0.4 in steps of 1/65536
TEXT_LEARNING = 64


@compiled
def code_tree(state: Ints, buffer: Bytes, chances: Ints, counts: Ints, at: int, width: int, value: int) -> int:
    """Code ``width`` bits, the highest first, each by a slot for the bits before it; return their number."""
    node = 1
    for place in range(width - 1, -1, -1):
        node = (node << 1) | adaptive_bit(state, buffer, chances, counts, at + node, (value >> place) & 1)
    return node - (1 << width)


@compiled
def code_floats(state: Ints, buffer: Bytes, mask: Bytes, values: Patterns, kept: int) -> None:
    """Code float32 bit patterns: exponent, sign and the upper ``kept`` bits of the mantissa."""
    dropped = MANTISSA_BITS - kept
    leading = min(kept, LEADING)
    e_chances, e_counts = fresh(1 << EXPONENT_BITS)
    s_chances, s_counts = fresh(1 << EXPONENT_BITS)
    m_chances, m_counts = fresh(1 << LEADING)
    rows, columns = mask.shape
    for row in range(rows):
        for column in range(columns):
            if not mask[row, column]:
                continue
            value = np.int64(values[row, column])
            exponent = code_tree(
                state, buffer, e_chances, e_counts, 0, EXPONENT_BITS, (value >> MANTISSA_BITS) & 255
            )  # fmt: skip
            sign = adaptive_bit(state, buffer, s_chances, s_counts, exponent, (value >> 31) & 1)
            mantissa = (value & ((1 << MANTISSA_BITS) - 1)) >> dropped
            rest = kept - leading
            upper = code_tree(state, buffer, m_chances, m_counts, 0, leading, mantissa >> rest)
            lower = code_even(state, buffer, rest, mantissa & ((1 << rest) - 1))
            if state[FAULT]:
                return
            values[row, column] = (
                (sign << 31) | (exponent << MANTISSA_BITS) | (((upper << rest) | lower) << dropped)
            )  # fmt: skip


@compiled
def code_text(state: Ints, buffer: Bytes, squash: Ints, stretch: Ints, text: Bytes) -> None:
    """Code bytes, uint8, each bit by what follows the same zero, one and two bytes elsewhere in the text."""
    chances, counts = np.zeros((TEXT_ORDERS, TEXT_SLOTS), np.int64), np.zeros((TEXT_ORDERS, TEXT_SLOTS), np.int64)
    inputs, slots = np.zeros(TEXT_ORDERS, np.int64), np.zeros(TEXT_ORDERS, np.int64)
    weights = np.full(TEXT_ORDERS, TEXT_WEIGHT)
    before, two_before = 0, 0
    for place in range(text.size):
        node = 1
        for bit_place in range(7, -1, -1):
            slots[0] = node
            slots[1] = before << 8 | node
            slots[2] = ((two_before * 181 + before) << 8 | node) & (TEXT_SLOTS - 1)
            bit = mixed_bit(
                state, buffer, squash, stretch, inputs, 0, chances, counts, slots, weights, 32768, TEXT_LEARNING,
                np.int64((text[place] >> bit_place) & 1),
            )  # fmt: skip
            node = node << 1 | bit
        if state[FAULT]:
            return
        two_before, before = before, node - 256
        text[place] = before
