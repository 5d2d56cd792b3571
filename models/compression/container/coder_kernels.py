"""A binary range coder with carries, one function for both directions.

The coder holds an interval [low, low + range) and narrows it to the part that a bit has: the lower part, of share p,
for a one. Bytes leave at the top as soon as the range is below 2^24. A byte that a later carry can still change, and
the bytes of 255 behind it, wait (Martin 1979; the arrangement is that of LZMA's rc). Everything is an integer below
2^48, so every machine makes the same bytes.

``state`` is an int64 array; a negative ``LIMIT`` says that bits are written. When they are read, a bit that is passed
in has no meaning. Whoever codes many values stops as soon as ``FAULT`` is set: behind the end of damaged data bits
would come for ever.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.compiled import compiled

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Signs = NDArray[np.int8]
Ranks = NDArray[np.int32]
Patterns = NDArray[np.uint32]  #: of float32

LOW, RANGE, CACHE, WAITING, AT, SHIFTS, LIMIT, FAULT = range(8)
STATE_SIZE = 8
TOP = 1 << 24
FULL = (1 << 32) - 1
PADDING = 8  #: zero bytes that may be read behind the end; more says that the data are too short
OVERRUN, TOO_LARGE = 1, 2  #: values of FAULT
SLOT_BITS = 22  #: of an adaptive probability
LARGEST_COUNT = 1023


@compiled
def emit(state: Ints, buffer: Bytes, byte: int) -> None:
    """Append a byte; the first one is always 0 and is left out. ``buffer`` must have room: see ``room``."""
    if state[AT] >= 0:
        buffer[state[AT]] = byte
    state[AT] += 1


@compiled
def shift_low(state: Ints, buffer: Bytes) -> None:
    """Move the top byte of low out, or let it wait where a carry could still come."""
    if state[LOW] < 0xFF000000 or state[LOW] > FULL:
        carry = state[LOW] >> 32
        emit(state, buffer, (state[CACHE] + carry) & 255)
        while state[WAITING] > 0:
            emit(state, buffer, (255 + carry) & 255)
            state[WAITING] -= 1
        state[CACHE] = (state[LOW] >> 24) & 255
    else:
        state[WAITING] += 1
    state[LOW] = (state[LOW] & 0xFFFFFF) << 8


@compiled
def next_byte(state: Ints, buffer: Bytes) -> np.int64:
    """Return the next byte, or 0 behind the end."""
    at = state[AT]
    state[AT] += 1
    if at < state[LIMIT]:
        return np.int64(buffer[at])
    if at >= state[LIMIT] + PADDING:
        state[FAULT] = OVERRUN
    return np.int64(0)


@compiled
def start(state: Ints, buffer: Bytes) -> None:
    """Make ``state``, whose LIMIT is set, ready: -1 to write, the number of bytes in ``buffer`` to read."""
    state[LOW], state[RANGE], state[CACHE], state[WAITING], state[SHIFTS], state[FAULT] = 0, FULL, 0, 0, 0, 0
    state[AT] = -1 if state[LIMIT] < 0 else 0
    if state[LIMIT] >= 0:
        for _ in range(4):
            state[LOW] = (state[LOW] << 8) | next_byte(state, buffer)


@compiled
def finish(state: Ints, buffer: Bytes) -> int:
    """Write the number of the interval that ends in the most zeros; return how many bytes must be kept."""
    low, top = state[LOW], state[LOW] + state[RANGE]
    for zeros in range(32, -1, -1):
        number = ((low + (1 << zeros) - 1) >> zeros) << zeros
        if number < top:
            state[LOW] = number
            break
    for _ in range(5):
        shift_low(state, buffer)
    end = state[AT]
    while end > 0 and buffer[end - 1] == 0:
        end -= 1
    return end


@compiled
def code_bit(state: Ints, buffer: Bytes, share: int, bit: int) -> int:
    """Code a bit that is 1 with probability ``share`` / 65536, 0 < share < 65536; return it."""
    bound = (state[RANGE] * share) >> 16
    if state[LIMIT] >= 0:
        bit = 1 if state[LOW] < bound else 0
        if bit:
            state[RANGE] = bound
        else:
            state[LOW] -= bound
            state[RANGE] -= bound
        while state[RANGE] < TOP:
            state[RANGE] <<= 8
            state[LOW] = (state[LOW] << 8) | next_byte(state, buffer)
            state[SHIFTS] += 1
        return bit
    if bit:
        state[RANGE] = bound
    else:
        state[LOW] += bound
        state[RANGE] -= bound
    while state[RANGE] < TOP:
        state[RANGE] <<= 8
        shift_low(state, buffer)
        state[SHIFTS] += 1
    return bit


@compiled
def adapt(chances: Ints, counts: Ints, slot: int, bit: int) -> None:
    """Move the probability of a slot toward ``bit`` by 1 / (n + 2), n being what it has seen, at most 1023."""
    chances[slot] += ((bit << SLOT_BITS) - chances[slot]) // (counts[slot] + 2)
    if counts[slot] < LARGEST_COUNT:
        counts[slot] += 1


@compiled
def share_of(chance: int) -> int:
    """Return a slot's probability in steps of 1/65536, never 0 and never 65536."""
    return min(65535, max(1, chance >> (SLOT_BITS - 16)))


@compiled
def adaptive_bit(state: Ints, buffer: Bytes, chances: Ints, counts: Ints, slot: int, bit: int) -> int:
    """Code a bit by the probability of one slot, which learns; return it."""
    bit = code_bit(state, buffer, share_of(chances[slot]), bit)
    adapt(chances, counts, slot, bit)
    return bit


@compiled
def code_even(state: Ints, buffer: Bytes, width: int, value: int) -> int:
    """Code ``width`` bits, the highest first, all with probability 1/2; return their number."""
    found = 0
    for place in range(width - 1, -1, -1):
        found = (found << 1) | code_bit(state, buffer, 32768, (value >> place) & 1)
    return found
