"""What moves is conserved: MACs, words, bits; the stepper compares every single count in test_stepper."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.array.counts import Action, ActionCount, Component
from hwsim.array.edge import word_accesses
from hwsim.array.machine import Machine, parse_machine
from hwsim.array.tiling import FIXED
from hwsim.array.traffic import layer_traffic, sram_traffic
from hwsim.array.workload import Workload

MEMORIES = (Component.SRAM, Component.DRAM)
SHAPES = st.builds(Workload.gemm, st.integers(1, 60), st.integers(1, 60), st.integers(1, 60), groups=st.integers(1, 4))
MACHINES = st.builds(
    "{}x{}-{}{}".format,
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(["ws", "os", "is", "ws,shadow", "is,shadow", "os,overlap", "os,direct"]),
    st.sampled_from(["", ",outreg", ",nogating"]),
).map(lambda text: parse_machine(text.removesuffix(",outreg") if "direct" in text else text))


def select(machine: Machine, work: Workload, component: Component, action: Action, unit: str = "") -> list[ActionCount]:
    return [
        count
        for count in layer_traffic(machine, work)
        if count.component is component and count.action is action and unit in ("", count.unit)
    ]


def bits(counts: list[ActionCount]) -> int | Fraction:
    return sum(count.total_bits for count in counts)


@given(MACHINES, SHAPES, st.fractions(0, 1))
def test_macs_are_conserved(machine: Machine, work: Workload, share: Fraction) -> None:
    work = dataclasses.replace(work, effectual_macs=work.macs * share)
    done = sum(c.count for c in select(machine, work, Component.PE, Action.MAC))
    gated = sum(c.count for c in select(machine, work, Component.PE, Action.MAC_GATED))
    assert done + gated == work.macs == work.m * work.n * work.k * work.groups
    assert gated == (work.macs * (1 - share) if machine.zero_gating else 0)


def test_macs_carry_no_width_of_their_own() -> None:
    """The processing element's specification says all; a width here would be priced twice."""
    machine, work = parse_machine("4x4-ws"), dataclasses.replace(Workload.gemm(5, 6, 7), effectual_macs=100)
    pe = [c for c in layer_traffic(machine, work) if c.component is Component.PE]
    assert [(c.unit, c.bits, c.count) for c in pe] == [("pe", 0, 100), ("pe", 0, 110)]


def test_unknown_zeros_gate_nothing() -> None:
    machine, work = parse_machine("4x4-ws"), Workload.gemm(5, 6, 7)
    assert select(machine, work, Component.PE, Action.MAC_GATED) == []


@given(MACHINES, SHAPES)
def test_every_operand_is_read_at_least_once_and_every_output_written_once(machine: Machine, work: Workload) -> None:
    products = {"ifmap_sram": work.m * work.k * work.act_bits, "filter_sram": work.n * work.k * work.weight_bits}
    for unit, used in products.items():
        assert bits(select(machine, work, Component.SRAM, Action.READ, unit)) >= used * work.groups
    written = select(machine, work, Component.SRAM, Action.WRITE, "ofmap_sram")
    outputs = [count for count in written if count.bits == work.output_bits]
    assert [count.count for count in outputs] == [work.ofmap_elements]
    fetched = work.ifmap_elements * work.act_bits + work.weight_elements * work.weight_bits
    assert bits(select(machine, work, Component.DRAM, Action.READ)) >= fetched
    assert bits(select(machine, work, Component.DRAM, Action.WRITE)) >= work.ofmap_elements * work.output_bits


@given(MACHINES, SHAPES)
def test_partial_sums_are_read_as_often_as_written(machine: Machine, work: Workload) -> None:
    read = select(machine, work, Component.SRAM, Action.READ, "ofmap_sram")
    written = select(machine, work, Component.SRAM, Action.WRITE, "ofmap_sram")
    sums = [[count for count in counts if count.bits == work.acc_bits] for counts in (read, written)]
    assert bits(sums[0]) == bits(sums[1])


@given(MACHINES, SHAPES)
def test_what_leaves_dram_arrives_in_a_scratchpad_and_the_other_way_round(machine: Machine, work: Workload) -> None:
    """Each crossing is counted at both ends; the edge of the array is counted beside it."""
    edge = list(sram_traffic(machine, work))
    for here, there in ((Action.READ, Action.WRITE), (Action.WRITE, Action.READ)):
        crossed = bits(select(machine, work, Component.DRAM, here))
        filled = bits(select(machine, work, Component.SRAM, there)) - bits([c for c in edge if c.action is there])
        assert filled == crossed


