"""The check that comes before every number: a netlist, simulated gate by gate, against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.synth.bench import Bench, Session
from hwsim.synth.errors import NetlistMismatchError


def compare(name: str, session: Session, seen: NDArray[Any]) -> None:
    """Compare the output of a netlist with the codes that every bench of ``session`` expects.

    Args:
        name: of the netlist, for the message.
        session: what it was fed.
        seen: codes at the output port of the benches [cycles].

    Raises:
        NetlistMismatchError: one differs; the message names the first, what went in, and how many differ.
    """
    codes = seen.astype(np.int64)
    for stream, cycles in session.slices().items():
        _compare_bench(name, stream, session.benches[stream], codes[cycles])


def _compare_bench(name: str, stream: str, bench: Bench, seen: NDArray[np.int64]) -> None:
    found = seen[bench.checked]
    wrong = np.flatnonzero(found != bench.expected)
    if wrong.size == 0:
        return
    first = int(wrong[0])
    cycle = int(bench.checked[first])
    inputs = ", ".join(f"{port}={int(codes[max(cycle - 1, 0)])}" for port, codes in bench.inputs.items())
    raise NetlistMismatchError(
        f"{name} does not compute what the reference does: {wrong.size} of {found.size} results of stream {stream!r} "
        f"differ. First at cycle {cycle}: {bench.output} is {int(found[first])}, the reference says "
        f"{int(bench.expected[first])}; inputs of the cycle before: {inputs}. No row was written"
    )
