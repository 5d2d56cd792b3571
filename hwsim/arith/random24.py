"""Random bits that depend on the position only, so that any order of evaluation rounds alike.

The mixer is ``lowbias32`` (C. Wellons, hash-prospector, 2018); four rounds absorb seed, step, row and image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_MASK = 0xFFFFFFFF


def mix(value: int) -> int:
    """Return the lowbias32 hash of the low 32 bits of ``value``."""
    value &= _MASK
    value = ((value ^ (value >> 16)) * 0x7FEB352D) & _MASK
    value = ((value ^ (value >> 15)) * 0x846CA68B) & _MASK
    return value ^ (value >> 16)


def random24(seed: int, step: int, row: int, image: int) -> int:
    """Return 24 uniform bits for one rounding.

    Args:
        seed: of the format.
        step: 2k + 2 for the product and 2k + 3 for the sum of step k of a dot product; 0 for a quantizer.
        row: of a dot product, n * positions + p; of a batch of images, the flat index within one image; of any other
            tensor, such as weights, 0.
        image: index of the image within the data split; of any other tensor, the flat index of the element.
    """
    return mix(image ^ mix(row ^ mix(step ^ mix(seed)))) >> 8


@njit(inline="always")
def mix_lane(value: Any) -> Any:
    """The same hash on an int64 lane that holds an unsigned 32-bit number."""
    value = value & 0xFFFFFFFF
    value = ((value ^ (value >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    value = ((value ^ (value >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return value ^ (value >> 16)


@njit(inline="always")
def row_hash(seed: Any, step: Any, row: Any) -> Any:
    """The part of the hash that does not depend on the image."""
    return mix_lane(np.int64(row) ^ mix_lane(np.int64(step) ^ mix_lane(np.int64(seed))))