@given(MACHINES, SHAPES)
def test_pass_registers_hand_on_every_word_that_they_capture(machine: Machine, work: Workload) -> None:
    for unit in ("act_skew_register", "weight_skew_register", "psum_register", "psum_skew_register", "output_register"):
        written = select(machine, work, Component.REGISTER, Action.WRITE, unit)
        assert bits(written) == bits(select(machine, work, Component.REGISTER, Action.READ, unit))


@given(MACHINES, SHAPES)
def test_nothing_is_listed_that_does_not_happen(machine: Machine, work: Workload) -> None:
    assert all(count.count > 0 for count in layer_traffic(machine, work))


@given(MACHINES, SHAPES)
def test_groups_multiply_everything(machine: Machine, work: Workload) -> None:
    alone = Workload.gemm(work.m, work.n, work.k)
    one = {(c.unit, c.action, c.bits): c.count for c in layer_traffic(machine, alone) if c.unit != "dram"}
    every = {(c.unit, c.action, c.bits): c.count for c in layer_traffic(machine, work) if c.unit != "dram"}
    assert every == {key: count * work.groups for key, count in one.items()}


@given(MACHINES, SHAPES, st.sampled_from(["act_bits", "weight_bits", "acc_bits", "output_bits"]))
def test_wider_operands_never_move_fewer_bits(machine: Machine, work: Workload, field: str) -> None:
    wider = dataclasses.replace(work, **{field: getattr(work, field) + 1})
    for component in (Component.REGISTER, Component.SRAM, Component.DRAM):
        narrow, wide = (
            sum(c.total_bits for c in layer_traffic(machine, w) if c.component is component) for w in (work, wider)
        )
        assert wide >= narrow


@given(MACHINES, SHAPES)
def test_memories_move_storage_bits_and_registers_wire_bits(machine: Machine, work: Workload) -> None:
    """A block format's share of its scale, 1/4 bit here, is moved by memories only."""
    share = Fraction(33, 4)
    work = dataclasses.replace(work, has_bias=False)
    blocked = dataclasses.replace(work, act_storage_bits=share, weight_storage_bits=share, output_storage_bits=share)
    sums = bits([count for count in layer_traffic(machine, work) if count.component in MEMORIES and count.bits == 32])
    plain, scaled = (bits([c for c in layer_traffic(machine, w) if c.component in MEMORIES]) for w in (work, blocked))
    assert scaled - sums == (plain - sums) * Fraction(33, 32)
    plain_registers, scaled_registers = (
        [c for c in layer_traffic(machine, w) if c.component is Component.REGISTER] for w in (work, blocked)
    )
    assert plain_registers == scaled_registers


@pytest.mark.parametrize(
    ("text", "ifmap", "filters", "ofmap"),
    [("16x16-ws", 128000, 25000, 102400), ("16x16-is", 32000, 100000, 102400), ("16x16-os", 128000, 100000, 3200)],
)
def test_edge_traffic_of_a_lenet_layer_is_what_scale_sim_counts(
    text: str, ifmap: int, filters: int, ofmap: int
) -> None:
    """Its third layer; output-stationary writes without the rows + columns per fold that SCALE-Sim 3.0.0 adds."""
    machine = parse_machine(text)
    work = dataclasses.replace(Workload.gemm(64, 50, 500), has_bias=False)
    counts = (("ifmap_sram", Action.READ), ("filter_sram", Action.READ), ("ofmap_sram", Action.WRITE))
    words = [sum(c.count for c in select(machine, work, Component.SRAM, action, unit)) for unit, action in counts]
    assert words == [ifmap, filters, ofmap]


@given(SHAPES, st.sampled_from(["ws", "os", "is"]), st.integers(1, 7), st.integers(1, 7), st.booleans())
def test_words_as_wide_as_operands_are_accessed_as_often_as_operands_move(
    work: Workload, flow: str, rows: int, columns: int, has_bias: bool
) -> None:
    """The counts in whole words and those of the register-by-register array meet where a word is one operand."""
    bits_of_all = (8, 8, 8, 8)
    shape = (work.m, work.n, work.k)
    plain = dataclasses.replace(Workload.gemm(*shape, groups=work.groups, bits=bits_of_all), has_bias=has_bias)
    machine = parse_machine(f"{rows}x{columns}-{flow},ifmap=1MiB/8b,filter=1MiB/8b,ofmap=1MiB/8b")
    counted: dict[tuple[str, Action], int | Fraction] = {}
    for count in sram_traffic(machine, plain):
        key = count.unit, count.action
        counted[key] = counted.get(key, 0) + count.count
    words = {(c.unit, c.action): c.count for c in word_accesses(machine, plain, FIXED) if c.count}
    assert words == {key: count for key, count in counted.items() if count}
