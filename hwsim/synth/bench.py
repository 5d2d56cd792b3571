"""The bench: a stream as the ports of a netlist see it, cycle by cycle, and what must come out at which cycle.

Conventions: inputs of cycle c are applied at its start; outputs are read at its end, before the clock edge that closes
it. So a register shows in cycle c what it took at the end of cycle c - 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.synth.codes import Codes
from hwsim.synth.streams import Stream

_OS_IDLE = ("rst", "drain", "act_zero_in", "weight_zero_in", "sum_in")


@dataclass(frozen=True)
class Bench:
    """Ports over cycles.

    Attributes:
        inputs: codes per input port [cycles], the clock excluded.
        output: the port that is compared.
        expected: its codes, for the cycles in ``checked``.
        checked: cycle numbers at which ``expected`` must be seen.
        priced: cycles of a multiply-accumulate whose predecessor is one of the same stream: first and one beyond last.
    """

    inputs: Mapping[str, Codes]
    output: str
    expected: Codes
    checked: NDArray[np.int64]
    priced: tuple[int, int]

    @property
    def cycles(self) -> int:
        """Number of cycles."""
        return len(next(iter(self.inputs.values())))


@dataclass(frozen=True)
class Session:
    """Several benches one after the other in one simulation, which is set up once.

    Attributes:
        benches: by name, in order.
    """

    benches: Mapping[str, Bench]

    @property
    def inputs(self) -> dict[str, Codes]:
        """Codes per port over all benches."""
        parts = list(self.benches.values())
        return {port: np.concatenate([part.inputs[port] for part in parts]) for port in parts[0].inputs}

    def slices(self) -> dict[str, slice]:
        """Return the cycles of each bench."""
        ends = np.cumsum([bench.cycles for bench in self.benches.values()]).tolist()
        starts = [0, *ends[:-1]]
        return {name: slice(start, end) for name, start, end in zip(self.benches, starts, ends, strict=True)}


def core_bench(stream: Stream) -> Bench:
    """Return the bench of a combinational core: the result of a cycle is there at its end."""
    inputs = {"act": stream.act, "weight": stream.weight, "sum_in": stream.sum_in}
    return Bench(inputs, "sum_out", stream.sum_out, np.arange(stream.cycles), (1, stream.cycles))


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
    return Bench(inputs, "sum_out", stream.sum_out, np.arange(stream.cycles) + 2, (2, stream.cycles + 1))


def os_bench(stream: Stream) -> Bench:
    """Return the bench of ``pe_os``: sums follow each other without a gap, and one cycle more shows the last."""
    start = stream.start.astype(np.int64)
    ends = np.concatenate([start[1:], np.ones(1, dtype=np.int64)])
    cycles = stream.cycles + 1
    inputs = {
        "valid_in": _padded(np.ones(stream.cycles, dtype=np.int64), 0, 1),
        "first_in": _padded(start, 0, 1),
        "last_in": _padded(ends, 0, 1),
        "start_in": _padded(np.where(stream.start, stream.sum_in, 0), 0, 1),
        "act_in": _padded(stream.act, 0, 1, last=int(stream.act[-1])),
        "weight_in": _padded(stream.weight, 0, 1, last=int(stream.weight[-1])),
        **{name: np.zeros(cycles, dtype=np.int64) for name in _OS_IDLE},
    }
    return Bench(inputs, "sum_out", stream.sum_out, np.arange(stream.cycles) + 1, (1, stream.cycles))


def _padded(codes: Codes, before: int, after: int, first: int = 0, last: int = 0) -> Codes:
    return np.concatenate([np.full(before, first), codes, np.full(after, last)]).astype(np.int64)
