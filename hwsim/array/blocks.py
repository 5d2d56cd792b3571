"""A layer whose stream is cut into blocks, as the smaller layers that these are to the array."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from hwsim.array.machine import Machine
from hwsim.array.mapping import Axis, map_layer
from hwsim.array.parts import Dataflow
from hwsim.array.tiling import Tiling
from hwsim.array.workload import Workload


def block_axis(machine: Machine, workload: Workload, tiling: Tiling) -> Axis:
    """Return the stream of ``workload`` cut into blocks.

    >>> from hwsim.array.machine import parse_machine
    >>> block_axis(parse_machine("4x4-ws"), Workload.gemm(10, 4, 4), Tiling("tcr", 3)).pieces
    (4, 4, 2)
    """
    stream = map_layer(machine.array, workload).stream
    return Axis(stream, -(-stream // min(tiling.blocks, stream)))


def blocks(machine: Machine, workload: Workload, tiling: Tiling) -> Iterator[tuple[Workload, int]]:
    """Yield each kind of block as a layer of its own, and how many there are.

    Only the matrix dimensions of these layers mean something: which words exist in memory is a matter of the whole.
    """
    if tiling.blocks == 1:
        yield workload, 1
        return
    dimension = "n" if machine.array.dataflow is Dataflow.INPUT_STATIONARY else "m"
    for size, count in block_axis(machine, workload, tiling).sizes:
        n, m = (size, workload.m) if dimension == "n" else (workload.n, size)
        share = Fraction(m * n, workload.m * workload.n)
        yield (
            replace(
                workload,
                m=m,
                n=n,
                weight_elements=min(workload.weight_elements, n * workload.k * workload.groups),
                ofmap_elements=max(1, int(workload.ofmap_elements * share)),
                effectual_macs=None,
            ),
            count,
        )
