"""How many bits weights take once zeros are left out."""

from __future__ import annotations

import math
from fractions import Fraction

from hwsim.array.parts import Compression
from hwsim.errors import MachineError

_NO_SIZE = {
    Compression.STATED: "packed weights of a stated size, and no size: give the bits of a weight, such as 3.2",
    Compression.LAYERS: (
        "compress=layers, and a layer without bits: give the bits of a weight of every layer, as in "
        'simulate(..., packed={"conv1": 3.2}), or state the same for all, as in compress=3.2b'
    ),
}
_STEPS = 1024  #: an entropy is rounded up to a whole number of these parts of a bit, so that counts stay exact


def packed_bits(bits: Fraction, weights: int, zeros: int, how: Compression, stated: float | None = None) -> Fraction:
    """Return the bits that a weight takes on average in memory.

    Bitmap: one bit a weight that says whether it is zero, then the codes of the others, 1 + (1 - z) b. Entropy: an
    ideal code for the places of the zeros in place of the bitmap, h(z) + (1 - z) b with h the binary entropy, the least
    that any code of that kind can reach. Stated or layer by layer: as many bits as are said, of a code that is
    measured elsewhere. Weights that would not shrink stay as they are.

    Args:
        bits: of a weight as it is.
        weights: how many.
        zeros: how many of them are zero.
        how: the packing.
        stated: bits of a packed weight, where ``how`` is STATED or LAYERS.

    Raises:
        MachineError: bits are to be stated and are not.

    >>> packed_bits(Fraction(8), 100, 75, Compression.BITMAP)
    Fraction(3, 1)
    >>> float(packed_bits(Fraction(8), 100, 75, Compression.ENTROPY))
    2.8115234375
    """
    if how in (Compression.STATED, Compression.LAYERS):
        if stated is None:
            raise MachineError(_NO_SIZE[how])
        return min(bits, Fraction(str(stated)))
    if how is Compression.NONE or not weights:
        return bits
    share = Fraction(zeros, weights)
    places = Fraction(1) if how is Compression.BITMAP else Fraction(math.ceil(_entropy(share) * _STEPS), _STEPS)
    return min(bits, places + (1 - share) * bits)


def _entropy(share: Fraction) -> float:
    if share in (0, 1):
        return 0.0
    own = float(share)
    return -own * math.log2(own) - (1 - own) * math.log2(1 - own)
