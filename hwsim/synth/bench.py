"""The bench: a stream as the ports of a netlist see it, cycle by cycle, and what must come out at which cycle.

Conventions: inputs of cycle c are applied at its start; outputs are read at its end, before the clock edge that closes
it. So a register shows in cycle c what it took at the end of cycle c - 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.synth.oracle import Codes
from hwsim.synth.streams import Stream


@dataclass(frozen=True)
class Bench:
    """Ports over cycles.

    Attributes:
        inputs: codes per input port [cycles], the clock excluded.
        output: the port that is compared.
        expected: its codes, for the cycles in ``checked``.
        checked: cycle numbers at which ``expected`` must be seen.
        active: cycles in which a multiply-accumulate happens.
    """

    inputs: Mapping[str, Codes]
    output: str
    expected: Codes
    checked: NDArray[np.int64]
    active: int

    @property
    def cycles(self) -> int:
        """Number of cycles."""
        return len(next(iter(self.inputs.values())))


def core_bench(stream: Stream) -> Bench:
    """Return the bench of a combinational core: the result of a cycle is there at its end."""
    inputs = {"act": stream.act, "weight": stream.weight, "sum_in": stream.sum_in}
    return Bench(inputs, "sum_out", stream.sum_out, np.arange(stream.cycles), stream.cycles)


def held_bench(stream: Stream, held_act: bool) -> Bench:
    """Return the bench of ``pe_held``: one cycle to load the first held operand, one for the last sum to be seen.

    The held operand of a cycle is loaded at the end of the cycle before, only where it differs from the last one.
    """
    moving, held = (stream.weight, stream.act) if held_act else (stream.act, stream.weight)
    cycles = stream.cycles + 2
    changes = np.concatenate([np.ones(1, dtype=np.bool_), held[1:] != held[:-1]])
    inputs = {
        "load": _padded(changes.astype(np.int64), 0, 2),
        "held_in": _padded(held, 0, 2, last=int(held[-1])),
        "moving_in": _padded(moving, 1, 1, first=int(moving[0]), last=int(moving[-1])),
        "sum_in": _padded(stream.sum_in, 1, 1, first=int(stream.sum_in[0]), last=int(stream.sum_in[-1])),
        **{name: np.zeros(cycles, dtype=np.int64) for name in ("swap", "moving_zero_in")},
    }
    return Bench(inputs, "sum_out", stream.sum_out, np.arange(stream.cycles) + 2, stream.cycles)


def os_bench(stream: Stream) -> Bench:
    """Return the bench of ``pe_os``: before each new sum, a cycle that drains its starting value into the register."""
    places = np.arange(stream.cycles) + np.cumsum(stream.start)
    cycles = int(places[-1]) + 2
    busy = np.zeros(cycles, dtype=np.int64)
    busy[places] = 1
    # In a draining cycle the operands keep what they were; before the first there is nothing to keep.
    source = np.maximum(np.cumsum(busy) - 1, 0)
    drain = np.zeros(cycles, dtype=np.int64)
    drained = np.zeros(cycles, dtype=np.int64)
    drain[places[stream.start] - 1] = 1
    drained[places[stream.start] - 1] = stream.sum_in[stream.start]
    idle = ("rst", "first_in", "act_zero_in", "weight_zero_in")
    inputs = {
        "valid_in": busy,
        "drain": drain,
        "act_in": stream.act[source],
        "weight_in": stream.weight[source],
        "sum_in": drained,
        **{name: np.zeros(cycles, dtype=np.int64) for name in idle},
    }
    return Bench(inputs, "sum_out", stream.sum_out, places + 1, stream.cycles)


def _padded(codes: Codes, before: int, after: int, first: int = 0, last: int = 0) -> Codes:
    return np.concatenate([np.full(before, first), codes, np.full(after, last)]).astype(np.int64)
