"""The compiled loops behind ``hwsim.network.bus_counts``: rounded partial sums, and bits that change on buses."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsim.arith.lanes import inline
from hwsim.arith.random24 import row_hash
from hwsim.arith.scalar_ops import add_to_odd, round_any
from hwsim.compiled import compiled


@compiled
def running_sums(products: Any, start: Any, q: Any, taps: Any, out: Any) -> None:
    """Write the sum that starts at ``start`` [lanes] and takes up products [K, lanes], before each of ``taps``.

    Each sum is rounded as ``q`` (AnyParams) says. ``taps`` ascend; ``out`` is [taps, lanes].
    """
    total, place = start.copy(), 0
    for tap in range(taps[-1] + 1):
        if tap == taps[place]:
            out[place] = total
            place += 1
        for lane in range(total.shape[0]):
            hashed = row_hash(q.seed, tap, lane)
            total[lane] = round_any(add_to_odd(total[lane], products[tap, lane]), q, hashed, 0) + 0.0


@inline  # type: ignore[untyped-decorator]  # numba's decorator
def _ones(word: Any) -> Any:
    """Ones of a word of 64 bits (Warren, Hacker's Delight, 2nd ed., 2012, figure 5-2)."""
    v = np.uint64(word)
    v = v - ((v >> np.uint64(1)) & np.uint64(0x5555555555555555))
    v = (v & np.uint64(0x3333333333333333)) + ((v >> np.uint64(2)) & np.uint64(0x3333333333333333))
    v = (v + (v >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((v * np.uint64(0x0101010101010101)) >> np.uint64(56))


@compiled
def changes_along(act: Any, weight: Any, total: Any, taken: Any, run: Any, out: Any) -> None:
    """Add up the bits that change along axis 0 of words [T, lanes] on the three buses.

    The stream is in runs of ``run`` words. ``out[bus, 0]`` gets (bits, pairs) from each word to the next of its run,
    ``out[bus, 1]`` those from each word that is ``taken`` to the next one of its run that is.
    """
    for lane in range(act.shape[1]):
        last = -1
        for t in range(act.shape[0]):
            if t % run == 0:
                last = -1
            else:
                out[0, 0, 0] += _ones(act[t, lane] ^ act[t - 1, lane])
                out[1, 0, 0] += _ones(weight[t, lane] ^ weight[t - 1, lane])
                out[2, 0, 0] += _ones(total[t, lane] ^ total[t - 1, lane])
                for bus in range(3):
                    out[bus, 0, 1] += 1
            if not taken[t, lane]:
                continue
            if last >= 0:
                out[0, 1, 0] += _ones(act[t, lane] ^ act[last, lane])
                out[1, 1, 0] += _ones(weight[t, lane] ^ weight[last, lane])
                out[2, 1, 0] += _ones(total[t, lane] ^ total[last, lane])
                for bus in range(3):
                    out[bus, 1, 1] += 1
            last = t


@compiled
def changes_apart(act: Any, weight: Any, total: Any, out: Any) -> None:
    """Add up to ``out[bus]`` (bits, pairs) the bits that differ between each word and the one half a list before it."""
    count = act.shape[0]
    for i in range(count):
        j = (i - count // 2) % count
        out[0, 0] += _ones(act[i] ^ act[j])
        out[1, 0] += _ones(weight[i] ^ weight[j])
        out[2, 0] += _ones(total[i] ^ total[j])
        for bus in range(3):
            out[bus, 1] += 1
