"""More is never less: wider operands, slower memories, smaller scratchpads cost no less; random layers and arrays."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import law_grid as zoo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.array import (
    ActionCount,
    Component,
    Machine,
    Memory,
    Workload,
    idle_clock_counts,
    layer_cycles,
    layer_traffic,
    parse_machine,
)
from hwsim.array.parts import Dram
from hwsim.array.timing import layer_time
from hwsim.cost import load_table, price_counts
from hwsim.formats import parse
from hwsim.formats.pe_kinds import pe_for

FLOWS = ("ws", "os", "is", "ws,shadow", "is,shadow", "os,overlap", "os,direct", "ws,outreg", "os,outreg")
machines = st.builds(
    lambda rows, columns, flow: parse_machine(f"{rows}x{columns}-{flow}"),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(FLOWS),
)
loads = st.builds(
    lambda m, n, k, groups, bits: Workload.gemm(m, n, k, groups=groups, bits=bits),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 3),
    st.tuples(st.integers(2, 16), st.integers(2, 16), st.integers(16, 40), st.integers(2, 16)),
)
quick = settings(max_examples=60, deadline=None, derandomize=True)


def with_memories(machine: Machine, word: int | None, gb_s: float | None, kib: int = 64) -> Machine:
    """Return the machine with ports of ``word`` bits, a DRAM of ``gb_s`` and scratchpads of ``kib``."""
    memories = {f"{name}_sram": Memory(f"{name}_sram", kib * 8192, word) for name in ("ifmap", "filter", "ofmap")}
    return replace(machine, dram=Dram(bandwidth_gb_s=gb_s), **memories)


@quick
@given(machines, loads, st.integers(3, 9), st.floats(0.05, 50))
def test_more_bandwidth_is_never_slower(machine: Machine, load: Workload, log_word: int, gb_s: float) -> None:
    times = []
    for word, rate in ((1 << log_word, gb_s), (2 << log_word, gb_s), (2 << log_word, 2 * gb_s), (None, None)):
        times.append(layer_time(with_memories(machine, word, rate), load).total)
    assert times == sorted(times, reverse=True)
    assert times[-1] == layer_cycles(machine, load).total, "without limits nothing waits"


@quick
@given(machines, loads, st.integers(3, 9), st.floats(0.05, 50))
def test_waits_are_named_and_add_up(machine: Machine, load: Workload, log_word: int, gb_s: float) -> None:
    slow = layer_time(with_memories(machine, 1 << log_word, gb_s), load)
    assert slow.stall == sum(count for _, count in slow.waits)
    assert slow.total - slow.stall == layer_cycles(machine, load).total


@quick
@given(machines, loads, st.integers(1, 6))
def test_a_larger_scratchpad_never_fetches_more(machine: Machine, load: Workload, kib: int) -> None:
    def crossing(size: int) -> Fraction:
        counts = layer_traffic(with_memories(machine, None, None, size), load)
        return sum((Fraction(c.total_bits) for c in counts if c.component is Component.DRAM), Fraction(0))

    assert crossing(kib) >= crossing(2 * kib) >= crossing(1024)


@quick
@given(machines, loads, st.sampled_from(["act_bits", "weight_bits", "acc_bits", "output_bits"]), st.integers(1, 8))
def test_wider_words_move_no_fewer_bits(machine: Machine, load: Workload, field: str, more: int) -> None:
    wide = replace(load, **{field: getattr(load, field) + more})
    narrow_bits, wide_bits = (moved_bits(layer_traffic(machine, work)) for work in (load, wide))
    assert all(wide_bits[component] >= narrow_bits[component] for component in narrow_bits)


def moved_bits(counts: tuple[ActionCount, ...]) -> dict[Component, Fraction]:
    found: dict[Component, Fraction] = {}
    for count in counts:
        found[count.component] = found.get(count.component, Fraction(0)) + Fraction(count.total_bits)
    return found


@quick
@given(machines, loads, st.integers(1, 20), st.sampled_from(["m", "n", "k"]))
def test_a_larger_layer_never_takes_less(machine: Machine, load: Workload, more: int, side: str) -> None:
    sizes = {name: getattr(load, name) for name in ("m", "n", "k")}
    larger = sizes | {side: sizes[side] + more}
    grown = Workload.gemm(**larger, groups=load.groups)
    plain = Workload.gemm(**sizes, groups=load.groups)
    assert layer_cycles(machine, grown).total >= layer_cycles(machine, plain).total
    assert sum(moved_bits(layer_traffic(machine, grown)).values()) >= sum(
        moved_bits(layer_traffic(machine, plain)).values()
    )


@pytest.mark.parametrize("table", zoo.TABLES)
@pytest.mark.parametrize("role", [0, 1, 2])
@pytest.mark.parametrize("text", ["16x16-ws", "16x16-os"])
def test_wider_formats_never_cost_less(table: str, role: int, text: str) -> None:
    prices, machine = load_table(table), parse_machine(text)
    energies = []
    for width in range(4, 17):
        widths = [8, 8, 32]
        widths[role] = width if role < 2 else width + 16
        pe = pe_for(parse(f"int{widths[1]}"), parse(f"int{widths[0]}"), parse(f"int{widths[2]}@2^0"))
        load = Workload.gemm(64, 24, 40, bits=(widths[0], widths[1], widths[2], 8))
        energies.append(sum(price_counts(layer_traffic(machine, load), pe, machine.capacities, prices).values()))
    assert energies == sorted(energies)
    assert energies[0] < energies[-1]


@quick
@given(machines, loads, loads)
def test_energy_is_linear_in_the_counts(machine: Machine, one: Workload, other: Workload) -> None:
    pe = pe_for(parse("int8"), parse("int8"), parse("int32@2^0"))
    prices = load_table("published45")
    both = (layer_traffic(machine, one), layer_traffic(machine, other))
    apart = [price_counts(counts, pe, machine.capacities, prices) for counts in both]
    joined = price_counts([*both[0], *both[1]], pe, machine.capacities, prices)
    tripled = price_counts([replace(c, count=3 * c.count) for c in both[0]], pe, machine.capacities, prices)
    for component in Component:
        assert joined[component] == pytest.approx(apart[0][component] + apart[1][component], rel=1e-9)
        assert tripled[component] == pytest.approx(3 * apart[0][component], rel=1e-9)


@quick
@given(machines, loads)
def test_without_clock_gating_every_flip_flop_sees_every_cycle(machine: Machine, load: Workload) -> None:
    free = replace(machine, clock_gating=False)
    cycles = layer_cycles(free, load).total
    idle = list(idle_clock_counts(free, load, cycles))
    assert list(idle_clock_counts(machine, load, cycles)) == []
    assert all(count.count >= 0 for count in idle)
    writes = [c for c in layer_traffic(free, load) if c.component is Component.REGISTER and c.action.value == "write"]
    edges = sum(Fraction(c.total_bits) for c in idle) + sum(Fraction(c.total_bits) for c in writes)
    assert edges % cycles == 0
