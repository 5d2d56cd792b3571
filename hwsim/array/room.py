"""Whether scratchpads can hold what one step of the array needs."""

from __future__ import annotations

from fractions import Fraction

from hwsim.array.machine import Machine
from hwsim.array.shortfall import InfeasibleError, Shortfall
from hwsim.array.tiling import Nest
from hwsim.array.workload import Workload


def check_room(machine: Machine, workload: Workload, nest: Nest) -> None:
    """Refuse scratchpads that cannot hold the one vector that a step of the array needs.

    Raises:
        InfeasibleError: with what each of them is short of.
    """
    rows, columns = (min(nest.axes[loop].side, nest.axes[loop].extent) for loop in "rc")
    acts, weights, sums = workload.act_memory_bits, workload.weight_memory_bits, Fraction(workload.acc_bits)
    lanes = {"ws": (rows, columns), "os": (rows, columns), "is": (columns, rows)}[machine.array.dataflow.value]
    needs = (lanes[0] * acts, lanes[1] * weights, columns * sums)
    shortfalls = [
        Shortfall(
            f"one vector of {what} in {memory.name!r}" + (", in each half" if memory.double_buffered else ""),
            need,
            memory.usable_bits,
            "bits",
            f"give it {_whole(need * (2 if memory.double_buffered else 1))} bits, or take a smaller array",
        )
        for what, memory, need in zip(("activations", "weights", "sums"), machine.srams, needs, strict=True)
        if need > memory.usable_bits
    ]
    if shortfalls:
        raise InfeasibleError(f"layer {workload.layer!r} on {machine.name!r}", shortfalls)


def _whole(bits: Fraction) -> int:
    return -int(-bits // 1)
