"""Several guesses of a bit's probability mixed into one (logistic mixing; Mahoney, PAQ6, 2005), in integers.

A guess enters as its logit. The mixed logit is a weighted sum, and after each bit every weight moves along its input
times the error of the mixed probability, which is gradient descent on the length of the code.
"""

from __future__ import annotations

from hwsim.compiled import compiled
from models.compression.container.coder_kernels import SLOT_BITS, Bytes, Ints, adapt, code_bit, share_of

RATE_SHIFT = 20
LARGEST = 3072


@compiled
def logit_of_ratio(count: int, total: int, prior: int, strength: int, stretch: Ints) -> int:
    """Return the logit of (count + strength prior) / (total + strength); ``prior`` in steps of 1/65536."""
    return stretch[min(65535, max(1, ((count << 16) + strength * prior) // (total + strength)))]


@compiled
def mixed_bit(
    state: Ints,
    buffer: Bytes,
    squash: Ints,
    stretch: Ints,
    inputs: Ints,
    given: int,
    chances: Ints,
    counts: Ints,
    slots: Ints,
    weights: Ints,
    first_guess: int,
    learning: int,
    bit: int,
) -> int:
    """Code a bit by the mix of ``given`` logits in ``inputs`` and one slot for each of the others; return it.

    Args:
        state: of the coder.
        buffer: of the coder.
        squash: table.
        stretch: table.
        inputs: logits, shape (n,); those from ``given`` on are filled in here.
        given: how many are there already.
        chances: of the slots, shape (n - given, slots).
        counts: of the slots.
        slots: the slot of each, shape (n - given,).
        weights: of this mixer, shape (n,).
        first_guess: probability of a slot that has seen nothing, in steps of 1/65536.
        learning: rate of the weights.
        bit: when writing.
    """
    total = 0
    for place in range(inputs.size):
        if place >= given:
            own = place - given
            if counts[own, slots[own]] == 0:
                chances[own, slots[own]] = first_guess << (SLOT_BITS - 16)
            inputs[place] = stretch[share_of(chances[own, slots[own]])]
        total += weights[place] * inputs[place]
    share = squash[min(LARGEST, max(-LARGEST, total >> 16)) + LARGEST]
    bit = code_bit(state, buffer, share, bit)
    error = (bit << 16) - share
    for place in range(inputs.size):
        weights[place] += (inputs[place] * error * learning + (1 << (RATE_SHIFT - 1))) >> RATE_SHIFT
    for own in range(slots.size):
        adapt(chances[own], counts[own], slots[own], bit)
    return bit
