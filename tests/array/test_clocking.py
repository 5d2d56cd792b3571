"""Without clock gating every flip-flop sees every cycle: captured words and idle ones add up to registers x cycles."""

from __future__ import annotations

import itertools

import pytest

from hwsim.array import Action, Workload, array_registers, idle_clock_counts, layer_cycles, parse_machine
from hwsim.array.stepper import step_layer
from hwsim.array.traffic import register_traffic
from hwsim.cost import load_table, price_counts

SHAPES = [(1, 1, 1), (5, 7, 9), (16, 3, 4), (2, 12, 30)]
MACHINES = ["4x4-ws", "3x5-os", "5x3-is", "1x1-ws", "4x4-ws,outreg", "3x5-ws,shadow", "3x5-is,shadow", "4x3-os,overlap"]


@pytest.mark.parametrize(("text", "shape", "bias"), list(itertools.product(MACHINES, SHAPES, [True, False])))
def test_captured_and_idle_edges_are_registers_times_cycles(text: str, shape: tuple[int, int, int], bias: bool) -> None:
    machine, layer = parse_machine(f"{text},noclockgate"), Workload.gemm(*shape, bits=(8, 4, 24, 8))
    layer = type(layer)(**{**layer.__dict__, "has_bias": bias})
    cycles = layer_cycles(machine, layer).total
    captured = {c.unit: c.total_bits for c in register_traffic(machine, layer) if c.action is Action.WRITE}
    idle = {c.unit: c.total_bits for c in idle_clock_counts(machine, layer, cycles)}
    width = {"act": 8, "weight": 4, "acc": 24}
    for unit, (words, role) in array_registers(machine, bias).items():
        assert idle[unit] + captured.get(unit, 0) == words * width[role] * cycles
    assert set(captured) <= set(idle), "a register that captures words is one of the array's"


@pytest.mark.parametrize("text", ["4x4-ws", "3x5-os", "5x3-is", "2x7-ws,outreg"])
def test_the_stepper_never_sees_more_words_than_the_array_has_registers(text: str) -> None:
    """The twin: every register that the stepper clocks is one of the array's, and captures at most once a cycle."""
    machine = parse_machine(text)
    a, w = [[1] * 9 for _ in range(6)], [[1] * 7 for _ in range(9)]
    done = step_layer(machine, a, w, [0] * 7, multiply=lambda x, y: x * y, add=lambda x, y: x + y)
    registers = array_registers(machine, has_bias=True)
    for (unit, action, role), words in done.accesses.items():
        if unit.endswith("_register") and action is Action.WRITE:
            assert role == registers[unit][1]
            assert words <= registers[unit][0] * done.cycles


def test_gated_machines_count_no_idle_edges_and_waiting_costs_only_ungated_ones() -> None:
    layer = Workload.gemm(5, 7, 9)
    gated, ungated = parse_machine("4x4-ws"), parse_machine("4x4-ws,noclockgate")
    assert list(idle_clock_counts(gated, layer, 100)) == []
    cycles = layer_cycles(gated, layer).total
    now, later = (sum(c.total_bits for c in idle_clock_counts(ungated, layer, n)) for n in (cycles, cycles + 10))
    registers = array_registers(ungated, layer.has_bias)
    width = {"act": 8, "weight": 8, "acc": 32}
    assert later - now == 10 * sum(words * width[role] for words, role in registers.values())


def test_an_idle_edge_has_a_price_of_its_own() -> None:
    layer, machine = Workload.gemm(5, 7, 9), parse_machine("4x4-ws,noclockgate")
    counts = list(idle_clock_counts(machine, layer, 1000))
    priced = price_counts(counts, None, machine.capacities, load_table("unit"))
    assert sum(priced.values()) == sum(count.total_bits for count in counts)


def test_the_option_is_spelled_both_ways() -> None:
    assert str(parse_machine("16x16-ws,noclockgate")) == "16x16-ws,noclockgate"
    assert parse_machine("16x16-ws").clock_gating
