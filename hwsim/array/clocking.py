"""Clock edges that nothing is captured at: what an array without clock gating spends on its registers.

With clock gating (the default) a register's clock pin switches only in the cycles in which it captures a word, and the
price of a captured bit includes that edge. Without it every flip-flop of the array sees every cycle of the runtime, the
idle rows and columns of ragged tiles and the waits for memories included. For each kind of register

    captured words + idle words = registers x cycles

and what is counted here is the idle words. The registers are those that ``hwsim.array.stepper`` clocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from hwsim.array.counts import Action, ActionCount, Component
from hwsim.array.machine import Machine
from hwsim.array.moves import moved
from hwsim.array.parts import Dataflow
from hwsim.array.traffic import register_traffic
from hwsim.array.workload import Workload


def array_registers(machine: Machine, has_bias: bool) -> dict[str, tuple[int, str]]:
    """Return the registers that the array has, in words by unit, and whose width each has: act, weight or acc.

    >>> from hwsim.array.machine import parse_machine
    >>> array_registers(parse_machine("4x3-ws"), has_bias=False)["psum_register"]
    (12, 'acc')
    """
    rows, columns = machine.array.rows, machine.array.columns
    pes, triangles = rows * columns, (rows * (rows - 1) // 2, columns * (columns - 1) // 2)
    flow = machine.array.dataflow
    if flow is Dataflow.OUTPUT_STATIONARY:
        found = {
            "act_register": (rows * (columns - 1), "act"),
            "act_skew_register": (triangles[0], "act"),
            "weight_register": (columns * (rows - 1), "weight"),
            "weight_skew_register": (triangles[1], "weight"),
            "psum_register": (pes, "acc"),
            "drain_register": (pes if machine.drain_registers else 0, "acc"),
            "bias_register": (columns if has_bias else 0, "acc"),
        }
    else:
        held, moving = ("weight", "act") if flow is Dataflow.WEIGHT_STATIONARY else ("act", "weight")
        bias = columns if has_bias and flow is Dataflow.WEIGHT_STATIONARY else 0
        found = {
            f"{held}_register": (pes, held),
            f"{held}_shadow_register": (pes if machine.shadow_registers else 0, held),
            f"{moving}_register": (rows * (columns - 1), moving),
            f"{moving}_skew_register": (triangles[0], moving),
            "psum_register": (pes, "acc"),
            "psum_skew_register": (triangles[1], "acc"),
            "bias_register": (bias, "acc"),
        }
    return found | {"output_register": (columns if machine.output_register else 0, "acc")}


def idle_clock_counts(machine: Machine, workload: Workload, cycles: int) -> Iterator[ActionCount]:
    """Yield the clock edges of each kind of register at which it captures nothing; none with clock gating.

    Args:
        machine: the array.
        workload: the layer; registers are as wide as its words.
        cycles: that the layer takes on the array, waits included. While the vector unit works the array's clock is off.

    >>> from hwsim.array.machine import parse_machine
    >>> counts = idle_clock_counts(parse_machine("1x1-os,noclockgate"), Workload.gemm(1, 1, 8, bits=(8, 8, 32, 8)), 10)
    >>> {count.unit: count.total_bits for count in counts}["psum_register"]  # 10 edges of 32 bits, 8 of them used
    64
    """
    if machine.clock_gating:
        return
    widths = {"act": workload.act_bits, "weight": workload.weight_bits, "acc": workload.acc_bits}
    captured = register_traffic(machine, workload)
    writes = {count.unit: count.total_bits for count in captured if count.action is Action.WRITE}
    for unit, (words, role) in array_registers(machine, workload.has_bias).items():
        bits = words * widths[role] * cycles
        idle = bits - writes.get(unit, 0)
        assert idle >= 0, f"{unit} captures more bits than it has clock edges"
        yield moved(Component.REGISTER, Action.CLOCK, unit, Fraction(1), idle)
